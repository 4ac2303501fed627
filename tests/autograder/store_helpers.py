"""What the tests of the gradebook share: a lesson of nine exercises without code, records of it, tables as text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from sqlalchemy import create_engine, inspect, text

from autograder.lessons import LessonSource, Record

NAME = "09_store"
EXERCISES = tuple(f"part{i}" for i in range(9))


def lesson(tmp: Path, points: float = 2.0, name: str = NAME, more: tuple[str, ...] = ()) -> LessonSource:
    """Nine exercises, one written answer."""
    cells = [new_markdown_cell("# Nine parts", id="title")]
    for exercise in (*EXERCISES, *more):
        meta = {"schema_version": 3, "locked": False, "task": False, "points": 0}
        solution = {**meta, "grade_id": exercise, "grade": False, "solution": True}
        test = {**meta, "grade_id": f"check_{exercise}", "grade": True, "solution": False, "points": points}
        source = f"def {exercise}():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
        cells.append(new_code_cell(source, id=exercise, metadata={"nbgrader": solution}))
        check = f"assert {exercise}() == 1\n### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS\n"
        cells.append(new_code_cell(check, id=f"check-{exercise}", metadata={"nbgrader": {**test, "locked": True}}))
    answer = {"schema_version": 3, "grade_id": "why", "grade": True, "solution": True, "locked": False, "task": False}
    cells.append(new_markdown_cell("Why?", id="why", metadata={"nbgrader": {**answer, "points": 3}}))
    path = tmp / f"{name}.ipynb"
    path.write_text("{}")
    notebook = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    return LessonSource(name, path, notebook)


def record(student: str, score: float = 2.0, **changes: Any) -> Record:
    """A graded submission with the same score in each exercise and an answer to read."""
    rows = [{"name": e, "score": score, "max_score": 2.0, "verdict": "pass", "mistake": None} for e in EXERCISES]
    made: Record = {"student": student, "status": "graded", "timestamp": "2026-01-30T12:00:00+00:00"}
    return made | {"exercises": rows, "by_hand": {"why": "answered"}, "gradable": True} | changes


def tables(url: str) -> dict[str, list[str]]:
    """Every row of every table, as it stands there."""
    with _connected(url) as connection:
        names = sorted(inspect(connection).get_table_names())
        return {name: sorted(map(repr, map(tuple, _rows(connection, name)))) for name in names}


def named_tables(url: str) -> dict[str, list[str]]:
    """Every row of every table, with what it belongs to in place of nbgrader's random ids: comparable anywhere."""
    with _connected(url) as connection:
        rows = {t: [dict(r._mapping) for r in _rows(connection, t)] for t in inspect(connection).get_table_names()}
    names: dict[str, str] = {}
    for table, parts in _NAMED.items():
        for row in rows[table]:
            names[row["id"]] = " ".join([table, *(names.get(row[p], str(row[p])) for p in parts)])
    shown = {}
    for table, found in rows.items():
        values = [{k: names.get(v, v) if isinstance(v, str) else v for k, v in row.items()} for row in found]
        shown[table] = sorted(repr(sorted(row.items())) for row in values)
    return shown


_NAMED = {
    "assignment": ("name",),
    "notebook": ("name", "assignment_id"),
    "base_cell": ("name", "notebook_id", "type"),
    "source_cell": ("name", "notebook_id"),
    "submitted_assignment": ("assignment_id", "student_id"),
    "submitted_notebook": ("notebook_id", "assignment_id"),
    "grade": ("cell_id", "notebook_id"),
    "comment": ("cell_id", "notebook_id"),
}


def _rows(connection: Any, table: str) -> Any:
    return connection.execute(text(f"SELECT * FROM {table}"))


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    engine = create_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()
