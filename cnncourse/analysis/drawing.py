"""A network drawn from top to bottom: one box a layer, in it how much of the network's costs it has."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from cnncourse.analysis.graph import Box, Graph, Layout, graph, layout
from cnncourse.analysis.units import bytes_, short
from cnncourse.plot.style import COLORS, INK, PAPER, SOFT, figure, style

if TYPE_CHECKING:
    from cnncourse.analysis.result import Analysis

Frame = tuple[float, float, float, float]  # left, top, width, height in inches
COSTS = (("parameters", COLORS["filter"]), ("macs", COLORS["input"]), ("output_bytes", COLORS["output"]))
_LETTERS = 9.0  # points
_LINE = _LETTERS * 1.3 / 72  # inches
_WIDEST = 3.5  # inches of a box
_BESIDE, _BELOW = 0.16, 0.19  # inches between boxes
_BAR = 0.045
_MARGIN, _PAD = 0.12, 0.07
_GROUP = "#e8edf0"
_HEAD = 0.62  # inches of the legend


def draw(analysis: Analysis, depth: int | None = None, inside: str = "", width: float = 6) -> Figure:
    """The figure that `Analysis.plot` gives."""
    drawn = graph(analysis, depth, inside)
    placed = layout(drawn)
    lanes = _lanes(drawn, placed)
    unit = min(_WIDEST + _BESIDE, (width - 2 * _MARGIN - 2 * lanes) / placed.width)
    lines = [_lines(box, unit - _BESIDE) for box in drawn.boxes]
    tall = max(map(len, lines)) * _LINE + 3 * _BAR + 0.12
    height = _HEAD + placed.height * (tall + _BELOW) + _MARGIN
    with style():
        fig = figure(width, height)
        fig.set_layout_engine("none")
        ax = fig.add_axes((0, 0, 1, 1))
        ax.set(xlim=(0, width), ylim=(height, 0))
        ax.set_axis_off()
        _legend(ax, analysis, drawn, inside, width)
        frames = {
            n: (width / 2 + x * unit - (unit - _BESIDE) / 2, _HEAD + y * (tall + _BELOW), unit - _BESIDE, tall)
            for n, (x, y) in placed.at.items()
        }
        most = {cost: max(getattr(box, cost) for box in drawn.boxes) or 1 for cost, _ in COSTS}
        _edges(ax, drawn, frames)
        for n, box in enumerate(drawn.boxes):
            _box(ax, box, lines[n], frames[n], most)
    return fig


def _lanes(drawn: Graph, placed: Layout) -> float:
    """Inches to keep free at each side: for arcs, if there is an edge with boxes in its way."""
    for a, b in drawn.edges:
        (x0, y0), (x1, y1) = placed.at[a], placed.at[b]
        between = [x for x, y in placed.at.values() if y0 < y < y1]
        if any(abs(x - x0) < 0.5 for x in between) and any(abs(x - x1) < 0.5 for x in between):
            return 0.3
    return 0.0


def _legend(ax: Axes, analysis: Analysis, drawn: Graph, inside: str, width: float) -> None:
    ax.text(_MARGIN, 0.2, inside or analysis.model, fontsize=11, fontweight="bold", va="center")
    ax.text(width - _MARGIN, 0.2, "bars: compared with the longest", fontsize=8.5, va="center", ha="right", color=SOFT)
    totals = [sum(getattr(box, cost) for box in drawn.boxes) for cost, _ in COSTS]
    texts = [f"parameters {short(totals[0])}", f"mult-adds {short(totals[1])}", f"outputs {bytes_(totals[2])}"]
    step = (width - 2 * _MARGIN) / 3
    for place, (text, (_, color)) in enumerate(zip(texts, COSTS, strict=True)):
        ax.add_patch(Rectangle((_MARGIN + place * step, 0.405), 0.16, 0.09, color=color, linewidth=0))
        ax.text(_MARGIN + place * step + 0.22, 0.45, text, fontsize=min(9.5, width * 1.55), va="center")


def _lines(box: Box, wide: float) -> list[tuple[str, str]]:
    """What a box says: (left, right) of each line, in two lines where they fit, else one below the other."""
    kind = f"{box.kind}, {box.count} layers" if box.count > 1 else box.kind
    then = " + ".join(["", *box.then]).strip()
    below = f"{kind} {then}".strip()
    room = wide - 2 * _PAD
    if _length(box.name, True) + 0.12 + _length(box.shape) <= room and _length(below) <= room:
        return [(box.name, box.shape), (below, "")]
    return [(_shortened(box.name, room, True), ""), *((_shortened(text, room), "") for text in (kind, then) if text),
            (_shortened(box.shape, room), "")]  # fmt: skip


def _box(ax: Axes, box: Box, lines: list[tuple[str, str]], frame: Frame, most: dict[str, int]) -> None:
    left, top, wide, tall = frame
    group = box.count > 1
    face, edge = (_GROUP, 1.6) if group else (PAPER, 0.9)
    ax.add_patch(Rectangle((left, top), wide, tall, facecolor=face, edgecolor=SOFT, linewidth=edge, zorder=2))
    for number, (text, right) in enumerate(lines):
        y = top + 0.04 + (number + 0.5) * _LINE
        bold = "bold" if number == 0 else "normal"
        ax.text(left + _PAD, y, text, fontsize=_LETTERS, fontweight=bold, va="center", color=INK, zorder=3)
        if right:
            ax.text(left + wide - _PAD, y, right, fontsize=_LETTERS, va="center", ha="right", color=INK, zorder=3)
    for number, (cost, color) in enumerate(COSTS):
        share = getattr(box, cost) / most[cost]
        y = top + tall - 0.03 - (3 - number) * _BAR
        bar = Rectangle((left + 0.03, y), (wide - 0.06) * share, _BAR * 0.85, color=color, linewidth=0, zorder=3)
        ax.add_patch(bar)


def _edges(ax: Axes, drawn: Graph, frames: dict[int, Frame]) -> None:
    taken: list[tuple[float, float, float]] = []  # arcs: x, from y, to y
    for a, b in sorted(drawn.edges, key=lambda edge: frames[edge[1]][1] - frames[edge[0]][1]):
        x0, y0 = frames[a][0] + frames[a][2] / 2, frames[a][1] + frames[a][3]
        x1, y1 = frames[b][0] + frames[b][2] / 2, frames[b][1]
        between = [
            frame for n, frame in frames.items() if n not in (a, b) and y0 < frame[1] + frame[3] and frame[1] < y1
        ]
        if not any(left < x0 < left + wide for left, _, wide, _ in between):
            path = _down(x0, y0, x1, y1)
        elif not any(left < x1 < left + wide for left, _, wide, _ in between):
            path = _then_down(x0, y0, x1, y1)
        else:
            start, end = (frames[a][0] + frames[a][2], y0 - 0.1), (frames[b][0] + frames[b][2], y1 + 0.12)
            lane = _free(start[0] + 0.11, y0 - 0.1, y1 + 0.1, between, taken)
            taken.append((lane, y0 - 0.1, y1 + 0.1))
            path = _around(start, end, lane)
        ax.add_patch(
            FancyArrowPatch(
                path=path, arrowstyle="-|>", mutation_scale=7, color=SOFT, linewidth=1.1, shrinkA=0, shrinkB=0
            )
        )


def _down(x0: float, y0: float, x1: float, y1: float) -> Path:
    """Straight down, then over to the target just before it."""
    bend = max(y0, y1 - _BELOW)
    points = [(x0, y0), (x0, bend), (x0, (bend + y1) / 2), (x1, (bend + y1) / 2), (x1, y1)]
    return Path(points, [Path.MOVETO, Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])


def _then_down(x0: float, y0: float, x1: float, y1: float) -> Path:
    """Over to the target's column at once, then straight down."""
    bend = min(y1, y0 + _BELOW)
    points = [(x0, y0), (x0, (bend + y0) / 2), (x1, (bend + y0) / 2), (x1, bend), (x1, y1)]
    return Path(points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.LINETO])


def _around(start: tuple[float, float], end: tuple[float, float], lane: float) -> Path:
    """From the right side of a box to the right side of another, past what lies between."""
    (x0, y0), (x1, y1) = start, end
    turn = min(0.1, (y1 - y0) / 3)
    points = [(x0, y0), (lane, y0), (lane, y0), (lane, y0 + turn), (lane, y1 - turn), (lane, y1), (lane, y1), (x1, y1)]
    return Path(points, [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3])


def _free(x: float, top: float, bottom: float, boxes: list[Any], taken: list[tuple[float, float, float]]) -> float:
    """The first x to the right where nothing stands between two heights."""
    while True:
        hit = [left + wide + 0.1 for left, _, wide, _ in boxes if left - 0.04 < x < left + wide + 0.04]
        hit += [lane + 0.09 for lane, a, b in taken if abs(lane - x) < 0.07 and a < bottom and top < b]
        if not hit:
            return x
        x = max(hit)


@lru_cache(maxsize=4096)
def _length(text: str, bold: bool = False) -> float:
    """Inches that a text takes."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    return float(TextPath((0, 0), text, size=_LETTERS, prop=font).get_extents().x1) / 72 if text.strip() else 0.0


def _shortened(text: str, room: float, name: bool = False) -> str:
    """The text as it fits; a name loses its front, whose modules the boxes around it repeat."""
    if _length(text, name) <= room:
        return text
    keep = len(text) - 1
    while keep > 3 and _length("…" + (text[-keep:] if name else text[:keep]), name) > room:
        keep -= 1
    return "…" + text[-keep:] if name else text[:keep] + "…"
