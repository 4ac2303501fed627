"""Curves over labelled axes, and short signals drawn value by value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from cnncourse.plot._arrays import Array, to_array
from cnncourse.plot.style import COLORS, INKS, figure, style


def show_curves(
    curves: Mapping[str, Any],
    xlabel: str,
    ylabel: str,
    *,
    title: str = "",
    logx: bool = False,
    logy: bool = False,
    width: float = 6,
    height: float = 3.6,
) -> Figure:
    """Named curves in one diagram: {"loops": ys} or {"loops": (xs, ys)}; both axes carry a label with its unit.

    Curves differ by colour and by dashes; up to 25 points they are marked too. Without xs the points are 0, 1, 2 ….

    Raises ValueError if there is no curve, a label is empty, lengths differ, or a logarithmic axis gets a value ≤ 0.
    """
    _need_labels("show_curves", xlabel, ylabel)
    if not curves:
        raise ValueError("show_curves: got no curve; expected at least one, such as {'loss': values}")
    with style():
        fig = figure(width, height)
        ax = fig.add_subplot()
        for (name, curve), marker in zip(curves.items(), "osD^v" * len(curves), strict=False):
            xs, ys = _points(name, curve)
            _check_log(name, xs, logx, "x")
            _check_log(name, ys, logy, "y")
            ax.plot(xs, ys, label=name, marker=marker if len(xs) <= 25 else "", markersize=5)
        ax.set(xlabel=xlabel, ylabel=ylabel, title=title, xscale="log" if logx else "linear")
        ax.set_yscale("log" if logy else "linear")
        if logx:
            _name_points(ax, curves)
        ax.grid(visible=True)
        if len(curves) > 1:
            ax.legend(handlelength=3)
    return fig


def show_steps(
    signals: Mapping[str, Any],
    xlabel: str = "position",
    *,
    roles: Mapping[str, str] | None = None,
    width: float = 6,
    row_height: float = 1.35,
) -> Figure:
    """Short 1-D signals below each other on one position axis, each value a bar with a dot on top.

    `roles` gives a signal the colour of its role: {"x": "input", "w": "filter", "y": "output"}; a signal whose own name
    is a role needs no entry.

    Raises ValueError for an empty mapping, a signal that is not 1-D, an unknown role or a role for no signal.
    """
    if not signals:
        raise ValueError("show_steps: got no signal; expected at least one, such as {'input': values}")
    roles = _roles(signals, roles or {})
    arrays = {name: to_array(values, "show_steps") for name, values in signals.items()}
    for name, values in arrays.items():
        if values.ndim != 1:
            raise ValueError(f"show_steps: {name!r} has shape {values.shape}; expected one dimension")
    with style():
        fig = figure(width, row_height * len(arrays) + 0.5)
        panels = fig.subplots(len(arrays), 1, sharex=True, squeeze=False)[:, 0]
        for ax, (name, values) in zip(panels, arrays.items(), strict=True):
            role = roles.get(name, "input")
            positions = np.arange(len(values))
            ax.bar(positions, values, width=0.7, color=COLORS[role], alpha=0.45)
            ax.plot(positions, values, "o", color=INKS[role], markersize=5)
            ax.axhline(0, color="0.5", linewidth=0.8)
            ax.set_ylabel(name, rotation=0, ha="right", va="center", color=INKS[role])
        panels[-1].set_xlabel(xlabel)
        panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        fig.align_ylabels()
    return fig


def _roles(signals: Mapping[str, Any], roles: Mapping[str, str]) -> dict[str, str]:
    for name, role in roles.items():
        if name not in signals or role not in COLORS:
            raise ValueError(
                f"show_steps: roles has {name!r}: {role!r}; expected a signal among {', '.join(map(repr, signals))} "
                f"and a role among {', '.join(map(repr, COLORS))}"
            )
    return {name: name for name in signals if name in COLORS} | dict(roles)


def _need_labels(who: str, xlabel: str, ylabel: str) -> None:
    if not (isinstance(xlabel, str) and xlabel.strip() and isinstance(ylabel, str) and ylabel.strip()):
        raise ValueError(f"{who}: labels are {xlabel!r} and {ylabel!r}; expected two texts, with the unit")


def _points(name: str, curve: Any) -> tuple[Array, Array]:
    if isinstance(curve, tuple) and len(curve) == 2:
        xs, ys = to_array(curve[0], "show_curves"), to_array(curve[1], "show_curves")
    else:
        ys = to_array(curve, "show_curves")
        xs = np.arange(len(ys)) if ys.ndim else ys
    if ys.ndim != 1 or xs.shape != ys.shape:
        raise ValueError(
            f"show_curves: {name!r} has xs of shape {xs.shape} and ys of shape {ys.shape}; "
            f"expected two lists of one length"
        )
    return xs, ys


def _name_points(ax: Axes, curves: Mapping[str, Any]) -> None:
    """On a logarithmic axis write the few xs themselves (8, 16, 32 …), not powers of ten."""
    xs = sorted({float(x) for name, curve in curves.items() for x in _points(name, curve)[0]})
    if len(xs) <= 8:
        ax.set_xticks(xs, [f"{x:g}" for x in xs])
        ax.xaxis.set_minor_locator(NullLocator())


def _check_log(name: str, values: Array, log: bool, axis: str) -> None:
    if log and values.min() <= 0:
        raise ValueError(
            f"show_curves: {name!r} has the value {values.min():g}, but the {axis} axis is logarithmic; "
            f"expected values > 0"
        )
