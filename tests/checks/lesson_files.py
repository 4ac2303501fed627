"""What the tests of the lessons read: solutions from the notebooks, right answers from their folder."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parents[2]
LESSON = "01_convolution"
RIGHT = sorted((ROOT / "tests" / "right_answers" / "convolution").glob("*.py"))
WRONG = ROOT / "tests" / "wrong_answers"
_MARKER = re.compile(r"^[ ]*### (BEGIN|END) SOLUTION\n", re.MULTILINE)


def notebook_path(lesson: str = LESSON) -> Path:
    return ROOT / "lessons" / lesson / f"{lesson}.ipynb"


@cache
def solutions(lesson: str = LESSON) -> dict[str, str]:
    """Source of every solution cell of code, by its grade_id, without nbgrader's markers."""
    notebook = nbformat.read(notebook_path(lesson), as_version=4)
    return {
        cell.metadata.nbgrader.grade_id: _MARKER.sub("", cell.source)
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
    }


def module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"answers_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def right_answers(exercise: str) -> dict[str, Callable[..., Any]]:
    """Every right answer to an exercise, by the name of its file."""
    found = {path.stem: getattr(module(path), exercise, None) for path in RIGHT}
    return {name: function for name, function in found.items() if function is not None}
