"""An exercise whose answers are modules: batch norm with running statistics, used as later lessons use modules."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks import Case, Exercise
from cnncourse.checks.catalogue import catalogue, compiled, wrong
from cnncourse.checks.subject import Subject

SOURCE = """
import torch
from torch import nn

class norm(nn.Module):
    def __init__(self, channels, momentum=0.1, eps=1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(channels, dtype=torch.float64))
        self.bias = nn.Parameter(torch.zeros(channels, dtype=torch.float64))
        self.register_buffer("running_mean", torch.zeros(channels, dtype=torch.float64))
        self.register_buffer("running_var", torch.ones(channels, dtype=torch.float64))

    def forward(self, x):
        if self.training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
            n = x.numel() / x.shape[1]
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * n / (n - 1), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        column = (None, slice(None), None, None)
        y = (x - mean[column]) / torch.sqrt(var[column] + self.eps)
        return y * self.weight[column] + self.bias[column]
"""


def forward_twice(norm: Subject, x: Tensor) -> object:
    """In training twice, then in evaluation; with the statistics that this leaves."""
    layer = norm.make(x.shape[1])
    first = layer(x)
    layer(2 * x + 1)
    layer.train(False)
    return first, layer(x), layer.tensor("running_mean"), layer.tensor("running_var")


def loaded(norm: Subject, x: Tensor) -> object:
    """With parameters of the check's own."""
    layer = norm.make(x.shape[1])
    state = {name: torch.linspace(0.5, 2, len(value), dtype=value.dtype) for name, value in layer.state().items()}
    problems = layer.load(state)
    layer.train(False)
    return problems, layer(x), tuple(layer.buffers().values())


def gradients(norm: Subject, x: Tensor) -> object:
    """Of the input and of the parameters, in training."""
    weights = torch.arange(float(x.numel()), dtype=x.dtype).reshape(x.shape).sin()
    found = norm.make(x.shape[1]).vjp([x], weights)
    return (*found.inputs, *(found.parameters[name] for name in ("weight", "bias")))


def public() -> list[Case]:
    x = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return [
        Case("running statistics", (x,), use=forward_twice),
        Case("given parameters", (x,), use=loaded),
        Case("gradients", (x,), use=gradients, rtol=1e-7),
    ]


MISTAKES = catalogue(
    "norm",
    SOURCE,
    [
        wrong("biased_running_var", "The running variance is the unbiased one.", ("var * n / (n - 1)", "var")),
        wrong("always_training", "In evaluation the running statistics are used.", ("if self.training", "if True")),
        wrong(
            "no_gradient_through_the_statistics",
            "Mean and variance depend on x: their gradients are missing.",
            ("x.mean((0, 2, 3)), x.var", "x.detach().mean((0, 2, 3)), x.detach().var"),
        ),
    ],
)
EXERCISE = Exercise("norm", 4.0, compiled("norm", SOURCE), public, MISTAKES)
