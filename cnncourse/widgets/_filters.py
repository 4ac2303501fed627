"""Filters for whole photographs: derivatives of a Gaussian, larger and smoother than the 3 × 3 ones of the explorer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncourse.widgets._base import as_array

Rows = list[list[float]]


def _plane(side: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    half = side // 2
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float64)
    return rows, columns


def _gaussian(side: int, sigma: float) -> npt.NDArray[np.float64]:
    rows, columns = _plane(side)
    bell = np.exp(-(rows**2 + columns**2) / (2 * sigma**2))
    return np.asarray(bell / bell.sum())


def _edge(side: int, sigma: float, degrees: float) -> Rows:
    """Mean brightness on one side less that on the other, along a direction: 0° to the right, 90° downwards."""
    rows, columns = _plane(side)
    turn = np.deg2rad(degrees)
    slope = (columns * np.cos(turn) + rows * np.sin(turn)) * _gaussian(side, sigma)
    return plain(2 * slope / np.abs(slope).sum())


def _spot(side: int, sigma: float) -> Rows:
    """Mean brightness in the middle less that in the ring around it."""
    spot = _gaussian(side, sigma) - _gaussian(side, 1.6 * sigma)
    return plain(2 * spot / np.abs(spot).sum())


def _sharpen(side: int, sigma: float) -> Rows:
    """The image plus what a blur takes away from it."""
    weights = -1.5 * _gaussian(side, sigma)
    weights[side // 2, side // 2] += 2.5
    return plain(weights)


def plain(weights: npt.NDArray[np.float64]) -> Rows:
    """Rows of floats with as many digits as a picture needs."""
    return [[round(float(v), 6) for v in row] for row in weights]


FILTERS: dict[str, Rows] = {
    "vertical edges": _edge(7, 1.2, 0),
    "horizontal edges": _edge(7, 1.2, 90),
    "diagonal edges": _edge(7, 1.2, 45),
    "spots": _spot(11, 1.5),
    "blur": plain(_gaussian(11, 2.5)),
    "sharpen": _sharpen(5, 1.0),
}


def filter_rows(who: str, filters: Any) -> dict[str, Rows]:
    """Named filters, each (K, K) with an odd K up to 11, as rows of floats; a zoo net's name gives its first layer."""
    if filters is None:
        return FILTERS
    if isinstance(filters, str):
        filters = first_layer(who, filters)
    if not isinstance(filters, Mapping) or not filters:
        kind = type(filters).__name__
        raise TypeError(f"{who}: filters is a {kind}; expected a dict, name to weights, or the name of a zoo net.")
    return {str(name): _rows(who, str(name), weights) for name, weights in filters.items()}


def _rows(who: str, name: str, weights: Any) -> Rows:
    array = as_array(who, f"filters[{name!r}]", weights)
    if array.ndim != 2 or not all(side % 2 and side <= 11 for side in array.shape):
        raise ValueError(
            f"{who}: filters[{name!r}] has shape {array.shape}; expected odd sides up to 11, so that a pixel lies in "
            f"the middle. Take one slice of a Conv2d weight, or pad it with a row and a column of zeros."
        )
    return plain(array)


def first_layer(who: str, net: str) -> dict[str, Any]:
    """The filters of the first convolution of a zoo net, one input channel each."""
    from torch import nn

    from cnncourse import zoo

    first = next((m for m in zoo.load(net).modules() if isinstance(m, nn.Conv2d)), None)
    if first is None:
        raise ValueError(f"{who}: filters={net!r} names a net without a convolution; expected one with a Conv2d.")
    return {f"filter {k}": weight for k, weight in enumerate(first.weight.detach().mean(1))}
