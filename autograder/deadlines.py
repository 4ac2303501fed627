"""When a lesson was due for whom, as the gradebook says at this moment: extensions may come after grading."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Assignment, Student, SubmittedAssignment
from sqlalchemy import select

from autograder.database import connected, locate


@dataclass(frozen=True)
class Deadline:
    """One student's: seconds after the due date (extension counted), and the seconds they were given in addition."""

    late: float
    extension: float


def deadlines(out: Path, lesson: str, db: str | None = None) -> dict[str, Deadline]:
    """The deadlines of everybody who has a submission in the gradebook; {} where there is no gradebook."""
    database = locate(out, db)
    if database.file is not None and not database.file.exists():
        return {}
    rows = SubmittedAssignment.__table__
    query = (
        select(Student.id, rows.c.timestamp, rows.c.extension, Assignment.duedate)
        .select_from(rows)
        .join(Assignment.__table__, Assignment.id == rows.c.assignment_id)
        .join(Student.__table__, Student.id == rows.c.student_id)
        .where(Assignment.name == lesson)
    )
    found = {}
    with connected(database) as connection:
        for student, moment, extension, due in connection.execute(query):
            more = 0.0 if extension is None else extension.total_seconds()
            late = 0.0 if moment is None or due is None else (moment - due).total_seconds() - more
            found[str(student)] = Deadline(max(late, 0.0), more)
    return found
