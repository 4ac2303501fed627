"""Grids of pictures without axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from cnncourse.plot._arrays import Array, check_titles, to_images
from cnncourse.plot.style import HAIR, figure, style

_SCALES = ("auto", "shared", "each")
_TITLE_INCHES = 0.28
_BAR_INCHES = 0.95


def show_images(
    images: Any,
    titles: Sequence[str] | str | None = None,
    *,
    columns: int | None = None,
    width: float | None = None,
    scale: str = "auto",
) -> Figure:
    """Pictures side by side, without axes: photographs in colour, single channels and activations in grey.

    `images`: one image, a list of them, a batch (N, C, H, W), or a stack of maps (C, H, W). An image is (H, W),
    (1, H, W), (3, H, W) or (H, W, 3); colours lie in [0, 1], or in 0 … 255 if they are integers.
    `scale` says what black and white mean for grey pictures: "auto" is 0 and 1 (255 for integers) if all values lie
    there, otherwise as "shared"; "shared" is the smallest and largest value of all of them, so brightness can be
    compared; "each" stretches every picture on its own, so it cannot. `width` in inches: 4, 6 or 8 as a rule.

    Raises ValueError for other shapes, colours outside their range, values that are not finite, a wrong title count.
    """
    listed = to_images(images, "show_images")
    if scale not in _SCALES:
        raise ValueError(f"show_images: scale is {scale!r}; expected one of {', '.join(map(repr, _SCALES))}")
    _check_colors(listed)
    gray = [image for image in listed if image.ndim == 2]
    shared = _limits(gray, scale)
    with style():
        fig, axes = _grid(listed, check_titles(titles, len(listed), "show_images"), columns, width)
        for ax, image in zip(axes, listed, strict=True):
            if image.ndim == 3:
                ax.imshow(np.clip(image, 0, 255 if image.dtype.kind in "iu" else 1))
            else:
                low, high = shared if scale != "each" else (float(image.min()), float(image.max()))
                ax.imshow(image, cmap="gray", vmin=low, vmax=high if high > low else low + 1)
    return fig


def show_signed(
    images: Any,
    titles: Sequence[str] | str | None = None,
    *,
    columns: int | None = None,
    width: float | None = None,
    limit: float | None = None,
    label: str = "",
    colorbar: bool = True,
) -> Figure:
    """Signed maps (gradients, filters, differences): red above zero, blue below, white exactly at zero.

    All pictures share one scale, −limit … limit (default: the largest absolute value), told by one colour bar, whose
    `label` names the quantity. `images` as in `show_images`, one channel each.

    Raises ValueError as `show_images` does, for colour images, and for a limit that is not positive.
    """
    listed = to_images(images, "show_signed")
    if any(image.ndim == 3 for image in listed):
        raise ValueError(
            "show_signed: got an image of 3 channels; expected one. Show each channel: show_signed(list(x))"
        )
    if limit is None:
        limit = max(float(np.abs(image.astype(float)).max()) for image in listed) or 1.0
    if not (math.isfinite(limit) and limit > 0):
        raise ValueError(f"show_signed: limit is {limit!r}; expected a positive number, such as 1.0")
    with style():
        names = check_titles(titles, len(listed), "show_signed")
        fig, axes = _grid(listed, names, columns, width, beside=_BAR_INCHES if colorbar else 0.0)
        drawn = [_signed(ax, image, limit) for ax, image in zip(axes, listed, strict=True)]
        if colorbar:
            bar = fig.colorbar(drawn[0], ax=axes, label=label, fraction=0.05, pad=0.02)
            bar.outline.set_edgecolor(HAIR)
    return fig


def _signed(ax: Axes, image: Array, limit: float) -> AxesImage:
    return ax.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)


def _check_colors(images: list[Array]) -> None:
    for image in images:
        top = 255 if image.dtype.kind in "iu" else 1.0
        low, high = image.min(), image.max()
        if image.ndim == 3 and (low < -1e-4 or high > top + 1e-4):
            raise ValueError(
                f"show_images: colours reach from {low:.4g} to {high:.4g}; expected 0 to {top:g}. "
                f"Clip them (x.clamp(0, 1)), or use show_signed for values with a sign"
            )


def _limits(gray: list[Array], scale: str) -> tuple[float, float]:
    """What black and white mean."""
    if not gray:
        return 0.0, 1.0
    low, high = min(float(g.min()) for g in gray), max(float(g.max()) for g in gray)
    white = 255.0 if all(g.dtype.kind in "iu" for g in gray) and high > 1 else 1.0
    if scale == "auto" and low >= 0 and high <= white:
        return 0.0, white
    return low, high


def _grid(
    images: list[Array], titles: list[str], columns: int | None, width: float | None, beside: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """A figure with one frameless axes for each image, as high as the images ask for."""
    count = len(images)
    columns = _columns(columns, count)
    rows = math.ceil(count / columns)
    width = width or (4 if columns == 1 else 6 if columns == 2 else 8)
    aspect = max(image.shape[0] / image.shape[1] for image in images)
    lines = max((title.count("\n") + 1 for title in titles if title), default=0)
    height = rows * ((width - beside) / columns * aspect + lines * _TITLE_INCHES)
    fig = figure(width, min(height, 60))
    fig.get_layout_engine().set(w_pad=0.04, h_pad=0.04, wspace=0.02, hspace=0.02)  # type: ignore[union-attr,call-arg]
    axes = [fig.add_subplot(rows, columns, 1 + index) for index in range(count)]
    for ax, title in zip(axes, titles, strict=True):
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set(visible=True, color=HAIR, linewidth=0.8)
        ax.set_title(title)
    return fig, axes


def _columns(columns: int | None, count: int) -> int:
    if columns is None:
        return min(count, 4 if count <= 4 or count % 4 == 0 else 5 if count % 5 == 0 else 3 if count <= 6 else 8)
    if isinstance(columns, bool) or not isinstance(columns, int) or columns < 1:
        raise ValueError(f"columns is {columns!r}; expected an int ≥ 1")
    return min(columns, count)
