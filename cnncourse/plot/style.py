"""One look for every figure.

Each figure stands on a light, opaque card with dark ink. On a light page the card is the page's own colour; on a dark
page it reads as a card, and photographs, grey maps and numbers look the same on both (a transparent background would
lose dark text on dark pages, and inverting would falsify the pictures).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure

PAPER, INK, SOFT, HAIR = "#fdfdfc", "#1d2730", "#56636f", "#d5dce2"

# The colour of a role, the same in figures, widgets and text. Told apart with every common form of colour blindness.
COLORS: Mapping[str, str] = MappingProxyType(
    {"input": "#0072b2", "filter": "#e69f00", "output": "#009e73", "gradient": "#8e4585"}
)
# The same roles dark enough for letters and thin lines (contrast with the card at least 4.5). Dark colours lie closer
# together: use them only beside a name, a dash pattern or a marker.
INKS: Mapping[str, str] = MappingProxyType(
    {"input": "#00629b", "filter": "#8a5a00", "output": "#00704f", "gradient": "#8e4585"}
)
# Ten classes: Paul Tol's "muted" scheme and the ink. Pair them with CLASS_MARKERS: colour never stands alone.
CLASS_COLORS = (
    "#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77", "#cc6677", "#882255", "#aa4499", "#1d2730",
)  # fmt: skip
CLASS_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
WIDTHS = (4, 6, 8)

_DPI = 96  # one CSS pixel: 12 pt letters are then 16 px, the size of the text around the figure
_SHARPNESS = 2  # stored pixels per CSS pixel
_LINES = cycler(color=[INKS["input"], INKS["filter"], INKS["output"], INKS["gradient"], INK]) + cycler(
    linestyle=["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]
)
_RC: dict[Any, Any] = {
    "figure.facecolor": PAPER, "savefig.facecolor": "auto", "axes.facecolor": PAPER,
    "figure.dpi": _DPI, "savefig.dpi": _DPI * _SHARPNESS, "figure.figsize": (6, 3.6),
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans", "font.size": 12, "axes.titlesize": 12, "axes.labelsize": 12,
    "xtick.labelsize": 11, "ytick.labelsize": 11, "legend.fontsize": 11, "figure.titlesize": 13,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": SOFT, "axes.titlecolor": INK,
    "xtick.color": SOFT, "ytick.color": SOFT, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 1.0,
    "axes.grid": False, "grid.color": HAIR, "axes.axisbelow": True, "legend.frameon": False,
    "lines.linewidth": 2.0, "axes.prop_cycle": _LINES, "image.cmap": "gray",
    "svg.hashsalt": "cnncourse",
}  # fmt: skip


def use_style() -> None:
    """Use the course's look for every figure made from here on, in notebooks sharp on dense screens too."""
    mpl.rcParams.update(_RC)
    _teach_notebook()


@contextmanager
def style() -> Iterator[None]:
    """The course's look inside a `with` block; what was set before comes back after it."""
    with mpl.rc_context(_RC):
        yield
    _teach_notebook()


def figure(width: float = 6, height: float = 3.6) -> Figure:
    """An empty figure in the course's look, `width` × `height` inches (widths on pages: 4, 6 or 8).

    It is not registered with pyplot: make it the last line of a cell to show it.
    """
    for name, side in (("width", width), ("height", height)):
        if isinstance(side, bool) or not isinstance(side, (int, float)) or not 0 < side <= 100:
            raise ValueError(f"figure: {name} is {side!r}; expected inches, such as 4, 6 or 8")
    with style():
        return Figure(figsize=(width, height), layout="constrained")


def _teach_notebook() -> None:
    """Let the notebook store figures at twice the density, uncropped, told only their width (phones shrink them)."""
    shell = _shell()
    if shell is None or getattr(shell, "_cnncourse_figures", False):
        return
    from matplotlib import pyplot

    pyplot.switch_backend(mpl.get_backend())  # activates the inline backend now, so that it does not undo this later
    shell.display_formatter.formatters["image/png"].for_type(Figure, _png)
    shell._cnncourse_figures = True


def _shell() -> Any:
    """The running notebook kernel, or None."""
    try:
        from IPython import get_ipython
    except ImportError:  # pragma: no cover
        return None
    shell = get_ipython()  # type: ignore[no-untyped-call,unused-ignore]
    return shell if getattr(shell, "kernel", None) is not None else None


def _png(figure: Figure) -> tuple[str, dict[str, int]] | None:
    """A figure as base64 PNG, and its width in CSS pixels."""
    if not figure.axes and not figure.lines and not figure.texts:
        return None
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI * _SHARPNESS, facecolor=figure.get_facecolor(), bbox_inches=None)
    return base64.b64encode(buffer.getvalue()).decode("ascii"), {"width": round(figure.get_figwidth() * _DPI)}
