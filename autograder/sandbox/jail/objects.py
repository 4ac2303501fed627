"""What is done with a student's objects inside the child: make one, keep it under a number, ask it, differentiate it.

Numbers and tensors leave; the object stays. Student code shares this process and can make every word of an answer up:
the other side checks what kind of data an answer is, and the checks decide whether it is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

KEPT = 16  # objects at a time; the oldest goes first

# As torch has them, before any student code runs; a class that overrides them cannot hide its parameters by that.
_parameters, _buffers = nn.Module.named_parameters, nn.Module.named_buffers
_state, _load = nn.Module.state_dict, nn.Module.load_state_dict


class Gone(Exception):
    """The object of that number is not here (any more)."""


class Objects:
    """The objects that the trusted side has asked for, by the numbers that it gave them."""

    def __init__(self) -> None:
        self._kept: dict[int, Any] = {}

    def keep(self, number: int, value: Any) -> None:
        if value is None or isinstance(value, bool | int | float | str | Tensor):
            raise TypeError(f"expected an object such as an nn.Module; got a {type(value).__name__}")
        self._kept[number] = value
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]

    def get(self, number: int) -> Any:
        if number not in self._kept:
            raise Gone(f"there is no object {number}")
        return self._kept[number]

    def arguments(self, request: Mapping[str, Any]) -> list[Any]:
        """The request's arguments, with the objects in the places where their numbers stand."""
        args = list(request["args"])
        for place, number in request.get("held", {}).items():
            args[int(place)] = self.get(number)
        return args


def perform(request: Mapping[str, Any], target: Any, objects: Objects) -> Any:
    """One request: `target` is the student's function (make, vjp) or the object itself."""
    op = request["op"]
    if "seed" in request:
        torch.default_generator.manual_seed(request["seed"])
    if op == "vjp":
        return vjp(target, objects.arguments(request), request["kwargs"], request["cotangents"], request["wrt"])
    if op == "make":
        return objects.keep(request["number"], target(*objects.arguments(request), **request["kwargs"]))
    if op == "apply":
        return target(*objects.arguments(request), **request["kwargs"])
    if not isinstance(target, nn.Module):
        raise TypeError(f"expected an nn.Module; got a {type(target).__name__}")
    return _OPERATIONS[op](target, request)


def _train(module: nn.Module, request: Mapping[str, Any]) -> None:
    module.train(request["mode"])


def _zero(module: nn.Module, request: Mapping[str, Any]) -> None:
    module.zero_grad()


def _named(module: nn.Module, request: Mapping[str, Any]) -> dict[str, Tensor]:
    return dict(_parameters(module))


def _buffered(module: nn.Module, request: Mapping[str, Any]) -> dict[str, Tensor]:
    return dict(_buffers(module))


def _stated(module: nn.Module, request: Mapping[str, Any]) -> dict[str, Tensor]:
    return dict(_state(module))


def _loaded(module: nn.Module, request: Mapping[str, Any]) -> list[str]:
    """Load strictly; what does not fit is named, and then nothing is loaded."""
    given, own = request["state"], dict(_state(module))
    problems = [f"missing {name}" for name in own if name not in given]
    problems += [f"unexpected {name}" for name in given if name not in own]
    problems += [f"shape of {name}" for name in own if name in given and own[name].shape != given[name].shape]
    if not problems:
        _load(module, given, strict=True)
    return problems


def _gradients(module: nn.Module, request: Mapping[str, Any]) -> dict[str, Tensor | None]:
    return {name: p.grad for name, p in _parameters(module)}


_OPERATIONS: dict[str, Callable[[nn.Module, Mapping[str, Any]], Any]] = {
    "train": _train,
    "zero_grad": _zero,
    "parameters": _named,
    "buffers": _buffered,
    "state": _stated,
    "load": _loaded,
    "gradients": _gradients,
}


def vjp(
    function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], cotangents: Any, wrt: Sequence[int]
) -> dict[str, Any]:
    """{"output", "inputs", "parameters"}: the answer, and cotangents · Jacobian for the arguments `wrt` and for the
    parameters. Where the answer does not depend on something, or does not fit the cotangents, its gradient is zero."""
    args = list(args)
    leaves = {k: args[k].detach().clone().requires_grad_() for k in wrt}
    for k, leaf in leaves.items():
        args[k] = leaf.clone()  # so that a function may write into its argument
    parameters = dict(_parameters(function)) if isinstance(function, nn.Module) else {}
    wanted = {name: p for name, p in parameters.items() if p.requires_grad}
    with torch.enable_grad():
        output = function(*args, **kwargs)
    pairs = [(y, c) for y, c in _pairs(output, cotangents) if y.requires_grad]
    sources = [*leaves.values(), *wanted.values()]
    found: Sequence[Tensor | None] = [None] * len(sources)
    if pairs and sources:
        outputs, weights = [y for y, _ in pairs], [c for _, c in pairs]
        found = torch.autograd.grad(outputs, sources, weights, allow_unused=True)
    filled = [torch.zeros_like(s) if g is None else g for s, g in zip(sources, found, strict=True)]
    named = dict(zip(wanted, filled[len(leaves) :], strict=True))
    return {"output": output, "inputs": filled[: len(leaves)], "parameters": named}


def _pairs(output: Any, cotangents: Any) -> list[tuple[Tensor, Tensor]]:
    """Each tensor of the answer with its cotangent; none when they do not fit each other."""
    outputs = [output] if isinstance(output, Tensor) else output
    weights = [cotangents] if isinstance(cotangents, Tensor) else cotangents
    if not isinstance(outputs, tuple | list) or len(outputs) != len(weights):
        return []
    pairs = list(zip(outputs, weights, strict=True))
    fits = all(isinstance(y, Tensor) and y.shape == c.shape and y.dtype == c.dtype for y, c in pairs)
    return pairs if fits else []


def warm() -> None:
    """Differentiate once, so that what torch imports for it is there before the first fork. Starts no thread."""
    leaf = torch.ones(2, requires_grad=True)
    vjp(lambda x: x * x, [leaf], {}, torch.ones(2), [0])
    torch.autograd.backward((leaf * leaf).sum())
