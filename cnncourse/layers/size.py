"""How large the output of a sliding window is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, overload

from cnncourse.errors import per_axis, whole

Size: TypeAlias = int | Sequence[int]


@overload
def output_size(size: int, kernel_size: Size, stride: Size = 1, padding: Size = 0, dilation: Size = 1) -> int: ...
@overload
def output_size(
    size: Sequence[int], kernel_size: Size, stride: Size = 1, padding: Size = 0, dilation: Size = 1
) -> tuple[int, ...]: ...
def output_size(
    size: Size, kernel_size: Size, stride: Size = 1, padding: Size = 0, dilation: Size = 1
) -> int | tuple[int, ...]:
    """Count the positions of a window along each axis.

        H' = (H + 2P - D(K - 1) - 1) // S + 1

    The window covers D(K - 1) + 1 pixels; it starts at the padded edge and takes a step of S as long as it still fits.
    A remainder is not looked at: the last rows and columns may belong to no window.

    `size` is one length, giving one length, or a sequence (H, W, ...), giving a tuple; the others are a number for all
    axes or a sequence with one per axis. Raises ValueError where the window does not fit, TypeError for a number that
    is not whole. Source: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 6.

    >>> output_size(227, 11, stride=4), output_size((32, 48), (3, 5), padding=(1, 2))
    (55, (32, 48))
    """
    one = not isinstance(size, Sequence)
    lengths = (whole("output_size: size", size, 0),) if one else tuple(whole("output_size: size", n, 0) for n in size)  # type: ignore[union-attr]
    axes = len(lengths)
    kernels = per_axis("output_size: kernel_size", kernel_size, axes, 1)
    strides = per_axis("output_size: stride", stride, axes, 1)
    paddings = per_axis("output_size: padding", padding, axes, 0)
    dilations = per_axis("output_size: dilation", dilation, axes, 1)
    out = tuple(
        length_out("output_size", *numbers)
        for numbers in zip(lengths, kernels, strides, paddings, dilations, strict=True)
    )
    return out[0] if one else out


def length_out(what: str, n: int, k: int, s: int, p: int, d: int, after: int | None = None) -> int:
    """Positions along one axis, with `p` pixels of padding before and `after` (default: p) behind.

    Raises ValueError, beginning with `what`, where the window is wider than the padded input.
    """
    after = p if after is None else after
    reach = d * (k - 1) + 1
    if n + p + after < reach:
        raise ValueError(
            f"{what}: a window of {reach} pixels (kernel_size {k}, dilation {d}) does not fit into an input of "
            f"{n} with padding {p} + {after}; expected at most {n + p + after}. "
            "Use a smaller kernel or dilation, or more padding."
        )
    return (n + p + after - reach) // s + 1


def length_in(n: int, k: int, s: int, p: int, d: int) -> int:
    """The shortest input along one axis on which a window has n positions; up to S - 1 more have as many."""
    return (n - 1) * s - 2 * p + d * (k - 1) + 1
