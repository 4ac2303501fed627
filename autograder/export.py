"""Grades as CSV for nbgrader, Moodle and Canvas, with nothing in a cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from autograder.errors import AutograderError
from autograder.files import write_text
from autograder.store import open_gradebook

FORMATS = ("nbgrader", "moodle", "canvas")
NBGRADER_COLUMNS = (
    *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score"),
    *("late_submission_penalty", "score", "max_score"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}")


def safe(value: object) -> str:
    """A cell that a spreadsheet shows and does not run: text that could be a formula gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return f"{round(value, 6):.12g}" if isinstance(value, float) else str(value)
    text = "".join(c if c.isprintable() else " " for c in str(value))
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) or str(value).startswith(_FORMULA) else text


def export(out: Path, form: str, to: Path | None = None, lesson: str | None = None, db: str | None = None) -> Path:
    """Write the gradebook's scores (hand grades included) in one of FORMATS; returns the file's path."""
    if form not in FORMATS:
        raise AutograderError(f"no format {form!r}", f"give one of {', '.join(FORMATS)}")
    if db is None and not (out / "gradebook.db").exists():
        raise AutograderError(f"there is no gradebook in {out}", f"autograder grade LESSON --submitted DIR --out {out}")
    with open_gradebook(out, db) as gradebook:
        names = [a.name for a in gradebook.assignments]
        if lesson is not None and lesson not in names:
            raise AutograderError(
                f"the gradebook has no {lesson!r}", f"it has: {', '.join(names) or 'no lesson'}; grade it first"
            )
        chosen = [name for name in names if lesson in (None, name)]
        rows = [row for name in chosen for row in _rows(gradebook, name)]
    make = {"nbgrader": _nbgrader, "moodle": _moodle, "canvas": _canvas}[form]
    path = to or out / f"grades-{form}.csv"
    write_text(path, _csv(make(rows, chosen)), 0o600)
    return path


def _csv(rows: Sequence[Sequence[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([[safe(value) for value in row] for row in rows])
    return stream.getvalue()


def _rows(gradebook: Any, lesson: str) -> list[dict[str, Any]]:
    assignment = gradebook.find_assignment(lesson)
    made = []
    for submission in sorted(gradebook.assignment_submissions(lesson), key=lambda s: str(s.student.id)):
        student = submission.student
        penalty = submission.late_submission_penalty or 0.0
        made.append(
            {
                "assignment": lesson,
                "duedate": _time(assignment.duedate),
                "timestamp": _time(submission.timestamp),
                "student_id": student.id,
                "last_name": student.last_name,
                "first_name": student.first_name,
                "email": student.email,
                "lms_user_id": student.lms_user_id,
                "raw_score": float(submission.score),
                "late_submission_penalty": float(penalty),
                "score": max(0.0, float(submission.score) - float(penalty)),
                "max_score": float(submission.max_score),
                "pending": bool(submission.needs_manual_grade),
            }
        )
    return made


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(sep=" ")


def _nbgrader(rows: Sequence[dict[str, Any]], lessons: Sequence[str]) -> list[list[object]]:
    return [list(NBGRADER_COLUMNS), *([row[c] for c in NBGRADER_COLUMNS] for row in rows)]


def _moodle(rows: Sequence[dict[str, Any]], lessons: Sequence[str]) -> list[list[object]]:
    """Moodle's grade import: a column to find the student by, one column of points for each lesson."""
    table: list[list[object]] = [["ID number", "Email address", *lessons]]
    for student, scores, first in _by_student(rows):
        table.append([student, first["email"], *(scores.get(lesson, "") for lesson in lessons)])
    return table


def _canvas(rows: Sequence[dict[str, Any]], lessons: Sequence[str]) -> list[list[object]]:
    """Canvas's gradebook import: five columns about the student, the points possible in the second row."""
    most = {row["assignment"]: row["max_score"] for row in rows}
    table: list[list[object]] = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *lessons]]
    table.append(["    Points Possible", "", "", "", "", *(most.get(lesson, "") for lesson in lessons)])
    for student, scores, first in _by_student(rows):
        name = ", ".join(part for part in (first["last_name"], first["first_name"]) if part) or student
        known = [name, first["lms_user_id"], student, student, ""]
        table.append([*known, *(scores.get(lesson, "") for lesson in lessons)])
    return table


def _by_student(rows: Sequence[dict[str, Any]]) -> list[tuple[str, dict[str, float], dict[str, Any]]]:
    scores: dict[str, dict[str, float]] = {}
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        scores.setdefault(row["student_id"], {})[row["assignment"]] = row["score"]
        first.setdefault(row["student_id"], row)
    return [(student, scores[student], first[student]) for student in sorted(scores)]
