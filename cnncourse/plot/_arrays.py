"""Turn what a reader passes (tensors, arrays, lists) into checked arrays to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]


def to_array(value: Any, who: str) -> Array:
    """A NumPy array of finite numbers (bool becomes 0 and 1)."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{who}: got a ragged list; expected rows of equal length") from None
    if array.dtype == bool:
        array = array.astype(np.uint8) if array.ndim != 2 else array.astype(np.float32)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{who}: got {type(value).__name__} with dtype {array.dtype}; expected numbers")
    if array.size == 0:
        raise ValueError(f"{who}: got an array of shape {array.shape}, which has nothing to show")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise ValueError(
            f"{who}: {bad} of {array.size} values are NaN or infinite; find out where they come from first"
        )
    return array


def to_matrix(value: Any, who: str) -> Array:
    """A 2-D array; a 1-D one becomes a row."""
    array = to_array(value, who)
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2:
        raise ValueError(f"{who}: got shape {array.shape}; expected a matrix (rows, columns). Index a channel first")
    return array


def to_images(images: Any, who: str) -> list[Array]:
    """A list of images, each (H, W) or (H, W, 3).

    Understood: (H, W); (1, H, W) or (3, H, W); (H, W, 1) or (H, W, 3); a batch (N, C, H, W) with C = 1 or 3; a stack of
    grey maps (C, H, W) with another C; a list of any of the first three.
    """
    if isinstance(images, Sequence) and not isinstance(images, str) and not _is_plain_matrix(images):
        if not images:
            raise ValueError(f"{who}: got an empty list; expected at least one image")
        return [_one_image(to_array(image, who), who) for image in images]
    array = to_array(images, who)
    if array.ndim == 4 or (array.ndim == 3 and array.shape[0] not in (1, 3) and array.shape[2] not in (1, 3)):
        return [_one_image(image, who) for image in array]
    return [_one_image(array, who)]


def _is_plain_matrix(images: Sequence[Any]) -> bool:
    return bool(images) and isinstance(images[0], Sequence) and len(images[0]) > 0 and np.isscalar(images[0][0])


def _one_image(array: Array, who: str) -> Array:
    if array.ndim == 2:
        return array
    if array.ndim == 3 and array.shape[0] in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        return array[:, :, 0]
    if array.ndim == 3 and array.shape[2] == 3:
        return array
    raise ValueError(f"{who}: got an image of shape {array.shape}; expected (H, W), (1, H, W), (3, H, W) or (H, W, 3)")


def check_titles(titles: Sequence[str] | str | None, count: int, who: str) -> list[str]:
    """One title for each of `count` things."""
    if titles is None:
        return [""] * count
    listed = [titles] if isinstance(titles, str) else [str(title) for title in titles]
    if len(listed) != count:
        raise ValueError(f"{who}: got {len(listed)} titles for {count} pictures; expected one for each")
    return listed
