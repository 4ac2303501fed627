"""Transposed convolution as the formula reads: every number of the input lays down its copy of the filter.

Slow, meant to be read and to check the fast ones against. There are no groups. Gradients do not flow through these
functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import torch
from torch import Tensor

from cnncourse.errors import per_axis
from cnncourse.layers.geometry import Size, check_tensors
from cnncourse.layers.size import length_in


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    dilation: Size = 1,
) -> Tensor:
    """y[n, o, i*S + a*D - P] += x[n, c, i] * w[c, o, a], on a y that starts at b[o]."""
    return _spread(1, input, weight, bias, stride, padding, output_padding, dilation)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    dilation: Size = 1,
) -> Tensor:
    """y[n, o, i*S + u*D - P, j*S + v*D - P] += x[n, c, i, j] * w[c, o, u, v], on a y that starts at b[o].

    Shapes: input (N, C_in, H, W), weight (C_in, C_out, K, K), bias (C_out) -> (N, C_out, H', W').
    """
    return _spread(2, input, weight, bias, stride, padding, output_padding, dilation)


@torch.no_grad()
def _spread(
    axes: int, x: Tensor, w: Tensor, b: Tensor | None, stride: Size, padding: Size, output_padding: Size, dilation: Size
) -> Tensor:
    what = f"naive.conv_transpose{axes}d"
    check_tensors(what, x, w, b, axes, "C_in, C_out")
    if x.shape[1] != w.shape[0]:
        raise ValueError(f"{what}: input has {x.shape[1]} channels, weight {tuple(w.shape)}; expected {w.shape[0]}")
    S = per_axis(f"{what}: stride", stride, axes, 1)
    P = per_axis(f"{what}: padding", padding, axes, 0)
    D = per_axis(f"{what}: dilation", dilation, axes, 1)
    extra = per_axis(f"{what}: output_padding", output_padding, axes, 0)
    options = zip(x.shape[2:], w.shape[2:], S, P, D, extra, strict=True)
    out = [length_in(n, k, s, p, d) + e for n, k, s, p, d, e in options]
    y = x.new_zeros(x.shape[0], w.shape[1], *out)
    for i in _positions(x):
        for a in _positions(w):
            at: Any = [i[k] * S[k] + a[k] * D[k] - P[k] for k in range(axes)]
            if all(0 <= at[k] < out[k] for k in range(axes)):
                y[:, :, *at] += x[:, :, *i] @ w[:, :, *a]  # (N, C_in) by (C_in, C_out)
    return y if b is None else y + b.reshape(-1, *(1 for _ in out))


def _positions(x: Tensor) -> Iterator[Any]:
    """Every position along all axes but the first two."""
    return product(*map(range, x.shape[2:]))
