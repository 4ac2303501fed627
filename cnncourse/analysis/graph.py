"""The rows of an analysis as a graph of boxes, and where each box stands in a drawing from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

from cnncourse.analysis.units import shape
from cnncourse.errors import whole

if TYPE_CHECKING:
    from cnncourse.analysis.result import Analysis, Row

MOST_BOXES = 28  # in a drawing whose depth is not given
INPUT = -1


@dataclass
class Box:
    """One box: a layer and what follows it alone (batch norm, ReLU), or a whole module (`count` rows)."""

    name: str
    kind: str
    shape: str
    parameters: int = 0
    macs: int = 0
    output_bytes: int = 0
    count: int = 1
    then: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Take a row's costs in, and its output for the box's own."""
        self.parameters += row.parameters
        self.macs += row.macs
        self.output_bytes += row.output_bytes
        self.rows.append(row.name)
        self.shape = _output(row)


@dataclass
class Graph:
    """Boxes in order of execution, the first for the input, and who feeds whom by their numbers."""

    boxes: list[Box]
    edges: list[tuple[int, int]]


def graph(analysis: Analysis, depth: int | None, inside: str) -> Graph:
    """The boxes to draw: modules that lie `depth` modules deep are one box each; None: as deep as stays legible."""
    rows = [(n, row) for n, row in enumerate(analysis.rows) if row.shapes]
    base = 1
    if inside:
        rows, base = _part(analysis, rows, inside)
    deepest = max(len(row.within) for _, row in rows) - base
    if depth is not None:
        return _joined(_grouped(analysis, rows, base, whole("plot: depth", depth, 1), inside))
    for candidate in range(deepest + 1, 1, -1):
        drawn = _joined(_grouped(analysis, rows, base, candidate, inside))
        if len(drawn.boxes) <= MOST_BOXES:
            return drawn
    return _joined(_grouped(analysis, rows, base, 1, inside))


def _part(analysis: Analysis, rows: list[tuple[int, Row]], inside: str) -> tuple[list[tuple[int, Row]], int]:
    """The rows of the first call of a module, and how deep its own parts lie."""
    for _, row in rows:
        for level, around in enumerate(row.within):
            if around.name == inside:
                return [(n, r) for n, r in rows if around in r.within], level + 1
    modules = dict.fromkeys(around.name for _, row in rows for around in row.within if around.name)
    raise ValueError(
        f"plot: no module {inside!r} with layers in {analysis.model}; expected one of {', '.join(modules) or 'none'}"
    )


def _grouped(analysis: Analysis, rows: list[tuple[int, Row]], base: int, depth: int, inside: str) -> Graph:
    """Each row in the box of the module that lies `depth` deep around it, or in a box of its own."""
    numbers = {n for n, _ in rows}
    given = dict.fromkeys(i for _, row in rows for i in row.inputs if i not in numbers)
    boxes = [Box("input", "", " and ".join(_given(analysis, i) for i in given) or "none")]
    home: dict[int, int] = dict.fromkeys(given, 0)
    groups: dict[int, int] = {}  # number of a module's call: its box
    for n, row in rows:
        around = row.within[base + depth - 1] if len(row.within) >= base + depth else None
        if around is None or around.call not in groups:
            if around is not None:
                groups[around.call] = len(boxes)
            title = row.name if around is None else around.name
            kind = around.kind if around is not None else "" if "()" in row.name else row.kind
            kind = kind if around is not None else f"{kind} {row.detail}".strip()
            boxes.append(Box(title.removeprefix(f"{inside}."), kind, "", count=0))
        home[n] = len(boxes) - 1 if around is None else groups[around.call]
        boxes[home[n]].add(row)
        boxes[home[n]].count += 1
    edges = [(home[i], home[n]) for n, row in rows for i in row.inputs if home[i] != home[n]]
    return Graph(boxes, list(dict.fromkeys(edges)))


def _given(analysis: Analysis, number: int) -> str:
    if number < 0:
        return shape(analysis.input_shapes[-1 - number][1:])
    return _output(analysis.rows[number])


def _output(row: Row) -> str:
    """A row's output without the batch."""
    return shape(max(row.shapes, key=prod)[1:])


def _joined(drawn: Graph) -> Graph:
    """A box that only works on each value of the one before it, which feeds nobody else, joins it."""
    fed = [[a for a, b in drawn.edges if b == n] for n in range(len(drawn.boxes))]
    feeds = [sum(a == n for a, _ in drawn.edges) for n in range(len(drawn.boxes))]
    into = list(range(len(drawn.boxes)))
    for n, box in enumerate(drawn.boxes):
        if len(fed[n]) != 1 or box.count != 1 or box.macs or " " in box.kind or "ool" in box.kind:
            continue
        host = into[fed[n][0]]
        before = drawn.boxes[host]
        if host == 0 or before.count != 1 or feeds[fed[n][0]] != 1 or before.shape != box.shape:
            continue
        into[n] = host
        before.then.append(_brief(box.kind))
        before.parameters += box.parameters
        before.output_bytes += box.output_bytes
        before.rows += box.rows
    kept = [n for n in range(len(drawn.boxes)) if into[n] == n]
    number = {n: place for place, n in enumerate(kept)}
    edges = [(number[into[a]], number[into[b]]) for a, b in drawn.edges if into[a] != into[b]]
    return Graph([drawn.boxes[n] for n in kept], list(dict.fromkeys(edges)))


def _brief(kind: str) -> str:
    names = {"LocalResponseNorm": "LRN", "local_response_norm": "LRN", "BatchNorm1d": "BN", "BatchNorm2d": "BN"}
    return names.get(kind, kind.removesuffix("2d"))


@dataclass
class Layout:
    """Middle (x, in box widths) and row (y) of boxes, the drawing's middle at x = 0."""

    at: dict[int, tuple[float, float]]
    width: float
    height: float


def layout(drawn: Graph) -> Layout:
    """Where the boxes stand: chains below each other, branches side by side.

    In order of execution, a box that no edge jumps over is one that everything passes. Between two such boxes lie parts
    that share no edge, the branches; each is laid out in the same way. What cannot be taken apart so is a chain with
    arcs.
    """
    return _layout(list(range(len(drawn.boxes))), drawn.edges)


def _layout(nodes: Sequence[int], edges: Sequence[tuple[int, int]]) -> Layout:
    if len(nodes) == 1:
        return Layout({nodes[0]: (0.0, 0.0)}, 1.0, 1.0)
    place = {n: p for p, n in enumerate(nodes)}
    inner = [(a, b) for a, b in edges if a in place and b in place]
    passed = _passed(nodes, place, inner)
    if not any(passed):
        parts = _components(nodes, inner)
        if len(parts) > 1:
            return _beside([_layout(part, inner) for part in parts])
        passed[0] = True  # no way to take it apart: as if everything passed the first
    chain, run = [], list[int]()
    for n, all_pass in zip(nodes, passed, strict=True):
        if all_pass:
            if run:
                chain.append(_layout(run, inner))
                run = []
            chain.append(_layout([n], inner))
        else:
            run.append(n)
    if run:
        chain.append(_layout(run, inner))
    return _below(chain)


def _passed(nodes: Sequence[int], place: dict[int, int], inner: Sequence[tuple[int, int]]) -> list[bool]:
    """For each node whether no edge jumps over it, those from before the first and to behind the last included."""
    heads, tails = {b for _, b in inner}, {a for a, _ in inner}
    spans = [(place[a], place[b]) for a, b in inner]
    spans += [(-1, place[n]) for n in nodes if n not in heads]
    spans += [(place[n], len(nodes)) for n in nodes if n not in tails]
    return [not any(a < p < b for a, b in spans) for p in range(len(nodes))]


def _components(nodes: Sequence[int], inner: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The parts of a graph that no edge connects, each in order of execution."""
    part = {n: n for n in nodes}
    for a, b in inner:
        old, new = part[b], part[a]
        part = {n: new if p == old else p for n, p in part.items()}
    return [[n for n in nodes if part[n] == p] for p in dict.fromkeys(part.values())]


def _below(parts: list[Layout]) -> Layout:
    at: dict[int, tuple[float, float]] = {}
    top = 0.0
    for part in parts:
        at |= {n: (x, y + top) for n, (x, y) in part.at.items()}
        top += part.height
    return Layout(at, max(part.width for part in parts), top)


def _beside(parts: list[Layout]) -> Layout:
    width = sum(part.width for part in parts)
    at: dict[int, tuple[float, float]] = {}
    left = -width / 2
    for part in parts:
        at |= {n: (x + left + part.width / 2, y) for n, (x, y) in part.at.items()}
        left += part.width
    return Layout(at, width, max(part.height for part in parts))
