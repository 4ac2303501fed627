"""The picture of a search: the score against each parameter, one panel a parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.ticker import LogLocator, NullFormatter

from cnncourse.plot import INKS, figure, style

if TYPE_CHECKING:
    from cnncourse.train.search import Search, Trial


def draw(search: Search) -> Any:
    """Two panels a row; failed trials are crosses at the bottom, the best is ringed."""
    names = list(search.space)
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    with style():
        fig = figure(6, 2.6 * rows)
        panels = fig.subplots(rows, columns, squeeze=False, sharey=True).flatten()
        for ax, name in zip(panels, names, strict=False):
            _panel(ax, search, name)
        for row in range(rows):
            panels[row * columns].set_ylabel("score")
        if any(trial.score is None for trial in search.trials):
            fig.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", handlelength=1)
        for ax in panels[len(names) :]:
            ax.set_axis_off()
    return fig


def _panel(ax: Any, search: Search, name: str) -> None:
    space: Any = search.space[name]
    options = getattr(space, "options", None)

    def place(trial: Trial) -> float:
        value = trial.parameters[name]
        return float(value) if options is None else float(options.index(value))

    good = [trial for trial in search.trials if trial.score is not None]
    bad = [trial for trial in search.trials if trial.score is None]
    ax.plot([place(t) for t in good], [t.score for t in good], "o", color=INKS["input"], markersize=5)
    if bad:
        floor = ax.get_xaxis_transform()  # x in the parameter's units, y in shares of the panel
        xs = [place(t) for t in bad]
        ax.plot(xs, [0.03] * len(xs), "x", color=INKS["filter"], transform=floor, label="failed", clip_on=False)
    if good:
        best = search.best
        ax.plot(place(best), best.score, "o", markersize=12, fillstyle="none", color=INKS["gradient"])
    if options is not None:
        ax.set_xticks(range(len(options)), [str(option) for option in options])
        ax.set_xlim(-0.5, len(options) - 0.5)
    elif getattr(space, "log", False):
        ax.set_xscale("log")
        if space.high < 100 * space.low:  # else decades are marks enough
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(name)
    ax.grid(visible=True)
