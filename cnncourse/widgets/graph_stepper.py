"""The graph stepper: a computational graph walked one number at a time, values forward, gradients backward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anywidget
import traitlets

from cnncourse.widgets._base import number, script, style, whole
from cnncourse.widgets._expression import inputs_of

_WHO = "GraphStepper"


def _preset(expression: str, **inputs: float) -> dict[str, Any]:
    return {"expression": expression, "inputs": inputs}


PRESETS: dict[str, dict[str, Any]] = {
    "sum, then product": _preset("q = x + y; f = q * z", x=-2, y=5, z=-4),
    "product": _preset("f = x * y", x=4, y=-3),
    "used twice": _preset("q = x + y; f = q * x", x=3, y=-1),
    "sigmoid neuron": _preset("f = 1 / (1 + exp(-(w1*x1 + w2*x2 + b)))", w1=0.5, x1=2, w2=-1.5, x2=1, b=0.2),
    "sigmoid as one gate": _preset("f = sigmoid(w1*x1 + w2*x2 + b)", w1=0.5, x1=2, w2=-1.5, x2=1, b=0.2),
    "ReLU and squared error": _preset("h = relu(w*x + b); f = (h - t)**2", w=1.5, x=2, b=-1, t=3),
    "maximum": _preset("m = max(x, y); f = m * z", x=2, y=5, z=3),
}


class GraphStepper(anywidget.AnyWidget):
    """Walk a computational graph: each gate's value on the way forward, each gradient on the way back.

    On the way back, what arrives at a gate is multiplied with the gate's local derivative and sent on to the argument:
    ∂f/∂u += ∂f/∂v · ∂v/∂u for every gate v that uses u.

    `graph` is the name of an example (`PRESETS`) or an expression, in parts if some shall have names:
    "q = x + y; f = q * z". It may hold numbers, names, + − * / and powers with a plain number, and exp, log, sigmoid,
    tanh, relu, max(a, b); at most 8 inputs and 16 gates. `at` gives the value of every input (−100 to 100).
    `step`: where to begin, 0 being the start.
    """

    _esm = script("graph_stepper.js")
    _css = style("_plot.css", "graph_stepper.css")

    presets = traitlets.Dict(PRESETS).tag(sync=True)
    expression = traitlets.Unicode().tag(sync=True)
    inputs = traitlets.Dict().tag(sync=True)
    step = traitlets.Int().tag(sync=True)

    def __init__(
        self, graph: str = "sum, then product", at: Mapping[str, float] | None = None, *, step: int = 0
    ) -> None:
        if not isinstance(graph, str):
            raise TypeError(
                f"{_WHO}: graph is a {type(graph).__name__}; expected the name of an example or an expression, "
                f"e.g. graph='f = x * y'."
            )
        known = PRESETS.get(graph, {})
        expression = known.get("expression", "; ".join(part.strip() for part in graph.splitlines() if part.strip()))
        names = inputs_of(_WHO, expression, PRESETS)
        values = known.get("inputs", {}) if at is None else at
        super().__init__(expression=expression, inputs=_values(names, values), step=whole(_WHO, "step", step, 0, 100))


def _values(names: list[str], values: Any) -> dict[str, float]:
    if not isinstance(values, Mapping):
        raise TypeError(
            f"{_WHO}: at is a {type(values).__name__}; expected a dict of inputs, e.g. at={{{names[0]!r}: 1.0}}."
        )
    if set(values) != set(names):
        lacks, extra = sorted(set(names) - set(values)), sorted(set(values) - set(names), key=str)
        wrong = " and ".join([f"lacks {lacks}"] * bool(lacks) + [f"has unknown {extra}"] * bool(extra))
        raise ValueError(f"{_WHO}: at {wrong}; expected a value for each of {', '.join(names)}.")
    return {name: number(_WHO, f"at[{name!r}]", values[name], -100, 100) for name in names}
