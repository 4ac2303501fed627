"""Photographs as the small arrays of bytes that widgets store."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnncourse.widgets._base import as_array


def photo(who: str, name: str, size: int | tuple[int, int], *, gray: bool) -> npt.NDArray[np.uint8]:
    """The photograph `name` of `cnncourse.data` as bytes, (H, W) when gray, else (H, W, 3)."""
    from cnncourse.data import load_photo

    image = load_photo(name, size=size, gray=gray).numpy()  # (C, H, W) in [0, 1]
    pixels = np.rint(image * 255).clip(0, 255).astype(np.uint8)
    return pixels[0] if gray else np.moveaxis(pixels, 0, -1)


def given_pixels(who: str, value: Any) -> npt.NDArray[np.uint8]:
    """A grey image given by the reader, uint8 in 0 ... 255 or floats in [0, 1], as bytes (H, W)."""
    dtype = str(getattr(value, "dtype", ""))
    array = as_array(who, "photo", value)
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2 or not (min(array.shape) >= 3 and max(array.shape) <= 256):
        raise ValueError(
            f"{who}: photo has shape {array.shape}; expected (H, W), one grey image with 3 to 256 pixels a side. "
            f"Average a colour image over its channels and cut or shrink it first."
        )
    return to_bytes(who, array, dtype)


def to_bytes(who: str, array: npt.NDArray[np.float64], dtype: str) -> npt.NDArray[np.uint8]:
    """Brightness from 0 to 1, or from 0 to 255 when it is larger or `dtype` says bytes, as bytes."""
    low, high = array.min(), array.max()
    if low < 0 or high > 255:
        raise ValueError(
            f"{who}: photo holds values from {low:g} to {high:g}; "
            f"expected 0 to 1 (floats) or 0 to 255. Rescale it first."
        )
    scale = 1 if "uint8" in dtype or high > 1 else 255
    return np.rint(array * scale).astype(np.uint8)
