"""How every figure of the course looks: one style, one colour for one thing, and helpers that draw it.

Each helper returns a Matplotlib `Figure`: the last line of a notebook cell shows it, `fig.savefig(path)` keeps it.
The figures are not registered with pyplot, so nothing is shown twice and nothing piles up.
"""

from __future__ import annotations

from cnncourse.plot.images import show_images, show_signed
from cnncourse.plot.lines import show_curves, show_steps
from cnncourse.plot.matrices import show_matrices, show_matrix
from cnncourse.plot.style import CLASS_COLORS, CLASS_MARKERS, COLORS, INKS, WIDTHS, figure, style, use_style

__all__ = [
    "CLASS_COLORS",
    "CLASS_MARKERS",
    "COLORS",
    "INKS",
    "WIDTHS",
    "figure",
    "show_curves",
    "show_images",
    "show_matrices",
    "show_matrix",
    "show_signed",
    "show_steps",
    "style",
    "use_style",
]
