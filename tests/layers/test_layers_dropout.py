"""dropout: by its mask, by its statistics, and against torch's with the same random numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_oracle import LAYOUTS, Drawn, drawn, laid_out, upstream
from torch import Tensor
from torch.testing import assert_close

from cnncourse import layers


def seeded(function: Any, x: Tensor, p: float, **options: Any) -> Tensor:
    torch.manual_seed(7)
    y: Tensor = function(x, p, **options)
    return y


@given(drawn(), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.booleans())
@settings(max_examples=150)
def test_dropout_is_torchs_with_the_same_random_numbers(x: Drawn, p: float, training: bool) -> None:
    inputs = x.tensor(), x.tensor()
    got, want = (seeded(f, t, p, training=training) for f, t in zip((layers.dropout, F.dropout), inputs, strict=True))
    assert_close(got, want, rtol=1e-15, atol=0)
    dx, want_dx = (torch.autograd.grad(y, t, upstream(y))[0] for y, t in zip((got, want), inputs, strict=True))
    assert_close(dx, want_dx, rtol=1e-15, atol=0)


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
def test_the_share_that_is_dropped_and_the_mean_that_stays(device: torch.device, p: float) -> None:
    n = 100_000
    y = layers.dropout(torch.full((n,), 2.0, device=device), p)
    assert_close(y[y != 0], torch.full_like(y[y != 0], 2 / (1 - p)))
    dropped = float((y == 0).sum())
    deviation = (n * p * (1 - p)) ** 0.5  # of a binomial number; beyond five of them once in two million
    assert abs(dropped - n * p) < 5 * deviation
    assert abs(float(y.mean()) - 2) < 5 * 2 * deviation / n / (1 - p)


def test_neighbours_are_dropped_independently() -> None:
    kept = layers.dropout(torch.ones(100_001), 0.5) != 0
    assert abs(float((kept[1:] == kept[:-1]).double().mean()) - 0.5) < 0.01
    assert not torch.equal(kept, layers.dropout(torch.ones(100_001), 0.5) != 0)  # other draws each time


def test_backward_goes_through_the_same_mask() -> None:
    x = torch.ones(1000, dtype=torch.float64, requires_grad=True)
    y = layers.dropout(x, 0.3)
    (dx,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(dx, y)


def test_nothing_happens_in_evaluation_and_at_0() -> None:
    x = torch.randn(5)
    state = torch.get_rng_state()
    assert layers.dropout(x, 0.5, training=False) is x
    assert layers.dropout(x, 0.0) is x
    assert torch.equal(torch.get_rng_state(), state)
    assert layers.dropout(x, 1.0).tolist() == [0.0] * 5


@pytest.mark.parametrize("layout", LAYOUTS[:-1])
def test_inplace_writes_over_the_input(layout: str) -> None:
    x = Drawn((3, 4, 2, 5)).tensor()
    before = laid_out(2 * x, layout)
    want = seeded(layers.dropout, laid_out(2 * x, layout), 0.4)
    y = seeded(layers.dropout, before, 0.4, inplace=True)
    assert y is before
    assert torch.equal(y, want)
    assert torch.equal(torch.autograd.grad(y.sum(), x)[0], torch.autograd.grad(want.sum(), x)[0])


def test_a_second_derivative_is_refused() -> None:
    x = Drawn((3, 4)).tensor()
    (dx,) = torch.autograd.grad(layers.dropout(x).pow(2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_dtypes_on_each_device(device: torch.device, dtype: torch.dtype) -> None:
    x = torch.ones(100, dtype=dtype, device=device, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layers.dropout(x, 0.5)
    assert (y.dtype, y.device.type) == (dtype, device.type)
    assert set(y.tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_wrong_arguments_are_explained(p: float) -> None:
    for call in (lambda: layers.dropout(torch.ones(2), p), lambda: layers.Dropout(p)):
        with pytest.raises(ValueError, match=f"p is {p}; expected a probability"):
            call()
    with pytest.raises(TypeError, match=r"dtype torch\.int64"):
        layers.dropout(torch.ones(2).long())
