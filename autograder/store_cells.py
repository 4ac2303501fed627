"""A lesson's cells in the gradebook: what nbgrader needs to know of the instructor's notebook.

nbgrader's own SaveCells writes them. It rewrites everything each time, so it runs only when something has changed, and
a gradebook that holds grades already is copied first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from nbgrader import utils
from nbgrader.api import Assignment, BaseCell, GradeCell, Notebook, SourceCell, SubmittedNotebook, TaskCell
from nbgrader.preprocessors import SaveCells
from sqlalchemy import func, select

from autograder.errors import AutograderError
from autograder.lessons import LessonSource
from autograder.release import checked_source

_GRADE, _TASK, _BASE, _SOURCE = GradeCell.__table__, TaskCell.__table__, BaseCell.__table__, SourceCell.__table__

Cells = dict[tuple[str, str], tuple[Any, ...]]  # (kind of row, grade_id): what stands in it


def record_cells(connect: Callable[[], Any], source: LessonSource, url: str, before: Callable[[], None]) -> None:
    """Have nbgrader record the lesson's cells and points, as `nbgrader generate_assignment` would.

    `connect` gives a connection for a `with`; `before` is called before recorded cells are changed.
    """
    wanted = _wanted(source)
    with connect() as connection:
        present, submissions = _present(connection, source.name)
    if present == wanted:
        return
    if present:
        if submissions and set(present) != set(wanted):
            raise _changed(source, sorted({name for _, name in set(present) ^ set(wanted)}))
        before()
    quiet = logging.getLogger("autograder.store")
    quiet.propagate = False
    resources = {"nbgrader": {"notebook": source.name, "assignment": source.name, "db_url": url}}
    SaveCells(log=quiet).preprocess(checked_source(source), resources)


def _changed(source: LessonSource, names: list[str]) -> AutograderError:
    return AutograderError(
        f"the cells of {source.name} have changed since the gradebook was made: {', '.join(names)} came or went",
        "grade the new form of the lesson into a new --out, or restore the old form",
    )


def _wanted(source: LessonSource) -> Cells:
    found: Cells = {}
    for cell in checked_source(source).cells:
        name = str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
        grade, solution, task = utils.is_grade(cell), utils.is_solution(cell), utils.is_task(cell)
        if grade:
            found["GradeCell", name] = (float(cell.metadata.nbgrader["points"]), cell.cell_type)
        if solution:
            found["SolutionCell", name] = ()
        if task:
            found["TaskCell", name] = (float(cell.metadata.nbgrader["points"]), cell.cell_type)
        if grade or solution or task or utils.is_locked(cell):
            checksum = cell.metadata.nbgrader.get("checksum")
            found["SourceCell", name] = (cell.cell_type, utils.is_locked(cell), cell.source, checksum)
    return found


def _present(connection: Any, lesson: str) -> tuple[Cells, int]:
    """The recorded cells, and how many submissions hang on them."""
    query = select(Notebook.id).join(Assignment, Assignment.id == Notebook.assignment_id)
    notebook = connection.execute(query.where(Assignment.name == lesson, Notebook.name == lesson)).scalar()
    if notebook is None:
        return {}, 0
    points = func.coalesce(_GRADE.c.max_score, _TASK.c.max_score)
    kind = func.coalesce(_GRADE.c.cell_type, _TASK.c.cell_type)
    joined = _BASE.outerjoin(_GRADE, _GRADE.c.id == _BASE.c.id).outerjoin(_TASK, _TASK.c.id == _BASE.c.id)
    cells = select(_BASE.c.type, _BASE.c.name, points, kind).select_from(joined).where(_BASE.c.notebook_id == notebook)
    found: Cells = {
        (row, name): () if row == "SolutionCell" else (most, cell_type)
        for row, name, most, cell_type in connection.execute(cells)
    }
    sources = select(_SOURCE.c.name, _SOURCE.c.cell_type, _SOURCE.c.locked, _SOURCE.c.source, _SOURCE.c.checksum)
    for name, *rest in connection.execute(sources.where(_SOURCE.c.notebook_id == notebook)):
        found["SourceCell", name] = tuple(rest)
    counted = select(func.count()).where(SubmittedNotebook.notebook_id == notebook)
    return found, int(connection.execute(counted).scalar())
