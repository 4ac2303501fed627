"""Transposed convolution: the backward pass of a convolution, used forwards.

A convolution of y is linear in y: x = A y. Its gradient by y is A^T dx. A transposed convolution is that map,
y = A^T x: every number of x lays the filter, times itself, into y, S pixels further for each step in x; where copies
overlap they add up. So all three passes stand in `layers.conv` and only change places, with y in the part of the
convolution's input: forward is the gradient by the input, and the gradient by x is the convolution.

It is no inverse: A^T A y is not y. Sources: Zeiler et al. 2010, doi:10.1109/CVPR.2010.5539957; Dumoulin & Visin 2016,
arXiv:1603.07285, section 4.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cnncourse.errors import per_axis, whole
from cnncourse.layers.conv import convolve, input_gradient, weight_gradient
from cnncourse.layers.geometry import Geometry, Size, check_tensors, in_autocast, unbatched
from cnncourse.layers.size import length_in


class _TransposedConvolution(torch.autograd.Function):
    """x (N, C_in, *lengths), w (C_in, C_out/G, *K) -> y (N, C_out, *out); g is that of the convolution of y to x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor | None, out: tuple[int, ...], g: Geometry) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.geometry = g
        y = input_gradient(x, w, out, g)
        y = y.clone() if y._is_view() else y  # autograd lets nobody change a view in place, as ReLU(inplace=True) does
        return y if b is None else y.add_(b.reshape(-1, *(1 for _ in out)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        x, w = ctx.saved_tensors
        need_x, need_w, need_b, _, _ = ctx.needs_input_grad
        dx = convolve(dy, w, ctx.geometry) if need_x else None
        dw = weight_gradient(dy, x, ctx.geometry) if need_w else None
        db = dy.sum(dim=(0, *range(2, dy.dim()))) if need_b else None
        return dx, dw, db, None, None


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    """Spread signals out by filters, as `torch.nn.functional.conv_transpose1d`.

        y[n, o, i*S + a*D - P] += x[n, c, i] * w[c, o, a]    for every c, i, a;    y starts at b[o]

    Shapes: input (N, C_in, L) or (C_in, L), weight (C_in, C_out / groups, K), bias (C_out) -> (N, C_out, L') with
    L' = (L - 1)*S - 2P + D(K - 1) + output_padding + 1. Raises as `conv_transpose2d`.
    """
    return _transposed(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    """Spread images out by filters, as `torch.nn.functional.conv_transpose2d`.

        y[n, o, i*S + u*D - P, j*S + v*D - P] += x[n, c, i, j] * w[c, o, u, v]    for every c, i, j, u, v

    on a y that starts at b[o]; what would fall outside y is dropped, so padding makes y smaller. Shapes: input
    (N, C_in, H, W) or (C_in, H, W), weight (C_in, C_out / groups, K, K) (the sides may differ), bias (C_out)
    -> (N, C_out, H', W') with H' = (H - 1)*S - 2P + D(K - 1) + output_padding + 1. Several sizes convolve to the same
    H; output_padding, less than S or D, chooses among them and adds rows behind.
    Gradients flow to input, weight and bias, once. Raises ValueError/TypeError where the arguments do not fit.
    """
    return _transposed(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _transposed(
    axes: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size,
    output_padding: Size,
    groups: int,
    dilation: Size,
) -> Tensor:
    what = f"conv_transpose{axes}d"
    input, weight, bias = in_autocast(input, weight, bias)
    input, single = unbatched(what, input, axes)
    groups = whole(f"{what}: groups", groups, 1)
    _check(what, input, weight, bias, groups, axes)
    out, g = _geometry(what, input, weight, stride, padding, output_padding, groups, dilation)
    y: Tensor = _TransposedConvolution.apply(input, weight, bias, out, g)  # type: ignore[no-untyped-call]
    return y[0] if single else y


def _geometry(
    what: str,
    input: Tensor,
    weight: Tensor,
    stride: Size,
    padding: Size,
    output_padding: Size,
    groups: int,
    dilation: Size,
) -> tuple[tuple[int, ...], Geometry]:
    """The lengths of the output, and the geometry of the convolution that leads from there to the input."""
    lengths, kernel = tuple(input.shape[2:]), tuple(weight.shape[2:])
    axes = len(kernel)
    steps = per_axis(f"{what}: stride", stride, axes, 1)
    gaps = per_axis(f"{what}: dilation", dilation, axes, 1)
    zeros = per_axis(f"{what}: padding", padding, axes, 0)
    extra = per_axis(f"{what}: output_padding", output_padding, axes, 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, steps, gaps, strict=True)):
        raise ValueError(
            f"{what}: output_padding is {extra}; expected less than the stride {steps} or the dilation {gaps}"
        )
    out = tuple(
        length_in(n, k, s, p, d) + e
        for n, k, s, p, d, e in zip(lengths, kernel, steps, zeros, gaps, extra, strict=True)
    )
    if min(out) < 1:
        raise ValueError(
            f"{what}: an input of {lengths} with kernel {kernel}, stride {steps}, padding {zeros} gives an output of "
            f"{out}; expected at least 1. Use less padding."
        )
    return out, Geometry(kernel, steps, zeros, zeros, gaps, lengths, groups)


def _check(what: str, input: Tensor, weight: Tensor, bias: Tensor | None, groups: int, axes: int) -> None:
    check_tensors(what, input, weight, bias, axes, "C_in, C_out // groups")
    c_in, c_out = weight.shape[0], weight.shape[1] * groups
    if input.shape[1] != c_in or c_in % groups or c_in == 0:
        raise ValueError(
            f"{what}: input has {input.shape[1]} channels, weight has shape {tuple(weight.shape)}; expected as many "
            f"channels as the weight's first side, a positive multiple of groups={groups}"
        )
    if 0 in input.shape[2:]:
        raise ValueError(f"{what}: input has shape {tuple(input.shape)}; expected at least one pixel along each axis")
    if bias is not None and bias.shape != (c_out,):
        raise ValueError(f"{what}: bias has shape {tuple(bias.shape)}; expected ({c_out},), one number a channel")
