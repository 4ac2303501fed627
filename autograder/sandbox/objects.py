"""A student's object as the trusted side sees it: a number, questions that may be asked, answers of a known kind.

The object itself (an nn.Module, mostly) never leaves its child. Whatever it says about itself arrives as plain data
of the shape that the question allows, or as a `CallFailed` of this one question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .limits import CallFailed

if TYPE_CHECKING:
    from .session import Session

MOST_NAMES = 10_000


@dataclass(frozen=True)
class Pulled:
    """What a vector–Jacobian product gives: the answer, the gradients of the chosen arguments, and those of the
    parameters by name (none for a function)."""

    output: Any
    inputs: tuple[Tensor, ...]
    parameters: dict[str, Tensor]


class Object:
    """What `Session.make` gives. It lives as long as its session: afterwards every question is a CallFailed of kind
    "crash". Each question has the time of a call, and its own seed, so that nothing asked before changes the answer."""

    def __init__(self, session: Session, number: int) -> None:
        self.session, self.number = session, number
        self._asked = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("apply", args=args, kwargs=kwargs)

    def train(self, mode: bool = True) -> None:
        self._ask("train", mode=bool(mode))

    def zero_grad(self) -> None:
        self._ask("zero_grad")

    def parameters(self) -> dict[str, Tensor]:
        return named_tensors(self._ask("parameters"))

    def buffers(self) -> dict[str, Tensor]:
        return named_tensors(self._ask("buffers"))

    def state(self) -> dict[str, Tensor]:
        return named_tensors(self._ask("state"))

    def load(self, state: Mapping[str, Tensor]) -> tuple[str, ...]:
        """Load strictly; returns what did not fit ("missing weight", …), and nothing is loaded unless it is empty."""
        problems = self._ask("load", state=dict(state))
        if type(problems) is not list or len(problems) > MOST_NAMES or not all(type(p) is str for p in problems):
            raise _odd("a list of problems")
        return tuple(problems)

    def gradients(self) -> dict[str, Tensor | None]:
        """The `.grad` of every parameter, None where there is none."""
        answer = self._ask("gradients")
        empty = {k for k, v in answer.items() if v is None} if type(answer) is dict else set()
        found = named_tensors({k: v for k, v in answer.items() if k not in empty} if empty else answer)
        return {name: found.get(name) for name in answer}

    def vjp(
        self,
        args: Sequence[Any],
        cotangents: Any,
        wrt: Sequence[int] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> Pulled:
        """Forward, then cotangents · Jacobian; wrt: places in args, by default all that hold floating-point tensors."""
        places = differentiable(args, wrt)
        answer = self._ask("vjp", args=args, kwargs=dict(kwargs or {}), cotangents=cotangents, wrt=places)
        return pulled(answer, [args[k] for k in places])

    def _ask(self, op: str, args: Sequence[Any] = (), **body: Any) -> Any:
        self._asked += 1
        return self.session.ask(op, self, args, {**body, "seed": self._asked})


def differentiable(args: Sequence[Any], wrt: Sequence[int] | None) -> list[int]:
    """The places of the arguments to differentiate by. ValueError if one of them holds no floating-point tensor."""
    able = [k for k, value in enumerate(args) if isinstance(value, Tensor) and value.is_floating_point()]
    if wrt is None:
        return able
    for k in wrt:
        if k not in able:
            raise ValueError(f"vjp: wrt holds {k!r}; expected places of floating-point tensors, here {able}")
    return list(wrt)


def named_tensors(answer: Any) -> dict[str, Tensor]:
    """`answer` if it is a dict of plain tensors by name. CallFailed otherwise."""
    if type(answer) is not dict or len(answer) > MOST_NAMES:
        raise _odd("tensors by name")
    if not all(type(value) is Tensor for value in answer.values()):
        raise _odd("tensors by name")
    return answer


def pulled(answer: Any, inputs: Sequence[Tensor]) -> Pulled:
    """Check the answer to a vjp: gradients have the shape and dtype of what they belong to."""
    if type(answer) is not dict or answer.keys() != {"output", "inputs", "parameters"}:
        raise _odd("an answer and gradients")
    gradients = answer["inputs"]
    if type(gradients) is not list or len(gradients) != len(inputs):
        raise _odd("one gradient an argument")
    for got, given in zip(gradients, inputs, strict=True):
        if type(got) is not torch.Tensor or got.shape != given.shape or got.dtype != given.dtype:
            raise _odd("gradients of the arguments' shapes and dtypes")
    return Pulled(answer["output"], tuple(gradients), named_tensors(answer["parameters"]))


def _odd(expected: str) -> CallFailed:
    return CallFailed("error", "NotData", f"expected {expected}")
