"""Grades as CSV for nbgrader, Moodle and Canvas, with nothing in a cell that a spreadsheet would run.

A policy changes what is exported and nothing else: the gradebook keeps its scores, and they stand in the same file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder import export_rows
from autograder.database import ensure, locate
from autograder.errors import AutograderError
from autograder.export_rows import Row
from autograder.files import write_text
from autograder.people_pseudonyms import pseudonyms as draw_names
from autograder.policy import Policy, load
from autograder.policy_apply import Outcome, Score, apply
from autograder.policy_rules import exact

FORMATS = ("nbgrader", "moodle", "canvas")
NBGRADER_COLUMNS = (
    *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score"),
    *("late_submission_penalty", "score", "max_score"),
)
POLICY_COLUMNS = ("bonus", "letter", "policy")
COURSE = "course"
_PERSONAL = ("last_name", "first_name", "email", "lms_user_id", "timestamp")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}")


@dataclass(frozen=True)
class Choice:
    """What is exported beside the plain scores."""

    lesson: str | None = None
    policy: Path | None = None
    pseudonyms: bool = False
    mapping: Path | None = None  # who is who, written only where it is asked for


@dataclass(frozen=True)
class Sheet:
    """All that an export shows: submissions, and with a policy the course."""

    rows: list[Row]
    lessons: list[str]
    ruled: bool = False
    courses: list[Row] = field(default_factory=list)


def safe(value: object) -> str:
    """A cell that a spreadsheet shows and does not run: text that could be a formula gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return f"{round(value, 6):.12g}" if isinstance(value, float) else str(value)
    text = "".join(c if c.isprintable() else " " for c in str(value))
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) or str(value).startswith(_FORMULA) else text


def export(
    out: Path,
    form: str,
    to: Path | None = None,
    lesson: str | None = None,
    db: str | None = None,
    choice: Choice | None = None,
) -> Path:
    """Write the gradebook's scores (hand grades included) in one of FORMATS; returns the file's path."""
    if form not in FORMATS:
        raise AutograderError(f"no format {form!r}", f"give one of {', '.join(FORMATS)}")
    if db is None and not (out / "gradebook.db").exists():
        raise AutograderError(f"there is no gradebook in {out}", f"autograder grade LESSON --submitted DIR --out {out}")
    choice = choice or Choice(lesson)
    if choice.mapping is not None and not choice.pseudonyms:
        raise AutograderError("--mapping without --pseudonyms", "give both, or leave --mapping out")
    policy = load(choice.policy) if choice.policy is not None else None
    database = locate(out, db)
    ensure(database, out, create=False)
    names = export_rows.lessons(database)
    if choice.lesson is not None and choice.lesson not in names:
        raise AutograderError(
            f"the gradebook has no {choice.lesson!r}", f"it has: {', '.join(names) or 'no lesson'}; grade it first"
        )
    # A policy looks at the whole course: who won the round before may stand in another lesson.
    wanted = [name for name in names if policy is not None or choice.lesson in (None, name)]
    rows = export_rows.rows(database, wanted)
    students = export_rows.students(database) if policy is not None else []
    chosen = [name for name in names if choice.lesson in (None, name)]
    sheet = Sheet(rows, chosen) if policy is None else _ruled(policy, rows, names, chosen, students)
    if choice.pseudonyms:
        sheet = _pseudonymised(sheet, out, choice.mapping)
    make = {"nbgrader": _nbgrader, "moodle": _moodle, "canvas": _canvas}[form]
    path = to or out / f"grades-{form}.csv"
    write_text(path, _csv(make(sheet)), 0o600)
    return path


def _csv(rows: Sequence[Sequence[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([[safe(value) for value in row] for row in rows])
    return stream.getvalue()


def _ruled(
    policy: Policy, rows: Sequence[Row], lessons: Sequence[str], chosen: Sequence[str], students: Iterable[str]
) -> Sheet:
    """The sheet after the policy. The course stands in it only where all lessons do."""
    scores = [
        Score(
            *(row["assignment"], row["student_id"], exact(row["raw_score"]), exact(row["max_score"])),
            *(row["handed_in"], row["due"], row["pending"], exact(row["late_submission_penalty"])),
        )
        for row in rows
    ]
    outcome = apply(policy, scores, lessons, students)
    made = []
    for row in rows:
        graded = outcome.lessons[row["assignment"], row["student_id"]]
        change = {"late_submission_penalty": float(graded.lost), "bonus": float(graded.bonus), "letter": ""}
        why = [*graded.why, *(["waits for a person"] if row["pending"] else [])]
        made.append({**row, **change, "score": float(graded.final), "policy": "; ".join(why)})
    kept = [row for row in made if row["assignment"] in chosen]
    return Sheet(kept, list(chosen), True, _course_rows(outcome, made) if list(chosen) == list(lessons) else [])


def _course_rows(outcome: Outcome, rows: Sequence[Row]) -> list[Row]:
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row["student_id"], row)
    return [
        {**first[student], "assignment": COURSE, "duedate": "", "timestamp": "", "late_submission_penalty": ""}
        | {"raw_score": float(course.raw), "score": float(course.final), "max_score": 100.0, "bonus": ""}
        | {"letter": course.letter, "policy": "; ".join(course.why)}
        for student, course in sorted(outcome.courses.items())
    ]


def _pseudonymised(sheet: Sheet, out: Path, mapping: Path | None) -> Sheet:
    """No name, address or time is left, and the order says nothing about who is who."""
    names = draw_names(out, {row["student_id"] for row in [*sheet.rows, *sheet.courses]})
    if mapping is not None:
        write_text(mapping, _csv([["student_id", "pseudonym"], *sorted(names.items())]), 0o600)

    def hidden(rows: Sequence[Row]) -> list[Row]:
        blank = dict.fromkeys(_PERSONAL, "")
        made = [{**row, **blank, "student_id": names[row["student_id"]]} for row in rows]
        return sorted(made, key=lambda row: (row["assignment"], row["student_id"]))

    return Sheet(hidden(sheet.rows), sheet.lessons, sheet.ruled, hidden(sheet.courses))


def _nbgrader(sheet: Sheet) -> list[list[object]]:
    columns = (*NBGRADER_COLUMNS, *(POLICY_COLUMNS if sheet.ruled else ()))
    return [list(columns), *([row[c] for c in columns] for row in [*sheet.rows, *sheet.courses])]


def _moodle(sheet: Sheet) -> list[list[object]]:
    """Moodle's grade import: a column to find the student by, one column of points for each lesson."""
    table: list[list[object]] = [["ID number", "Email address", *sheet.lessons, *_extra_names(sheet)]]
    for student, own, first in _by_student(sheet):
        table.append([student, first["email"], *_scores(sheet, own), *_extra(sheet, own)])
    return table


def _canvas(sheet: Sheet) -> list[list[object]]:
    """Canvas's gradebook import: five columns about the student, the points possible in the second row."""
    most = {row["assignment"]: row["max_score"] for row in sheet.rows}
    extra = ["(read only)" for _ in _extra_names(sheet)]
    table: list[list[object]] = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *sheet.lessons, *_extra_names(sheet)]
    ]
    table.append(["    Points Possible", "", "", "", "", *(most.get(lesson, "") for lesson in sheet.lessons), *extra])
    for student, own, first in _by_student(sheet):
        name = ", ".join(part for part in (first["last_name"], first["first_name"]) if part) or student
        known = [name, first["lms_user_id"], student, student, ""]
        table.append([*known, *_scores(sheet, own), *_extra(sheet, own)])
    return table


def _scores(sheet: Sheet, own: dict[str, Row]) -> list[object]:
    return [own[lesson]["score"] if lesson in own else "" for lesson in sheet.lessons]


def _extra_names(sheet: Sheet) -> list[str]:
    """Columns that a policy adds: the raw scores beside the changed ones, the course, what was changed and why."""
    if not sheet.ruled:
        return []
    course = ["Course", "Course (raw)", "Letter"] if sheet.courses else []
    return [*(f"{lesson} (raw)" for lesson in sheet.lessons), *course, "Policy"]


def _extra(sheet: Sheet, own: dict[str, Row]) -> list[object]:
    if not sheet.ruled:
        return []
    made: list[object] = [own[lesson]["raw_score"] if lesson in own else "" for lesson in sheet.lessons]
    if sheet.courses:
        made += [own[COURSE][key] for key in ("score", "raw_score", "letter")]
    shown = [*sheet.lessons, *([COURSE] if sheet.courses else [])]
    return [*made, "; ".join(f"{name}: {own[name]['policy']}" for name in shown if name in own and own[name]["policy"])]


def _by_student(sheet: Sheet) -> list[tuple[str, dict[str, Row], Row]]:
    found: dict[str, dict[str, Row]] = {}
    for row in [*sheet.rows, *sheet.courses]:
        found.setdefault(row["student_id"], {})[row["assignment"]] = row
    return [(student, found[student], next(iter(found[student].values()))) for student in sorted(found)]
