"""Hidden cases: random by seed, on top of the public ones. Never part of what students receive."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from cnncourse.checks import Case, evaluate, load, prepare
from cnncourse.checks.notebook import Check, caller, show

_MODULES = {
    "01_convolution": "autograder.hidden.convolution",
    "02_pooling": "autograder.hidden.pooling",
    "03_training": "autograder.hidden.training",
    "04_architectures": "autograder.hidden.architectures",
    "05_transfer": "autograder.hidden.transfer",
}


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


def score_here(lesson: str, exercise: str, function: Callable[..., Any], seed: int = 0) -> float:
    """Points for a function in this very process, which nothing protects: for nbgrader's own autograde only."""
    found = load(lesson).exercise(exercise)
    return evaluate(prepare(found, all_cases(lesson, exercise, seed)), caller(function)).score


class Scored(Check):
    """A check that gives the points as a number and never raises: nbgrader's partial credit."""

    def __init__(self, lesson: str, seed: int = 0) -> None:
        found = load(lesson)
        super().__init__(found, found.version)
        self.seed = seed

    def __call__(self, name: str, function: Callable[..., Any]) -> float:
        """Show the public table, then give the points for public and hidden cases together."""
        show(self.result(name, function))
        return score_here(self.lesson.name, name, function, self.seed)


def scored(lesson: str, seed: int = 0) -> Scored:
    """What a test cell's hidden region puts in the place of `check`.

    It does not raise when a case fails: an error in a test cell would make nbgrader give no points at all.
    """
    return Scored(lesson, seed)
