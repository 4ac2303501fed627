"""What the arguments of a convolution say, once they are checked: one place for every implementation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from cnncourse.errors import per_axis, whole
from cnncourse.layers.size import length_out

Size: TypeAlias = int | Sequence[int]
AXES = {1: "L", 2: "H, W", 3: "T, H, W"}


@dataclass(frozen=True)
class Geometry:
    """Per axis: kernel, stride, padding before and after, dilation and output length; and the number of groups."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    dilation: tuple[int, ...]
    out: tuple[int, ...]
    groups: int

    @property
    def pads(self) -> list[int]:
        """The padding as `torch.nn.functional.pad` wants it: last axis first."""
        return [p for pair in zip(reversed(self.before), reversed(self.after), strict=True) for p in pair]


def geometry(
    what: str,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
    axes: int,
) -> Geometry:
    """Check the arguments of a batched convolution over `axes` axes and give its geometry.

    Raises TypeError/ValueError that begin with `what`.
    """
    check_tensors(what, input, weight, bias, axes)
    groups = whole(f"{what}: groups", groups, 1)
    _check_channels(what, input, weight, bias, groups)
    kernel = tuple(weight.shape[2:])
    stride = per_axis(f"{what}: stride", stride, axes, 1)
    dilation = per_axis(f"{what}: dilation", dilation, axes, 1)
    before, after = _padding(what, padding, kernel, stride, dilation)
    lengths = tuple(input.shape[2:])
    out = tuple(
        length_out(what, n, k, s, p, d, q)
        for n, k, s, p, d, q in zip(lengths, kernel, stride, before, dilation, after, strict=True)
    )
    return Geometry(kernel, stride, before, after, dilation, out, groups)


def check_tensors(
    what: str,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    axes: int,
    channels: str = "C_out, C_in // groups",
) -> None:
    """Raise unless all are tensors of one floating-point dtype, on one device, with as many axes as they should."""
    for name, value in (("input", input), ("weight", weight), ("bias", bias)):
        if not isinstance(value, Tensor) and not (name == "bias" and value is None):
            raise TypeError(f"{what}: {name} is a {type(value).__name__}; expected a torch.Tensor")
    if input.dim() != axes + 2:
        raise ValueError(
            f"{what}: input has shape {tuple(input.shape)}; expected (N, C, {AXES[axes]}). "
            "One example? Pass input[None]."
        )
    if weight.dim() != axes + 2 or 0 in weight.shape[1:]:
        raise ValueError(
            f"{what}: weight has shape {tuple(weight.shape)}; expected ({channels}, one kernel size "
            f"for each of {AXES[axes]}), none of them zero"
        )
    for name, value in (("weight", weight), ("bias", bias)):
        if value is None:
            continue
        if value.dtype != input.dtype:
            raise TypeError(
                f"{what}: {name} has dtype {value.dtype}, input {input.dtype}; expected the same. "
                f"Convert one, e.g. {name}.to(input.dtype)."
            )
        if value.device != input.device:
            raise ValueError(
                f"{what}: {name} is on {value.device}, input on {input.device}; expected the same device. "
                f"Move one, e.g. {name}.to(input.device)."
            )
    if not input.is_floating_point():
        raise TypeError(
            f"{what}: input has dtype {input.dtype}; expected a floating-point one. Convert all: input.float()."
        )


def _check_channels(what: str, input: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> None:
    c_in, c_out = input.shape[1], weight.shape[0]
    if c_in != weight.shape[1] * groups:
        raise ValueError(
            f"{what}: input has {c_in} channels, but a weight of shape {tuple(weight.shape)} with groups={groups} "
            f"takes {weight.shape[1]} * {groups} = {weight.shape[1] * groups}. Is the input laid out (N, C, ...)?"
        )
    if c_out % groups or c_out == 0:
        raise ValueError(f"{what}: {c_out} filters in {groups} groups; expected a positive multiple of groups")
    if bias is not None and bias.shape != (c_out,):
        raise ValueError(f"{what}: bias has shape {tuple(bias.shape)}; expected ({c_out},), one number a filter")


def _padding(
    what: str, padding: Size | str, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Padding before and after each axis. 'same' puts the odd pixel behind, as torch does."""
    if not isinstance(padding, str):
        both = per_axis(f"{what}: padding", padding, len(kernel), 0)
        return both, both
    if padding == "valid":
        return (0,) * len(kernel), (0,) * len(kernel)
    if padding != "same":
        raise ValueError(f"{what}: padding is {padding!r}; expected a whole number, one per axis, 'valid' or 'same'")
    if any(s != 1 for s in stride):
        raise ValueError(
            f"{what}: padding='same' with stride {stride}; expected stride 1. Give the padding in numbers."
        )
    total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)


def unbatched(what: str, input: Tensor, axes: int) -> tuple[Tensor, bool]:
    """`input` with a batch axis, and whether it had none (torch takes both)."""
    if isinstance(input, Tensor) and input.dim() == axes + 1:
        return input[None], True
    return input, False


def in_autocast(*tensors: Tensor | None) -> list[Any]:
    """Inside `torch.autocast` the tensors in its dtype, as torch's own convolutions take them; else unchanged."""
    kinds = {t.device.type for t in tensors if isinstance(t, Tensor) and t.dtype != torch.float64}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None or not torch.amp.is_autocast_available(kind) or not torch.is_autocast_enabled(kind):
        return list(tensors)
    to = torch.get_autocast_dtype(kind)
    return [t.to(to) if isinstance(t, Tensor) and t.is_floating_point() else t for t in tensors]


def sliding(x: Tensor, g: Geometry) -> Tensor:
    """Every window of a padded x (N, C, *lengths), without copying: a view (N, C, *out, *kernel)."""
    n, c, *steps = x.stride()
    return x.as_strided(
        (*x.shape[:2], *g.out, *g.kernel),
        (
            n,
            c,
            *(s * step for s, step in zip(g.stride, steps, strict=True)),
            *(d * step for d, step in zip(g.dilation, steps, strict=True)),
        ),
        x.storage_offset(),
    )


def pad(x: Tensor, g: Geometry) -> Tensor:
    """x with zeros around it."""
    return torch.nn.functional.pad(x, g.pads) if any(g.pads) else x
