"""Experiments of the chapters: small trainings over several seeds, whose results are stored with how they were made.

A page shows `load(name)`; `python -m cnncourse.experiments run NAME` makes the result again, and the tests begin every
training anew and compare its first losses, so that no stored number can be typed.

To add some: a module with `EXPERIMENTS`, a tuple of `Experiment`s, named in `registry.py`.
"""

from __future__ import annotations

from pathlib import Path

from cnncourse.experiments import registry
from cnncourse.experiments.making import Experiment
from cnncourse.experiments.registry import experiment
from cnncourse.experiments.result import Result
from cnncourse.experiments.show import draw_scores, draw_spread, show_scores, show_spread
from cnncourse.experiments.store import HOME, BadResult, read
from cnncourse.experiments.training import Run, Training

__all__ = [
    "BadResult",
    "Experiment",
    "Result",
    "Run",
    "Training",
    "draw_scores",
    "draw_spread",
    "experiment",
    "load",
    "names",
    "show_scores",
    "show_spread",
]


def names() -> tuple[str, ...]:
    """The experiments there are."""
    return tuple(registry.every())


def load(name: str, *, home: Path = HOME) -> Result:
    """The stored result of an experiment.

    Raises ValueError for an unknown name, BadResult if nothing is stored or the file is damaged.
    """
    stored = read(experiment(name).name, home)
    arms = stored["arms"]
    return Result(
        name=stored["name"],
        about=stored["about"],
        data=stored["data"],
        settings={arm: entry["settings"] for arm, entry in arms.items()},
        runs={arm: entry["runs"] for arm, entry in arms.items()},
        versions=stored["versions"],
    )
