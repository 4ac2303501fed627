"""Convolution as the formula reads: loops over every output, every window, and for the gradients back again.

Slow, meant to be read and to check the fast ones against. Stride, padding and dilation are one whole number, or a
sequence with one for each axis; there are no groups. Gradients do not flow through these functions: the backward pass
stands beside the forward one, under the names of `torch.nn.grad`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor

from cnncourse.layers.geometry import Geometry, Size, geometry, pad


def conv1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0, dilation: Size = 1
) -> Tensor:
    """y[n, o, i] = b[o] + sum over c, a of w[o, c, a] * x[n, c, i*S + a*D - P], for (N, C, L) and (C_out, C, K)."""
    return _forward(1, input, weight, bias, stride, padding, dilation)


def conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0, dilation: Size = 1
) -> Tensor:
    """y[n, o, i, j] = b[o] + sum over c, u, v of w[o, c, u, v] * x[n, c, i*S + u*D - P, j*S + v*D - P].

    Shapes: input (N, C, H, W), weight (C_out, C, K, K), bias (C_out) -> (N, C_out, H', W').
    """
    return _forward(2, input, weight, bias, stride, padding, dilation)


def conv3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0, dilation: Size = 1
) -> Tensor:
    """`conv2d` with a third axis in front: (N, C, T, H, W) and (C_out, C, K, K, K)."""
    return _forward(3, input, weight, bias, stride, padding, dilation)


@torch.no_grad()
def _forward(axes: int, x: Tensor, w: Tensor, b: Tensor | None, stride: Size, padding: Size, dilation: Size) -> Tensor:
    g = geometry(f"naive.conv{axes}d", x, w, b, stride, padding, dilation, 1, axes)
    x = pad(x, g)
    y = x.new_zeros(x.shape[0], w.shape[0], *g.out)
    for n, o in product(range(x.shape[0]), range(w.shape[0])):
        for i, window in _windows(g):
            y[n, o, *i] = (w[o] * x[n, :, *window]).sum()
            if b is not None:
                y[n, o, *i] += b[o]
    return y


@torch.no_grad()
def conv2d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
) -> Tensor:
    """dL/dx from dy: each dy[n, o, i, j] adds dy * w[o] to its window. As `torch.nn.grad.conv2d_input`.

    Shapes: input_size (N, C, H, W), weight (C_out, C, K, K), grad_output (N, C_out, H', W') -> (N, C, H, W).
    """
    blank = _blank("naive.conv2d_input", input_size, weight)
    g = geometry("naive.conv2d_input", blank, weight, None, stride, padding, dilation, 1, 2)
    _check_grad("naive.conv2d_input", grad_output, (blank.shape[0], weight.shape[0], *g.out))
    dx = pad(blank, g).clone()
    for n, o in product(range(blank.shape[0]), range(weight.shape[0])):
        for i, window in _windows(g):
            dx[n, :, *window] += grad_output[n, o, *i] * weight[o]
    height, width = blank.shape[2:]
    return dx[:, :, g.before[0] : g.before[0] + height, g.before[1] : g.before[1] + width]


@torch.no_grad()
def conv2d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
) -> Tensor:
    """dL/dw from dy: each dy[n, o, i, j] adds dy * its window to w[o]. As `torch.nn.grad.conv2d_weight`.

    Shapes: input (N, C, H, W), weight_size (C_out, C, K, K), grad_output (N, C_out, H', W') -> (C_out, C, K, K).
    """
    dw = _blank("naive.conv2d_weight", weight_size, input)
    g = geometry("naive.conv2d_weight", input, dw, None, stride, padding, dilation, 1, 2)
    _check_grad("naive.conv2d_weight", grad_output, (input.shape[0], dw.shape[0], *g.out))
    x = pad(input, g)
    for n, o in product(range(x.shape[0]), range(dw.shape[0])):
        for i, window in _windows(g):
            dw[o] += grad_output[n, o, *i] * x[n, :, *window]
    return dw


def _windows(g: Geometry) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Each output position, and the slices of the padded input that its window covers."""
    for i in product(*map(range, g.out)):
        yield (
            i,
            [
                slice(p * s, p * s + d * (k - 1) + 1, d)
                for p, s, d, k in zip(i, g.stride, g.dilation, g.kernel, strict=True)
            ],
        )


def _blank(what: str, size: Sequence[int], like: Tensor) -> Tensor:
    if not isinstance(like, Tensor):
        raise TypeError(f"{what}: got a {type(like).__name__} for a tensor; expected a torch.Tensor")
    if len(size) != 4:
        raise ValueError(f"{what}: size is {tuple(size)}; expected four numbers, (N, C, H, W) or (C_out, C, K, K)")
    return torch.zeros(tuple(size), dtype=like.dtype, device=like.device)


def _check_grad(what: str, dy: Tensor, expected: tuple[int, ...]) -> None:
    if not isinstance(dy, Tensor):
        raise TypeError(f"{what}: grad_output is a {type(dy).__name__}; expected a torch.Tensor")
    if tuple(dy.shape) != expected:
        raise ValueError(f"{what}: grad_output has shape {tuple(dy.shape)}; expected {expected}, the output's shape")
