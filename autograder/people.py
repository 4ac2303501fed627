"""What a person decides about one student: more time, another score. Both stand in nbgrader's own fields.

An extension is the submission's `extension`, so every count of lateness obeys it. A score is the hand grade
(`manual_score`) that grading never overwrites; its reason becomes the comment that the student reads.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, InvalidEntry, MissingEntry, SubmittedAssignment
from sqlalchemy.exc import SAWarning

from autograder.database import explained, locate
from autograder.errors import AutograderError
from autograder.lessons import TEST_PREFIX, test_cell_of
from autograder.people_log import Entry, decided, entries
from autograder.store import open_gradebook

MOST_DAYS = 3660


@dataclass(frozen=True)
class Desk:
    """Where a decision is made and who makes it."""

    out: Path
    db: str | None = None
    by: str | None = None

    @contextmanager
    def gradebook(self) -> Iterator[Any]:
        """The gradebook, its errors explained, nothing kept that was not committed."""
        with warnings.catch_warnings(), open_gradebook(self.out, self.db) as gradebook:
            warnings.simplefilter("ignore", SAWarning)  # nbgrader's own, about objects it is about to add
            try:
                with explained(locate(self.out, self.db)):
                    yield gradebook
            except InvalidEntry as error:
                raise AutograderError(
                    f"the gradebook refuses: {str(error).splitlines()[0]}", "autograder db check says how it is"
                ) from error
            finally:
                gradebook.db.rollback()


def extend(
    desk: Desk, student: str, lesson: str, until: datetime | None, days: Decimal | None
) -> tuple[Entry, datetime]:
    """Give a student more time; returns the decision and the new due date. It takes the place of an earlier one."""
    with desk.gradebook() as gradebook:
        assignment = _assignment(gradebook, lesson)
        _student(gradebook, student)
        if assignment.duedate is None:
            raise AutograderError(f"{lesson} has no due date", f"autograder grade {lesson} … --due TIME, then again")
        due = assignment.duedate.replace(tzinfo=UTC)
        more = _more(due, until, days)
        submission = _submission(gradebook, lesson, student, make=True)
        before = None if submission.extension is None else submission.extension.total_seconds()
        fields = {"what": "extension", "student": student, "lesson": lesson}
        with decided(desk.out, desk.by, {**fields, "before": before, "after": more.total_seconds()}) as entry:
            submission.extension = more
            gradebook.db.commit()
        return entry, due + more


def _more(due: datetime, until: datetime | None, days: Decimal | None) -> timedelta:
    """The length of an extension; raises AutograderError unless it is longer than nothing and not absurd."""
    if days is not None and abs(days) > MOST_DAYS:
        raise AutograderError(f"--days {days}: expected at most {MOST_DAYS}", "give a date with --until instead")
    more = timedelta(seconds=float(days * 86400)) if days is not None else (until or due) - due
    if not timedelta() < more <= timedelta(days=MOST_DAYS):
        raise AutograderError(
            f"the extension would end {due + more:%Y-%m-%d %H:%M} UTC; expected after the due date, "
            f"{due:%Y-%m-%d %H:%M} UTC, by at most {MOST_DAYS} days",
            "give a later time; an extension is taken back with: autograder people undo NUMBER",
        )
    return more


def override(desk: Desk, student: str, lesson: str, exercise: str | None, score: Decimal, reason: str) -> Entry:
    """Set a score by hand: of one exercise, or of the whole lesson (shared out by the exercises' points)."""
    if not reason.strip():
        raise AutograderError("the reason is empty", 'say why: --reason "…"; the student reads it')
    with desk.gradebook() as gradebook:
        _assignment(gradebook, lesson)
        _student(gradebook, student)
        submission = _submission(gradebook, lesson, student)
        chosen = _grades(submission, exercise)
        most = sum(Decimal(str(grade.max_score)) for grade in chosen)
        if not score.is_finite() or not 0 <= score <= most or not most:
            raise AutograderError(
                f"--score {score}: expected a number from 0 to {most:g}",
                "more than all points is extra credit: give that in formgrader",
            )
        after = {grade.name: float(score * Decimal(str(grade.max_score)) / most) for grade in chosen}
        comment = _comment(submission, exercise)
        fields = {"what": "score", "student": student, "lesson": lesson, "exercise": exercise, "score": float(score)}
        before = {g.name: [g.manual_score, bool(g.needs_manual_grade)] for g in chosen}
        said = None if comment is None else comment.manual_comment
        text = f"{said}\n\n{reason}" if said else reason
        note = None if comment is None else [comment.name, said, text]
        more = {"reason": reason, "before": before, "after": after, "comment": note}
        with decided(desk.out, desk.by, {**fields, **more}) as entry:
            for grade in chosen:
                grade.manual_score, grade.needs_manual_grade = after[grade.name], False
            if comment is not None:
                comment.manual_comment = text
            gradebook.db.commit()
        return entry


def undo(desk: Desk, number: int) -> Entry:
    """Take a decision back: what was there before is there again. Refuses where somebody has changed it since."""
    known = {entry["id"]: entry for entry in entries(desk.out)}
    entry = known.get(number)
    if entry is None or entry["what"] not in ("extension", "score") or entry["undone"]:
        state = "was taken back already" if entry and entry["undone"] else "is no decision that can be taken back"
        raise AutograderError(f"number {number} {state}", f"see: autograder people list --out {desk.out}")
    with desk.gradebook() as gradebook:
        submission = _submission(gradebook, entry["lesson"], entry["student"])
        fields = {"what": "undo", "student": entry["student"], "lesson": entry["lesson"], "undoes": number}
        with decided(desk.out, desk.by, fields) as made:
            if entry["what"] == "extension":
                _undo_extension(submission, entry)
            else:
                _undo_score(submission, entry)
            gradebook.db.commit()
        return made


def _undo_extension(submission: SubmittedAssignment, entry: Entry) -> None:
    now = None if submission.extension is None else submission.extension.total_seconds()
    if now != entry["after"]:
        raise _changed(entry, "extension", now, entry["after"])
    submission.extension = None if entry["before"] is None else timedelta(seconds=entry["before"])


def _undo_score(submission: SubmittedAssignment, entry: Entry) -> None:
    grades = {grade.name: grade for notebook in submission.notebooks for grade in notebook.grades}
    for name, (score, pending) in entry["before"].items():
        grade = grades.get(name)
        if grade is None or grade.manual_score != entry["after"][name]:
            raise _changed(entry, name, None if grade is None else grade.manual_score, entry["after"][name])
        grade.manual_score, grade.needs_manual_grade = score, pending
    if entry["comment"] is not None:
        name, said, text = entry["comment"]
        comments = {comment.name: comment for notebook in submission.notebooks for comment in notebook.comments}
        if name in comments and comments[name].manual_comment != text:
            raise _changed(entry, f"comment on {name}", comments[name].manual_comment, text)
        if name in comments:
            comments[name].manual_comment = said


def _changed(entry: Entry, what: str, got: object, expected: object) -> AutograderError:
    return AutograderError(
        f"number {entry['id']} cannot be taken back: {what} is {got!r} now; expected {expected!r}, as it was set",
        "take the later decision back first, or set the score in formgrader",
    )


def _assignment(gradebook: Gradebook, lesson: str) -> Any:
    try:
        return gradebook.find_assignment(lesson)
    except MissingEntry:
        names = ", ".join(a.name for a in gradebook.assignments) or "no lesson"
        raise AutograderError(f"the gradebook has no {lesson!r}; it has: {names}", "grade the lesson first") from None


def _student(gradebook: Gradebook, student: str) -> None:
    try:
        gradebook.find_student(student)
    except MissingEntry:
        near = difflib.get_close_matches(student, [s.id for s in gradebook.students], 3)
        raise AutograderError(
            f"the gradebook knows no student {student!r}" + (f"; is it {' or '.join(near)}?" if near else ""),
            "bring the class in with: autograder people import CSV",
        ) from None


def _submission(gradebook: Gradebook, lesson: str, student: str, make: bool = False) -> SubmittedAssignment:
    try:
        return gradebook.find_submission(lesson, student)
    except MissingEntry:
        if not make:
            raise AutograderError(
                f"{student} has handed in nothing for {lesson}", "a score needs a submission; grade it first"
            ) from None
    submission = gradebook.add_submission(lesson, student)
    for notebook in submission.notebooks:
        for grade in notebook.grades:
            grade.needs_manual_grade = False  # nothing is there to be looked at; exports leave it out
    return submission


def _grades(submission: SubmittedAssignment, exercise: str | None) -> list[Any]:
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    if exercise is None:
        return grades
    chosen = [grade for grade in grades if grade.name in (exercise, test_cell_of(exercise))]
    if not chosen:
        names = ", ".join(grade.name.removeprefix(TEST_PREFIX) for grade in grades)
        raise AutograderError(f"no exercise {exercise!r}; there are: {names}", "give one of these with --exercise")
    return chosen


def _comment(submission: SubmittedAssignment, exercise: str | None) -> Any:
    """Where the reason is read: at the exercise's cell, or at the lesson's first; None where there is no such cell."""
    comments = {comment.name: comment for notebook in submission.notebooks for comment in notebook.comments}
    if exercise is None:
        return next(iter(sorted(comments.items())), (None, None))[1]
    return comments.get(exercise.removeprefix(TEST_PREFIX))
