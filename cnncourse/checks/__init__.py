"""Public checks: `check = for_lesson("01_convolution", version="1.0")`, then `check("conv2d", conv2d)`."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING

from cnncourse.checks.core import (
    CallError,
    Case,
    CaseResult,
    Exercise,
    ExerciseResult,
    Lesson,
    Mistake,
    Prepared,
    evaluate,
    prepare,
)

if TYPE_CHECKING:
    from cnncourse.checks.notebook import Check

__all__ = [
    "CallError",
    "Case",
    "CaseResult",
    "Exercise",
    "ExerciseResult",
    "Lesson",
    "Mistake",
    "Prepared",
    "evaluate",
    "for_lesson",
    "lesson_names",
    "load",
    "modules",
    "prepare",
]

_LESSONS = {
    "01_convolution": "cnncourse.checks.convolution",
    "02_pooling": "cnncourse.checks.pooling",
    "03_training": "cnncourse.checks.training",
    "04_architectures": "cnncourse.checks.architectures",
    "05_transfer": "cnncourse.checks.transfer",
}


def lesson_names() -> list[str]:
    """The names of all lessons, in order."""
    return sorted(_LESSONS)


def modules() -> list[str]:
    """The modules that hold the lessons, in the lessons' order."""
    return [_LESSONS[name] for name in lesson_names()]


def load(name: str) -> Lesson:
    """The lesson of that name. ValueError names the nearest ones."""
    if name not in _LESSONS:
        near = difflib.get_close_matches(str(name), _LESSONS, n=3, cutoff=0.4) or lesson_names()
        raise ValueError(f"load: there is no lesson {name!r}. Did you mean {' or '.join(map(repr, near))}?")
    lesson = import_module(_LESSONS[name]).LESSON
    assert isinstance(lesson, Lesson)
    return lesson


def for_lesson(name: str, version: str) -> Check:
    """The check of a lesson's notebook. `version` is the notebook's; a mismatch with this package is named."""
    from cnncourse.checks.notebook import Check

    return Check(load(name), version)
