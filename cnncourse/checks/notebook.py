"""The check in a student's notebook: `check("conv2d", conv2d)` shows a table and raises CheckFailed if a case fails."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Callable
from typing import Any

from cnncourse.checks.core import Call, CallError, ExerciseResult, Lesson, Prepared, evaluate, prepare
from cnncourse.checks.show import as_html, as_text, headline
from cnncourse.checks.subject import LocalSubject, Subject


class CheckFailed(Exception):
    """Not all public cases pass. Shown in a notebook as one line, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class Unfinished(CheckFailed):
    """The function still raises NotImplementedError."""


class Check:
    """The public checks of one lesson, called as `check(name, function)`."""

    def __init__(self, lesson: Lesson, version: str) -> None:
        self.lesson = lesson
        self.version = version
        self._prepared: dict[str, Prepared] = {}
        if message := mismatch(lesson, version):
            print(message)

    def __repr__(self) -> str:
        names = ", ".join(e.name for e in self.lesson.exercises)
        return f"check(name, function) for {self.lesson.name} {self.lesson.version}: {names}"

    def result(self, name: str, function: Callable[..., Any]) -> ExerciseResult:
        """The verdict on the public cases, without showing or raising. ValueError for an unknown name."""
        if name not in self._prepared:
            exercise = self._exercise(name)
            self._prepared[name] = prepare(exercise, exercise.public())
        return evaluate(self._prepared[name], caller(function))

    def _exercise(self, name: str) -> Any:
        names = [e.name for e in self.lesson.exercises]
        if name not in names:
            near = difflib.get_close_matches(str(name), names, n=2, cutoff=0.5) or names
            raise ValueError(
                f"check: {self.lesson.name} has no exercise {name!r}. Did you mean {' or '.join(map(repr, near))}?"
            )
        return self.lesson.exercise(name)

    def __call__(self, name: str, function: Callable[..., Any]) -> float | None:
        """Show the table; raise Unfinished or CheckFailed unless every public case passes."""
        result = self.result(name, function)
        show(result)
        if result.verdict == "pass":
            return None
        if unfinished(result):
            raise Unfinished(
                f"{name} still raises NotImplementedError. Write its body in place of that line and run both cells."
            )
        raise CheckFailed(headline(result))


def mismatch(lesson: Lesson, version: str) -> str:
    """A sentence if the notebook and the package belong to different versions of the lesson, else an empty text."""
    if version == lesson.version:
        return ""
    return (
        f"This notebook is version {version} of {lesson.name}, the installed cnncourse has {lesson.version}. "
        f"Install the cnncourse that came with the notebook, or ask for the newer notebook."
    )


def unfinished(result: ExerciseResult) -> bool:
    """True if every case ended in NotImplementedError."""
    return all(case.got.split(":")[0] == "NotImplementedError" for case in result.cases)


def show(result: ExerciseResult) -> None:
    """Display the table in a notebook, print it elsewhere."""
    text = f"{result.name}: not written yet." if unfinished(result) else as_text(result)
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        print(text)
        return
    if get_ipython() is None or unfinished(result):
        print(text)
        return
    display({"text/plain": text, "text/html": as_html(result)}, raw=True)  # type: ignore[no-untyped-call]


class _Caller:
    """A function of this process: what it raises becomes a CallError."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return self.subject(name)(*args, **kwargs)

    def subject(self, name: str) -> Subject:
        def run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if not callable(self._function):
                raise CallError("missing", type(self._function).__name__, f"{name} is not a function")
            try:
                return function(*args, **kwargs)
            except (Exception, SystemExit) as error:
                line = _line(self._function, error)
                raise CallError("error", type(error).__name__, _message(error) + line) from None

        return LocalSubject(self._function, run)


def caller(function: Callable[..., Any]) -> Call:
    """`call(name, *args)` for a function in this process: what it raises becomes a CallError."""
    return _Caller(function)


def _line(function: Callable[..., Any], error: BaseException) -> str:
    """Which line of the function's own cell or file the error came from, as a line of its own."""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    lines = [entry for entry in traceback.extract_tb(error.__traceback__) if entry.filename == file]
    return f"\nline {lines[-1].lineno}: {lines[-1].line}" if lines else ""


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""
