"""Pooling as the formula reads: loops over every window and every entry in it.

Slow, meant to be read and to check the fast ones against. Input is (N, C, H, W). Gradients do not flow through these
functions; `max_pool2d_input` and `avg_pool2d_input` are the backward passes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor

from cnncourse.errors import per_axis
from cnncourse.layers.geometry import Geometry, Size
from cnncourse.layers.pool_geometry import check_images, pool_geometry
from cnncourse.layers.size import length_in


@torch.no_grad()
def max_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> tuple[Tensor, Tensor]:
    """y[n, c, i, j] = max over a, b of x[n, c, i*S + a*D - P, j*S + b*D - P], and each winner's pixel.

    A pixel is named by row * W + column. Of equal values the first in row order wins; a NaN beats all numbers, and of
    several the last wins.
    """
    g = pool_geometry("naive.max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)
    y = input.new_empty(*input.shape[:2], *g.out)
    winner = torch.empty(y.shape, dtype=torch.int64, device=y.device)
    for n, c, i, j in product(*map(range, y.shape)):
        best, at = -math.inf, -1
        for row, column in _pixels(input, i, j, g):
            value = input[n, c, row, column].item()
            if at < 0 or value > best or math.isnan(value):
                best, at = value, row * input.shape[3] + column
        y[n, c, i, j], winner[n, c, i, j] = best, at
    return y, winner


@torch.no_grad()
def max_pool2d_input(input: Tensor, winner: Tensor, grad_output: Tensor) -> Tensor:
    """dL/dx from dy: each dy goes to the pixel that won its window; a pixel that won several gets their sum."""
    dx = torch.zeros_like(input)
    for n, c, i, j in product(*map(range, grad_output.shape)):
        row, column = divmod(int(winner[n, c, i, j]), input.shape[3])
        dx[n, c, row, column] += grad_output[n, c, i, j]
    return dx


@torch.no_grad()
def avg_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """y[n, c, i, j] = sum over a, b of x[n, c, i*S + a - P, j*S + b - P] / divisor; for the divisor see `_divisor`."""
    g = pool_geometry("naive.avg_pool2d", input, kernel_size, stride, padding, 1, ceil_mode)
    y = input.new_zeros(*input.shape[:2], *g.out)
    for n, c, i, j in product(*map(range, y.shape)):
        for row, column in _pixels(input, i, j, g):
            y[n, c, i, j] += input[n, c, row, column]
        y[n, c, i, j] /= divisor_override or _divisor(input, i, j, g, count_include_pad)
    return y


@torch.no_grad()
def avg_pool2d_input(
    input: Tensor,
    grad_output: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """dL/dx from dy: every pixel of a window gets dy / divisor."""
    g = pool_geometry("naive.avg_pool2d_input", input, kernel_size, stride, padding, 1, ceil_mode)
    dx = torch.zeros_like(input)
    for n, c, i, j in product(*map(range, grad_output.shape)):
        divisor = divisor_override or _divisor(input, i, j, g, count_include_pad)
        for row, column in _pixels(input, i, j, g):
            dx[n, c, row, column] += grad_output[n, c, i, j] / divisor
    return dx


@torch.no_grad()
def adaptive_avg_pool2d(input: Tensor, output_size: Size) -> Tensor:
    """y[n, c, i, j] = mean of x[n, c, floor(i*H/H') : ceil((i+1)*H/H'), floor(j*W/W') : ceil((j+1)*W/W')]."""
    check_images("naive.adaptive_avg_pool2d", input)
    out = per_axis("naive.adaptive_avg_pool2d: output_size", output_size, 2, 1)
    height, width = input.shape[2:]
    y = input.new_zeros(*input.shape[:2], *out)
    for i, j in product(*map(range, out)):
        rows = slice(math.floor(i * height / out[0]), math.ceil((i + 1) * height / out[0]))
        columns = slice(math.floor(j * width / out[1]), math.ceil((j + 1) * width / out[1]))
        y[:, :, i, j] = input[:, :, rows, columns].mean(dim=(2, 3))
    return y


@torch.no_grad()
def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0
) -> Tensor:
    """y[n, c].flatten()[indices[n, c, i, j]] = x[n, c, i, j], zero elsewhere; H = (H' - 1)*S - 2P + K."""
    what = "naive.max_unpool2d"
    check_images(what, input)
    kernel = per_axis(f"{what}: kernel_size", kernel_size, 2, 1)
    steps = kernel if stride is None else per_axis(f"{what}: stride", stride, 2, 1)
    zeros = per_axis(f"{what}: padding", padding, 2, 0)
    size = [length_in(n, k, s, p, 1) for n, k, s, p in zip(input.shape[2:], kernel, steps, zeros, strict=True)]
    y = input.new_zeros(*input.shape[:2], *size)
    for n, c, i, j in product(*map(range, input.shape)):
        row, column = divmod(int(indices[n, c, i, j]), size[1])
        y[n, c, row, column] = input[n, c, i, j]
    return y


@torch.no_grad()
def channel_max_pool(input: Tensor, pieces: int) -> Tensor:
    """y[n, c] = max over k < pieces of x[n, c * pieces + k], pixel by pixel."""
    if input.shape[1] % pieces:
        raise ValueError(f"naive.channel_max_pool: {input.shape[1]} channels; expected a multiple of pieces={pieces}")
    y = input[:, ::pieces].clone()
    for c in range(input.shape[1]):
        y[:, c // pieces] = torch.maximum(y[:, c // pieces], input[:, c])
    return y


def _pixels(x: Tensor, i: int, j: int, g: Geometry) -> Iterator[tuple[int, int]]:
    """Row and column of each entry of window (i, j), without those on the padding."""
    for a, b in product(*map(range, g.kernel)):
        row = i * g.stride[0] + a * g.dilation[0] - g.before[0]
        column = j * g.stride[1] + b * g.dilation[1] - g.before[1]
        if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
            yield row, column


def _divisor(x: Tensor, i: int, j: int, g: Geometry, count_include_pad: bool) -> int:
    """How many entries of window (i, j) lie on the input, or with `count_include_pad` on the padded input.

    Not all K*K: with ceil_mode the last window may stick out even of the padding.
    """
    if not count_include_pad:
        return sum(1 for _ in _pixels(x, i, j, g))
    return sum(
        i * g.stride[0] + a < x.shape[2] + 2 * g.before[0] and j * g.stride[1] + b < x.shape[3] + 2 * g.before[1]
        for a, b in product(*map(range, g.kernel))
    )
