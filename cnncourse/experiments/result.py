"""A stored result as a page uses it: curves and scores over seeds, in figures and in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cnncourse.experiments import show
from cnncourse.experiments.training import Run


@dataclass(frozen=True)
class Result:
    """What an experiment gave. `runs[arm]` has a `Run` for each seed, `settings[arm]` says how they were trained."""

    name: str
    about: str
    data: str
    settings: Mapping[str, Mapping[str, Any]]
    runs: Mapping[str, Sequence[Run]]
    versions: Mapping[str, str]

    @property
    def arms(self) -> tuple[str, ...]:
        """What is compared."""
        return tuple(self.runs)

    @property
    def seconds(self) -> float:
        """How long all its trainings took, one after the other, on the machine that made it."""
        return sum(run.seconds for runs in self.runs.values() for run in runs)

    def curves(self, arm: str, what: str = "val_accuracy") -> NDArray[np.float64]:
        """A number by epoch, (seeds, epochs): "loss", "accuracy" in training, "val_loss", "val_accuracy", or a metric.

        Runs that failed are left out. Raises ValueError for another arm or number, and if every run failed.
        """
        return np.array([run.curves[what] for run in self._ended(arm, what, "curves")])

    def scores(self, arm: str, what: str = "accuracy", *, failed: float | None = None) -> NDArray[np.float64]:
        """A score of the trained models, (seeds,). Runs that failed are left out, or count as `failed`.

        Raises ValueError for another arm or score, and if every run failed and `failed` is None.
        """
        if failed is not None and all(run.error for run in self._of(arm)):
            return np.full(len(self._of(arm)), failed)
        ended = [run.scores[what] for run in self._ended(arm, what, "scores")]
        lost = len(self._of(arm)) - len(ended)
        return np.array(ended + [failed] * lost if failed is not None else ended, dtype=float)

    def failures(self, arm: str) -> int:
        """How many seeds ended with a loss that was no finite number."""
        return sum(bool(run.error) for run in self._of(arm))

    def mean(self, arm: str, what: str = "accuracy", *, failed: float | None = None) -> float:
        """The mean score over seeds."""
        return float(self.scores(arm, what, failed=failed).mean())

    def say(self, arm: str, what: str = "accuracy", form: str = ".3f") -> str:
        """Mean, least and greatest score over seeds: "0.953 (0.948 to 0.958)"."""
        scores = self.scores(arm, what)
        return f"{scores.mean():{form}} ({scores.min():{form}} to {scores.max():{form}})"

    def plot(self, what: str = "val_accuracy", arms: Iterable[str] | None = None, **options: Any) -> Figure:
        """Mean curve by epoch and the band from the least to the greatest seed, for each arm; as `show.show_spread`."""
        curves = {arm: self.curves(arm, what) for arm in self._chosen(arms)}
        labels = {"xlabel": "epoch", "ylabel": show.LABELS.get(what, what)}
        return show.show_spread(
            {arm: (range(1, values.shape[1] + 1), values) for arm, values in curves.items()}, **{**labels, **options}
        )

    def plot_scores(self, what: str = "accuracy", arms: Iterable[str] | None = None, **options: Any) -> Figure:
        """A row an arm: a dot for each seed, a bar at their mean; as `show.show_scores`."""
        label = {"xlabel": show.LABELS.get(f"val_{what}", what)}
        return show.show_scores({arm: self.scores(arm, what) for arm in self._chosen(arms)}, **{**label, **options})

    def _chosen(self, arms: Iterable[str] | None) -> Iterable[str]:
        return self.arms if arms is None else arms

    def _of(self, arm: str) -> Sequence[Run]:
        if arm not in self.runs:
            raise ValueError(f"{self.name}: there is no arm {arm!r}; expected one of {', '.join(map(repr, self.arms))}")
        return self.runs[arm]

    def _ended(self, arm: str, what: str, kind: str) -> list[Run]:
        ended = [run for run in self._of(arm) if not run.error]
        if not ended:
            raise ValueError(
                f"{self.name}: every training of {arm!r} failed ({self._of(arm)[0].error}); it has no {kind}"
            )
        known = getattr(ended[0], kind)
        if what not in known:
            raise ValueError(f"{self.name}: {kind} are {', '.join(map(repr, known))}; got {what!r}")
        return ended
