"""The optimiser explorer: gradient descent with and without momentum on a loss over two weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anywidget
import traitlets

from cnncourse.widgets._base import number, one_of, script, style, whole

_WHO = "OptimizerExplorer"
METHODS = ("sgd", "momentum", "nesterov")
# Where each surface starts from and with which rate, and how far out a start may lie; the same as in _descent.js.
SURFACES: dict[str, tuple[tuple[float, float], float, tuple[float, float]]] = {
    "valley": ((-9, 3), 0.04, (10, 5)),
    "saddle": ((-2.5, 0), 0.1, (3, 1.8)),
    "two minima": ((2.2, 1), 0.05, (2.5, 1.4)),
    "himmelblau": ((0.5, -4), 0.005, (6, 5)),
}


class OptimizerExplorer(anywidget.AnyWidget):
    """Watch plain SGD, momentum and Nesterov's momentum walk down a loss over two weights, as `torch.optim.SGD` does.

    With g the gradient (plus noise), v ← μ v + g, and the step is −η g (plain), −η v (momentum) or −η (g + μ v)
    (Nesterov).

    `surface`: "valley" (½(x² + κ y²), κ the `condition` number, 1 to 100; stable below η = 2/κ), "saddle",
    "two minima" or "himmelblau". `methods`: one to three of `METHODS`. `start` (x, y) and `rate` η (0.0005 to 2.5)
    default to the surface's own. `momentum` μ: 0 to 0.99. `noise` σ (0 to 5): standard deviation of normal noise
    added to both parts of the gradient, drawn from `seed`. `steps`: 0 to 200.
    """

    _esm = script("optimizer_explorer.js")
    _css = style("_plot.css", "optimizer_explorer.css")

    surface = traitlets.Unicode().tag(sync=True)
    methods: traitlets.List[Any] = traitlets.List().tag(sync=True)
    start: traitlets.List[Any] = traitlets.List().tag(sync=True)
    rate = traitlets.Float().tag(sync=True)
    momentum = traitlets.Float().tag(sync=True)
    condition = traitlets.Float().tag(sync=True)
    noise = traitlets.Float().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)
    steps = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        surface: str = "valley",
        *,
        methods: Sequence[str] | str = ("sgd", "momentum"),
        start: Sequence[float] | None = None,
        rate: float | None = None,
        momentum: float = 0.7,
        condition: float = 20.0,
        noise: float = 0.0,
        seed: int = 0,
        steps: int = 60,
    ) -> None:
        own_start, own_rate, reach = SURFACES[one_of(_WHO, "surface", surface, SURFACES)]
        super().__init__(
            surface=surface,
            methods=_chosen(methods),
            start=_point(own_start if start is None else start, reach),
            rate=number(_WHO, "rate", own_rate if rate is None else rate, 0.0005, 2.5),
            momentum=number(_WHO, "momentum", momentum, 0, 0.99),
            condition=number(_WHO, "condition", condition, 1, 100),
            noise=number(_WHO, "noise", noise, 0, 5),
            seed=whole(_WHO, "seed", seed, 0, 9999),
            steps=whole(_WHO, "steps", steps, 0, 200),
        )


def _chosen(methods: Any) -> list[str]:
    names = [methods] if isinstance(methods, str) else methods
    if not isinstance(names, Sequence):
        raise TypeError(
            f"{_WHO}: methods is a {type(methods).__name__}; expected names, e.g. methods=['sgd', 'nesterov']."
        )
    chosen = [one_of(_WHO, "methods", name, METHODS) for name in names]
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"{_WHO}: methods={chosen}; expected one to three different names of {', '.join(METHODS)}.")
    return chosen


def _point(start: Any, reach: tuple[float, float]) -> list[float]:
    if isinstance(start, str) or not isinstance(start, Sequence) or len(start) != 2:
        raise TypeError(f"{_WHO}: start={start!r}; expected two numbers (x, y), e.g. start=(-2, 1).")
    return [number(_WHO, f"start[{k}]", start[k], -reach[k], reach[k]) for k in range(2)]
