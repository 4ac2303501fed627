"""Where a network's costs sit: a row of bars for each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnncourse.analysis.graph import Box, graph
from cnncourse.analysis.units import bytes_, short
from cnncourse.plot.style import COLORS, figure, style

if TYPE_CHECKING:
    from cnncourse.analysis.result import Analysis

_ROW = 0.21  # inches
_LONGEST = 26  # characters of a name


def draw_costs(analysis: Analysis, depth: int | None = None, inside: str = "", width: float = 6) -> Figure:
    """The figure that `Analysis.plot_costs` gives."""
    boxes = graph(analysis, depth, inside).boxes[1:]
    with style():
        fig = figure(width, _ROW * len(boxes) + 0.75)
        left, middle, right = fig.subplots(1, 3, sharey=True)
        _bars(left, "parameters", boxes, [box.parameters for box in boxes], COLORS["filter"], "")
        _bars(middle, "multiply-adds", boxes, [box.macs for box in boxes], COLORS["input"], "")
        _bars(right, "output memory", boxes, [box.output_bytes for box in boxes], COLORS["output"], "B")
        names = [box.name if len(box.name) <= _LONGEST else "…" + box.name[1 - _LONGEST :] for box in boxes]
        left.set_yticks(range(len(boxes)), names)
        left.set_ylim(len(boxes) - 0.4, -0.6)
    return fig


def _bars(ax: Axes, what: str, boxes: list[Box], values: list[int], color: str, unit: str) -> None:
    """One column: a bar for each box, its value beside it where it is not 0, the sum in the title."""
    total = bytes_(sum(values)) if unit else short(sum(values))
    ax.barh(range(len(boxes)), values, color=color, height=0.62)
    most = max(values) or 1
    for row, value in enumerate(values):
        if value:
            ax.text(value + most * 0.03, row, short(value, unit), fontsize=8.5, va="center")
    ax.set_title(f"{what}\n{total}", fontsize=10.5)
    ax.set(xlim=(0, most * 1.75), xticks=[])
    ax.tick_params(axis="y", length=0, labelsize=9)
    ax.spines["bottom"].set_visible(False)
