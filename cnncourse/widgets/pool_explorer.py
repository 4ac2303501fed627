"""The pooling explorer: a camera that moves by pixels, a feature map, its pooled map, and what has changed in both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anywidget
import numpy as np
import traitlets

from cnncourse.widgets._base import as_bytes, one_of, script, style, whole
from cnncourse.widgets._kernels import KERNELS
from cnncourse.widgets._photos import given_pixels
from cnncourse.widgets._photos import photo as load

_WHO = "PoolExplorer"
_SIZE = (96, 144)
_CORNERS = {"chelsea": (29, 47)}  # an eye
KINDS = ("max", "average", "blurred")
AFTER = ("none", "abs", "relu")
REACH = 8


class PoolExplorer(anywidget.AnyWidget):
    """Move the camera by pixels and see which values of a feature map change before and after pooling.

    Pixels are whole numbers from 0 to 255. A 3 × 3 filter of `cnncourse.widgets.KERNELS` makes the map, without
    padding; `after` is what follows it: "none", "abs" or "relu". The pooled map takes from each window of side `window`
    the "max" or the "average", `stride` apart; "blurred" takes the maximum at every place, blurs with 1, 2, 1 both
    ways and keeps every `stride`-th value (Zhang 2019, arXiv:1904.11486). A value has changed when it is not what it
    was at the same place without shift. The size of the change is |moved − unmoved| / |unmoved|, as vectors.

    `photo` is a name of `cnncourse.data.photos()` or a grey image (H, W), floats in [0, 1] or 0 … 255; `size` the side
    of the piece that the camera sees; `corner` its (top, left) without shift; `shift` (down, right), up to 8 pixels.
    All of it but the photograph can be changed in the figure; in a running notebook the attributes follow.

    Raises ValueError or TypeError for an unknown name, a value out of range or a piece that leaves the image.
    """

    _esm = script("pool_explorer.js")
    _css = style("pool_explorer.css")

    photo = traitlets.Unicode().tag(sync=True)
    photo_shape = traitlets.List(traitlets.Int()).tag(sync=True)
    size = traitlets.Int().tag(sync=True)
    corner = traitlets.List(traitlets.Int()).tag(sync=True)
    kernels = traitlets.Dict().tag(sync=True)
    kernel = traitlets.Unicode().tag(sync=True)
    after = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode().tag(sync=True)
    window = traitlets.Int(2, min=1, max=6).tag(sync=True)
    stride = traitlets.Int(2, min=1, max=6).tag(sync=True)
    shift = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(
        self,
        photo: Any = "chelsea",
        *,
        kernel: str = "sobel x",
        after: str = "abs",
        kind: str = "max",
        window: int = 2,
        stride: int | None = None,
        shift: Sequence[int] = (0, 0),
        size: int = 18,
        corner: Sequence[int] | None = None,
    ) -> None:
        pixels = load(_WHO, photo, _SIZE, gray=True) if isinstance(photo, str) else given_pixels(_WHO, photo)
        side = min(whole(_WHO, "size", size, 10, 34), *pixels.shape)
        if corner is None:
            corner = _CORNERS.get(photo) if isinstance(photo, str) else None
        room = [length - side for length in pixels.shape]
        small = {name: rows for name, rows in KERNELS.items() if np.shape(rows) == (3, 3)}
        side_of_window = whole(_WHO, "window", window, 1, 6)
        super().__init__(
            photo=as_bytes(pixels),
            photo_shape=list(pixels.shape),
            size=side,
            corner=[n // 2 for n in room] if corner is None else _pair("corner", corner, (0, 0), room),
            kernels=small,
            kernel=one_of(_WHO, "kernel", kernel, small),
            after=one_of(_WHO, "after", after, AFTER),
            kind=one_of(_WHO, "kind", kind, KINDS),
            window=side_of_window,
            stride=side_of_window if stride is None else whole(_WHO, "stride", stride, 1, 6),
            shift=_pair("shift", shift, (-REACH, -REACH), (REACH, REACH)),
        )


def _pair(name: str, value: Any, low: Sequence[int], high: Sequence[int]) -> list[int]:
    """Two whole numbers, each in its range."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise TypeError(f"{_WHO}: {name}={value!r}; expected two numbers, such as (0, 1).")
    if len(value) != 2:
        raise ValueError(f"{_WHO}: {name}={value!r}; expected two numbers, such as (0, 1).")
    return [whole(_WHO, f"{name}[{k}]", value[k], low[k], high[k]) for k in range(2)]
