"""The filter lens: a photograph, and inside a lens what one filter answers."""

from __future__ import annotations

import base64
import io
from typing import Any

import anywidget
import numpy as np
import numpy.typing as npt
import traitlets
from PIL import Image

from cnncourse.widgets._base import as_array, one_of, script, style, whole
from cnncourse.widgets._filters import filter_rows
from cnncourse.widgets._photos import photo as load
from cnncourse.widgets._photos import to_bytes

_WHO = "FilterLens"
_SIDE = 288  # pixels of the shorter side
_PLACES = {"chelsea": (0.366, 0.385)}  # where the lens starts: over the eye


class FilterLens(anywidget.AnyWidget):
    """Move a lens over a photograph; inside it, y[i, j] = Σ w[a, b] · x[i + a − ⌊K/2⌋, j + b − ⌊K/2⌋] at every pixel.

    x is the photograph's grey value, 0 to 255, its border pixels repeated outside. Answers of a filter whose weights
    sum to one are shown as an image, of any other blue below zero and red above.

    `photo` is a name of `cnncourse.data.photos()` or an image (H, W) or (H, W, 3), uint8 or floats in [0, 1], 16 to
    512 pixels a side; `filters` a dict from name to weights (K × K, K odd, at most 11) or the name of a zoo net, whose
    first layer is taken; `filter` the one to start with; `at` the lens as fractions (x, y); `radius` in pixels.

    Raises ValueError or TypeError for an unknown name, a wrong shape or a number out of range.
    """

    _esm = script("filter_lens.js")
    _css = style("filter_lens.css")

    photo = traitlets.Unicode().tag(sync=True)
    shows = traitlets.Unicode().tag(sync=True)
    credit = traitlets.Unicode().tag(sync=True)
    filters = traitlets.Dict().tag(sync=True)
    filter = traitlets.Unicode().tag(sync=True)
    at: traitlets.List[Any] = traitlets.List().tag(sync=True)
    radius = traitlets.Int(68).tag(sync=True)

    def __init__(
        self,
        photo: Any = "chelsea",
        *,
        filters: Any = None,
        filter: str | None = None,
        at: tuple[float, float] | None = None,
        radius: int = 68,
    ) -> None:
        rows = filter_rows(_WHO, filters)
        named = isinstance(photo, str)
        pixels = load(_WHO, photo, _SIDE, gray=False) if named else _given(photo)
        shows, credit = _about(photo) if named else ("The image given", "")
        place = (_PLACES.get(photo) if named else None) or (0.5, 0.5)
        super().__init__(
            photo=_jpeg(pixels),
            shows=shows,
            credit=credit,
            filters=rows,
            filter=next(iter(rows)) if filter is None else one_of(_WHO, "filter", filter, rows),
            at=_fractions(place if at is None else at),
            radius=whole(_WHO, "radius", radius, 20, 160),
        )


def _about(name: str) -> tuple[str, str]:
    """What the photograph shows, and whose it is."""
    from cnncourse.data import photos

    about = photos()[name]
    return f"Photograph: {about.shows}", f"{about.shows}: {about.source}, {about.licence}"


def _given(photo: Any) -> npt.NDArray[np.uint8]:
    dtype = str(getattr(photo, "dtype", ""))
    array = as_array(_WHO, "photo", photo)
    shape = array.shape
    if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)) or min(shape[:2]) < 16 or max(shape[:2]) > 512:
        raise ValueError(
            f"{_WHO}: photo has shape {shape}; expected (H, W) or (H, W, 3) with 16 to 512 pixels a side. "
            f"Move channels last with np.moveaxis(photo, 0, -1), or shrink it first."
        )
    return to_bytes(_WHO, array, dtype)


def _jpeg(pixels: npt.NDArray[np.uint8]) -> str:
    """A data address with the image as JPEG, colour not thinned out, so that filters meet few artefacts."""
    memory = io.BytesIO()
    Image.fromarray(pixels).save(memory, "JPEG", quality=92, subsampling=0, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(memory.getvalue()).decode("ascii")


def _fractions(at: Any) -> list[float]:
    place = as_array(_WHO, "at", at)
    if place.shape != (2,) or not ((place >= 0) & (place <= 1)).all():
        raise ValueError(f"{_WHO}: at={at!r}; expected two fractions (x, y) from 0 to 1, e.g. at=(0.4, 0.4).")
    return [float(v) for v in place]
