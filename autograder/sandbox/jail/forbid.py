"""Functions that an exercise asks to do without: while one of its calls runs, they raise and are noted.

This tells a student at once what is not wanted; it is no wall, since student code shares the process.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType, TracebackType
from typing import Any, NoReturn


class ForbiddenCall(RuntimeError):
    """Raised in place of a function that the exercise asks to write."""


class _Stand:
    """Stands where a forbidden function was."""

    def __init__(self, name: str, called: list[str]) -> None:
        self._name, self._called = name, called

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        if self._name not in self._called:
            self._called.append(self._name)
        raise ForbiddenCall(f"{self._name} is what this exercise asks you to write yourself")


class Guard:
    """While it is entered, the functions `names` raise: where they are defined, and under any name of `namespace`.

    Only functions that are loaded and callable are replaced; whole modules and classes are left to the reader of the
    code.
    """

    def __init__(self, names: Sequence[str], namespace: dict[str, Any]) -> None:
        self._names, self._namespace = names, namespace
        self.called: list[str] = []
        self._undo: list[tuple[Any, str, Any]] = []
        self._renamed: list[tuple[str, Any]] = []

    def __enter__(self) -> Guard:
        for name in self._names:
            owner, _, last = name.rpartition(".")
            module = sys.modules.get(owner)
            original = vars(module).get(last) if isinstance(module, ModuleType) else None  # asks no __getattr__
            if not callable(original) or isinstance(original, type | _Stand):
                continue
            stand = _Stand(name, self.called)
            setattr(module, last, stand)
            self._undo.append((module, last, original))
            self._rename(original, stand)
        return self

    def _rename(self, original: Any, stand: _Stand) -> None:
        for key, value in list(self._namespace.items()):
            if value is original:
                self._namespace[key] = stand
                self._renamed.append((key, original))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for module, last, original in self._undo:
            setattr(module, last, original)
        for key, original in self._renamed:
            if isinstance(self._namespace.get(key), _Stand):
                self._namespace[key] = original
