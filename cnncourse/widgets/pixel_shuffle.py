"""The pixel shuffle: a picture whose pixels move, and units that look at all of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import anywidget
import numpy as np
import numpy.typing as npt
import traitlets

from cnncourse.widgets._base import as_array, script, style, whole, yes_or_no

_WHO = "PixelShuffle"
_SIDES = (3, 16)
_MOST = 12


class PixelShuffle(anywidget.AnyWidget):
    """Move the pixels of a picture x, and the weights of units y_k = b_k + Σ_i w_k,i x_i in the same way or not.

    Of the S² places the first `moved` of an order, drawn by `seed`, pass their values round in a ring. If the weights
    move `together` with the pixels, no unit's score changes. What a 3 × 3 edge filter answers always does.

    `images` (N, S, S) with values in [0, 1], ink 1, S from 3 to 16, up to 12 of them; `weights` (N, S, S), one unit for
    each picture, `bias` (N,), default 0; `names` of both, default 0, 1, …. Without images: ten handwritten digits of
    the test part, and for each unit the mean m of its training digits as weights with bias −|m|²/2, so that the highest
    score belongs to the nearest mean.

    Raises ValueError or TypeError for other shapes, pixels outside [0, 1] and numbers out of range.
    """

    _esm = script("pixel_shuffle.js")
    _css = style("pixel_shuffle.css")

    images: traitlets.List[Any] = traitlets.List().tag(sync=True)
    weights: traitlets.List[Any] = traitlets.List().tag(sync=True)
    bias: traitlets.List[Any] = traitlets.List().tag(sync=True)
    names: traitlets.List[Any] = traitlets.List().tag(sync=True)
    side = traitlets.Int(8).tag(sync=True)
    picture = traitlets.Int(0, min=0).tag(sync=True)
    moved = traitlets.Int(0, min=0).tag(sync=True)
    together = traitlets.Bool(True).tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)

    def __init__(
        self,
        images: Any = None,
        weights: Any = None,
        *,
        bias: Any = None,
        names: Sequence[str] | None = None,
        picture: int = 0,
        moved: int = 0,
        together: bool = True,
        seed: int = 1,
    ) -> None:
        if images is None and weights is None:
            images, weights, bias = _digits()
        pictures = _squares("images", images)
        units = _squares("weights", weights)
        count, side = pictures.shape[:2]
        if units.shape != pictures.shape:
            raise ValueError(
                f"{_WHO}: images has shape {pictures.shape} and weights {units.shape}; expected the same: a unit for "
                f"each picture, with a weight for each pixel."
            )
        if pictures.min() < 0 or pictures.max() > 1:
            raise ValueError(
                f"{_WHO}: images reach from {pictures.min():.3g} to {pictures.max():.3g}; expected 0 to 1, "
                f"e.g. images / 255."
            )
        offsets = np.zeros(count) if bias is None else as_array(_WHO, "bias", bias)
        if offsets.shape != (count,):
            raise ValueError(f"{_WHO}: bias has shape {offsets.shape}; expected ({count},), one for each unit.")
        super().__init__(
            images=_rows(pictures),
            weights=_rows(units),
            bias=[_short(v) for v in offsets],
            names=_names(names, count),
            side=side,
            picture=whole(_WHO, "picture", picture, 0, count - 1),
            moved=whole(_WHO, "moved", moved, 0, side * side),
            together=yes_or_no(_WHO, "together", together),
            seed=whole(_WHO, "seed", seed, 0, 2**31 - 1),
        )


def _squares(name: str, value: Any) -> npt.NDArray[np.float64]:
    array = as_array(_WHO, name, value)
    low, high = _SIDES
    fits = array.ndim == 3 and array.shape[1] == array.shape[2] and low <= array.shape[1] <= high
    if not fits or not 1 <= len(array) <= _MOST:
        raise ValueError(
            f"{_WHO}: {name} has shape {array.shape}; expected (N, S, S) with N from 1 to {_MOST} and S from {low} to "
            f"{high}, e.g. digits('test', size=8).images[:10, 0]."
        )
    return array


def _names(names: Sequence[str] | None, count: int) -> list[str]:
    if names is None:
        return [str(k) for k in range(count)]
    if isinstance(names, str) or len(names) != count or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{_WHO}: names={names!r}; expected {count} texts, one for each picture.")
    return list(names)


def _rows(squares: npt.NDArray[np.float64]) -> list[list[float]]:
    return [[_short(v) for v in square.ravel()] for square in squares]


def _short(value: float) -> float:
    return float(f"{value:.6g}")


@cache
def _digits() -> tuple[Any, Any, Any]:
    """The first test digit of every class, the means of the training digits, and their biases."""
    from cnncourse.data import digits

    train, test = digits("train", size=8), digits("test", size=8)
    firsts = [int((test.labels == k).nonzero()[0]) for k in range(10)]
    means = np.stack([train.images[train.labels == k, 0].numpy().mean(axis=0) for k in range(10)])
    return test.images[firsts, 0], means, -(means**2).sum(axis=(1, 2)) / 2
