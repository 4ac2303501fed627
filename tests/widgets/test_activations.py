"""The plotted activation functions and slopes equal torch's, and what many layers make of them is right."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from cnncourse.widgets.activation_plotter import ACTIVATIONS

Run = Callable[[str, str, Any], Any]
KINKS = [0.0, 1e-9, -1e-9, 0.5, -0.5, 2.4999, 2.5001, 20.5, -20.5, 40.0, -40.0]


def _torch(name: str, x: Tensor, slope: float) -> Tensor:
    if name == "prelu":
        return F.prelu(x, torch.full((1,), slope, dtype=x.dtype))
    if name == "leaky_relu":
        return F.leaky_relu(x, 0.01)
    return {"sigmoid": torch.sigmoid, "tanh": torch.tanh}.get(name, getattr(F, name))(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_slopes_equal_torch(run: Run, name: str) -> None:
    draw = random.Random(3)
    points = KINKS + [draw.uniform(-6, 6) for _ in range(200)] + [draw.gauss(0, 0.1) for _ in range(50)]
    slope = draw.uniform(0.05, 0.9)
    x = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    y = _torch(name, x, slope)
    (dy,) = torch.autograd.grad(y.sum(), x)
    got = run(
        "_activations.js",
        "((f) => given.x.map((x) => [f.value(x, given.a), f.slope(x, given.a)]))(m.ACTIVATIONS[given.name])",
        {"x": points, "name": name, "a": slope},
    )
    values, slopes = torch.tensor(got, dtype=torch.float64).unbind(1)
    torch.testing.assert_close(values, y.detach(), rtol=0, atol=1e-6)
    torch.testing.assert_close(slopes, dy, rtol=0, atol=1e-6)


def test_all_ten_are_there(run: Run) -> None:
    assert run("_activations.js", "Object.keys(m.ACTIVATIONS)", None) == list(ACTIVATIONS)
    assert len(ACTIVATIONS) == 10


def test_error_function_equals_python(run: Run) -> None:
    points = [k / 37 for k in range(-260, 261)]
    assert run("_activations.js", "given.map(m.erf)", points) == pytest.approx([math.erf(x) for x in points], abs=1e-12)


@pytest.mark.parametrize(("name", "layers"), [("sigmoid", 10), ("tanh", 7), ("selu", 5), ("relu", 50)])
def test_many_layers_multiply_their_slopes(run: Run, name: str, layers: int) -> None:
    x = [torch.tensor(0.7, dtype=torch.float64, requires_grad=True) for _ in range(layers)]
    gradient = torch.tensor(1.0, dtype=torch.float64)
    for one in x:
        (gradient,) = torch.autograd.grad(_torch(name, one, 0.25), one, gradient)
    got = run("_activations.js", "m.afterLayers(m.ACTIVATIONS[given[0]].slope(0.7), given[1])", [name, layers])
    assert got == pytest.approx(gradient.item(), rel=1e-9)
