"""Small matrices with their numbers, alone or as an equation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextPath

from cnncourse.plot._arrays import Array, check_titles, to_matrix
from cnncourse.plot.style import COLORS, INK, INKS, PAPER, SOFT, figure, style

Window = tuple[int, int, int, int]
_MAX_CELL = 0.52  # inches
_MIN_LETTERS = 6.0  # points
_SIGN_CELLS = 1.1  # what an operator between two matrices takes, in cells
_TITLE_INCHES = 0.32


def show_matrix(
    m: Any,
    values: bool = True,
    *,
    title: str = "",
    role: str = "input",
    window: Window | Sequence[Window] | None = None,
    zero: str = "0",
    width: float = 6,
) -> Figure:
    """A matrix as a table of tinted cells, with its numbers unless `values` is false.

    The tint grows from zero with the colour of `role` ("input", "filter", "output", "gradient"); with a negative
    number in it the matrix is red above zero and blue below. `window=(top, left, height, width)`, or a list of such,
    is framed. `zero` is what stands for 0: "·" makes a sparse matrix readable.

    Raises ValueError for another shape or role, a window that leaves the matrix, numbers too small to be read.
    """
    return show_matrices([m], values, titles=[title], roles=[role], windows=[window], zero=zero, width=width)


def show_matrices(
    parts: Sequence[Any],
    values: bool = True,
    *,
    titles: Sequence[str] | None = None,
    roles: Sequence[str] | None = None,
    windows: Sequence[Window | Sequence[Window] | None] | None = None,
    zero: str = "0",
    width: float = 8,
) -> Figure:
    """Matrices in a row with cells of one size, a text between them being an operator: [x, "∗", w, "=", y].

    `titles`, `roles`, `windows` have one entry for each matrix (operators not counted), as in `show_matrix`.

    Raises ValueError as `show_matrix` does, and when a list has another length than there are matrices.
    """
    drawn = [part if isinstance(part, str) else to_matrix(part, "show_matrices") for part in parts]
    matrices = [part for part in drawn if not isinstance(part, str)]
    if not matrices:
        raise ValueError("show_matrices: got no matrix; expected at least one, such as [x, '=', y]")
    count = len(matrices)
    names = check_titles(titles, count, "show_matrices")
    kinds = _listed(roles, count, "roles", "input")
    frames = _listed(windows, count, "windows", None)
    columns = sum(_SIGN_CELLS if isinstance(part, str) else part.shape[1] for part in drawn)
    cell = min(_MAX_CELL, (width - 0.2) / columns)
    texts = [_texts(m, zero) if values else None for m in matrices]
    letters = _letter_size(texts, cell, max(m.shape for m in matrices), width)
    with style():
        height = cell * max(m.shape[0] for m in matrices) + 0.2 + (_TITLE_INCHES if any(names) else 0)
        fig = figure(width, height)
        fig.set_layout_engine("none")
        todo = iter(zip(names, kinds, frames, texts, strict=True))
        left = (width - columns * cell) / 2
        for part in drawn:
            left = _sign(fig, part, left, cell, names) if isinstance(part, str) else _matrix(
                fig, part, left, cell, letters, *next(todo), any_title=any(names)
            )  # fmt: skip
    return fig


def _matrix(
    fig: Figure, m: Array, left: float, cell: float, letters: float, title: str, role: str, window: Any,
    text: list[list[str]] | None, *, any_title: bool,
) -> float:  # fmt: skip
    """Draw one matrix at `left` inches; returns where the next part begins."""
    rows, columns = m.shape
    total_w, total_h = fig.get_size_inches()
    middle = (total_h - (_TITLE_INCHES if any_title else 0)) / 2
    ax = fig.add_axes(
        (left / total_w, (middle - rows * cell / 2) / total_h, columns * cell / total_w, rows * cell / total_h)
    )
    ax.set_axis_off()
    ax.set_title(title, pad=6, color=INKS[role])
    cmap, norm = _tint(m, role)
    ax.imshow(m.astype(float), cmap=cmap, norm=norm, interpolation="nearest", aspect="auto")
    ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    _lines(ax, rows, columns, thin=cell < 0.08)
    _outline(ax, (0, 0, rows, columns), COLORS[role], 2.5)
    if text is not None:
        _numbers(ax, m, text, cmap, norm, letters)
    for top, start, height, span in _windows(window, m.shape):
        _outline(ax, (top, start, height, span), INK, 3.0)
    return float(left + columns * cell)


def _outline(ax: Axes, window: Window, color: str, linewidth: float) -> None:
    top, left, height, width = window
    corner = (left - 0.5, top - 0.5)
    frame = Rectangle(corner, width, height, fill=False, edgecolor=color, linewidth=linewidth, clip_on=False)
    frame.set_zorder(3)  # above the cell lines
    ax.add_patch(frame)


def _sign(fig: Figure, sign: str, left: float, cell: float, names: list[str]) -> float:
    total_w, total_h = fig.get_size_inches()
    middle = (total_h - (_TITLE_INCHES if any(names) else 0)) / 2
    x = left + _SIGN_CELLS * cell / 2
    letters, rise = _sign_size(sign, 72 * cell)
    fig.text(x / total_w, (middle - rise / 72) / total_h, sign, ha="center", va="baseline", fontsize=letters)
    return left + _SIGN_CELLS * cell


def _sign_size(sign: str, cell: float) -> tuple[float, float]:
    """Points at which an operator's ink fills a good third of a cell, be its glyph large ("=") or tiny ("⋆", "·").

    The second number is the height of the ink's middle over the baseline.
    """
    letters = max(9.0, min(18.0, cell * 0.55))
    if not sign.strip():
        return letters, 0.0
    ink = TextPath((0, 0), sign, size=letters).get_extents()
    grow = min(2.6, max(1.0, 0.36 * cell / max(ink.width, ink.height)))
    return letters * grow, grow * (ink.y0 + ink.y1) / 2


def _lines(ax: Axes, rows: int, columns: int, thin: bool) -> None:
    wide = 0.2 if thin else 0.7
    ax.hlines(np.arange(rows + 1) - 0.5, -0.5, columns - 0.5, color=SOFT, linewidth=wide, clip_on=False)
    ax.vlines(np.arange(columns + 1) - 0.5, -0.5, rows - 0.5, color=SOFT, linewidth=wide, clip_on=False)


def _numbers(ax: Axes, m: Array, text: list[list[str]], cmap: Colormap, norm: Normalize, letters: float) -> None:
    for (i, j), value in np.ndenumerate(m):
        red, green, blue, _ = cmap(norm(float(value)))
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        ax.text(j, i, text[i][j], ha="center", va="center", fontsize=letters, color=PAPER if dark else INK)


def _tint(m: Array, role: str) -> tuple[Colormap, Normalize]:
    from matplotlib import colormaps

    top = float(np.abs(m.astype(float)).max()) or 1.0
    if m.min() < 0:
        return colormaps["RdBu_r"], Normalize(-1.25 * top, 1.25 * top)
    return LinearSegmentedColormap.from_list(role, [PAPER, COLORS[role]]), Normalize(0, 1.15 * top)


def _texts(m: Array, zero: str) -> list[list[str]]:
    whole = bool(np.all(m == np.round(m))) and bool(np.all(np.abs(m.astype(float)) < 1e5))
    decimals = 0 if whole else 2 if np.abs(m).max() < 10 else 1
    return [[zero if v == 0 else f"{v:.{decimals}f}".replace("-", "−") for v in row] for row in m.tolist()]


def _letter_size(texts: list[list[list[str]] | None], cell: float, shape: Any, width: float) -> float:
    """Points at which the longest number fills its cell, at most the body's 12."""
    longest = max((len(t) for text in texts if text for row in text for t in row), default=1)
    letters = min(12.0, cell * 72 * 0.92 / (0.64 * max(longest, 2)))
    if letters < _MIN_LETTERS and any(text is not None for text in texts):
        raise ValueError(
            f"show_matrices: numbers of {longest} characters in a matrix of shape {tuple(shape)} would be "
            f"{letters:.1f} pt high at a width of {width} inches; expected at least {_MIN_LETTERS:g} pt. "
            f"Pass values=False, or show a part"
        )
    return letters


def _windows(window: Any, shape: tuple[int, ...]) -> list[Window]:
    if window is None:
        return []
    listed = [window] if isinstance(window, tuple) and len(window) == 4 and np.isscalar(window[0]) else list(window)
    for entry in listed:
        if len(entry) != 4 or min(entry) < 0 or entry[0] + entry[2] > shape[0] or entry[1] + entry[3] > shape[1]:
            raise ValueError(
                f"show_matrix: window {tuple(entry)} leaves the matrix of shape {tuple(shape)}; "
                f"expected (top, left, height, width) inside it"
            )
    return listed


def _listed(given: Any, count: int, what: str, default: Any) -> list[Any]:
    listed = [default] * count if given is None else list(given)
    if len(listed) != count:
        raise ValueError(f"show_matrices: got {len(listed)} {what} for {count} matrices; expected one for each")
    if what == "roles" and not all(role in COLORS for role in listed):
        raise ValueError(f"show_matrices: roles are {listed}; expected each one of {', '.join(map(repr, COLORS))}")
    return listed
