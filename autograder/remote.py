"""The jailed notebook as the checks see it: functions and objects that answer with plain data, or with a CallError.

The same interface as `cnncourse.checks.subject` gives in the notebook. The texts of a student's exceptions stay
behind: they could carry a hidden input out.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from autograder.replay import Failure, Replay
from autograder.sandbox import Session
from autograder.sandbox.objects import Object
from cnncourse.checks.core import CallError, Fault
from cnncourse.checks.subject import Gradients, named

_ERRORS = frozenset(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
) | {"OutOfMemoryError", "LinAlgError", "AxisError", "ForbiddenCall"}

_WORDS = {
    "limit": "TimeoutError",
    "crash": "a crash of the whole process",
    "wire": "an answer that is no plain data",
    "missing": "NameError",
}


class Remote:
    """`call` for the checks."""

    sends = True  # copies of the arguments: what is done to them over there stays there

    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return self.subject(name)(*args, **kwargs)

    def subject(self, name: str) -> RemoteSubject:
        return RemoteSubject(self._replay, name)


class RemoteSubject:
    """A student's function or class."""

    def __init__(self, replay: Replay, name: str) -> None:
        self._replay, self._name = replay, name

    def ask(self, question: Callable[[Session], Any], owner: Session | None = None) -> Any:
        """The answer to `question`, put to the child. CallError for whatever the student does, Fault for the rest."""
        try:
            failure, value = self._replay.ask(self._name, question, owner)
        except Exception as error:
            raise Fault(str(error)) from error
        if failure is not None:
            raise _error(failure)
        return value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.ask(lambda session: session.call(self._name, _objects(args), kwargs))

    def make(self, *args: Any, **kwargs: Any) -> RemoteMade:
        return RemoteMade(self, self.ask(lambda session: session.make(self._name, _objects(args), kwargs)))

    def vjp(self, args: Sequence[Any], cotangents: Any, wrt: Sequence[int] | None = None) -> Gradients:
        found = self.ask(lambda session: session.vjp(self._name, _objects(args), cotangents, wrt))
        return Gradients(found.output, found.inputs, found.parameters)


class RemoteMade:
    """An object of the student's in its child. When the child has ended, every question is a CallError."""

    def __init__(self, subject: RemoteSubject, value: Object) -> None:
        self._subject, self._value = subject, value

    @property
    def value(self) -> Object:
        """The handle, for a call that takes the object as an argument."""
        return self._value

    def _ask(self, question: Callable[..., Any], *args: Any) -> Any:
        return self._subject.ask(lambda session: question(*args), self._value.session)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._subject.ask(lambda session: self._value(*_objects(args), **kwargs), self._value.session)

    def train(self, mode: bool = True) -> None:
        self._ask(self._value.train, mode)

    def zero_grad(self) -> None:
        self._ask(self._value.zero_grad)

    def parameters(self) -> Mapping[str, Tensor]:
        return self._ask(self._value.parameters)  # type: ignore[no-any-return]

    def buffers(self) -> Mapping[str, Tensor]:
        return self._ask(self._value.buffers)  # type: ignore[no-any-return]

    def state(self) -> Mapping[str, Tensor]:
        return self._ask(self._value.state)  # type: ignore[no-any-return]

    def tensor(self, name: str) -> Tensor:
        try:
            return named(self.state(), name)
        except AttributeError:
            raise CallError("error", "AttributeError") from None

    def load(self, state: Mapping[str, Tensor]) -> tuple[str, ...]:
        return self._ask(self._value.load, state)  # type: ignore[no-any-return]

    def gradients(self) -> Mapping[str, Tensor | None]:
        return self._ask(self._value.gradients)  # type: ignore[no-any-return]

    def vjp(self, args: Sequence[Any], cotangents: Any, wrt: Sequence[int] | None = None) -> Gradients:
        found = self._ask(self._value.vjp, _objects(args), cotangents, wrt)
        return Gradients(found.output, found.inputs, found.parameters)


def _objects(args: Sequence[Any]) -> list[Any]:
    return [value.value if isinstance(value, RemoteMade) else value for value in args]


def _error(failure: Failure) -> CallError:
    if failure.type_name == "NotImplementedError":
        return CallError("missing", "NotImplementedError")
    kind = failure.kind if failure.kind in ("error", "limit", "missing") else "error"
    known = failure.type_name if failure.type_name in _ERRORS else ""
    return CallError(kind, known or _WORDS.get(failure.kind, "an error of its own"))  # type: ignore[arg-type]
