"""Max and average pooling against torch's, against the loops, and against finite differences."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from pooling_oracle import EXACT, Pooling, poolings, refuses, same, vjp
from torch import Tensor
from torch.testing import assert_close

from cnncourse import layers
from cnncourse.layers import naive

NAN, INF = math.nan, math.inf


def row(*values: float) -> Tensor:
    return torch.tensor([[[values]]], dtype=torch.float64)


@given(poolings())
@settings(max_examples=1000)
def test_max_pool2d_is_torchs(case: Pooling) -> None:
    ours, theirs = case.input(), case.input()
    y, winner = layers.max_pool2d(ours, **case.options, return_indices=True)
    expected, index = F.max_pool2d(theirs, **case.options, return_indices=True)
    same(y, expected)
    same(winner, index)
    assert_close(vjp(y, ours), vjp(expected, theirs), **EXACT)


averages = st.fixed_dictionaries(
    {"count_include_pad": st.booleans(), "divisor_override": st.sampled_from([None, None, 1, 3, -2])}
)


@given(poolings(dilated=False), averages)
@settings(max_examples=1000)
def test_avg_pool2d_is_torchs(case: Pooling, options: dict[str, Any]) -> None:
    ours, theirs = case.input(), case.input()
    y, expected = layers.avg_pool2d(ours, **case.options, **options), F.avg_pool2d(theirs, **case.options, **options)
    assert_close(y, expected, **EXACT, equal_nan=True)
    assert_close(vjp(y, ours), vjp(expected, theirs), **EXACT)


side = st.one_of(st.none(), st.integers(1, 12))


@given(poolings(dilated=False), st.one_of(st.integers(1, 5), st.tuples(side, side)))
@settings(max_examples=1000)
def test_adaptive_avg_pool2d_is_torchs(case: Pooling, size: Any) -> None:
    ours, theirs = case.input(), case.input()
    y, expected = layers.adaptive_avg_pool2d(ours, size), F.adaptive_avg_pool2d(theirs, size)
    assert_close(y, expected, **EXACT, equal_nan=True)
    assert_close(vjp(y, ours), vjp(expected, theirs), **EXACT)


def test_adaptive_avg_pool2d_of_no_size() -> None:
    x = torch.zeros(2, 3, 4, 5)
    assert layers.adaptive_avg_pool2d(x, (0, 2)).shape == F.adaptive_avg_pool2d(x, (0, 2)).shape == (2, 3, 0, 2)


@given(poolings())
@settings(max_examples=100)
def test_max_loops_are_the_same(case: Pooling) -> None:
    x = case.input()
    y, winner = layers.max_pool2d(x, **case.options, return_indices=True)
    x4 = x[None] if x.dim() == 3 else x
    slow, slow_winner = naive.max_pool2d(x4, **case.options)
    same(slow.reshape(y.shape), y.detach())
    same(slow_winner.reshape(y.shape), winner)
    dx = naive.max_pool2d_input(x4, slow_winner, torch.ones_like(slow)).reshape(x.shape)
    assert_close(dx, torch.autograd.grad(y.sum(), x)[0], **EXACT)


@given(poolings(dilated=False), averages)
@settings(max_examples=100)
def test_average_loops_are_the_same(case: Pooling, options: dict[str, Any]) -> None:
    x = case.input()
    y = layers.avg_pool2d(x, **case.options, **options)
    x4 = x[None] if x.dim() == 3 else x
    slow = naive.avg_pool2d(x4, **case.options, **options)
    assert_close(slow.reshape(y.shape), y.detach(), **EXACT, equal_nan=True)
    dx = naive.avg_pool2d_input(x4, torch.ones_like(slow), **case.options, **options).reshape(x.shape)
    assert_close(dx, torch.autograd.grad(y.sum(), x)[0], **EXACT)


@pytest.mark.parametrize("size", [1, (3, 2), (7, 9), (10, 4)])
def test_adaptive_loops_are_the_same(size: Any) -> None:
    x = Pooling((2, 3, 7, 9)).input()
    assert_close(naive.adaptive_avg_pool2d(x, size), layers.adaptive_avg_pool2d(x, size).detach(), **EXACT)


@pytest.mark.parametrize(
    ("values", "winner"),
    [
        ((1, 1, 0), 0),
        ((-INF, -INF, -INF), 0),
        ((NAN, 1, 5), 0),
        ((1, NAN, 5), 1),
        ((NAN, 7, NAN), 2),
        ((INF, NAN, INF), 1),
        ((-0.0, 0.0, -0.0), 0),
    ],
)
def test_who_wins_a_tie(values: tuple[float, ...], winner: int) -> None:
    y, index = layers.max_pool2d(row(*values), (1, 3), return_indices=True)
    assert index.item() == F.max_pool2d(row(*values), (1, 3), return_indices=True)[1].item() == winner
    same(y, row(values[winner]))


def test_padding_never_wins() -> None:
    y, index = layers.max_pool2d(row(-INF, -5, -6), (1, 3), 1, (0, 1), return_indices=True)
    same(y, row(-5, -5, -5))
    assert index.flatten().tolist() == [1, 1, 1]
    y, index = layers.max_pool2d(row(-INF, -INF), (1, 2), 1, (0, 1), return_indices=True)
    assert index.flatten().tolist() == [0, 0, 1]


def test_ceil_mode_counts_the_window_that_sticks_out() -> None:
    x = row(1, 2, 3, 4, 5)
    assert layers.max_pool2d(x, (1, 2)).flatten().tolist() == [2, 4]
    assert layers.max_pool2d(x, (1, 2), ceil_mode=True).flatten().tolist() == [2, 4, 5]
    # the fourth window of (1, 2), stride 2, padding 1 would start in the padding behind: it is left out
    y = layers.avg_pool2d(x, (1, 2), padding=(0, 1), ceil_mode=True)
    assert y.flatten().tolist() == [0.5, 2.5, 4.5]
    assert layers.avg_pool2d(x, (1, 2), (1, 3), (0, 1), ceil_mode=True).flatten().tolist() == [0.5, 3.5]
    assert layers.avg_pool2d(x, (1, 3), ceil_mode=True).flatten().tolist() == [2, 4.5]  # 9 / 2: two entries are there


def test_overlapping_windows_add_their_gradients() -> None:
    x = row(1, 3, 2).requires_grad_()
    layers.max_pool2d(x, (1, 2), 1).sum().backward()
    assert x.grad is not None
    assert x.grad.flatten().tolist() == [0, 2, 0]


CHECKED: dict[str, Any] = {
    "max": lambda x: layers.max_pool2d(x, 3, (2, 1), 1, (1, 2)),
    "max, ceil_mode": lambda x: layers.max_pool2d(x, 2, 3, ceil_mode=True),
    "average": lambda x: layers.avg_pool2d(x, (3, 2), (2, 1), 1),
    "average of the input only": lambda x: layers.avg_pool2d(x, 3, 2, 1, True, False),
    "adaptive": lambda x: layers.adaptive_avg_pool2d(x, (3, 4)),
    "channels": lambda x: layers.channel_max_pool(x, 2),
}


@pytest.mark.parametrize("name", CHECKED)
def test_backward_is_the_derivative(name: str) -> None:
    x = torch.randperm(2 * 4 * 7 * 6).double().reshape(2, 4, 7, 6).requires_grad_()  # no ties
    assert torch.autograd.gradcheck(CHECKED[name], x, fast_mode=False)


@pytest.mark.parametrize("name", CHECKED)
def test_a_second_derivative_is_refused(name: str) -> None:
    x = torch.randn(1, 4, 6, 6, requires_grad=True)
    (dx,) = torch.autograd.grad(CHECKED[name](x).pow(2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.lists(st.integers(1, 3), max_size=3), st.booleans())
@settings(max_examples=300)
def test_channel_max_pool_is_its_formula(pieces: int, groups: int, N: int, sides: list[int], integers: bool) -> None:
    x = torch.randn(N, groups * pieces, *sides, dtype=torch.float64)
    x = (x.round() if integers else x).requires_grad_()
    y = layers.channel_max_pool(x, pieces)
    flat = x.detach().reshape(N, groups, pieces, math.prod(sides)).tolist()
    dy = torch.randn_like(y)
    dx = torch.zeros(N, groups, pieces, math.prod(sides), dtype=torch.float64)
    best = torch.zeros(N, groups, math.prod(sides), dtype=torch.float64)
    for n in range(N):
        for c in range(groups):
            for i in range(math.prod(sides)):
                column = [flat[n][c][k][i] for k in range(pieces)]
                best[n, c, i] = max(column)
                dx[n, c, column.index(max(column)), i] = dy.reshape(best.shape)[n, c, i]  # the first of equals
    same(y, best.reshape(y.shape))
    same(torch.autograd.grad(y, x, dy)[0], dx.reshape(x.shape))
    same(naive.channel_max_pool(x, pieces), y.detach())


def test_channel_max_pool_along_another_axis() -> None:
    x = torch.randn(2, 6, 3, 4)
    y = layers.channel_max_pool(x, 3)
    same(layers.channel_max_pool(x, 3, dim=-3), y)
    same(layers.channel_max_pool(x[0], 3, dim=-3), y[0])
    same(layers.channel_max_pool(x.movedim(1, 3), 3, dim=3), y.movedim(1, 3))
    assert layers.channel_max_pool(torch.zeros(0, 6, 3), 2).shape == (0, 3, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_dtypes_on_each_device(device: torch.device, dtype: torch.dtype) -> None:
    case = Pooling((2, 3, 9, 8), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True})
    for name in ("max_pool2d", "avg_pool2d"):
        ours, theirs = case.input(dtype, device), case.input(dtype, device)
        y, expected = getattr(layers, name)(ours, **case.options), getattr(F, name)(theirs, **case.options)
        assert y.dtype == dtype
        assert_close(y, expected)
        assert_close(vjp(y, ours), vjp(expected, theirs), rtol=1e-2 if dtype.itemsize == 2 else 1e-6, atol=1e-2)
    y, expected = layers.adaptive_avg_pool2d(ours, (4, 5)), F.adaptive_avg_pool2d(theirs, (4, 5))
    assert_close(y, expected)
    assert vjp(y, ours).dtype == dtype


def test_autocast_gives_the_dtype_that_torch_gives() -> None:
    for given_dtype in (torch.float32, torch.bfloat16):
        x = torch.randn(2, 4, 6, 6, dtype=given_dtype)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            for name in ("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d"):
                y, expected = getattr(layers, name)(x, 2), getattr(F, name)(x, 2)
                assert y.dtype == expected.dtype
                assert_close(y, expected)


def test_nothing_given_is_changed() -> None:
    x = torch.randn(2, 4, 6, 6, requires_grad=True)
    before = x.detach().clone()
    for function in CHECKED.values():
        function(x).sum().backward()
    assert torch.equal(x, before)


X = torch.zeros(2, 4, 5, 6)
WRONG: dict[str, tuple[str, tuple[Any, ...], dict[str, Any], type[Exception], str]] = {
    "a list": ("max_pool2d", ([1.0], 2), {}, TypeError, "input is a list.*torch.Tensor"),
    "no channels": ("max_pool2d", (X[0, 0], 2), {}, ValueError, r"shape \(5, 6\).*expected \(N, C, H, W\)"),
    "zero channels": ("max_pool2d", (X[:, :0], 2), {}, ValueError, "only N may be 0"),
    "no rows": ("avg_pool2d", (X[:, :, :0], 2), {}, ValueError, "only N may be 0"),
    "bool": ("max_pool2d", (X.bool(), 2), {}, TypeError, "torch.bool; expected a floating-point"),
    "kernel 0": ("max_pool2d", (X, 0), {}, ValueError, "kernel_size is 0"),
    "three kernels": ("max_pool2d", (X, (2, 2, 2)), {}, ValueError, "kernel_size is .2, 2, 2."),
    "half a pixel": ("max_pool2d", (X, 2.5), {}, TypeError, "kernel_size is 2.5"),
    "stride 0": ("avg_pool2d", (X, 2, 0), {}, ValueError, "stride is 0"),
    "padding -1": ("max_pool2d", (X, 2, 1, -1), {}, ValueError, "padding is -1"),
    "padding over half": ("max_pool2d", (X, 3, 1, 2), {}, ValueError, r"padding is \(2, 2\).*half.*\(1, 1\)"),
    "padding over half, dilated": ("max_pool2d", (X, 3, 1, 2, 2), {}, ValueError, "at most half the kernel"),
    "padding over half, average": ("avg_pool2d", (X, 3, 1, (0, 2)), {}, ValueError, "avg_pool2d: padding is"),
    "dilation 0": ("max_pool2d", (X, 2, 1, 0, 0), {}, ValueError, "dilation is 0"),
    "too large": ("max_pool2d", (X, 6), {}, ValueError, "6 pixels.*does not fit.*of 5"),
    "too large even for ceil_mode": ("max_pool2d", (X, 7, 2), {"ceil_mode": True}, ValueError, "does not fit"),
    "divisor 0": ("avg_pool2d", (X, 2), {"divisor_override": 0}, ValueError, "divisor_override is 0"),
    "divisor 1.5": ("avg_pool2d", (X, 2), {"divisor_override": 1.5}, ValueError, "divisor_override is 1.5"),
    "adaptive: three sizes": ("adaptive_avg_pool2d", (X, (1, 2, 3)), {}, ValueError, r"\(1, 2, 3\).*or two"),
    "adaptive: one in a list": ("adaptive_avg_pool2d", (X, [2]), {}, ValueError, "expected one number, or two"),
    "adaptive: -1": ("adaptive_avg_pool2d", (X, (2, -1)), {}, ValueError, "output_size is -1"),
    "adaptive: 2.5": ("adaptive_avg_pool2d", (X, 2.5), {}, TypeError, "output_size is 2.5"),
    "adaptive: whole numbers": ("adaptive_avg_pool2d", (X.long(), 2), {}, TypeError, "Convert: .float"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained_where_torch_refuses_too(name: str) -> None:
    function, positional, options, error, message = WRONG[name]
    assert refuses(getattr(F, function), *positional, **options)
    with pytest.raises(error, match=f"{function}.*{message}|{message}"):
        getattr(layers, function)(*positional, **options)


def test_a_window_without_a_pixel_is_refused() -> None:
    """torch answers -inf, with an index outside the map."""
    with pytest.raises(ValueError, match="axis of 1 pixels, all entries of window 0 lie in the padding"):
        layers.max_pool2d(row(1.0), (1, 2), 1, (0, 1), (1, 2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: layers.channel_max_pool([1], 2), TypeError, "input is a list"),
        (lambda: layers.channel_max_pool(X, 3), ValueError, "4 channels.*groups of 3"),
        (lambda: layers.channel_max_pool(X, 0), ValueError, "pieces is 0"),
        (lambda: layers.channel_max_pool(X, 2, dim=4), ValueError, "dim is 4"),
        (lambda: layers.max_pool2d(X.long(), 2), TypeError, "torch.int64; expected a floating-point"),
        (lambda: naive.channel_max_pool(X, 3), ValueError, "naive.channel_max_pool: 4 channels"),
        (lambda: naive.max_pool2d(X, 6), ValueError, "naive.max_pool2d: a window of 6"),
    ],
)
def test_other_wrong_arguments_are_explained(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
