"""Max pooling and average pooling, with their backward passes written out.

A window slides over each channel by itself. Its entries are taken one at a time, each for all windows at once: entry
(a, b) of every window is one strided slice of the input. A running maximum, or a running sum, over K*K slices is the
whole pooling; no window is ever copied out.

Sources: Riesenhuber & Poggio 1999, doi:10.1038/14819 (max); LeCun et al. 1998, doi:10.1109/5.726791 (average);
Goodfellow et al. 2013, arXiv:1302.4389 (over channels: maxout).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cnncourse.errors import whole
from cnncourse.layers.geometry import Geometry, Size, unbatched
from cnncourse.layers.pool_geometry import check_images, pool_geometry, taps


class _MaxPool2d(torch.autograd.Function):
    """x (N, C, H, W) -> y (N, C, H', W') and the winners' pixels, i * W + j; dy flows to the winner only."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, g: Geometry) -> tuple[Tensor, Tensor]:
        height, width = x.shape[2:]
        pixel = torch.arange(height * width, device=x.device).reshape(height, width)
        y = x.new_full((*x.shape[:2], *g.out), -math.inf)
        winner = pixel.new_zeros(y.shape)
        entries = list(taps((height, width), g))
        for at, seen in reversed(entries):  # backwards with >=, so that the first of equals wins, -inf included
            best, value, chosen = y[:, :, *at], x[:, :, *seen], winner[:, :, *at]
            torch.where(value >= best, pixel[*seen], chosen, out=chosen)
            torch.maximum(best, value, out=best)
        if y.isnan().any():  # no comparison finds a NaN, yet it beats every number; of several the last wins
            for at, seen in entries:
                chosen = winner[:, :, *at]
                torch.where(x[:, :, *seen].isnan(), pixel[*seen], chosen, out=chosen)
        ctx.save_for_backward(winner)
        ctx.mark_non_differentiable(winner)
        ctx.set_materialize_grads(False)
        ctx.x_shape = x.shape
        return y, winner

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor | None, _: None) -> tuple[Tensor | None, None]:
        (winner,) = ctx.saved_tensors
        if dy is None:  # nothing flows back; without materialised gradients, that saves zeros for the indices
            return None, None
        dx = dy.new_zeros(ctx.x_shape)
        dx.flatten(2).scatter_add_(2, winner.flatten(2), dy.flatten(2))  # a pixel may win several windows: add
        return dx, None


class _AvgPool2d(torch.autograd.Function):
    """x (N, C, H, W) -> y (N, C, H', W'); every pixel of a window gets an equal share of dy."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, g: Geometry, divisor: Tensor) -> Tensor:
        ctx.save_for_backward(divisor)
        ctx.geometry, ctx.x_shape = g, x.shape
        y = x.new_zeros(*x.shape[:2], *g.out, dtype=_for_sums(x))
        for at, seen in taps(tuple(x.shape[2:]), g):
            y[:, :, *at] += x[:, :, *seen]
        return y.div_(divisor).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None]:
        (divisor,) = ctx.saved_tensors
        share = dy.to(_for_sums(dy)) / divisor
        dx = share.new_zeros(ctx.x_shape)
        for at, seen in taps(tuple(ctx.x_shape[2:]), ctx.geometry):
            dx[:, :, *seen] += share[:, :, *at]
        return dx.to(dy.dtype), None, None


class _AdaptiveAvgPool2d(torch.autograd.Function):
    """x (N, C, H, W) -> y (N, C, *out): the mean over rows, then over columns, as every window is a rectangle."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, out: tuple[int, int]) -> Tensor:
        ctx.x_shape = x.shape
        rows = x.new_empty(*x.shape[:2], out[0], x.shape[3], dtype=_for_sums(x))
        for i, (low, high) in enumerate(_parts(x.shape[2], out[0])):
            torch.mean(x[:, :, low:high], dim=2, dtype=rows.dtype, out=rows[:, :, i])
        y = rows.new_empty(*x.shape[:2], *out)
        for j, (low, high) in enumerate(_parts(x.shape[3], out[1])):
            torch.mean(rows[..., low:high], dim=3, out=y[..., j])
        return y.to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None]:
        channels, (height, width) = ctx.x_shape[:2], ctx.x_shape[2:]
        rows = dy.new_zeros(*channels, dy.shape[2], width, dtype=_for_sums(dy))
        for j, (low, high) in enumerate(_parts(width, dy.shape[3])):
            rows[..., low:high] += dy[..., j, None] / (high - low)
        dx = rows.new_zeros(ctx.x_shape)
        for i, (low, high) in enumerate(_parts(height, dy.shape[2])):
            dx[:, :, low:high] += rows[:, :, i, None] / (high - low)
        return dx.to(dy.dtype), None


def _for_sums(x: Tensor) -> torch.dtype:
    """The dtype to add up in: float32 for the short ones, which would lose most of a long sum."""
    return torch.promote_types(x.dtype, torch.float32)


def _parts(n: int, out: int) -> list[tuple[int, int]]:
    """`out` stretches that cover n pixels; they overlap by a pixel where `out` does not divide n."""
    return [(i * n // out, -(-(i + 1) * n // out)) for i in range(out)]


def max_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest pixel of each window, as `torch.nn.functional.max_pool2d`.

        y[n, c, i, j] = max over a, b of x[n, c, i*S + a*D - P, j*S + b*D - P]

    Shapes: input (N, C, H, W) or (C, H, W) -> (N, C, H', W') with H' = (H + 2P - D(K - 1) - 1) // S + 1; `ceil_mode`
    rounds up instead, where the last window still starts on the input. stride None means kernel_size. Padding never
    wins and is at most K // 2. With `return_indices` also each winner's pixel, row * W + column, in the input's map
    (without padding): what `max_unpool2d` takes. Of equal values the first in row order wins; a NaN beats all numbers,
    and of several the last wins. The gradient flows to the winner only, once.

    Raises ValueError/TypeError where the arguments do not fit, also where a dilated window has no entry on the input.
    """
    input, single = unbatched("max_pool2d", input, 2)
    g = pool_geometry("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)
    y, winner = _MaxPool2d.apply(input, g)  # type: ignore[no-untyped-call]
    if single:
        y, winner = y[0], winner[0]
    return (y, winner) if return_indices else y


def channel_max_pool(input: Tensor, pieces: int, dim: int = 1) -> Tensor:
    """The largest of each `pieces` consecutive channels (maxout), pixel by pixel.

        y[n, c, ...] = max over k < pieces of x[n, c * pieces + k, ...]

    Shapes: input (N, C) or (N, C, ...) -> the same with C / pieces channels. `dim` is the channels' axis: -3 takes
    images with and without a batch. It is max pooling along the channels: ties, NaN and gradient as in `max_pool2d`.
    Raises ValueError where `pieces` does not divide C. Source: Goodfellow et al. 2013, arXiv:1302.4389, section 3.
    """
    what = "channel_max_pool"
    if not isinstance(input, Tensor):
        raise TypeError(f"{what}: input is a {type(input).__name__}; expected a torch.Tensor")
    pieces = whole(f"{what}: pieces", pieces, 1)
    if not -input.dim() <= dim < input.dim():
        raise ValueError(f"{what}: dim is {dim}; expected an axis of an input of shape {tuple(input.shape)}")
    dim %= input.dim()
    if input.shape[dim] % pieces:
        raise ValueError(
            f"{what}: {input.shape[dim]} channels (axis {dim} of {tuple(input.shape)}) in groups of {pieces}; "
            f"expected a multiple of {pieces}"
        )
    before, after = input.shape[:dim], input.shape[dim + 1 :]
    columns = input.reshape(math.prod(before), 1, input.shape[dim], math.prod(after))  # channels lie where rows do
    y: Tensor = max_pool2d(columns, (pieces, 1))
    return y.reshape(*before, input.shape[dim] // pieces, *after)


def avg_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window, as `torch.nn.functional.avg_pool2d`.

        y[n, c, i, j] = sum over a, b of x[n, c, i*S + a - P, j*S + b - P] / divisor

    Shapes, stride, padding (zeros, at most K // 2) and `ceil_mode` as in `max_pool2d`. The divisor is the number of
    the window's entries on the padded input, K*K but where a window of ceil_mode sticks out; without
    `count_include_pad` on the input itself; or `divisor_override`. Raises ValueError/TypeError where the arguments do
    not fit.
    """
    input, single = unbatched("avg_pool2d", input, 2)
    g = pool_geometry("avg_pool2d", input, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override is None:
        rows, columns = (_entries(axis, n, g, count_include_pad) for axis, n in enumerate(input.shape[2:]))
        divisor = (torch.tensor(rows)[:, None] * torch.tensor(columns)).to(input.device)
    elif not isinstance(divisor_override, int) or isinstance(divisor_override, bool) or divisor_override == 0:
        raise ValueError(f"avg_pool2d: divisor_override is {divisor_override!r}; expected a whole number, not 0")
    else:
        divisor = torch.tensor(divisor_override)
    y: Tensor = _AvgPool2d.apply(input, g, divisor)  # type: ignore[no-untyped-call]
    return y[0] if single else y


def _entries(axis: int, n: int, g: Geometry, count_include_pad: bool) -> list[int]:
    """For each window along an axis of n pixels, how many of its entries lie on them (or on the padding too)."""
    padding = g.before[axis]
    first, end = (-padding, n + padding) if count_include_pad else (0, n)
    starts = [i * g.stride[axis] - padding for i in range(g.out[axis])]
    return [min(start + g.kernel[axis], end) - max(start, first) for start in starts]


def adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int | None] | None) -> Tensor:
    """The means of so many windows as the output asked for has pixels, as torch's function of the same name.

        y[n, c, i, j] = mean of x[n, c, floor(i*H/H') : ceil((i+1)*H/H'), floor(j*W/W') : ceil((j+1)*W/W')]

    Shapes: input (N, C, H, W) or (C, H, W) -> (N, C, H', W'). `output_size` is H' = W', or (H', W'); None keeps the
    input's. Windows overlap where H' does not divide H. Raises ValueError/TypeError where the arguments do not fit.
    """
    what = "adaptive_avg_pool2d"
    input, single = unbatched(what, input, 2)
    check_images(what, input)
    sizes = tuple(output_size) if isinstance(output_size, Sequence) else (output_size, output_size)
    if len(sizes) != 2:
        raise ValueError(f"{what}: output_size is {sizes}; expected one number, or two: (H', W')")
    out = tuple(
        n if size is None else whole(f"{what}: output_size", size, 0)
        for size, n in zip(sizes, input.shape[2:], strict=True)
    )
    if out == (1, 1):  # one mean over all pixels: laid out in one column it takes one pass, not two
        input = input.reshape(*input.shape[:2], input.shape[2] * input.shape[3], 1)
    y: Tensor = _AdaptiveAvgPool2d.apply(input, out)  # type: ignore[no-untyped-call]
    return y[0] if single else y
