"""The instructor's side of a lesson: where its notebook lies and which of its cells ask for what.

Everything that grading believes about a notebook (points, types, order, which cell belongs to which exercise) is
read here, from the instructor's notebook, and never from what a student hands in.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from nbformat.notebooknode import NotebookNode

from autograder import notebooks
from autograder.errors import AutograderError

Record: TypeAlias = dict[str, Any]  # what is known about one submission, as it stands in its JSON file

LESSON_NAME = re.compile(r"\d\d_[a-z0-9_]+\Z")
TEST_PREFIX = "check_"
SKIP_TAG = "skip-grading"


@dataclass(frozen=True)
class CellInfo:
    """One cell of the instructor's notebook, with what nbgrader's metadata says about it."""

    index: int
    kind: str  # "code", "markdown" or "raw"
    source: str
    cell_id: str
    grade_id: str | None
    points: float
    grade: bool
    solution: bool
    locked: bool
    task: bool
    skip: bool  # tagged `skip-grading`: shown to students, not run while grading

    @property
    def is_test(self) -> bool:
        """A locked test cell: its verdict comes from the trusted process, it never runs in the jail."""
        return self.grade and not self.solution and self.kind == "code"

    @property
    def by_hand(self) -> bool:
        """Answered by the student, marked by a person."""
        return (self.grade and self.solution) or self.task


@dataclass(frozen=True)
class LessonSource:
    """The instructor's notebook of one lesson."""

    name: str
    path: Path
    notebook: NotebookNode

    @cached_property
    def cells(self) -> tuple[CellInfo, ...]:
        return tuple(_info(i, cell) for i, cell in enumerate(self.notebook.cells))

    @cached_property
    def by_grade_id(self) -> dict[str, CellInfo]:
        return {cell.grade_id: cell for cell in self.cells if cell.grade_id is not None}

    @property
    def version(self) -> str:
        return str(self.notebook.metadata.get("cnncourse", {}).get("version", ""))

    @cached_property
    def title(self) -> str:
        """The first heading, for pages that people read."""
        for cell in self.cells:
            match = re.search(r"^#\s+(.+)$", cell.source, re.MULTILINE) if cell.kind == "markdown" else None
            if match:
                return match.group(1).strip()
        return self.name

    @cached_property
    def checked(self) -> NotebookNode:
        """The notebook with nbgrader's checksums. Made once, so change nothing in it."""
        from autograder.release import checked_source

        return checked_source(self)

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def test_cells(self) -> Iterator[tuple[str, CellInfo]]:
        """(exercise name, test cell) in the order of the notebook: `check_conv2d` belongs to the exercise `conv2d`."""
        for cell in self.cells:
            if cell.is_test and cell.grade_id is not None:
                yield cell.grade_id.removeprefix(TEST_PREFIX), cell


def _info(index: int, cell: NotebookNode) -> CellInfo:
    meta: dict[str, Any] = cell.metadata.get("nbgrader", {})
    graded = any(meta.get(key, False) for key in ("grade", "solution", "locked", "task"))
    return CellInfo(
        index=index,
        kind=str(cell.cell_type),
        source=str(cell.source),
        cell_id=str(cell.get("id", "")),
        grade_id=str(meta["grade_id"]) if graded and meta.get("grade_id") else None,
        points=float(meta.get("points", 0) or 0),
        grade=bool(meta.get("grade", False)),
        solution=bool(meta.get("solution", False)),
        locked=bool(meta.get("locked", False)),
        task=bool(meta.get("task", False)),
        skip=SKIP_TAG in cell.metadata.get("tags", []),
    )


def test_cell_of(task: str) -> str:
    """The grade_id of the cell that holds an exercise's points."""
    return TEST_PREFIX + task


def lessons_folder(given: Path | None = None) -> Path:
    """The folder with the instructors' notebooks: `--lessons`, else `lessons/` here, else the one of this clone."""
    candidates = [given] if given else [Path("lessons"), Path(__file__).resolve().parent.parent / "lessons"]
    for folder in candidates:
        if folder.is_dir():
            return folder.resolve()
    raise AutograderError(
        f"no folder with lessons: looked at {', '.join(str(f) for f in candidates)}",
        "run the command in your clone of the course, or say where the notebooks lie with --lessons DIR",
    )


def lesson_names(folder: Path) -> list[str]:
    """Lessons that have a notebook, in order."""
    return sorted(p.name for p in folder.iterdir() if LESSON_NAME.match(p.name) and (p / f"{p.name}.ipynb").is_file())


def load_source(name: str, lessons: Path | None = None) -> LessonSource:
    """Read lesson `name`; raise AutograderError when it does not exist or its notebook is not fit for grading."""
    folder = lessons_folder(lessons)
    path = folder / name / f"{name}.ipynb"
    if not LESSON_NAME.match(name) or not path.is_file():
        known = ", ".join(lesson_names(folder)) or "none"
        raise AutograderError(f"no lesson {name!r} in {folder}; there are: {known}", "give one of these names")
    try:
        notebook = notebooks.read(path)
    except ValueError as error:
        raise AutograderError(f"{path} is not a notebook: {error}", "restore it from version control") from error
    source = LessonSource(name, path, notebook)
    _check(source)
    return source


def _check(source: LessonSource) -> None:
    seen: set[str] = set()
    for cell in source.cells:
        if cell.grade_id in seen:
            raise AutograderError(
                f"{source.path}: two cells have the grade_id {cell.grade_id!r}", "give each cell its own grade_id"
            )
        if cell.grade_id is not None:
            seen.add(cell.grade_id)
    for exercise, cell in source.test_cells():
        if cell.grade_id == exercise:
            raise AutograderError(
                f"{source.path}: the test cell {cell.grade_id!r} does not say which exercise it marks",
                f"name it {TEST_PREFIX}<function>, for example {TEST_PREFIX}conv2d",
            )
