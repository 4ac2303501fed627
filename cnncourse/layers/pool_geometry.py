"""What the arguments of a pooling say, once they are checked, and which pixels each entry of its window meets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from torch import Tensor

from cnncourse.errors import per_axis
from cnncourse.layers.geometry import Geometry, Size
from cnncourse.layers.size import length_out


def pool_geometry(
    what: str,
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> Geometry:
    """Check the arguments of a pooling of images (N, C, H, W) and give its geometry; stride None means kernel_size.

    Raises TypeError/ValueError that begin with `what`.
    """
    check_images(what, input)
    kernel, steps, before, gaps = window(what, kernel_size, stride, padding, dilation)
    lengths = tuple(input.shape[2:])
    out = tuple(
        _positions(what, n, k, s, p, d, ceil_mode)
        for n, k, s, p, d in zip(lengths, kernel, steps, before, gaps, strict=True)
    )
    g = Geometry(kernel, steps, before, before, gaps, out, 1)
    for axis, n in enumerate(lengths):
        if blind := set(range(out[axis])) - {i for a in range(kernel[axis]) for i in range(*_meets(a, axis, n, g))}:
            raise ValueError(
                f"{what}: along an axis of {n} pixels, all entries of window {min(blind)} lie in the padding "
                f"(kernel_size {kernel}, padding {before}, dilation {gaps}); expected at least one on the input. "
                "Use a smaller dilation or padding."
            )
    return g


def window(
    what: str, kernel_size: Size, stride: Size | None, padding: Size, dilation: Size = 1
) -> tuple[tuple[int, ...], ...]:
    """Kernel, stride, padding and dilation of a pooling window, a number for each of two axes."""
    kernel = per_axis(f"{what}: kernel_size", kernel_size, 2, 1)
    steps = kernel if stride is None or stride == [] else per_axis(f"{what}: stride", stride, 2, 1)
    zeros = per_axis(f"{what}: padding", padding, 2, 0)
    gaps = per_axis(f"{what}: dilation", dilation, 2, 1)
    if any(p > k // 2 for p, k in zip(zeros, kernel, strict=True)):
        raise ValueError(
            f"{what}: padding is {zeros} with kernel_size {kernel}; expected at most half the kernel, "
            f"{tuple(k // 2 for k in kernel)}"
        )
    return kernel, steps, zeros, gaps


def check_images(what: str, input: Tensor, name: str = "input") -> None:
    """Raise unless `input` is a floating-point tensor (N, C, H, W) where only N may be 0."""
    if not isinstance(input, Tensor):
        raise TypeError(f"{what}: {name} is a {type(input).__name__}; expected a torch.Tensor")
    if input.dim() != 4 or 0 in input.shape[1:]:
        raise ValueError(
            f"{what}: {name} has shape {tuple(input.shape)}; expected (N, C, H, W) or (C, H, W), only N may be 0"
        )
    if not input.is_floating_point():
        raise TypeError(f"{what}: {name} has dtype {input.dtype}; expected a floating-point one. Convert: .float()")


def _positions(what: str, n: int, k: int, s: int, p: int, d: int, ceil_mode: bool) -> int:
    """How many windows lie along an axis of n pixels.

    By default those that fit. With ceil_mode also one that sticks out behind, if it starts on the input or in the
    padding before it; one that would start in the padding behind is left out.
    """
    out = -((d * (k - 1) + 1 - n - 2 * p) // s) + 1  # ceil((n + 2p - d(k - 1) - 1) / s) + 1
    if not ceil_mode or out < 1:
        return length_out(what, n, k, s, p, d)
    return out - 1 if (out - 1) * s >= n + p else out


def taps(lengths: tuple[int, ...], g: Geometry) -> Iterator[tuple[list[slice], list[slice]]]:
    """For each entry of the window, in row order: the outputs for which it lies on the input, and its pixel for each.

    Both as slices, one for each axis. No padded copy is needed: entries on the padding are in no slice.
    """
    for tap in product(*map(range, g.kernel)):
        outputs, pixels = [], []
        for axis, (a, n) in enumerate(zip(tap, lengths, strict=True)):
            low, high = _meets(a, axis, n, g)
            s, offset = g.stride[axis], a * g.dilation[axis] - g.before[axis]
            outputs.append(slice(low, high))
            pixels.append(slice(low * s + offset, (high - 1) * s + offset + 1, s))
        if all(o.start < o.stop for o in outputs):
            yield outputs, pixels


def _meets(a: int, axis: int, n: int, g: Geometry) -> tuple[int, int]:
    """The outputs i, from low up to but not including high, with 0 <= i*S + a*D - P < n."""
    s, offset = g.stride[axis], a * g.dilation[axis] - g.before[axis]
    return max(0, -(offset // s)), min(g.out[axis], (n - 1 - offset) // s + 1)
