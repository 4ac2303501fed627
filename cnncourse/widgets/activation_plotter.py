"""The activation plotter: ten activation functions and their slopes, and the slope of many layers in a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anywidget
import traitlets

from cnncourse.widgets._base import number, one_of, script, style, whole

_WHO = "ActivationPlotter"
ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "prelu", "softplus", "elu", "selu", "gelu", "silu")
_MOST = 5


class ActivationPlotter(anywidget.AnyWidget):
    """Compare activation functions: value f(x) and slope f′(x) at a cursor, and f′(x)ⁿ after n layers in a row.

    `functions`: one to five of `ACTIVATIONS`, named as in `torch.nn.functional`. `x` (−6 to 6): where the cursor
    stands. `slope` (0 to 1): PReLU's slope below zero. `layers` (1 to 50): how many layers in a row.
    A gradient of 1 that goes back through n layers, each with slope f′(x) and weight 1, arrives as f′(x)ⁿ.
    """

    _esm = script("activation_plotter.js")
    _css = style("_plot.css", "activation_plotter.css")

    functions: traitlets.List[Any] = traitlets.List().tag(sync=True)
    x = traitlets.Float().tag(sync=True)
    slope = traitlets.Float().tag(sync=True)
    layers = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        functions: Sequence[str] | str = ("sigmoid", "tanh", "relu"),
        *,
        x: float = 2.0,
        slope: float = 0.25,
        layers: int = 10,
    ) -> None:
        super().__init__(
            functions=_chosen(functions),
            x=number(_WHO, "x", x, -6, 6),
            slope=number(_WHO, "slope", slope, 0, 1),
            layers=whole(_WHO, "layers", layers, 1, 50),
        )


def _chosen(functions: Any) -> list[str]:
    names = [functions] if isinstance(functions, str) else functions
    if not isinstance(names, Sequence):
        raise TypeError(
            f"{_WHO}: functions is a {type(functions).__name__}; expected names, e.g. functions=['relu', 'gelu']."
        )
    chosen = [one_of(_WHO, "functions", name, ACTIVATIONS) for name in names]
    if not 1 <= len(chosen) <= _MOST or len(set(chosen)) < len(chosen):
        raise ValueError(
            f"{_WHO}: functions={chosen}; expected one to {_MOST} different names. Leave some out, or make two figures."
        )
    return chosen
