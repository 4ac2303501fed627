"""One lesson's rows in nbgrader's tables, read and written many at a time.

nbgrader's objects would load a notebook's cells, sums and counts for every student; these are the same tables and the
same columns, reached with a handful of statements for a batch. What is already as it should be is not written.

`auto_score`, `auto_comment`, `timestamp` and `needs_manual_grade` are ours. `manual_score`, `extra_credit`,
`manual_comment`, `extension` and `flagged` belong to people and are only read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import uuid4

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    GradeCell,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
)
from sqlalchemy import bindparam, func, insert, select, update

from autograder.intake import parse_time
from autograder.lessons import Record, test_cell_of

_STUDENTS, _SUBMITTED, _NOTEBOOKS = Student.__table__, SubmittedAssignment.__table__, SubmittedNotebook.__table__
_GRADES, _COMMENTS, _CELLS = Grade.__table__, Comment.__table__, BaseCell.__table__
_GRADE_CELLS, _TASK_CELLS = GradeCell.__table__, TaskCell.__table__
_MOST = 500  # students in one statement: SQLite takes 32,766 values, PostgreSQL 65,535

Values = dict[str, Any]


class LessonRows:
    """The rows of one lesson. Each method gets the connection whose transaction it works in."""

    def __init__(self, connection: Any, lesson: str) -> None:
        found = select(Assignment.id, Assignment.duedate, Notebook.id).join(
            Notebook, Notebook.assignment_id == Assignment.id
        )
        row = connection.execute(found.where(Assignment.name == lesson, Notebook.name == lesson)).one()
        self._assignment, self._due, self._notebook = row
        cells = select(_CELLS.c.id, _CELLS.c.name, _CELLS.c.type).where(_CELLS.c.notebook_id == self._notebook)
        rows = list(connection.execute(cells))
        self._graded = {cell: name for cell, name, kind in rows if kind in ("GradeCell", "TaskCell")}
        self._commented = {cell: name for cell, name, kind in rows if kind in ("SolutionCell", "TaskCell")}

    def students(self, connection: Any) -> set[str]:
        """Students who have a submission of the lesson."""
        query = select(_SUBMITTED.c.student_id).where(_SUBMITTED.c.assignment_id == self._assignment)
        return set(connection.execute(query).scalars())

    def late_seconds(self, connection: Any, student: str | None = None) -> dict[str, float]:
        """How late each submission is, by the due date and the student's extension."""
        fields = (_SUBMITTED.c.student_id, _SUBMITTED.c.timestamp, _SUBMITTED.c.extension)
        query = select(*fields).where(_SUBMITTED.c.assignment_id == self._assignment)
        if student is not None:
            query = query.where(_SUBMITTED.c.student_id == student)
        found = {}
        for name, moment, extension in connection.execute(query):
            due = self._due if self._due is None or extension is None else self._due + extension
            known = moment is not None and due is not None
            found[name] = max(0.0, (moment - due).total_seconds()) if known else 0.0
        return found

    def write(self, connection: Any, records: Sequence[Record]) -> None:
        """Make the rows say what the records say."""
        by_student = {record["student"]: record for record in records}
        for part in _parts(list(by_student)):
            notebooks = self._notebooks(connection, self._submissions(connection, part, by_student))
            mine = {notebook: by_student[student] for notebook, student in notebooks.items()}
            self._grades(connection, mine)
            self._comments(connection, mine)

    def _submissions(self, connection: Any, names: list[str], records: dict[str, Record]) -> dict[str, str]:
        """{id of the submission: student}, with the times of handing in."""
        there = set(connection.execute(select(_STUDENTS.c.id).where(_STUDENTS.c.id.in_(names))).scalars())
        _insert(connection, _STUDENTS, ({"id": name} for name in names if name not in there))
        query = select(_SUBMITTED.c.student_id, _SUBMITTED.c.id, _SUBMITTED.c.timestamp)
        query = query.where(_SUBMITTED.c.assignment_id == self._assignment, _SUBMITTED.c.student_id.in_(names))
        known = {student: (key, moment) for student, key, moment in connection.execute(query)}
        new, changed, found = [], [], {}
        for name in names:
            text = records[name]["timestamp"]
            moment = parse_time(text) if text else None
            moment = None if moment is None else moment.replace(tzinfo=None)
            key, before = known.get(name, ("", None))
            if not key:
                key = uuid4().hex
                new.append({"id": key, "assignment_id": self._assignment, "student_id": name, "timestamp": moment})
            elif moment is not None and moment != before:
                changed.append({"key": key, "timestamp": moment})
            found[key] = name
        _insert(connection, _SUBMITTED, new)
        _update(connection, _SUBMITTED, changed)
        return found

    def _notebooks(self, connection: Any, submissions: dict[str, str]) -> dict[str, str]:
        """{id of the submitted notebook: student}."""
        query = select(_NOTEBOOKS.c.assignment_id, _NOTEBOOKS.c.id).where(_NOTEBOOKS.c.notebook_id == self._notebook)
        query = query.where(_NOTEBOOKS.c.assignment_id.in_(submissions))
        known = dict(tuple(row) for row in connection.execute(query))
        new = {s: uuid4().hex for s in submissions if s not in known}
        rows = ({"id": key, "assignment_id": s, "notebook_id": self._notebook} for s, key in new.items())
        _insert(connection, _NOTEBOOKS, rows)
        return {key: submissions[s] for s, key in (known | new).items()}

    # nbgrader's index begins with the cell, so the cells are named in both queries: without them each would read all.

    def _grades(self, connection: Any, records: dict[str, Record]) -> None:
        fields = (_GRADES.c.id, _GRADES.c.notebook_id, _GRADES.c.cell_id)
        state = (_GRADES.c.auto_score, _GRADES.c.manual_score, _GRADES.c.needs_manual_grade)
        query = select(*fields, *state).where(_GRADES.c.notebook_id.in_(records), _GRADES.c.cell_id.in_(self._graded))
        known = {(notebook, cell): (key, *rest) for key, notebook, cell, *rest in connection.execute(query)}
        new, changed = [], []
        for notebook, record in records.items():
            scores = {test_cell_of(e["name"]): e["score"] for e in record["exercises"]}
            for cell, name in self._graded.items():
                score = automatic(name, scores, record)
                key, before, manual, asked = known.get((notebook, cell), ("", None, None, True))
                person = needs_person(score, before, manual, asked, record["status"] != "graded")
                values = {"auto_score": score, "needs_manual_grade": person}
                if not key:
                    new.append({"id": uuid4().hex, "notebook_id": notebook, "cell_id": cell, **values})
                elif (score, person) != (before, asked):
                    changed.append({"key": key, **values})
        _insert(connection, _GRADES, new)
        _update(connection, _GRADES, changed)

    def _comments(self, connection: Any, records: dict[str, Record]) -> None:
        fields = (_COMMENTS.c.id, _COMMENTS.c.notebook_id, _COMMENTS.c.cell_id, _COMMENTS.c.auto_comment)
        where = (_COMMENTS.c.notebook_id.in_(records), _COMMENTS.c.cell_id.in_(self._commented))
        query = select(*fields).where(*where)
        known = {(notebook, cell): (key, text) for key, notebook, cell, text in connection.execute(query)}
        new, changed = [], []
        for notebook, record in records.items():
            for cell, name in self._commented.items():
                state = record["by_hand"].get(name)
                text = "No response." if state in ("missing", "unchanged") else None
                key, before = known.get((notebook, cell), ("", None))
                if not key:
                    new.append({"id": uuid4().hex, "notebook_id": notebook, "cell_id": cell, "auto_comment": text})
                elif text != before:
                    changed.append({"key": key, "auto_comment": text})
        _insert(connection, _COMMENTS, new)
        _update(connection, _COMMENTS, changed)


def people(connection: Any, lesson: str) -> dict[str, dict[str, Values]]:
    """What people decided: {student: {grade_id: {"score", "extra", "max_score", "comment", "pending"}}}."""
    there = select(_SUBMITTED.c.student_id).join(Assignment, Assignment.id == _SUBMITTED.c.assignment_id)
    found: dict[str, dict[str, Values]] = {
        student: {} for student in connection.execute(there.where(Assignment.name == lesson)).scalars()
    }
    most = func.coalesce(_GRADE_CELLS.c.max_score, _TASK_CELLS.c.max_score, 0.0)
    cells = _CELLS.outerjoin(_GRADE_CELLS, _GRADE_CELLS.c.id == _CELLS.c.id)
    cells = cells.outerjoin(_TASK_CELLS, _TASK_CELLS.c.id == _CELLS.c.id)
    given = (_GRADES.c.manual_score, func.coalesce(_GRADES.c.extra_credit, 0.0))
    grades = (_CELLS.c.name, *given, most, _GRADES.c.needs_manual_grade)
    for student, name, score, extra, points, pending in connection.execute(_of_lesson(_GRADES, cells, grades, lesson)):
        values = {"score": score, "extra": extra, "max_score": points, "comment": None, "pending": bool(pending)}
        found[student][name] = values
    comments = (_CELLS.c.name, _COMMENTS.c.manual_comment)
    for student, name, text in connection.execute(_of_lesson(_COMMENTS, _CELLS, comments, lesson)):
        nothing = {"score": None, "extra": 0.0, "max_score": None, "comment": None, "pending": False}
        found[student].setdefault(name, nothing)["comment"] = text
    return found


def _of_lesson(table: Any, cells: Any, fields: Sequence[Any], lesson: str) -> Any:
    """The fields of `table` and its cells, with the student first, for the lesson's own notebook."""
    joined = table.join(_NOTEBOOKS, _NOTEBOOKS.c.id == table.c.notebook_id)
    joined = joined.join(_SUBMITTED, _SUBMITTED.c.id == _NOTEBOOKS.c.assignment_id)
    joined = joined.join(Assignment.__table__, Assignment.id == _SUBMITTED.c.assignment_id)
    joined = joined.join(Notebook.__table__, Notebook.id == _NOTEBOOKS.c.notebook_id)
    joined = joined.join(cells, _CELLS.c.id == table.c.cell_id)
    query = select(_SUBMITTED.c.student_id, *fields).select_from(joined)
    return query.where(Assignment.name == lesson, Notebook.name == lesson)


def automatic(cell: str, scores: dict[str, float], record: Record) -> float | None:
    """The automatic score of a cell; None where a person has to read an answer."""
    if cell in scores:
        return scores[cell]
    state = record["by_hand"].get(cell, "missing")
    return None if state == "answered" else 0.0


def needs_person(score: float | None, before: float | None, manual: float | None, asked: bool, doubtful: bool) -> bool:
    """Ask for a person when there is no score or a doubtful one, or when it changed under a grade given by hand."""
    if manual is None:
        return score is None or doubtful
    return asked or before != score


def _parts(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), _MOST):
        yield names[start : start + _MOST]


def _insert(connection: Any, table: Any, rows: Iterable[Values]) -> None:
    made = list(rows)
    if made:
        connection.execute(insert(table), made)


def _update(connection: Any, table: Any, rows: list[Values]) -> None:
    """Rows carry the id as `key`; all of them change the same columns."""
    if rows:
        connection.execute(update(table).where(table.c.id == bindparam("key")), rows)
