"""The size explorer: a stack of layers, the output size, receptive field and jump of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anywidget
import traitlets

from cnncourse.widgets._base import one_of, script, style, whole

_WHO = "SizeExplorer"
_RANGES = {"kernel": (1, 15), "stride": (1, 8), "padding": (0, 7), "dilation": (1, 8)}
_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1}
Layer = dict[str, Any]


def _conv(kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Layer:
    return {"kind": "conv", "kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}


def _pool(kernel: int, stride: int, padding: int = 0) -> Layer:
    return {**_conv(kernel, stride, padding), "kind": "pool"}


PRESETS: dict[str, dict[str, Any]] = {
    "two 3×3": {"input_size": 16, "layers": [_conv(3), _conv(3)]},
    "three 3×3": {"input_size": 16, "layers": [_conv(3), _conv(3), _conv(3)]},
    "LeNet-5": {"input_size": 32, "layers": [_conv(5), _pool(2, 2), _conv(5), _pool(2, 2), _conv(5)]},
    "strided stem": {"input_size": 64, "layers": [_conv(7, 2, 3), _pool(3, 2, 1)]},
    "dilated 1-2-4": {"input_size": 24, "layers": [_conv(3, 1, 1, 1), _conv(3, 1, 2, 2), _conv(3, 1, 4, 4)]},
}


class SizeExplorer(anywidget.AnyWidget):
    """Edit a stack of layers and see, for a unit of any layer, which units of the input it looks at.

    One side only, since both sides follow the same rule. From layer to layer, with kernel K, stride S, padding P,
    dilation D: size n' = ⌊(n + 2P − D(K − 1) − 1) / S⌋ + 1, receptive field r' = r + D(K − 1)·j, jump j' = S·j.

    `layers` is the name of a stack (`SizeExplorer.presets`) or up to 12 layers, each
    (kernel, stride[, dilation]) as for `cnncourse.receptive_field`, or a dict with kernel and, where wanted,
    stride, padding, dilation, kind="conv"|"pool".
    `input_size` (1 to 256) defaults to the named stack's own, else 16.

    Raises ValueError or TypeError for an unknown name, a malformed layer or a number out of range. A layer that does
    not fit is no error here: the figure says so, because readers may make one too.
    """

    _esm = script("size_explorer.js")
    _css = style("size_explorer.css")

    presets = traitlets.Dict(PRESETS).tag(sync=True)
    layers: traitlets.List[Any] = traitlets.List().tag(sync=True)
    input_size = traitlets.Int(16, min=1, max=256).tag(sync=True)

    def __init__(self, layers: str | Sequence[Any] = "three 3×3", *, input_size: int | None = None) -> None:
        if isinstance(layers, str):
            chosen = PRESETS[one_of(_WHO, "layers", layers.replace("x", "×"), PRESETS)]
            stack, own = [dict(layer) for layer in chosen["layers"]], chosen["input_size"]
        else:
            stack, own = _stack(layers), 16
        size = own if input_size is None else input_size
        super().__init__(layers=stack, input_size=whole(_WHO, "input_size", size, 1, 256))


def _stack(layers: Sequence[Any]) -> list[Layer]:
    if not isinstance(layers, Sequence):
        raise TypeError(
            f"{_WHO}: layers is a {type(layers).__name__}; expected a name or a list of layers, e.g. [(3, 1), (2, 2)]."
        )
    if len(layers) > 12:
        raise ValueError(f"{_WHO}: {len(layers)} layers; expected at most 12. Show the stack in two figures.")
    return [_layer(layer, f"layers[{k}]") for k, layer in enumerate(layers)]


def _layer(layer: Any, name: str) -> Layer:
    if isinstance(layer, Mapping):
        given = dict(layer)
    elif isinstance(layer, Sequence) and not isinstance(layer, str) and 2 <= len(layer) <= 3:
        given = dict(zip(("kernel", "stride", "dilation"), layer, strict=False))
    else:
        raise TypeError(
            f"{_WHO}: {name}={layer!r}; expected (kernel, stride) or (kernel, stride, dilation), "
            f"or a dict such as {{'kernel': 3, 'padding': 1}}."
        )
    kind = one_of(_WHO, f"{name}['kind']", given.pop("kind", "conv"), ("conv", "pool"))
    unknown = set(given) - set(_RANGES)
    if unknown or "kernel" not in given:
        what = f"unknown {sorted(unknown)}" if unknown else "no 'kernel'"
        raise ValueError(f"{_WHO}: {name} has {what}; expected kernel and, where wanted, {', '.join(_DEFAULTS)}, kind.")
    numbers = {key: whole(_WHO, f"{name}.{key}", ({**_DEFAULTS, **given})[key], *_RANGES[key]) for key in _RANGES}
    return {"kind": kind, **numbers}
