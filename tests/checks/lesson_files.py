"""What the tests of the lessons read: solutions from the notebooks, right answers from their folder."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest

from cnncourse.checks import lesson_names, load

ROOT = Path(__file__).resolve().parents[2]
WRONG = ROOT / "tests" / "wrong_answers"
EXERCISES = [(lesson, exercise.name) for lesson in lesson_names() for exercise in load(lesson).exercises]
each_exercise = pytest.mark.parametrize(
    ("lesson", "name"), EXERCISES, ids=[f"{lesson[:2]}-{n}" for lesson, n in EXERCISES]
)
# What a solution's cell may count on, as in the notebooks' first cell.
PRELUDE = "import torch\nfrom torch import nn\n"
_MARKER = re.compile(r"^[ ]*### (BEGIN|END) SOLUTION\n", re.MULTILINE)


def topic(lesson: str) -> str:
    """01_convolution -> convolution: what a lesson's files and folders are called."""
    return lesson.split("_", 1)[1]


def notebook_path(lesson: str) -> Path:
    return ROOT / "lessons" / lesson / f"{lesson}.ipynb"


@cache
def solutions(lesson: str) -> dict[str, str]:
    """Source of every solution cell of code, by its grade_id, without nbgrader's markers."""
    notebook = nbformat.read(notebook_path(lesson), as_version=4)
    return {
        cell.metadata.nbgrader.grade_id: _MARKER.sub("", cell.source)
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
    }


def is_short(source: str) -> bool:
    """A function whose body is one or two plain statements: there are fewer ways to get it wrong."""
    (function,) = ast.parse(source).body
    body = [
        s for s in getattr(function, "body", []) if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
    ]
    return len(body) <= 2 and all(isinstance(s, ast.Assign | ast.Return) for s in body)


def module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"answers_{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def right_answers(lesson: str, exercise: str) -> dict[str, Callable[..., Any]]:
    """Every right answer to an exercise, by the name of its file."""
    files = sorted((ROOT / "tests" / "right_answers" / topic(lesson)).glob("*.py"))
    found = {path.stem: getattr(module(path), exercise, None) for path in files}
    return {name: function for name, function in found.items() if function is not None}
