"""Figures of what differs from seed to seed: a mean curve in its band, and a dot for each seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from cnncourse.plot import INKS, figure, style

LABELS: Mapping[str, str] = {
    "loss": "loss, training",
    "accuracy": "accuracy, training",
    "val_loss": "loss, held out",
    "val_accuracy": "accuracy, held out",
}
_MARKED = 25
_INSIDE = 3  # more names than these stand above the axes


def show_spread(
    curves: Mapping[str, Any],
    xlabel: str,
    ylabel: str,
    *,
    logx: bool = False,
    logy: bool = False,
    limits: tuple[float | None, float | None] = (None, None),
    width: float = 6,
    height: float = 3.6,
) -> Figure:
    """Named curves {"he": (xs, values)}, values (seeds, points): the mean, in a band from the least to the greatest.

    `limits` are those of the y axis. Raises ValueError as `draw_spread` does.
    """
    fig = figure(width, height)
    with style():
        ax = fig.add_subplot()
        draw_spread(ax, curves)
        ax.set(xlabel=xlabel, ylabel=ylabel, xscale="log" if logx else "linear", yscale="log" if logy else "linear")
        ax.set_ylim(*limits)
        if not logx and all(float(x).is_integer() for xs, _ in curves.values() for x in xs):
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(visible=True)
        if len(curves) > _INSIDE:
            fig.legend(loc="outside upper left", ncols=2, handlelength=3)
        elif len(curves) > 1:
            ax.legend(handlelength=3)
    return fig


def draw_spread(ax: Axes, curves: Mapping[str, Any]) -> None:
    """As `show_spread`, into axes that are there. Raises ValueError for no curve, and where shapes do not fit."""
    if not curves:
        raise ValueError("show_spread: got no curve; expected at least one, such as {'he': (xs, values)}")
    with style():
        ax.set_prop_cycle(mpl.rcParams["axes.prop_cycle"])
    for (name, (xs, values)), marker in zip(curves.items(), "osD^vP" * len(curves), strict=False):
        table = _table(name, values)
        places = np.asarray(list(xs), dtype=float)
        if len(places) != table.shape[1]:
            raise ValueError(
                f"show_spread: {name!r} has {len(places)} places and {table.shape[1]} values; expected one each"
            )
        with style():
            drawn = ax.plot(
                places, table.mean(0), label=name, marker=marker if len(places) <= _MARKED else "", markersize=5
            )[0]
            ax.fill_between(places, table.min(0), table.max(0), color=drawn.get_color(), alpha=0.18, linewidth=0)


def show_scores(scores: Mapping[str, Any], xlabel: str, *, width: float = 6, row_height: float = 0.34) -> Figure:
    """A row for each name {"he": values}, values (seeds,), from the top: a dot for each seed, a bar at their mean.

    Raises ValueError for no row, and for a row without a number.
    """
    fig = figure(width, row_height * len(scores) + 0.9)
    with style():
        draw_scores(fig.add_subplot(), scores, xlabel)
    return fig


def draw_scores(ax: Axes, scores: Mapping[str, Any], xlabel: str) -> None:
    """As `show_scores`, into axes that are there."""
    if not scores:
        raise ValueError("show_scores: got no scores; expected at least one row, such as {'he': values}")
    with style():
        for row, (name, values) in enumerate(scores.items()):
            (seeds,) = _table(name, [values])
            ax.plot(seeds, np.full(len(seeds), row), "o", color=INKS["input"], alpha=0.6, markersize=6)
            ax.plot([seeds.mean()] * 2, [row - 0.32, row + 0.32], "-", color=INKS["gradient"], linewidth=2.5)
        ax.set_yticks(range(len(scores)), list(scores))
        ax.set_ylim(len(scores) - 0.5, -0.5)
        ax.set_xlabel(xlabel)
        ax.grid(visible=True, axis="x")
        ax.tick_params(axis="y", length=0)


def _table(name: str, values: Any) -> NDArray[np.float64]:
    table = np.asarray(values, dtype=float)
    if table.ndim != 2 or table.size == 0 or not np.isfinite(table).all():
        raise ValueError(f"show_spread: {name!r} has shape {table.shape}; expected (seeds, points) of finite numbers")
    return table
