"""Random search for hyper-parameters: draw each at random, train, look which ones mattered.

Random points beat a grid of as many: where few of the parameters matter, a grid tries the same few values of those
again and again. Source: Bergstra & Bengio 2012, jmlr.org/papers/v13/bergstra12a.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cnncourse.device import seed_everything
from cnncourse.errors import whole


@dataclass(frozen=True)
class Range:
    """Numbers between low and high: uniform, or with a uniform logarithm; whole ones if asked."""

    low: float
    high: float
    log: bool = False
    integer: bool = False

    def draw(self, source: random.Random) -> float | int:
        """One of them."""
        low, high = (self.low, self.high + 1) if self.integer else (self.low, self.high)
        value = math.exp(source.uniform(math.log(low), math.log(high))) if self.log else source.uniform(low, high)
        value = min(max(value, low), high)  # exp(log(x)) may step over the edge
        return min(int(value), int(self.high)) if self.integer else value


@dataclass(frozen=True)
class Choice:
    """One of some options, all equally likely."""

    options: tuple[Any, ...]

    def draw(self, source: random.Random) -> Any:
        """One of them."""
        return self.options[source.randrange(len(self.options))]


Space = Mapping[str, Range | Choice]


def uniform(low: float, high: float) -> Range:
    """Numbers from low to high, equally likely."""
    return Range(*_ends("uniform", low, high))


def log_uniform(low: float, high: float) -> Range:
    """Numbers from low to high > 0 whose logarithm is equally likely: for rates and other factors."""
    low, high = _ends("log_uniform", low, high)
    if low <= 0:
        raise ValueError(f"log_uniform: low is {low!r}; expected a number > 0")
    return Range(low, high, log=True)


def integers(low: int, high: int, *, log: bool = False) -> Range:
    """Whole numbers low … high, both included; with `log` small ones are likelier, as in `log_uniform`."""
    low, high = whole("integers: low", low, 1 if log else -(10**9)), whole("integers: high", high, -(10**9))
    low, high = _ends("integers", low, high)
    return Range(low, high, log=log, integer=True)


def choice(*options: Any) -> Choice:
    """One of the options: texts, numbers, True, False or None."""
    if not options or not all(o is None or isinstance(o, (str, int, float)) for o in options):
        raise ValueError(f"choice: got {options!r}; expected texts, numbers, True, False or None")
    return Choice(options)


@dataclass(frozen=True)
class Trial:
    """One training: what was drawn, its score (None if it failed, and then why), and how long it took."""

    number: int
    parameters: dict[str, Any]
    score: float | None
    error: str
    seconds: float


@dataclass(frozen=True)
class Search:
    """All trials of a `random_search`."""

    trials: tuple[Trial, ...]
    space: Space
    maximize: bool = True

    @property
    def best(self) -> Trial:
        """The trial with the best score, the first of equals. Raises ValueError if every trial failed."""
        good = [trial for trial in self.trials if trial.score is not None]
        if not good:
            errors = sorted({trial.error for trial in self.trials})
            raise ValueError(f"random_search: every trial failed; there is no best one. Errors: {'; '.join(errors)}")
        return (max if self.maximize else min)(good, key=lambda trial: trial.score or 0.0)

    def plot(self) -> Any:
        """Score against each parameter as a Figure; failed trials are crosses at the bottom, the best is ringed."""
        from cnncourse.train._search_plot import draw

        return draw(self)


def random_search(
    train_one: Callable[..., float],
    space: Space,
    trials: int = 20,
    seed: int = 0,
    *,
    maximize: bool = True,
    log: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Search:
    """Call `train_one(**parameters)`, which trains and returns a score, for `trials` random draws from `space`.

    `space` maps names to `uniform`, `log_uniform`, `integers` or `choice`. Draw number n of a parameter depends on
    `seed`, n and its name only, so more trials continue the same series, and a further parameter leaves the others as
    they were. Before each trial every random generator is seeded from `seed` and n.

    A trial that raises an Exception or whose score is no finite number is recorded as failed, and the search goes on.
    `log` is a file with one JSON line a trial: a search that was cut off goes on behind its last whole line.

    Raises ValueError for an empty space, and for a log that belongs to another search or is damaged.
    """
    count = whole("random_search: trials", trials, 1)
    if not space or not all(isinstance(entry, (Range, Choice)) for entry in space.values()):
        raise ValueError(f"random_search: space is {space!r}; expected names with uniform, log_uniform, choice, …")
    head = {"seed": seed, "maximize": maximize, "space": {name: repr(entry) for name, entry in space.items()}}
    done = _take_up(Path(log), head) if log is not None else []
    for number in range(len(done), count):
        trial = _try(train_one, number, _draw(space, seed, number), seed)
        done.append(trial)
        if log is not None:
            _append(Path(log), asdict(trial))
        if progress:
            print(_report(trial, count), flush=True)
    return Search(tuple(done[:count]), space, maximize)


def _draw(space: Space, seed: int, number: int) -> dict[str, Any]:
    return {name: entry.draw(random.Random(f"{seed}/{number}/{name}")) for name, entry in space.items()}


def _try(train_one: Callable[..., float], number: int, parameters: dict[str, Any], seed: int) -> Trial:
    seed_everything(random.Random(f"{seed}/{number}").randrange(2**32))
    start, score, error = time.perf_counter(), None, ""
    try:
        score = float(train_one(**parameters))
        if not math.isfinite(score):
            score, error = None, f"the score is {score}"
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
    return Trial(number, parameters, score, error, time.perf_counter() - start)


def _report(trial: Trial, count: int) -> str:
    drawn = ", ".join(f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
                      for name, value in trial.parameters.items())  # fmt: skip
    end = f"failed: {trial.error}" if trial.score is None else f"score {trial.score:.4f}"
    return f"trial {trial.number + 1}/{count}: {drawn}: {end}, {trial.seconds:.1f} s"


def _take_up(path: Path, head: dict[str, Any]) -> list[Trial]:
    """The trials of a log; a last line that was cut off is dropped. A missing log is begun."""
    if not path.exists() or path.stat().st_size == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
        _append(path, head)
        return []
    text = path.read_bytes()
    lines = text[: text.rfind(b"\n") + 1].splitlines()
    try:
        first, *rest = [json.loads(line) for line in lines] or [None]
        trials = [Trial(**entry) for entry in rest]
    except (ValueError, TypeError) as error:
        raise ValueError(f"random_search: the log {path} is damaged: {error}; rename it to start afresh") from None
    if [trial.number for trial in trials] != list(range(len(trials))):
        raise ValueError(f"random_search: trials are missing in the log {path}; rename it to start afresh")
    if first is not None and first != head:
        raise ValueError(f"random_search: the log {path} is of {first}, this search is {head}; give it another log")
    with path.open("r+b") as file:
        file.truncate(text.rfind(b"\n") + 1)
    if first is None:  # not even the head was whole
        _append(path, head)
    return trials


def _append(path: Path, entry: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _ends(what: str, low: float, high: float) -> tuple[Any, Any]:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"{what}: from {low!r} to {high!r}; expected two numbers, the smaller first")
    return low, high
