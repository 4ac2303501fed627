"""How modules are asked: what their parameters are called, and what they give once they hold given weights.

A module has to fit a given state dict by name and shape. Then its answers, in training and in evaluation, its gradient
and its running statistics are those of the reference, to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from cnncourse.checks.core import Case
from cnncourse.checks.subject import Made, Subject

State: TypeAlias = dict[str, Tensor]
Args: TypeAlias = tuple[Any, ...]
Block: TypeAlias = tuple[Args, State, Tensor, Tensor]  # arguments, weights, what goes in, what comes back to its output

RTOL = 1e-4  # batch norm over few numbers loses digits in float32


def drawn_state(module: nn.Module, seed: int) -> State:
    """A state dict that fits `module`: weights of the size that He's rule gives, statistics of no special value."""
    generator = torch.Generator().manual_seed(seed)

    def normal(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=generator)

    state: State = {}
    for name, value in module.state_dict().items():
        kind = name.rpartition(".")[2]
        if not value.is_floating_point():
            state[name] = torch.zeros_like(value)  # batch norm's counter
        elif kind == "running_var":
            state[name] = 0.5 + normal(value).abs()
        elif kind == "weight" and value.dim() == 1:
            state[name] = 1 + 0.3 * normal(value)
        elif kind == "weight":
            state[name] = normal(value) * math.sqrt(2 / value[0].numel())
        else:
            state[name] = 0.5 * normal(value)
    return state


def block(reference: type[nn.Module], args: Args, shape: Sequence[int], seed: int) -> Block:
    """Arguments for the module, weights that fit it, an input of `shape`, and a gradient to come back."""
    module = reference(*args)
    generator = torch.Generator().manual_seed(seed + 1)
    x = torch.randn(tuple(shape), generator=generator)
    with torch.no_grad():
        y = module(x)
    return args, drawn_state(module, seed), x, torch.randn(y.shape, generator=generator)


def unfit(module: Subject, args: Args, state: State) -> object:
    """What of a given state dict does not fit: nothing, for a right module."""
    return module.make(*args).load(state)


def loaded(module: Subject, args: Args, state: State) -> tuple[Made, tuple[str, ...]]:
    """The module with given weights, and what did not fit."""
    made = module.make(*args)
    return made, made.load(state)


def outputs(module: Subject, args: Args, state: State, x: Tensor) -> object:
    """The output in evaluation, with given weights."""
    made, problems = loaded(module, args, state)
    if problems:
        return problems
    made.train(False)
    return made(x)


def training(module: Subject, args: Args, state: State, x: Tensor, upstream: Tensor) -> object:
    """Output and gradient of the input in training, then the running statistics that this leaves."""
    made, problems = loaded(module, args, state)
    if problems:
        return problems
    found = made.vjp([x], upstream)
    return (found.output, *found.inputs, *statistics(made, state))


def everything(module: Subject, *blocks: Block) -> object:
    """For each: what training gives, then the output in evaluation."""
    answers: list[object] = []
    for args, state, x, upstream in blocks:
        made, problems = loaded(module, args, state)
        if problems:
            return problems
        found = made.vjp([x], upstream)
        made.train(False)
        answers.append((found.output, *found.inputs, made(x)))
        answers.append(tuple(statistics(made, state)))
    return answers


def statistics(made: Made, state: State) -> list[Tensor]:
    """The running means and variances, in the order of the given state dict."""
    own = made.buffers()
    return [own[name] for name in state if name.endswith(("running_mean", "running_var"))]


def public_cases(reference: type[nn.Module], *given: tuple[str, Args, Sequence[int]]) -> list[Case]:
    """For each (what it is, arguments, shape of the input): the fit and the values; for the last one training, too."""
    cases = []
    for k, (what, args, shape) in enumerate(given):
        _, state, x, upstream = block(reference, args, shape, 400 + 10 * k)
        cases += [
            Case(f"{what}: what of a given state dict does not fit", (args, state), weight=0.2, use=unfit),
            Case(f"{what}: output with given weights", (args, state, x), weight=0.8, rtol=RTOL, use=outputs),
        ]
    name = f"{what}: in training (output, gradient of the input, running statistics)"
    cases.append(Case(name, (args, state, x, upstream), rtol=RTOL, use=training))
    return cases
