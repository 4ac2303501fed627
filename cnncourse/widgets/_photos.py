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
    if "uint8" not in dtype and array.max() <= 1:
        array = array * 255
    if array.min() < 0 or array.max() > 255:
        raise ValueError(
            f"{who}: photo holds values from {array.min():g} to {array.max():g}; "
            f"expected 0 to 1 (floats) or 0 to 255. Rescale it first."
        )
    return np.rint(array).astype(np.uint8)
