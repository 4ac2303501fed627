"""Max unpooling: each maximum goes back to the pixel it came from.

Source: Zeiler & Fergus 2014, arXiv:1311.2901, section 2.1 (the switches of a deconvnet).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cnncourse.errors import per_axis
from cnncourse.layers.geometry import Size, unbatched
from cnncourse.layers.pool_geometry import check_images
from cnncourse.layers.size import length_in


class _MaxUnpool2d(torch.autograd.Function):
    """x (N, C, H, W) and pixels of the output -> y (N, C, *size), zero elsewhere; dx picks dy at those pixels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, pixels: Tensor, size: tuple[int, ...]) -> Tensor:
        ctx.save_for_backward(pixels)
        y = x.new_zeros(*x.shape[:2], *size)
        y.flatten(2).scatter_(2, pixels.flatten(2), x.flatten(2))
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None]:
        (pixels,) = ctx.saved_tensors
        return dy.flatten(2).gather(2, pixels.flatten(2)).reshape(pixels.shape), None, None


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put each maximum back where it was, zeros elsewhere, as `torch.nn.functional.max_unpool2d`.

        y[n, c].flatten()[indices[n, c, i, j]] = x[n, c, i, j]

    Shapes: input and indices (N, C, H', W') or (C, H', W'), as `max_pool2d(..., return_indices=True)` gives them
    -> (N, C, H, W) with H = (H' - 1)*S - 2P + K. Several sizes pool to the same H'; `output_size`, (H, W) or
    (N, C, H, W), names one less than S away from that. Where an index occurs twice, the last value stays; it is the
    same one if the indices come from overlapping windows. Raises ValueError for another size and for indices outside
    the output, TypeError for indices that are not int64.
    """
    what = "max_unpool2d"
    _check_indices(what, input, indices)
    input, single = unbatched(what, input, 2)
    indices, _ = unbatched(what, indices, 2)
    check_images(what, input)
    size = _size(what, tuple(input.shape[2:]), kernel_size, stride, padding, output_size)
    first, last = (int(indices.min()), int(indices.max())) if indices.numel() else (0, 0)
    if first < 0 or last >= size[0] * size[1]:
        raise ValueError(
            f"{what}: indices run from {first} to {last}; expected pixels of an output of {size[0]} x {size[1]}, 0 to "
            f"{size[0] * size[1] - 1}. Give output_size= the size before pooling."
        )
    y: Tensor = _MaxUnpool2d.apply(input, indices, size)  # type: ignore[no-untyped-call]
    return y[0] if single else y


def _check_indices(what: str, input: Tensor, indices: Tensor) -> None:
    if not isinstance(input, Tensor):
        raise TypeError(f"{what}: input is a {type(input).__name__}; expected a torch.Tensor")
    if not isinstance(indices, Tensor) or indices.dtype != torch.int64:
        got = indices.dtype if isinstance(indices, Tensor) else type(indices).__name__
        raise TypeError(f"{what}: indices is of type {got}; expected an int64 tensor, as max_pool2d returns it")
    if indices.shape != input.shape or indices.device != input.device:
        raise ValueError(
            f"{what}: indices has shape {tuple(indices.shape)} on {indices.device}, input {tuple(input.shape)} on "
            f"{input.device}; expected the same"
        )


def _size(
    what: str,
    lengths: tuple[int, ...],
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    output_size: Sequence[int] | None,
) -> tuple[int, ...]:
    """The size of the output: the smallest that pools to `lengths` without a remainder, or the one asked for."""
    kernel = per_axis(f"{what}: kernel_size", kernel_size, 2, 1)
    steps = kernel if stride is None or stride == [] else per_axis(f"{what}: stride", stride, 2, 1)
    zeros = per_axis(f"{what}: padding", padding, 2, 0)
    default = tuple(length_in(n, k, s, p, 1) for n, k, s, p in zip(lengths, kernel, steps, zeros, strict=True))
    size = default
    if output_size is not None:
        size = tuple(output_size)[2:] if len(output_size) == 4 else tuple(output_size)
        near = len(size) == 2 and all(abs(n - d) < s for n, d, s in zip(size, default, steps, strict=True))
        if not near:
            raise ValueError(
                f"{what}: output_size is {tuple(output_size)}; expected (H, W) less than the stride {steps} away from "
                f"{default}"
            )
    if min(size) < 1:
        raise ValueError(f"{what}: the output would be {size[0]} x {size[1]}; expected less padding or a larger input")
    return size
