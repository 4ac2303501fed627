"""The gradebook's scores as rows, a lesson with two statements: nbgrader's objects would ask for each student apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from nbgrader.api import (
    Assignment,
    Grade,
    GradeCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
)
from sqlalchemy import Integer, case, cast, func, select

from autograder.database import Database, connected

Row = dict[str, Any]

_ASSIGNMENTS, _STUDENTS = Assignment.__table__, Student.__table__
_SUBMITTED, _NOTEBOOKS, _GRADES = SubmittedAssignment.__table__, SubmittedNotebook.__table__, Grade.__table__
_GRADE_CELLS, _TASK_CELLS = GradeCell.__table__, TaskCell.__table__


def lessons(database: Database) -> list[str]:
    """Names of the lessons in the gradebook, in the order of nbgrader's own list."""
    query = select(_ASSIGNMENTS.c.name).order_by(_ASSIGNMENTS.c.duedate, _ASSIGNMENTS.c.name)
    with connected(database) as connection:
        return list(connection.execute(query).scalars())


def students(database: Database) -> list[str]:
    """Ids of everybody in the gradebook."""
    with connected(database) as connection:
        return list(connection.execute(select(_STUDENTS.c.id)).scalars())


def rows(database: Database, names: Sequence[str]) -> list[Row]:
    """One row for each submission of these lessons that has a score, by lesson and student."""
    with connected(database) as connection:
        return [row for name in names for row in _lesson(connection, name)]


def _lesson(connection: Any, lesson: str) -> list[Row]:
    sums = {row.submission: row for row in connection.execute(_sums(lesson))}
    penalties = dict(connection.execute(_penalties(lesson)).all())
    made = []
    for found in connection.execute(_submissions(lesson)):
        total = sums.get(found.submission)
        if total is None or (found.timestamp is None and not total.touched):
            continue  # only an extension (or there was one): nothing handed in, nothing graded
        due = found.duedate if found.duedate is None or found.extension is None else found.duedate + found.extension
        score, penalty = float(total.score or 0), float(penalties.get(found.submission) or 0)
        made.append(
            {
                "assignment": lesson,
                "duedate": _time(found.duedate),
                "timestamp": _time(found.timestamp),
                "student_id": found.id,
                "last_name": found.last_name,
                "first_name": found.first_name,
                "email": found.email,
                "lms_user_id": found.lms_user_id,
                "raw_score": score,
                "late_submission_penalty": penalty,
                "score": max(0.0, score - penalty),
                "max_score": float(total.most or 0),
                "pending": bool(total.pending),
                "handed_in": _utc(found.timestamp),
                "due": _utc(due),
            }
        )
    return sorted(made, key=lambda row: str(row["student_id"]))


def _submissions(lesson: str) -> Any:
    student = (_STUDENTS.c[name] for name in ("id", "last_name", "first_name", "email", "lms_user_id"))
    submitted = (_SUBMITTED.c.id.label("submission"), _SUBMITTED.c.timestamp, _SUBMITTED.c.extension)
    return (
        select(*submitted, _ASSIGNMENTS.c.duedate, *student)
        .join_from(_SUBMITTED, _ASSIGNMENTS, _ASSIGNMENTS.c.id == _SUBMITTED.c.assignment_id)
        .join(_STUDENTS, _STUDENTS.c.id == _SUBMITTED.c.student_id)
        .where(_ASSIGNMENTS.c.name == lesson)
    )


def _sums(lesson: str) -> Any:
    """Each submission's points as nbgrader counts them: the hand grade first, extra credit on top."""
    extra = func.coalesce(_GRADES.c.extra_credit, 0.0)
    score = case(
        (_GRADES.c.manual_score.is_not(None), _GRADES.c.manual_score + extra),
        (_GRADES.c.auto_score.is_not(None), _GRADES.c.auto_score + extra),
        else_=0.0,
    )
    pending = cast(_GRADES.c.needs_manual_grade, Integer)
    scored = case((func.coalesce(_GRADES.c.manual_score, _GRADES.c.auto_score).is_not(None), 1), else_=pending)
    return (
        select(
            _NOTEBOOKS.c.assignment_id.label("submission"),
            func.sum(score).label("score"),
            func.sum(func.coalesce(_GRADE_CELLS.c.max_score, _TASK_CELLS.c.max_score, 0.0)).label("most"),
            func.max(pending).label("pending"),
            func.max(scored).label("touched"),
        )
        .join_from(_NOTEBOOKS, _GRADES, _GRADES.c.notebook_id == _NOTEBOOKS.c.id)
        .outerjoin(_GRADE_CELLS, _GRADE_CELLS.c.id == _GRADES.c.cell_id)
        .outerjoin(_TASK_CELLS, _TASK_CELLS.c.id == _GRADES.c.cell_id)
        .where(_NOTEBOOKS.c.assignment_id.in_(_ids(lesson)))
        .group_by(_NOTEBOOKS.c.assignment_id)
    )


def _penalties(lesson: str) -> Any:
    total = func.sum(_NOTEBOOKS.c.late_submission_penalty)
    mine = _NOTEBOOKS.c.assignment_id.in_(_ids(lesson))
    return select(_NOTEBOOKS.c.assignment_id, total).where(mine).group_by(_NOTEBOOKS.c.assignment_id)


def _ids(lesson: str) -> Any:
    joined = select(_SUBMITTED.c.id).join_from(
        _SUBMITTED, _ASSIGNMENTS, _ASSIGNMENTS.c.id == _SUBMITTED.c.assignment_id
    )
    return joined.where(_ASSIGNMENTS.c.name == lesson)


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(sep=" ")


def _utc(moment: datetime | None) -> datetime | None:
    """The gradebook's times are UTC without saying so."""
    return None if moment is None else moment.replace(tzinfo=UTC)
