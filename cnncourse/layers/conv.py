"""Convolution over one, two or three axes, with its backward pass written out.

What deep learning calls convolution is cross-correlation: the filter is not flipped. With x padded by P zeros, for one
group and one axis (the others alike):

    y[n, o, i] = b[o] + sum over c, a of w[o, c, a] * x[n, c, i*S + a*D]

Every window is unrolled into a column, so that all of it is one matrix product a group, y = W X, and backward is two
more: dW = dy X^T and dX = W^T dy. Sources: LeCun et al. 1998, doi:10.1109/5.726791 (the layer); Chellapilla et al.
2006, inria-00112631 (unrolling); Dumoulin & Visin 2016, arXiv:1603.07285 (the arithmetic).
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cnncourse.layers.geometry import Geometry, Size, geometry, pad, sliding, unbatched


class _Convolution(torch.autograd.Function):
    """Forward and backward on checked arguments; x (N, C, *lengths), w (C_out, C/G, *K), b (C_out) or None."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor | None, g: Geometry) -> Tensor:
        X = _columns(pad(x, g), g)  # (G, C/G * K, N * out)
        W = w.reshape(g.groups, -1, X.shape[1])  # (G, C_out/G, C/G * K)
        y = (W @ X).reshape(w.shape[0], x.shape[0], *g.out).transpose(0, 1)  # (N, C_out, *out)
        ctx.save_for_backward(x, w)
        ctx.geometry = g
        return (y if b is None else y + b.reshape(-1, *(1 for _ in g.out))).contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        x, w = ctx.saved_tensors
        g: Geometry = ctx.geometry
        need_x, need_w, need_b, _ = ctx.needs_input_grad
        dY = dy.transpose(0, 1).reshape(g.groups, w.shape[0] // g.groups, -1)  # (G, C_out/G, N * out)
        dx = dw = None
        if need_w:
            dw = (dY @ _columns(pad(x, g), g).transpose(1, 2)).reshape(w.shape)
        if need_x:
            W = w.reshape(g.groups, w.shape[0] // g.groups, -1)
            dx = _scatter(W.transpose(1, 2) @ dY, x, g)
        db = dy.sum(dim=(0, *range(2, dy.dim()))) if need_b else None  # every position used b once
        return dx, dw, db, None


def _columns(x: Tensor, g: Geometry) -> Tensor:
    """Unroll the windows of a padded x (N, C, *lengths) into columns: (G, C/G * K, N * out)."""
    n, c, axes = x.shape[0], x.shape[1], len(g.kernel)
    order = (1, *range(2 + axes, 2 + 2 * axes), 0, *range(2, 2 + axes))  # (C, *K, N, *out)
    return sliding(x, g).permute(order).reshape(g.groups, c // g.groups * prod(g.kernel), n * prod(g.out))


def _scatter(columns: Tensor, x: Tensor, g: Geometry) -> Tensor:
    """The transpose of `_columns` and `pad`: add each entry to the pixel it was read from, once for every window."""
    n, c = x.shape[:2]
    lengths = [b + size + a for b, size, a in zip(g.before, x.shape[2:], g.after, strict=True)]
    dx: Any = columns.new_zeros(c, n, *lengths)
    taps: Any = columns.reshape(c, *g.kernel, n, *g.out)
    for tap in product(*map(range, g.kernel)):
        dx[:, :, *_read_by(tap, g)] += taps[:, *tap]
    inside = [slice(b, b + size) for b, size in zip(g.before, x.shape[2:], strict=True)]
    cropped: Tensor = dx[:, :, *inside]
    return cropped.transpose(0, 1)


def _read_by(tap: tuple[int, ...], g: Geometry) -> list[slice]:
    """The pixels that one entry of the filter is multiplied with, one for each output position."""
    return [
        slice(a * d, a * d + s * (out - 1) + 1, s)
        for a, d, s, out in zip(tap, g.dilation, g.stride, g.out, strict=True)
    ]


def _convolve(
    axes: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
) -> Tensor:
    what = f"conv{axes}d"
    input, single = unbatched(what, input, axes)
    g = geometry(what, input, weight, bias, stride, padding, dilation, groups, axes)
    y: Tensor = _Convolution.apply(input, weight, bias, g)  # type: ignore[no-untyped-call]
    return y[0] if single else y


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate signals with filters, as `torch.nn.functional.conv1d`.

        y[n, o, i] = b[o] + sum over c, a of w[o, c, a] * x[n, c, i*S + a*D - P]

    Shapes: input (N, C, L) or (C, L), weight (C_out, C / groups, K), bias (C_out) -> (N, C_out, L') with
    L' = (L + 2P - D(K - 1) - 1) // S + 1. `padding` is a number, 'valid' (none) or 'same' (L' = L, stride 1).
    Gradients flow to input, weight and bias, once. Raises ValueError/TypeError where the arguments do not fit.
    """
    return _convolve(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate images with filters, as `torch.nn.functional.conv2d`.

        y[n, o, i, j] = b[o] + sum over c, u, v of w[o, c, u, v] * x[n, c, i*S + u*D - P, j*S + v*D - P]

    Shapes: input (N, C, H, W) or (C, H, W), weight (C_out, C / groups, K, K) (the sides may differ), bias (C_out)
    -> (N, C_out, H', W') with H' = (H + 2P - D(K - 1) - 1) // S + 1. stride, padding and dilation are a number, or one
    for each axis; padding may be 'valid' (none) or 'same' (H' = H, stride 1; an odd pixel goes behind).
    Gradients flow to input, weight and bias, once. Raises ValueError/TypeError where the arguments do not fit.
    """
    return _convolve(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate videos or volumes with filters, as `torch.nn.functional.conv3d`.

    The formula of `conv2d` with a third axis in front: input (N, C, T, H, W) or (C, T, H, W), weight
    (C_out, C / groups, K, K, K), bias (C_out) -> (N, C_out, T', H', W'). Raises as `conv2d`.
    """
    return _convolve(3, input, weight, bias, stride, padding, dilation, groups)
