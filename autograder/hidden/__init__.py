"""Hidden cases: random by seed, on top of the public ones. Never part of what students receive."""

from __future__ import annotations

from importlib import import_module

from cnncourse.checks import Case, load

_MODULES = {"01_convolution": "autograder.hidden.convolution"}


def hidden_cases(lesson: str, exercise: str, seed: int) -> list[Case]:
    """The hidden cases of one exercise. The same seed gives the same cases.

    Raises ValueError for an unknown lesson, KeyError for an unknown exercise.
    """
    load(lesson).exercise(exercise)
    cases = import_module(_MODULES[lesson]).cases(exercise, seed)
    assert isinstance(cases, list)
    return cases


def all_cases(lesson: str, exercise: str, seed: int) -> list[Case]:
    """What is graded: the public cases, then the hidden ones."""
    return load(lesson).exercise(exercise).public() + hidden_cases(lesson, exercise, seed)
