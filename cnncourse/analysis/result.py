"""What `analyze` gives back: rows, totals, and ways to look at them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

from matplotlib.figure import Figure
from torch import nn

from cnncourse.analysis.bars import draw_costs
from cnncourse.analysis.drawing import draw
from cnncourse.analysis.html import html_table
from cnncourse.analysis.record import Around, Recorder, Step
from cnncourse.analysis.table import table
from cnncourse.plot.style import style
from cnncourse.receptive import Field, ReceptiveField

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One layer or function call. Counts are exact; memory is in bytes, None where training could not be run."""

    name: str
    kind: str
    detail: str
    """A window in short: "3×3 /2 g32" is a 3×3 window with stride 2 in 32 groups."""
    shapes: tuple[Shape, ...]
    """Of each output; empty if the layer did not run."""
    parameters: int
    macs: int
    output_bytes: int
    training_bytes: int | None
    receptive_field: ReceptiveField | None
    inputs: tuple[int, ...]
    """Numbers of the rows that it reads; -1 for the model's first input, -2 for the second."""
    within: tuple[Around, ...]
    """The modules around it, outermost first."""

    @property
    def shape(self) -> Shape | None:
        """Of the first output."""
        return self.shapes[0] if self.shapes else None

    @property
    def activations(self) -> int:
        """Values in the outputs."""
        return sum(map(prod, self.shapes))


@dataclass(frozen=True)
class Totals:
    """Of a whole model. Memory in bytes; see `analyze` for what each counts."""

    parameters: int
    trainable: int
    macs: int
    output_bytes: int
    peak_bytes: int
    peak_at: str
    training_bytes: int | None


class Analysis:
    """The rows of a model in order of execution (`rows`), and their `totals`. `analysis["conv1"]` is a row."""

    def __init__(
        self, model: str, input_shapes: tuple[Shape, ...], rows: tuple[Row, ...], totals: Totals, notes: tuple[str, ...]
    ) -> None:
        self.model, self.input_shapes, self.rows, self.totals, self.notes = model, input_shapes, rows, totals, notes

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no row {name!r}; this analysis has {', '.join(row.name for row in self.rows)}")

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        return html_table(self)

    def table(self, exact: bool = False) -> str:
        """The table that `print` shows; with `exact` every digit of the counts, in a wider table."""
        return table(self, exact)

    def plot(self, inside: str = "", *, depth: int | None = None, width: float = 6) -> Figure:
        """The network drawn from top to bottom, in the manner of Netscope: a box for each layer, branches side by side.

        A box has the layer's name, its kind and what follows it alone (batch norm, ReLU), the shape of its output
        (without the batch), and three bars: its parameters, multiply-adds and output memory, each compared with the
        largest in the figure. Modules that lie `depth` modules deep are one grey box each: 1 draws the model's own
        children, None goes as deep as stays legible. `inside` draws only what is in that module, by its name.

        Raises ValueError for a module that has no layers, or a depth below 1.
        """
        return draw(self, depth, inside, width)

    def plot_costs(self, inside: str = "", *, depth: int | None = None, width: float = 6) -> Figure:
        """Bars of the parameters, multiply-adds and output memory of each layer; arguments and errors as in `plot`."""
        return draw_costs(self, depth, inside, width)

    def to_svg(self, inside: str = "", *, depth: int | None = None, width: float = 6) -> str:
        """The drawing of `plot` as the text of an SVG file, sharp at every size and the same each time."""
        buffer = io.StringIO()
        with style():
            self.plot(inside, depth=depth, width=width).savefig(buffer, format="svg", metadata={"Date": None})
        return buffer.getvalue()

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data, ready for `json.dumps`."""
        rows = []
        for row in self.rows:
            field = row.receptive_field
            data = asdict(row) | {"activations": row.activations, "shapes": [list(shape) for shape in row.shapes]}
            data["inputs"], data["within"] = list(row.inputs), [around.name for around in row.within]
            data["receptive_field"] = None if field is None else {
                side: list(value) if isinstance(value, tuple) else value for side, value in field._asdict().items()
            }  # fmt: skip
            rows.append(data)
        return {
            "model": self.model, "input_shapes": [list(shape) for shape in self.input_shapes], "rows": rows,
            "totals": asdict(self.totals), "notes": list(self.notes),
        }  # fmt: skip


def build(model: nn.Module, seen: Recorder, trained: Recorder | None, sizes: list[Shape], notes: list[str]) -> Analysis:
    """The analysis of what two forward passes showed."""
    kept = _kept_by_name(trained)
    number = {step.id: place for place, step in enumerate(seen.steps)}
    rows = [_row(step, seen, number, None if kept is None else kept.pop(step.name, 0)) for step in seen.steps]
    for name, kind, count in seen.idle():
        rows.append(Row(name, kind, "", (), count, 0, 0, None if kept is None else kept.pop(name, 0), None, (), ()))
    total, trainable = seen.all_parameters()
    return Analysis(
        type(model).__name__, tuple(sizes), tuple(rows),
        Totals(
            parameters=total, trainable=trainable, macs=sum(seen.ledger.macs.values()),
            output_bytes=sum(row.output_bytes for row in rows),
            peak_bytes=seen.ledger.peak, peak_at=seen.name_of(seen.ledger.peak_step),
            training_bytes=None if trained is None else sum(trained.kept.values()),
        ),
        tuple(notes),
    )  # fmt: skip


def _kept_by_name(trained: Recorder | None) -> dict[str, int] | None:
    if trained is None:
        return None
    return {step.name: trained.kept[step.id] for step in trained.steps}


def _row(step: Step, seen: Recorder, number: dict[int, int], kept: int | None) -> Row:
    return Row(
        step.name, step.kind, step.detail, step.shapes, step.parameters, seen.ledger.macs[step.id], step.output_bytes,
        kept, step.field.shown() if isinstance(step.field, Field) else None,
        tuple(number.get(source, source) for source in step.sources), step.within,
    )  # fmt: skip
