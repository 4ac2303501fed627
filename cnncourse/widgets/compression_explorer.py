"""The compression explorer: cut the small weights of a network, round the rest, see filters, file and score."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import anywidget
import traitlets
from torch import nn

from cnncourse.widgets._base import HERE, one_of, script, style

_WHO = "CompressionExplorer"


class CompressionExplorer(anywidget.AnyWidget):
    """Two sliders, how many of the weights are cut and how many bits the others get; what is left of the network.

    Shown are the filters of the first layer before and after, how many weights of a layer have which value, the size of
    the file that `cnncourse.compress.save` writes, and the accuracy on held-out images, without training on.

    Without arguments it shows measurements of the zoo's LeNet-5 that come with the course. With a `model` and `data`
    (an object with `images` and `labels`) it measures that model first, 42 times, which may take a while; the first
    layer's filters must have one input channel or are shown as their mean over channels.
    `cut` (0, 0.5, 0.7, 0.8, 0.9 or 0.95) and `bits` (32, 8, 6, 5, 4, 3 or 2) say where the sliders stand at first.

    Raises ValueError for other settings, and for a model without data.
    """

    _esm = script("compression_explorer.js")
    _css = style("_plot.css", "compression_explorer.css")

    grid: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    cut = traitlets.Float().tag(sync=True)
    bits = traitlets.Int().tag(sync=True)

    def __init__(self, model: nn.Module | None = None, data: Any = None, *, cut: float = 0.0, bits: int = 32) -> None:
        if (model is None) != (data is None):
            raise ValueError(f"{_WHO}: got a model or data alone; expected both, or neither for the zoo's LeNet-5.")
        grid = _stored() if model is None else _measured(model, data)
        super().__init__(
            grid=grid,
            cut=one_of(_WHO, "cut", cut, grid["cuts"]),  # type: ignore[arg-type]
            bits=one_of(_WHO, "bits", bits, grid["bits"]),  # type: ignore[arg-type]
        )


@cache
def _stored() -> dict[str, Any]:
    return dict(json.loads((HERE / "compression_explorer.json").read_text(encoding="utf-8")))


def _measured(model: nn.Module, data: Any) -> dict[str, Any]:
    from cnncourse.widgets._compression import measured  # which is also run as a program

    return measured(model, data)
