"""The convolution explorer: a window that slides over a real image patch, its products and their sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anywidget
import numpy as np
import traitlets

from cnncourse.widgets._base import as_bytes, script, style, whole, yes_or_no
from cnncourse.widgets._kernels import KERNELS, kernel_rows
from cnncourse.widgets._photos import given_pixels
from cnncourse.widgets._photos import photo as load

_WHO = "ConvExplorer"
_SIZE = (48, 72)  # the photograph shrunk so far that a patch of 12 pixels still shows an eye
_CORNERS = {"chelsea": (13, 21)}  # a patch with something in it


class ConvExplorer(anywidget.AnyWidget):
    """Slide a kernel over a patch of a photograph and watch y[i, j] = Σ w[a, b] · x[S·i + D·a − P, S·j + D·b − P].

    Pixels are whole numbers from 0 to 255. The output has ⌊(H + 2P − D(K − 1) − 1) / S⌋ + 1 rows. With `flip` the
    kernel is turned by 180° first: convolution as mathematics defines it, instead of the cross-correlation that
    networks compute.

    `photo` is a name of `cnncourse.data.photos()` or a grey image (H, W), floats in [0, 1] or 0 … 255; `kernel` a
    name (`cnncourse.widgets.KERNELS`) or up to 7 × 7 weights; `size` the patch's side; `corner` its (top, left).
    All of it can be changed in the figure; in a running notebook `.kernel`, `.stride`, … follow.

    Raises ValueError or TypeError for an unknown name, a value out of range or a patch that leaves the image.
    """

    _esm = script("conv_explorer.js")
    _css = style("conv_explorer.css")

    photo = traitlets.Unicode().tag(sync=True)
    photo_shape = traitlets.List(traitlets.Int()).tag(sync=True)
    size = traitlets.List(traitlets.Int()).tag(sync=True)
    corner = traitlets.List(traitlets.Int()).tag(sync=True)
    kernels = traitlets.Dict().tag(sync=True)
    kernel: traitlets.List[Any] = traitlets.List().tag(sync=True)
    stride = traitlets.Int(1, min=1, max=6).tag(sync=True)
    padding = traitlets.Int(0, min=0, max=6).tag(sync=True)
    dilation = traitlets.Int(1, min=1, max=6).tag(sync=True)
    flip = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        photo: Any = "chelsea",
        *,
        kernel: Any = "sobel x",
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        flip: bool = False,
        size: int = 12,
        corner: Sequence[int] | None = None,
    ) -> None:
        pixels = load(_WHO, photo, _SIZE, gray=True) if isinstance(photo, str) else given_pixels(_WHO, photo)
        side = whole(_WHO, "size", size, 3, 24)
        patch = [min(side, pixels.shape[0]), min(side, pixels.shape[1])]
        if corner is None:
            corner = _CORNERS.get(photo) if isinstance(photo, str) else None
        super().__init__(
            photo=as_bytes(pixels),
            photo_shape=list(pixels.shape),
            size=patch,
            corner=_corner(corner, patch, np.asarray(pixels).shape),
            kernels=KERNELS,
            kernel=kernel_rows(_WHO, kernel),
            stride=whole(_WHO, "stride", stride, 1, 6),
            padding=whole(_WHO, "padding", padding, 0, 6),
            dilation=whole(_WHO, "dilation", dilation, 1, 6),
            flip=yes_or_no(_WHO, "flip", flip),
        )


def _corner(corner: Sequence[int] | None, patch: list[int], shape: tuple[int, ...]) -> list[int]:
    """(top, left) of the patch inside the image; the middle by default."""
    room = [shape[k] - patch[k] for k in range(2)]
    if corner is None:
        return [room[0] // 2, room[1] // 2]
    if not isinstance(corner, Sequence):
        raise TypeError(f"{_WHO}: corner={corner!r}; expected two numbers, (top, left).")
    if len(corner) != 2:
        raise ValueError(f"{_WHO}: corner={corner!r}; expected two numbers, (top, left).")
    return [whole(_WHO, f"corner[{k}]", corner[k], 0, room[k]) for k in range(2)]
