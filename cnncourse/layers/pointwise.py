"""Functions of one number, applied to every number of a tensor: the two passes that the activations share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# f(x, y, slope) writes f(x) into y and, where slope is not None, f'(x) into slope. y may be x itself: it is written
# when x has been read for the last time.
Formula: TypeAlias = Callable[[Tensor, Tensor, Tensor | None], object]

# Numbers worked on at a time: so few that the steps of a formula find them in the processor's cache. On a GPU all.
_PIECE = {"cpu": 2**18}


class _Pointwise(torch.autograd.Function):
    """y = f(x), number by number. Each y depends on its own x only, so the chain rule is dx = dy * f'(x).

    f'(x) costs least where f(x) is computed: what they have in common is at hand, and the numbers are in the cache.
    So forward finds both, piece by piece, and keeps the slope f'(x) in place of x. Backward is one product.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, f: Formula, inplace: bool, differentiate: bool) -> Tensor:
        y = x if inplace else torch.empty_like(x)
        slope = torch.empty_like(x) if differentiate else None
        for some_x, some_y, *some_slope in pieces(x, y, *([] if slope is None else [slope])):
            f(exact(some_x), some_y, some_slope[0] if some_slope else None)
        if inplace:
            ctx.mark_dirty(x)
        if slope is not None:
            ctx.save_for_backward(slope)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None, None]:
        (slope,) = ctx.saved_tensors
        return dy * slope, None, None, None


class _FromOutput(torch.autograd.Function):
    """y = f(x) where y itself tells the slope, as s' = s (1 - s): nothing but y is kept, dx = dy * slope(y)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, f: Callable[[Tensor], Tensor], slope: Callable[[Tensor], Tensor]) -> Tensor:
        y = torch.empty_like(x)
        for some_x, some_y in pieces(x, y):
            some_y.copy_(f(exact(some_x)))
        ctx.save_for_backward(y)
        ctx.slope = slope
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None]:
        (y,) = ctx.saved_tensors
        dx = torch.empty_like(y)
        for some_y, some_dy, some_dx in pieces(y, dy, dx):
            torch.mul(some_dy, ctx.slope(exact(some_y)), out=some_dx)
        return dx, None, None


def from_output(what: str, input: Tensor, f: Callable[[Tensor], Tensor], slope: Callable[[Tensor], Tensor]) -> Tensor:
    """f of every number of `input`; `slope` gives f'(x) from y = f(x). Errors begin with `what`."""
    check_input(what, input)
    y: Tensor = _FromOutput.apply(input, f, slope)  # type: ignore[no-untyped-call]
    return y


def pointwise(what: str, input: Tensor, f: Formula, inplace: bool = False) -> Tensor:
    """f of every number of `input`, differentiable once; errors begin with `what`."""
    check_input(what, input)
    differentiate = torch.is_grad_enabled() and input.requires_grad
    y: Tensor = _Pointwise.apply(input, f, inplace, differentiate)  # type: ignore[no-untyped-call]
    return y


def pieces(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The same few numbers of tensors of one shape, piece after piece, in the order in which they lie in memory."""
    first = tensors[0]
    if first.numel() == 0:
        return iter(())
    order = sorted(range(first.dim()), key=first.stride, reverse=True)
    rows = [t.permute(order) for t in tensors]
    if first.device.type not in _PIECE or not all(t.is_contiguous() for t in rows):
        return iter([tensors])  # all at once
    return zip(*(torch.split(t.view(-1), _PIECE[first.device.type]) for t in rows), strict=True)


def batches(x: Tensor, axis: int = 0) -> list[slice]:
    """`axis` of x in slices of about as many numbers as are worked on at a time."""
    if x.device.type not in _PIECE:
        return [slice(None)]
    step = max(1, _PIECE[x.device.type] * x.shape[axis] // max(1, x.numel()))
    return [slice(n, n + step) for n in range(0, x.shape[axis], step)]


def exact(x: Tensor) -> Tensor:
    """16-bit numbers in float32, in which formulas are worked out as in torch; others as they are."""
    return x.float() if x.dtype.itemsize < 4 else x


def step(x: Tensor) -> Tensor:
    """1 where x > 0, else 0: as numbers, which is faster than a mask to multiply with."""
    return torch.gt(x, 0, out=torch.empty_like(x))


def check_input(what: str, input: Tensor) -> None:
    """TypeError unless `input` is a tensor of floating-point numbers."""
    if not isinstance(input, Tensor):
        raise TypeError(f"{what}: input is a {type(input).__name__}; expected a torch.Tensor")
    if not input.is_floating_point():
        raise TypeError(f"{what}: input has dtype {input.dtype}; expected a floating-point one, e.g. input.float()")


def check_companion(what: str, name: str, value: Tensor | None, input: Tensor, shape: tuple[int, ...]) -> None:
    """Raise unless `value` is None, or a tensor of this shape on the device of `input`."""
    if value is None:
        return
    if not isinstance(value, Tensor):
        raise TypeError(f"{what}: {name} is a {type(value).__name__}; expected a torch.Tensor")
    if tuple(value.shape) != shape:
        raise ValueError(
            f"{what}: {name} has shape {tuple(value.shape)}, input {tuple(input.shape)}; expected {shape} for {name}"
        )
    if value.device != input.device:
        raise ValueError(
            f"{what}: {name} is on {value.device}, input on {input.device}; expected the same device. "
            f"Move one, e.g. {name}.to(input.device)."
        )
