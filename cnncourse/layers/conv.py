"""Convolution over one, two or three axes, with its backward pass written out.

What deep learning calls convolution is cross-correlation: the filter is not flipped. With x padded by P zeros, for one
group and one axis (the others alike):

    y[n, o, i] = b[o] + sum over c, a of w[o, c, a] * x[n, c, i*S + a*D]

Every window is unrolled into a column, so that an image is one matrix product a group, y = W X, and backward is two
more: dW = dy X^T, summed over the images, and dX = W^T dy. The columns repeat a pixel for every window it lies in, so
only a few images are unrolled at a time: their columns stay in the processor's cache, and memory stays small.

Sources: LeCun et al. 1998, doi:10.1109/5.726791 (the layer); Chellapilla et al. 2006, inria-00112631 (unrolling);
Dumoulin & Visin 2016, arXiv:1603.07285 (the arithmetic).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cnncourse.layers.geometry import Geometry, Size, geometry, in_autocast, pad, sliding, unbatched

# Numbers unrolled at a time. 8 MB of float32 was fastest on a laptop's processor; a GPU wants few large products.
_UNROLLED = {"cpu": 2**21, "cuda": 2**27}


class _Convolution(torch.autograd.Function):
    """Forward and backward on checked arguments; x (N, C, *lengths), w (C_out, C/G, *K), b (C_out) or None."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor | None, g: Geometry) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.geometry = g
        y = convolve(x, w, g)
        return y if b is None else y.add_(b.reshape(-1, *(1 for _ in g.out)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        x, w = ctx.saved_tensors
        g: Geometry = ctx.geometry
        need_x, need_w, need_b, _ = ctx.needs_input_grad
        dx = input_gradient(dy, w, tuple(x.shape[2:]), g) if need_x else None
        dw = weight_gradient(x, dy, g) if need_w else None
        db = dy.sum(dim=(0, *range(2, dy.dim()))) if need_b else None  # every position used b once
        return dx, dw, db, None


def convolve(x: Tensor, w: Tensor, g: Geometry) -> Tensor:
    """y = W X: x (N, C, *lengths), w (C_out, C/G, *K) -> (N, C_out, *out)."""
    W = w.reshape(g.groups, w.shape[0] // g.groups, -1)  # (G, C_out/G, C/G * K)
    y = x.new_empty(x.shape[0], w.shape[0], *g.out)
    Y = y.view(x.shape[0], *W.shape[:2], prod(g.out))  # (N, G, C_out/G, out), the same memory
    for some, X in _columns(pad(x, g), g):
        torch.matmul(W, X, out=Y[some])
        del X  # before the next images are unrolled, so that the columns of two are never there
    return y


def weight_gradient(x: Tensor, dy: Tensor, g: Geometry) -> Tensor:
    """dW = dy X^T, summed over the images: x (N, C, *lengths), dy (N, C_out, *out) -> (C_out, C/G, *K)."""
    c_in, c_out = x.shape[1] // g.groups, dy.shape[1] // g.groups
    dY = dy.reshape(dy.shape[0], g.groups, c_out, prod(g.out))
    dW = dy.new_zeros(g.groups, c_out, c_in * prod(g.kernel))
    for some, X in _columns(pad(x, g), g):
        for dY_n, X_n in zip(dY[some], X, strict=True):  # one by one: a dW for each image at once would be large
            dW.baddbmm_(dY_n, X_n.mT)
        del X, X_n
    return dW.reshape(-1, c_in, *g.kernel)


def input_gradient(dy: Tensor, w: Tensor, lengths: tuple[int, ...], g: Geometry) -> Tensor:
    """The columns W^T dy, each entry added to the pixel it was read from, once for every window: (N, C, *lengths)."""
    N, C = dy.shape[0], w.shape[1] * g.groups
    W = w.reshape(g.groups, w.shape[0] // g.groups, -1)
    dY = dy.reshape(N, *W.shape[:2], prod(g.out))  # (N, G, C_out/G, out)
    dx: Any = dy.new_zeros(N, C, *(b + n + a for b, n, a in zip(g.before, lengths, g.after, strict=True)))
    for some in _few(dx, g):
        taps: Any = (W.mT @ dY[some]).reshape(-1, C, *g.kernel, *g.out)
        for tap in product(*map(range, g.kernel)):
            dx[some][:, :, *_read_by(tap, g)] += taps[:, :, *tap]
        del taps
    inside = [slice(b, b + n) for b, n in zip(g.before, lengths, strict=True)]
    cropped: Tensor = dx[:, :, *inside] if any(g.pads) else dx  # what fell on the padding is dropped
    return cropped


def _few(x: Tensor, g: Geometry) -> list[slice]:
    """The batch of x in slices of so few images that their columns hold about `_UNROLLED` numbers."""
    step = max(1, _UNROLLED.get(x.device.type, 2**21) // (x.shape[1] * prod(g.kernel) * prod(g.out)))
    return [slice(n, n + step) for n in range(0, x.shape[0], step)]


def _columns(x: Tensor, g: Geometry) -> Iterator[tuple[slice, Tensor]]:
    """Unroll the windows of a padded x (N, C, *lengths), a few images at a time: (n, G, C/G * K, out)."""
    axes = len(g.kernel)
    order = (0, 1, *range(2 + axes, 2 + 2 * axes), *range(2, 2 + axes))  # (N, C, *K, *out)
    taps = sliding(x, g).permute(order)
    for some in _few(x, g):
        yield some, taps[some].reshape(-1, g.groups, x.shape[1] // g.groups * prod(g.kernel), prod(g.out))


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
    input, weight, bias = in_autocast(input, weight, bias)
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
