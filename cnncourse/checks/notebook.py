"""The check in a student's notebook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnncourse.checks.core import CallError, ExerciseResult, Lesson, Prepared, evaluate, prepare


class CheckFailed(Exception):
    """Not all public cases pass."""


class Check:
    """`check(name, function)`: show the table and raise CheckFailed unless every public case passes."""

    def __init__(self, lesson: Lesson, version: str) -> None:
        self.lesson = lesson
        self.version = version
        self._prepared: dict[str, Prepared] = {}

    def result(self, name: str, function: Callable[..., Any]) -> ExerciseResult:
        """The verdict on the public cases, without showing or raising."""
        if name not in self._prepared:
            exercise = self.lesson.exercise(name)
            self._prepared[name] = prepare(exercise, exercise.public())
        return evaluate(self._prepared[name], caller(function))

    def __call__(self, name: str, function: Callable[..., Any]) -> None:
        result = self.result(name, function)
        if result.verdict != "pass":
            raise CheckFailed(f"{name}: {result.hint}")


def caller(function: Callable[..., Any]) -> Callable[..., Any]:
    """`call(name, *args)` for a function in this process."""

    def call(name: str, *args: Any, **kwargs: Any) -> Any:
        if not callable(function):
            raise CallError("missing", type(function).__name__, f"{name} is not a function")
        try:
            return function(*args, **kwargs)
        except Exception as error:
            raise CallError("error", type(error).__name__, str(error)) from error

    return call
