"""The implementations that are there to be read: loops, window views, the matrix, and the size of the output."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from convolution_oracle import TORCH, Arguments, arguments
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from cnncourse import layers
from cnncourse.layers import naive, windows

EXACT: dict[str, float] = {"rtol": 1e-10, "atol": 1e-12}
LOOPS = {1: naive.conv1d, 2: naive.conv2d, 3: naive.conv3d}


def without_groups(case: Arguments) -> dict[str, Any]:
    return {name: value for name, value in case.options.items() if name != "groups"}


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_loops_are_torchs(axes: int) -> None:
    @given(arguments(axes, groups=False, strings=False))
    @settings(max_examples=25)
    def each(case: Arguments) -> None:
        tensors = case.tensors()
        assert_close(LOOPS[axes](*tensors, **without_groups(case)), TORCH[axes](*tensors, **case.options).detach())

    each()


@given(arguments(2, groups=False, strings=False))
@settings(max_examples=40)
def test_loops_backward_is_torchs(case: Arguments) -> None:
    x, w, _ = case.tensors()
    y = F.conv2d(x, w, **case.options)
    dy = torch.randn_like(y)
    dx, dw = torch.autograd.grad(y, (x, w), dy)
    options = without_groups(case)
    assert_close(naive.conv2d_input(x.shape, w, dy, **options), dx, **EXACT)
    assert_close(naive.conv2d_weight(x, w.shape, dy, **options), dw, **EXACT)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_defaults_are_torchs(axes: int) -> None:
    x, w, _ = Arguments(axes, (2, 2, *[4] * axes), (3, 2, *[2] * axes), False).tensors()
    expected = TORCH[axes](x, w).detach()
    assert_close(LOOPS[axes](x, w), expected)
    assert_close((layers.conv1d, layers.conv2d, layers.conv3d)[axes - 1](x, w).detach(), expected)
    if axes == 2:
        dy = torch.randn_like(expected)
        assert_close(windows.conv2d(x, w).detach(), expected)
        assert_close(naive.conv2d_input(x.shape, w, dy), torch.nn.grad.conv2d_input(x.shape, w, dy).detach())
        assert_close(naive.conv2d_weight(x, w.shape, dy), torch.nn.grad.conv2d_weight(x, w.shape, dy).detach())


def test_no_gradient_flows_through_loops() -> None:
    x, w, b = Arguments(2, (1, 1, 3, 3), (1, 1, 2, 2), True).tensors()
    y = naive.conv2d(x, w, b)
    assert not y.requires_grad
    assert not naive.conv2d_input(x.shape, w, y).requires_grad
    assert not naive.conv2d_weight(x, w.shape, y).requires_grad


@given(arguments(2, groups=False, strings=False))
def test_windows_are_torchs_and_autograd_follows(case: Arguments) -> None:
    x, w, b = case.tensors()
    y, expected = windows.conv2d(x, w, b, **without_groups(case)), F.conv2d(x, w, b, **case.options)
    assert_close(y, expected, **EXACT)
    dy = torch.randn_like(expected)
    inputs = [t for t in (x, w, b) if t is not None]
    for got, want in zip(torch.autograd.grad(y, inputs, dy), torch.autograd.grad(expected, inputs, dy), strict=True):
        assert_close(got, want, **EXACT)


def small(case: Arguments) -> bool:
    return case.x_shape[0] > 0


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_matrix_is_the_layer(axes: int) -> None:
    @given(arguments(axes, groups=False, strings=False).filter(small))
    @settings(max_examples=25)
    def each(case: Arguments) -> None:
        x, w, _ = case.tensors()
        options = {"stride": case.options["stride"], "padding": case.options["padding"]}
        T = layers.conv_matrix(w, x.shape[2:], **options)
        y = TORCH[axes](x, w, **options)
        assert T.shape == (y[0].numel(), x[0].numel())
        assert_close(x.flatten(1) @ T.T, y.flatten(1), **EXACT)
        dy = torch.randn_like(y)
        (dx,) = torch.autograd.grad(y, x, dy)
        assert_close(dy.flatten(1) @ T, dx.flatten(1), **EXACT)  # backward is the transpose

    each()


def test_the_matrix_of_one_filter_by_hand() -> None:
    w = torch.tensor([[[1.0, 2.0, 3.0]]], requires_grad=True)
    T = layers.conv_matrix(w, 4, padding=1)
    assert T.tolist() == [[2.0, 3.0, 0.0, 0.0], [1.0, 2.0, 3.0, 0.0], [0.0, 1.0, 2.0, 3.0], [0.0, 0.0, 1.0, 2.0]]
    assert layers.conv_matrix(w, 5, stride=2).tolist() == [[1.0, 2.0, 3.0, 0.0, 0.0], [0.0, 0.0, 1.0, 2.0, 3.0]]
    T.sum().backward()
    assert w.grad is not None
    assert w.grad.flatten().tolist() == [3.0, 4.0, 3.0]  # how often each weight stands in the matrix


@given(*[st.integers(1, 12)] * 3, st.integers(0, 6), st.integers(1, 4))
def test_output_size_counts_the_windows(n: int, k: int, s: int, p: int, d: int) -> None:
    starts = [i for i in range(-p, n + p) if (i + p) % s == 0 and i + d * (k - 1) <= n + p - 1]
    if starts:
        assert layers.output_size(n, k, s, p, d) == len(starts)
        assert layers.output_size((n, n), (k, 1), s, (p, 0), d) == (len(starts), -(-n // s))
    else:
        with pytest.raises(ValueError, match="does not fit"):
            layers.output_size(n, k, s, p, d)


def test_output_size_published() -> None:
    assert layers.output_size(227, 11, stride=4) == 55  # AlexNet
    assert layers.output_size(224, 7, stride=2, padding=3) == 112  # ResNet
    assert layers.output_size([5, 6, 7], 3) == (3, 4, 5)


W1, W2 = torch.zeros(1, 1, 3), torch.zeros(2, 3, 3, 3)
WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "size of half a pixel": (lambda: layers.output_size(5.5, 3), TypeError, "output_size: size is 5.5"),
    "size True": (lambda: layers.output_size(True, 1), TypeError, "size is True"),
    "kernel 0": (lambda: layers.output_size(5, 0), ValueError, "kernel_size is 0"),
    "stride 0": (lambda: layers.output_size(5, 3, 0), ValueError, "stride is 0"),
    "padding -1": (lambda: layers.output_size(5, 3, 1, -1), ValueError, "padding is -1"),
    "dilation 0": (lambda: layers.output_size(5, 3, 1, 0, 0), ValueError, "dilation is 0"),
    "three kernels": (lambda: layers.output_size((5, 5), (3, 3, 3)), ValueError, "2: one for each axis"),
    "does not fit": (lambda: layers.output_size(5, 7), ValueError, "7 pixels.*does not fit.*5.*Use a smaller"),
    "matrix of a list": (lambda: layers.conv_matrix([1.0], 3), ValueError, r"weight is a list.*w\[None, None\]"),
    "matrix without channels": (lambda: layers.conv_matrix(W1[0], 3), ValueError, r"shape \(1, 3\)"),
    "matrix for another size": (lambda: layers.conv_matrix(W2, 5), ValueError, "input_size is 5; expected H, W"),
    "matrix of no size": (lambda: layers.conv_matrix(W1, 0), ValueError, "input_size is 0"),
    "matrix does not fit": (lambda: layers.conv_matrix(W1, 2), ValueError, "does not fit"),
    "loops: shape": (lambda: naive.conv2d(W1, W2), ValueError, "naive.conv2d: input has shape"),
    "loops: padding": (lambda: naive.conv1d(W1, W1, padding=-1), ValueError, "naive.conv1d: padding is -1"),
    "loops: a size of three": (lambda: naive.conv2d_input((1, 3, 5), W2, W2), ValueError, "expected four numbers"),
    "loops: no tensor": (lambda: naive.conv2d_weight([1.0], (1, 1, 2, 2), W2), TypeError, "a list"),
    "loops: dy": (lambda: naive.conv2d_input((1, 3, 5, 5), W2, W2), ValueError, r"grad_output.*\(1, 2, 3, 3\)"),
    "loops: dy a list": (lambda: naive.conv2d_input((1, 3, 5, 5), W2, [1]), TypeError, "grad_output is a list"),
    "windows": (lambda: windows.conv2d(W2, W2[:, :2]), ValueError, "windows.conv2d: input has 3 channels"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()
