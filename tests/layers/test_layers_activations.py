"""The reference activations against torch's, against finite differences, and at their edges."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_oracle import EXACT, LAYOUTS, MANY, Drawn, agree, drawn, laid_out, upstream
from torch import Tensor
from torch.testing import assert_close

from cnncourse import layers
from cnncourse.layers import pointwise

# Each activation, torch's, and the options to draw from.
NAMES: dict[str, dict[str, list[Any]]] = {
    "relu": {},
    "leaky_relu": {"negative_slope": [0.01, 0.0, 0.3, 1.0, 2.0, -0.2]},
    "elu": {"alpha": [1.0, 0.5, 2.0, -1.0, 0.0]},
    "selu": {},
    "gelu": {"approximate": ["none", "tanh"]},
    "silu": {},
    "softplus": {"beta": [1.0, 0.3, 4.0, -1.0], "threshold": [20.0, 1.0, 0.0, -2.0]},
    "sigmoid": {},
    "tanh": {},
}
INPLACE = ["relu", "leaky_relu", "elu", "selu", "silu"]


def torchs(name: str) -> Callable[..., Tensor]:
    found: Callable[..., Tensor] = getattr(torch if name in ("sigmoid", "tanh") else F, name)
    return found


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any], Drawn]:
    name = draw(st.sampled_from(sorted(NAMES)))
    options = {option: draw(st.sampled_from(values)) for option, values in NAMES[name].items() if draw(st.booleans())}
    return name, options, draw(drawn())


@pytest.mark.parametrize("examples", MANY)
def test_activations_are_torchs(examples: int) -> None:
    @given(calls())
    @settings(max_examples=examples)
    def each(call: tuple[str, dict[str, Any], Drawn]) -> None:
        name, options, x = call
        agree(partial(getattr(layers, name), **options), partial(torchs(name), **options), [x.tensor()])

    each()


@given(drawn(), st.booleans(), st.integers(0, 99))
@settings(max_examples=150)
def test_prelu_is_torchs(x: Drawn, per_channel: bool, seed: int) -> None:
    channels = x.shape[1] if per_channel and len(x.shape) > 1 else 1
    if channels:
        agree(layers.prelu, F.prelu, [x.tensor(), Drawn((channels,), seed=seed).tensor()])


@pytest.mark.parametrize("name", [*NAMES, "prelu"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_pieces_and_in_every_layout(name: str, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pointwise._PIECE, "cpu", 7)
    inputs = [Drawn((2, 3, 4, 5), layout).tensor(), *([Drawn((3,)).tensor()] if name == "prelu" else [])]
    agree(getattr(layers, name), torchs(name), inputs)
    strides = getattr(layers, name)(*inputs).stride()
    assert strides == torchs(name)(*inputs).stride()


INFINITE = math.inf
VALUES = [-INFINITE, -1e4, -100.0, -1.0, -1e-310, -0.0, 0.0, 1e-310, 1.0, 100.0, 1e4, INFINITE]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", [*NAMES, "gelu tanh", "prelu"])
def test_extreme_inputs(name: str, dtype: torch.dtype) -> None:
    name, *tanh = name.split()
    options = {"approximate": "tanh"} if tanh else {}
    weight = [torch.tensor([0.25], dtype=dtype)] if name == "prelu" else []
    x = torch.tensor(VALUES, dtype=dtype, requires_grad=True)
    y, want = getattr(layers, name)(x, *weight, **options), torchs(name)(x, *weight, **options)
    slope, want_slope = (torch.autograd.grad(v.sum(), x)[0] for v in (y, want))
    if name in ("gelu", "silu"):  # at infinity they compute inf * 0, and what torch gives there depends on the dtype
        y, want, slope, want_slope = (v[1:-1] for v in (y, want, slope, want_slope))
    assert not y.isnan().any()
    assert not slope.isnan().any()
    assert_close(y, want)
    assert_close(slope, want_slope)
    assert getattr(layers, name)(x.new_full((3,), math.nan), *weight).isnan().all()


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "selu", "prelu"])
def test_the_kink_has_the_left_slope(name: str) -> None:
    x = torch.zeros(3, dtype=torch.float64)
    inputs = [x.requires_grad_(), *([torch.full((1,), 0.5, dtype=torch.float64)] if name == "prelu" else [])]
    slopes = [torch.autograd.grad(f(*inputs).sum(), x)[0] for f in (getattr(layers, name), torchs(name))]
    assert torch.equal(*slopes)
    expected = {"relu": 0.0, "leaky_relu": 0.01, "elu": 1.0, "selu": 1.7580993408473766, "prelu": 0.5}[name]
    assert_close(slopes[0][0].item(), expected)


@pytest.mark.parametrize("name", [*NAMES, "prelu"])
def test_backward_is_the_derivative(name: str) -> None:
    x = torch.linspace(-3, 3, 12, dtype=torch.float64).reshape(2, 3, 2).requires_grad_()  # no kink among them
    inputs = [x, *([Drawn((3,)).tensor()] if name == "prelu" else [])]
    assert torch.autograd.gradcheck(getattr(layers, name), inputs)


@pytest.mark.parametrize("name", INPLACE)
@pytest.mark.parametrize("layout", LAYOUTS[:-1])
def test_inplace_writes_over_the_input(name: str, layout: str) -> None:
    x = Drawn((3, 4, 2, 5)).tensor()
    before = laid_out(2 * x, layout)  # not a leaf
    want = getattr(layers, name)(2 * x)
    y = getattr(layers, name)(before, inplace=True)
    assert y is before
    assert_close(y, want, rtol=0, atol=0)
    dx, want_dx = (torch.autograd.grad(v, x, upstream(want))[0] for v in (y, want))
    assert_close(dx, want_dx, **EXACT)
    with pytest.raises(RuntimeError, match="leaf"):
        getattr(layers, name)(x, inplace=True)


@pytest.mark.parametrize("name", [*NAMES, "prelu"])
def test_the_input_is_left_alone_otherwise(name: str) -> None:
    x = Drawn((3, 4)).tensor()
    before = x.detach().clone()
    getattr(layers, name)(x, *([torch.ones(1).double()] if name == "prelu" else [])).sum().backward()
    assert torch.equal(x, before)


# Largest error as a share of the largest value; measured on a CPU: 1e-7, 5e-4 and 4e-3 (rounding of the result).
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float16, 1e-3), (torch.bfloat16, 8e-3)])
@pytest.mark.parametrize("name", [*NAMES, "prelu"])
def test_dtypes_on_each_device(name: str, device: torch.device, dtype: torch.dtype, tolerance: float) -> None:
    inputs = [Drawn((4, 3, 50)).tensor(dtype, device)]
    inputs += [Drawn((3,)).tensor(dtype, device)] if name == "prelu" else []
    exact = [t.detach().double().cpu().requires_grad_() for t in inputs]
    y, want = getattr(layers, name)(*inputs), torchs(name)(*exact)
    assert (y.dtype, y.device.type) == (dtype, device.type)
    dx, want_dx = (torch.autograd.grad(v, i[0], upstream(v))[0] for v, i in ((y, inputs), (want, exact)))
    for got, wanted in ((y, want), (dx, want_dx)):
        error = (got.detach().double().cpu() - wanted.detach()).abs().max() / wanted.detach().abs().max()
        assert float(error) < 3 * tolerance


@pytest.mark.parametrize("name", [*NAMES, "prelu"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast_gives_the_dtype_that_torch_gives(name: str, dtype: torch.dtype) -> None:
    x = Drawn((4, 3)).tensor(dtype)
    more = [torch.ones(3)] if name == "prelu" else []
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, want = getattr(layers, name)(x, *more), torchs(name)(x, *more)
    assert_close(y, want, rtol=1e-2, atol=1e-2)  # compares dtypes, too
    y.float().sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == dtype


def test_no_slope_is_kept_where_nothing_needs_one() -> None:
    x = Drawn((4, 3)).tensor()
    assert layers.gelu(x).grad_fn.saved_tensors[0].shape == x.shape  # type: ignore[union-attr]
    with torch.no_grad():
        assert layers.gelu(x).grad_fn is None
    assert layers.gelu(x.detach()).grad_fn is None


def test_a_second_derivative_is_refused() -> None:
    x = Drawn((4, 3)).tensor()
    for name in (*NAMES, "prelu"):
        y = getattr(layers, name)(x, *([torch.ones(1).double()] if name == "prelu" else []))
        (dx,) = torch.autograd.grad(y.pow(2).sum(), x, create_graph=True)
        with pytest.raises(RuntimeError, match="once_differentiable"):
            dx.sum().backward()


X = torch.zeros(2, 3)
WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a list": (lambda: layers.relu([1.0]), TypeError, "relu: input is a list.*torch.Tensor"),  # type: ignore[arg-type]
    "whole numbers": (lambda: layers.gelu(X.long()), TypeError, r"gelu: input has dtype torch.int64.*input.float\(\)"),
    "approximate": (lambda: layers.gelu(X, "erf"), ValueError, "approximate is 'erf'.*'none' or 'tanh'"),
    "beta 0": (lambda: layers.softplus(X, beta=0), ValueError, "beta is 0"),
    "weight of another length": (lambda: layers.prelu(X, torch.ones(2)), ValueError, r"shape \(2,\).*\(3,\): one"),
    "weight with two axes": (lambda: layers.prelu(X, torch.ones(1, 3)), ValueError, r"shape \(1, 3\)"),
    "weight is a number": (lambda: layers.prelu(X, 0.25), TypeError, "weight is a float"),  # type: ignore[arg-type]
    "weight of another dtype": (lambda: layers.prelu(X, torch.ones(3).double()), TypeError, "Convert one"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()
