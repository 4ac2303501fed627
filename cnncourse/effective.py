"""How much each pixel of a receptive field really counts.

The field that a formula gives is a box; inside it pixels in the middle reach a unit along many more paths than pixels
at the rim, so their influence falls off like a bell, and its width grows with the square root of the number of layers
where the box grows with the number. Source: Luo, Li, Urtasun & Zemel 2016, arXiv:1701.04128.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from cnncourse.errors import whole
from cnncourse.plot.style import COLORS, INK, INKS, PAPER, figure, style
from cnncourse.receptive import output_of, receptive_field

Box = tuple[tuple[int, int], ...]  # first and last pixel along each axis
_LARGEST_NOISE = 1024  # pixels along an axis, when x is not given
_IN_FIELD = 1 - 0.9545  # of the largest influence: what Luo et al. count as inside (two standard deviations' share)


@dataclass(frozen=True)
class EffectiveField:
    """The influence of each input pixel on one unit: `map`, (H, W) or (L,), sums to 1.

    `mean` and `std` (pixels, one for each axis) are those of the map taken as a distribution; a bell is about 4 `std`
    wide. `share` is the part of it within two standard deviations of the mean along every axis: (0.954 ** axes for a
    Gaussian). `size` is the side of a square with as many pixels as have at least 4.55 % of the largest influence, the
    measure of Luo et al. `box` holds every pixel with any influence, `theoretical` is the box of `receptive_field`, cut
    at the input's border (None where that has none): first and last pixel along each axis.
    """

    layer: str
    map: Tensor
    mean: tuple[float, ...]
    std: tuple[float, ...]
    share: float
    size: float
    box: Box
    theoretical: Box | None

    def __repr__(self) -> str:
        sides = [last - first + 1 for first, last in self.theoretical or self.box]
        return (
            f"EffectiveField(layer={self.layer!r}, std={tuple(round(s, 2) for s in self.std)}, size={self.size:.1f} of "
            f"{'×'.join(map(str, sides))} pixels, share={self.share:.3f})"
        )

    def plot(self, width: float = 6) -> Figure:
        """The map with three boxes (by the formula, any influence, two standard deviations), and its profile."""
        if self.map.dim() > 2:
            raise ValueError(f"EffectiveField.plot: the map has {self.map.dim()} axes; expected 1 or 2")
        with style():
            flat = self.map.dim() == 1
            fig = figure(width, 3.0 if flat else 0.62 * width)
            if flat:
                self._profile(fig.add_subplot(), axis=0)
                return fig
            picture, profile = fig.subplots(1, 2, width_ratios=(1.25, 1))
            self._picture(picture)
            self._profile(profile, axis=1)
            handles, labels = picture.get_legend_handles_labels()
            fig.legend(handles, labels, loc="outside lower center", ncols=1 if width < 5 else 3, fontsize=10,
                       handlelength=1.8, columnspacing=1.2)  # fmt: skip
        return fig

    def _picture(self, ax: Any) -> None:
        cmap = LinearSegmentedColormap.from_list("influence", [PAPER, COLORS["gradient"], INK])
        ax.imshow(self.map.numpy(), cmap=cmap, interpolation="nearest")
        ax.set(xticks=[], yticks=[], title=f"influence on {self.layer}")
        ax.spines[:].set_visible(False)
        (first_row, last_row), (first, last) = self.theoretical or self.box
        margin = max(2, (last_row - first_row) // 8)
        ax.set(xlim=(first - margin, last + margin), ylim=(last_row + margin, first_row - margin))
        inner = tuple((m - 2 * s, m + 2 * s) for m, s in zip(self.mean, self.std, strict=True))
        boxes = [(self.theoretical, INKS["input"], "--", "by the formula"), (self.box, INK, ":", "any influence"),
                 (inner, COLORS["filter"], "-", "± 2 std")]  # fmt: skip
        for box, color, dashes, label in boxes:
            if box is not None:
                (top, bottom), (left, right) = box
                ax.add_patch(
                    Rectangle((left - 0.5, top - 0.5), right - left + 1, bottom - top + 1, fill=False, edgecolor=color,
                              linestyle=dashes, linewidth=1.8, label=label, clip_on=False)
                )  # fmt: skip

    def _profile(self, ax: Any, axis: int) -> None:
        along = self.map.numpy() if self.map.dim() == 1 else self.map.sum(dim=1 - axis).numpy()
        at = np.arange(len(along))
        mean, std = self.mean[axis], max(self.std[axis], 1e-9)
        ax.fill_between(at, along, step="mid", color=COLORS["gradient"], alpha=0.35, linewidth=0, label="influence")
        bell = np.exp(-0.5 * ((at - mean) / std) ** 2)
        ax.plot(at, bell / bell.sum(), color=INK, linewidth=1.4, label="a bell of that std")
        first, last = (self.theoretical or self.box)[axis]
        margin = max(1, (last - first) // 8)
        ax.set(xlabel="column (pixels)" if self.map.dim() == 2 else "position", ylim=(0, None), yticks=[],
               xlim=(first - margin, last + margin), title=f"std {std:.1f} of {last - first + 1} pixels")  # fmt: skip
        ax.spines["left"].set_visible(False)


def effective_receptive_field(
    model: nn.Module,
    layer: str,
    x: Tensor | None = None,
    *,
    unit: Sequence[int] | None = None,
    samples: int = 16,
    seed: int = 0,
) -> EffectiveField:
    """Measure how much each input pixel influences one unit of `layer`: the mean of |d(r . y) / dx|, scaled to sum 1.

    y are all channels of the unit at position `unit` (default: the middle one) and r weights drawn from N(0, 1), anew
    for each image; the mean is over images and input channels. `x` (N, C, *lengths) are the images; without them,
    `samples` images of noise, just large enough for the field that `receptive_field` gives. The model runs one image at
    a time, in eval mode, only as far as `layer`; its modes, hooks and gradients stay as they were. `seed` makes the
    noise and r.

    With weights of one sign the map is the bell itself. With random weights gradients have mean 0 and their variance is
    the bell: the mean of |gradient| follows its square root, which is sqrt(2) as wide.

    Raises TypeError for what is no model or tensor; ValueError for an unknown layer, a map without axes, a unit outside
    it or that no pixel reaches, or a model whose field is unknown when x is not given.
    Source: Luo et al. 2016, arXiv:1701.04128, section 3.
    """
    module = _module(model, layer, x)
    generator = torch.Generator().manual_seed(seed)
    images = (
        _noise(model, layer, whole("effective_receptive_field: samples", samples, 1), generator) if x is None else x
    )
    total = torch.zeros(images.shape[2:], dtype=torch.float64)
    at: tuple[int, ...] = ()
    for image in images.detach():
        start = image[None].clone().requires_grad_(True)
        y = output_of(model, module, start)
        at = _position(y, start, unit)
        r = torch.randn(y.shape[1], generator=generator, dtype=torch.float64).to(y)
        (dx,) = torch.autograd.grad((y[0].movedim(0, -1)[at] * r).sum(), start)
        total += dx.abs().sum(dim=(0, 1)).double().cpu()
    if not 0 < float(total.sum()) < float("inf"):
        raise ValueError(
            f"effective_receptive_field: the gradient of {layer!r} at {at} sums to {float(total.sum())}; expected a "
            "positive number. Is the unit behind a dead ReLU, or are weights NaN?"
        )
    return _described(model, layer, total / total.sum(), at)


def _module(model: Any, layer: str, x: Any) -> nn.Module:
    if not isinstance(model, nn.Module) or not (x is None or isinstance(x, Tensor)):
        raise TypeError(
            f"effective_receptive_field: got a {type(model).__name__} and x a {type(x).__name__}; expected a "
            "torch.nn.Module and a tensor of images for it, or None"
        )
    modules = dict(model.named_modules())
    if layer not in modules:
        names = ", ".join(name for name in modules if name)
        raise ValueError(f"effective_receptive_field: no layer {layer!r} in this model; it has {names or 'none'}")
    if x is not None and (x.dim() < 3 or len(x) == 0):
        raise ValueError(f"effective_receptive_field: x has shape {tuple(x.shape)}; expected (N, C, *lengths), N >= 1")
    return cast(nn.Module, modules[layer])


def _noise(model: nn.Module, layer: str, samples: int, generator: torch.Generator) -> Tensor:
    """Images of noise that hold the whole field of a unit in the middle."""
    size, jump, _ = receptive_field(model, layer or None)
    layers: Iterator[Any] = model.modules()
    first = next((m for m in layers if hasattr(m, "in_channels") and hasattr(m, "kernel_size")), None)
    if first is None:
        raise ValueError(
            f"effective_receptive_field: no convolution in {type(model).__name__} tells how many channels its images "
            "have; give images: x=torch.randn(16, C, H, W)"
        )
    axes = len(first.kernel_size) if isinstance(first.kernel_size, (tuple, list)) else 2
    sides = [n + 2 * j for n, j in zip(_each(size, axes), _each(jump, axes), strict=True)]
    if max(sides) > _LARGEST_NOISE:
        raise ValueError(
            f"effective_receptive_field: {layer!r} sees {max(sides)} pixels; expected at most {_LARGEST_NOISE}. Give "
            "smaller images, which cut the field at their border: x=torch.randn(4, C, H, W)"
        )
    weight = next(model.parameters())
    noise = torch.randn(samples, int(first.in_channels), *sides, generator=generator)
    return noise.to(device=weight.device, dtype=weight.dtype)


def _position(y: Tensor, x: Tensor, unit: Sequence[int] | None) -> tuple[int, ...]:
    if y.dim() != x.dim():
        raise ValueError(
            f"effective_receptive_field: the layer gives shape {tuple(y.shape)}; expected a map with {x.dim() - 2} axes"
        )
    at = tuple(n // 2 for n in y.shape[2:]) if unit is None else tuple(unit)
    if len(at) != y.dim() - 2 or not all(0 <= whole("unit", a, 0) < n for a, n in zip(at, y.shape[2:], strict=True)):
        raise ValueError(f"effective_receptive_field: unit is {at}; expected a position inside {tuple(y.shape[2:])}")
    return at


def _described(model: nn.Module, layer: str, map: Tensor, at: tuple[int, ...]) -> EffectiveField:
    """The measures of a map that sums to 1."""
    axes = map.dim()
    inside = torch.ones_like(map, dtype=torch.bool)
    mean, std = [], []
    for axis, length in enumerate(map.shape):
        along = map.sum(dim=[a for a in range(axes) if a != axis]) if axes > 1 else map
        place = torch.arange(length, dtype=map.dtype)
        m = float((along * place).sum())
        s = float((along * (place - m) ** 2).sum().clamp(min=0).sqrt())
        near = (place - m).abs() <= 2 * s + 1e-9
        inside &= near.reshape([-1 if a == axis else 1 for a in range(axes)])
        mean.append(m)
        std.append(s)
    where = map.nonzero()
    box = tuple(zip(where.min(dim=0).values.tolist(), where.max(dim=0).values.tolist(), strict=True))
    counted = int((map >= _IN_FIELD * map.max()).sum())
    return EffectiveField(
        layer or type(model).__name__, map, tuple(mean), tuple(std), float(map[inside].sum()), counted ** (1 / axes),
        box, _theory(model, layer, at, tuple(map.shape)),
    )  # fmt: skip


def _theory(model: nn.Module, layer: str, at: tuple[int, ...], shape: tuple[int, ...]) -> Box | None:
    """The box by the formula, inside the image; None for a model that it cannot follow."""
    try:
        field = receptive_field(model, layer or None)
    except ValueError:
        return None
    sides = [_each(value, len(shape)) for value in field]
    first = [start + a * jump for a, jump, start in zip(at, sides[1], sides[2], strict=True)]
    return tuple((max(0, f), min(n - 1, f + size - 1)) for f, size, n in zip(first, sides[0], shape, strict=True))


def _each(value: int | tuple[int, ...], axes: int) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,) * axes
