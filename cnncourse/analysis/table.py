"""An analysis as a table for the terminal, at most 100 columns wide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncourse.analysis.units import bytes_, shape, short

if TYPE_CHECKING:
    from cnncourse.analysis.result import Analysis, Row

WIDTH = 100
_HEAD = ("layer", "kind", "shape", "params", "mult-adds", "output", "training", "field")


def cells(row: Row, exact: bool = False) -> tuple[str, ...]:
    """A row as texts: layer, kind, output shape, parameters, multiply-adds, output memory, training memory, field."""
    count = (lambda n: f"{n:,}") if exact else short
    memory = (lambda n: f"{n:,}") if exact else bytes_
    field = row.receptive_field
    return (
        row.name,
        f"{row.kind} {row.detail}".rstrip(),
        shape(row.shape) if row.shape is not None else "not run",
        count(row.parameters),
        count(row.macs),
        memory(row.output_bytes),
        "–" if row.training_bytes is None else memory(row.training_bytes),
        "" if field is None else shape(field.size) if isinstance(field.size, tuple) else str(field.size),
    )


def total_cells(analysis: Analysis, exact: bool = False) -> tuple[str, ...]:
    """The totals in the same columns."""
    count = (lambda n: f"{n:,}") if exact else short
    memory = (lambda n: f"{n:,}") if exact else bytes_
    t = analysis.totals
    training = "–" if t.training_bytes is None else memory(t.training_bytes)
    return ("total", "", "", count(t.parameters), count(t.macs), memory(t.output_bytes), training, "")


def legend(analysis: Analysis) -> list[str]:
    """What the columns mean, the totals that have no column, and notes."""
    t = analysis.totals
    sizes = ", ".join(map(shape, analysis.input_shapes))
    frozen = f"; {short(t.trainable)} of the parameters are trainable" if t.trainable != t.parameters else ""
    lines = [
        f"input {sizes}{frozen}. mult-adds: one for each use of a weight, for the whole batch.",
        "output: memory of the values made (0: a view, or in place). training: memory held for backward.",
        f"field: side in pixels of what a unit sees. 1 kB = 1000 bytes. Peak of inference: {bytes_(t.peak_bytes)}"
        + (f", in {t.peak_at}" if t.peak_at else ""),
    ]
    return lines + [f"note: {note}" for note in analysis.notes]


def table(analysis: Analysis, exact: bool = False) -> str:
    """The whole table as text."""
    body = [cells(row, exact) for row in analysis.rows]
    total = total_cells(analysis, exact)
    widths = [max(map(len, column)) for column in zip(_HEAD, *body, total, strict=True)]
    if not exact:
        widths = _fit(widths)
    lines = [_line(_HEAD, widths), "─" * len(_line(_HEAD, widths))]
    lines += [_line(row, widths) for row in body]
    lines += [lines[1], _line(total, widths)]
    wrapped = [part for line in legend(analysis) for part in _wrap(line, WIDTH)]
    return "\n".join([analysis.model, *lines, *wrapped])


def _fit(widths: list[int]) -> list[int]:
    """Narrower columns of names, kinds and shapes where the table would be too wide; numbers are never cut."""
    spare = WIDTH - 2 * (len(widths) - 1) - sum(widths[3:])
    name, kind, out = widths[:3]
    out = min(out, max(len("not run"), spare - 24))
    kind = min(kind, max(8, (spare - out) * 2 // 5))
    name = min(name, spare - out - kind)
    return [name, kind, out, *widths[3:]]


def _line(texts: tuple[str, ...], widths: list[int]) -> str:
    first = [_cut(text, width, front=place == 0).ljust(width) for place, (text, width) in
             enumerate(zip(texts[:3], widths[:3], strict=True))]  # fmt: skip
    rest = [text.rjust(width) for text, width in zip(texts[3:], widths[3:], strict=True)]
    return "  ".join(first + rest).rstrip()


def _cut(text: str, width: int, front: bool) -> str:
    """The text in `width` columns; names lose their front, whose modules the rows around it repeat."""
    if len(text) <= width:
        return text
    return "…" + text[len(text) - width + 1 :] if front else text[: width - 1] + "…"


def _wrap(line: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(line, width, subsequent_indent="  ")
