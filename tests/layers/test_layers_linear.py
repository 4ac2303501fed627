"""linear against torch's, the loop, and finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_oracle import EXACT, MANY, Drawn, agree, drawn, upstream
from torch.testing import assert_close

from cnncourse import layers
from cnncourse.layers import naive


@pytest.mark.parametrize("examples", MANY)
def test_linear_is_torchs(examples: int) -> None:
    @given(drawn(least=1), st.integers(0, 4), st.booleans(), st.integers(0, 99))
    @settings(max_examples=examples)
    def each(x: Drawn, out: int, bias: bool, seed: int) -> None:
        weight = Drawn((out, x.shape[-1]), x.layout, seed=seed).tensor()
        inputs = [x.tensor(), weight, *([Drawn((out,), seed=seed).tensor()] if bias else [])]
        agree(layers.linear, F.linear, inputs, {"rtol": 1e-10, "atol": 1e-12 * max(1.0, x.scale)})

    each()


@given(drawn(least=2, most=2), st.integers(0, 4), st.booleans())
@settings(max_examples=40)
def test_linear_is_the_loop(x: Drawn, out: int, bias: bool) -> None:
    tensors = [x.tensor(), Drawn((out, x.shape[-1])).tensor(), Drawn((out,)).tensor() if bias else None]
    assert_close(naive.linear(*tensors), layers.linear(*tensors).detach(), **EXACT)  # type: ignore[arg-type]


def test_backward_is_the_derivative() -> None:
    tensors = [Drawn((2, 3, 4)).tensor(), Drawn((5, 4)).tensor(), Drawn((5,)).tensor()]
    assert torch.autograd.gradcheck(layers.linear, tensors)
    (dx,) = torch.autograd.grad(layers.linear(*tensors).pow(2).sum(), tensors[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()


def test_only_what_needs_a_gradient_gets_one() -> None:
    x, w, b = Drawn((2, 4)).tensor(), Drawn((5, 4)).tensor(), Drawn((5,)).tensor()
    layers.linear(x.detach(), w, b.detach()).sum().backward()
    assert_close(w.grad, x.detach().sum(0).expand(5, 4))
    assert x.grad is None
    assert b.grad is None


# Largest error as a share of the largest value; measured on a CPU: 1e-7, 5e-4 and 4e-3.
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float16, 2e-3), (torch.bfloat16, 2e-2)])
def test_dtypes_on_each_device(device: torch.device, dtype: torch.dtype, tolerance: float) -> None:
    tensors = [Drawn(shape, seed=i).tensor(dtype, device) for i, shape in enumerate([(6, 4), (5, 4), (5,)])]
    exact = [t.detach().double().cpu().requires_grad_() for t in tensors]
    y, want = layers.linear(*tensors), F.linear(*exact)
    assert (y.dtype, y.device.type) == (dtype, device.type)
    grads, wanted_grads = (torch.autograd.grad(v, i, upstream(v)) for v, i in ((y, tensors), (want, exact)))
    for got, wanted in zip((y, *grads), (want, *wanted_grads), strict=True):
        error = (got.detach().double().cpu() - wanted.detach()).abs().max() / wanted.detach().abs().max()
        assert float(error) < tolerance


def test_autocast_gives_the_dtype_that_torch_gives() -> None:
    x, w, b = (Drawn(shape).tensor(torch.float32) for shape in [(2, 4), (5, 4), (5,)])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, want = layers.linear(x, w, b), F.linear(x, w, b)
    assert_close(y, want)
    y.float().sum().backward()
    assert w.grad is not None
    assert w.grad.dtype == torch.float32


X, W = torch.zeros(2, 4), torch.zeros(5, 4)
WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "images": (lambda: layers.linear(torch.zeros(2, 1, 2, 2), W), ValueError, r"weight \(5, 4\).*flatten"),
    "no axes": (lambda: layers.linear(X[0, 0], W), ValueError, r"input has shape \(\)"),
    "weight with one axis": (lambda: layers.linear(X, W[0]), ValueError, r"weight \(4,\); expected"),
    "weight is a list": (lambda: layers.linear(X, [1.0]), TypeError, "weight is a list"),  # type: ignore[arg-type]
    "bias": (lambda: layers.linear(X, W, W[0]), ValueError, r"bias has shape \(4,\).*expected \(5,\)"),
    "dtypes": (lambda: layers.linear(X, W.double()), TypeError, "weight has dtype torch.float64.*Convert one"),
    "devices": (lambda: layers.linear(X, W.to("meta")), ValueError, "weight is on meta.*Move"),
    "integers": (lambda: layers.linear(X.long(), W.long()), TypeError, r"torch.int64.*input.float\(\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()
