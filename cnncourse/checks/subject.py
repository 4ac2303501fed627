"""A student's function or class as a check works with it when one call is not enough.

A `Case` with `use=f` is answered by `f(subject, *args, **kwargs)`, which may make objects (an nn.Module), train them,
read their parameters, and ask for vector–Jacobian products, and gives back plain data to compare:

    def running_mean(batch_norm: Subject, x: Tensor) -> Tensor:
        layer = batch_norm.make(x.shape[1])
        layer(x)
        return layer.tensor("running_mean")

In the notebook a subject is the function itself (`LocalSubject`); while grading it is a jailed process. Both have the
same methods, so `use` must ask for nothing else, and must be a function of a module (it is sent to other processes).
Each object's answers are drawn from a seed of their own: nothing that ran before changes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Gradients:
    """What a vector–Jacobian product gives: the answer, the gradients of the chosen arguments, and those of the
    parameters by name (none for a function). What the answer does not depend on has a gradient of zeros."""

    output: Any
    inputs: tuple[Tensor, ...]
    parameters: Mapping[str, Tensor]


class Made(Protocol):
    """An object that `make` gave. Everything but calling it and `vjp` asks that it is an nn.Module."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def train(self, mode: bool = True) -> None: ...
    def zero_grad(self) -> None: ...
    def parameters(self) -> Mapping[str, Tensor]: ...
    def buffers(self) -> Mapping[str, Tensor]: ...
    def state(self) -> Mapping[str, Tensor]: ...
    def tensor(self, name: str) -> Tensor:
        """One parameter or buffer of the state; an AttributeError of the student's when there is none."""

    def load(self, state: Mapping[str, Tensor]) -> tuple[str, ...]:
        """Load a state strictly; what did not fit ("missing weight", …), and then nothing was loaded."""

    def gradients(self) -> Mapping[str, Tensor | None]: ...
    def vjp(self, args: Sequence[Any], cotangents: Any, wrt: Sequence[int] | None = None) -> Gradients: ...


class Subject(Protocol):
    """The student's function or class. `vjp`: cotangents fit the answer (a tensor, or one for each of a tuple); wrt
    are places in args, by default all that hold floating-point tensors."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def make(self, *args: Any, **kwargs: Any) -> Made: ...
    def vjp(self, args: Sequence[Any], cotangents: Any, wrt: Sequence[int] | None = None) -> Gradients: ...


Run = Callable[..., Any]


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The CPU's generator from `seed`; what it was before comes back. (torch.manual_seed would note the place of each
    call for every kind of device there is, which takes longer than a small layer.)"""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def _plainly(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


class LocalMade:
    """An object of this process. `run` calls whatever the student wrote, and may turn what it raises into its own."""

    def __init__(self, value: Any, run: Run) -> None:
        self._value, self._run, self._asked = value, run, 0

    def _ask(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._asked += 1  # as the jail counts: one for each method of `Made` that is called
        with _seeded(self._asked):
            return self._run(function, *_values(args), **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask(self._value, *args, **kwargs)

    def train(self, mode: bool = True) -> None:
        self._ask(lambda: _module(self._value).train(mode))

    def zero_grad(self) -> None:
        self._ask(lambda: _module(self._value).zero_grad())

    def parameters(self) -> Mapping[str, Tensor]:
        return _copied(self._ask(lambda: dict(_module(self._value).named_parameters())))

    def buffers(self) -> Mapping[str, Tensor]:
        return _copied(self._ask(lambda: dict(_module(self._value).named_buffers())))

    def state(self) -> Mapping[str, Tensor]:
        return _copied(self._ask(lambda: dict(_module(self._value).state_dict())))

    def tensor(self, name: str) -> Tensor:
        found: Tensor = self._ask(lambda: named(dict(_module(self._value).state_dict()), name))
        return found.detach().clone()

    def load(self, state: Mapping[str, Tensor]) -> tuple[str, ...]:
        return self._ask(_load, self._value, state)  # type: ignore[no-any-return]

    def gradients(self) -> Mapping[str, Tensor | None]:
        found = self._ask(lambda: {name: p.grad for name, p in _module(self._value).named_parameters()})
        return {name: None if grad is None else grad.detach().clone() for name, grad in found.items()}

    def vjp(self, args: Sequence[Any], cotangents: Any, wrt: Sequence[int] | None = None) -> Gradients:
        return self._ask(_vjp, self._value, list(args), cotangents, wrt)  # type: ignore[no-any-return]


class LocalSubject:
    """A function or class of this process; see `Subject`."""

    def __init__(self, function: Callable[..., Any], run: Run = _plainly) -> None:
        self._function, self._run = function, run

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._run(self._function, *_values(args), **kwargs)

    def make(self, *args: Any, **kwargs: Any) -> Made:
        with _seeded(0):
            return LocalMade(self(*args, **kwargs), self._run)

    def vjp(self, args: Sequence[Any], cotangents: Any, wrt: Sequence[int] | None = None) -> Gradients:
        with _seeded(0):
            return self._run(_vjp, self._function, list(args), cotangents, wrt)  # type: ignore[no-any-return]


def named(state: Mapping[str, Tensor], name: str) -> Tensor:
    """`state[name]`. AttributeError says what there is: a student's module may use other names."""
    if name not in state:
        raise AttributeError(f"no parameter or buffer {name!r}; the state holds {', '.join(state) or 'nothing'}")
    return state[name]


def _values(args: Sequence[Any]) -> list[Any]:
    """Made objects among the arguments stand for what was made."""
    return [value._value if isinstance(value, LocalMade) else value for value in args]


def _module(value: Any) -> nn.Module:
    if not isinstance(value, nn.Module):
        raise TypeError(f"expected an nn.Module; got a {type(value).__name__}")
    return value


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def _load(value: Any, state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Load all of `state`, or nothing and say why."""
    module = _module(value)
    own = module.state_dict()
    problems = [f"missing {name}" for name in own if name not in state]
    problems += [f"unexpected {name}" for name in state if name not in own]
    problems += [f"shape of {name}" for name in own if name in state and own[name].shape != state[name].shape]
    if not problems:
        module.load_state_dict(dict(state), strict=True)
    return tuple(problems)


def _vjp(function: Any, args: list[Any], cotangents: Any, wrt: Sequence[int] | None) -> Gradients:
    able = [k for k, value in enumerate(args) if isinstance(value, Tensor) and value.is_floating_point()]
    places = able if wrt is None else list(wrt)
    leaves = [args[k].detach().clone().requires_grad_() for k in places]
    for k, leaf in zip(places, leaves, strict=True):
        args[k] = leaf.clone()  # so that a function may write into its argument
    wanted = {}
    if isinstance(function, nn.Module):
        wanted = {name: p for name, p in function.named_parameters() if p.requires_grad}
    with torch.enable_grad():
        output = function(*_values(args))
    found = _pulled(output, cotangents, [*leaves, *wanted.values()])
    return Gradients(output, tuple(found[: len(leaves)]), dict(zip(wanted, found[len(leaves) :], strict=True)))


def _pulled(output: Any, cotangents: Any, sources: list[Tensor]) -> list[Tensor]:
    """cotangents · Jacobian for each source; zeros where the answer does not depend on it or does not fit."""
    outputs = [output] if isinstance(output, Tensor) else output
    weights = [cotangents] if isinstance(cotangents, Tensor) else cotangents
    pairs = []
    if isinstance(outputs, tuple | list) and len(outputs) == len(weights):
        pairs = list(zip(outputs, weights, strict=True))
    fits = all(isinstance(y, Tensor) and y.shape == c.shape and y.dtype == c.dtype for y, c in pairs)
    pairs = [(y, c) for y, c in pairs if y.requires_grad] if fits else []
    if not pairs or not sources:
        return [torch.zeros_like(s) for s in sources]
    found = torch.autograd.grad([y for y, _ in pairs], sources, [c for _, c in pairs], allow_unused=True)
    return [torch.zeros_like(s) if g is None else g for s, g in zip(sources, found, strict=True)]
