"""What happened in a training: the numbers of each step and epoch, as curves and as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes


@dataclass
class History:
    """The record of a `fit`. Epochs count from 0; a list for something that was not measured is empty.

    A step: its loss (before the update) and the learning rate of the optimizer's first group. An epoch: the mean of its
    step losses, the share of training images that were right while training (as augmented, as attacked), loss, accuracy
    and `metrics` on `val`, the seconds it took, and how many steps had been done when it ended. `best_epoch` has the
    lowest validation loss; if `fit` was given `patience`, the model holds that epoch's weights, and `stopped` says why
    training ended early, if it did.
    """

    step_losses: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    val_losses: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    epoch_ends: list[int] = field(default_factory=list)
    best_epoch: int | None = None
    stopped: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Everything as lists, numbers and strings, ready for `json.dumps`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> History:
        """The history that `to_dict` gave. Raises ValueError for names that a history does not have."""
        known = {entry.name for entry in fields(cls)}
        if not isinstance(data, dict) or set(data) - known:
            got = sorted(set(data) - known) if isinstance(data, dict) else type(data).__name__
            raise ValueError(f"History.from_dict: got {got}; expected a dict with some of {', '.join(sorted(known))}")
        return cls(**data)

    def plot(self) -> Any:
        """The learning curves as a Figure: the loss, and below it the accuracy if there is one, by epoch.

        A grey line shows the loss of single steps. Raises ValueError if no step was taken yet.
        """
        if not self.step_losses:
            raise ValueError("History.plot: there is no step to draw; expected a history that `fit` has filled")
        from cnncourse.plot import figure, style

        panels = 2 if self.train_accuracy or self.val_accuracy else 1
        with style():
            fig = figure(6, 2.9 * panels)
            axes = fig.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
            axes[0].plot(self._step_epochs(), self.step_losses, color="0.75", linewidth=1, linestyle="-", zorder=1)
            _draw(axes[0], "loss", self.losses, self.val_losses)
            if panels == 2:
                _draw(axes[1], "accuracy", self.train_accuracy, self.val_accuracy)
            axes[-1].set_xlabel("epoch")
        return fig

    def _step_epochs(self) -> list[float]:
        """Where each step lies on the axis of epochs: the last step of epoch 0 at 1."""
        ends = [0, *self.epoch_ends]
        places = [n + (k + 1) / (b - a) for n, (a, b) in enumerate(pairwise(ends)) for k in range(b - a)]
        rest = len(self.step_losses) - len(places)  # of an epoch that is not at its end
        return places + [len(self.epoch_ends) + (k + 1) / rest for k in range(rest)]


def _draw(ax: Axes, what: str, train: list[float], val: list[float]) -> None:
    for name, values, marker in (("training", train, "o"), ("validation", val, "s")):
        if values:
            mark = marker if len(values) <= 25 else ""
            ax.plot(range(1, len(values) + 1), values, label=name, marker=mark, markersize=5)
    ax.set_ylabel(what)
    ax.grid(visible=True)
    if train and val:
        ax.legend(handlelength=3)
