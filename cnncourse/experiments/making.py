"""An experiment: a few trainings that differ in one thing, each over several seeds."""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cnncourse.experiments import store
from cnncourse.experiments.training import STEPS_KEPT, Run, Training
from cnncourse.train.progress import clock


@dataclass(frozen=True)
class Experiment:
    """What is compared: `arms`, each a `Training` under the name that it has in figures; `seeds` for each of them."""

    name: str
    about: str
    data: str
    arms: Mapping[str, Training]
    seeds: tuple[int, ...] = (0, 1, 2)


Job = tuple[str, int]  # arm, seed


def make(
    experiment: Experiment,
    home: Path = store.HOME,
    *,
    say: Callable[[str], None] = print,
    workers: int = 1,
    resume: bool = False,
) -> None:
    """Train every arm with every seed, `workers` at a time, and store the result after each run.

    With `resume` the stored runs of arms whose settings are what they are now stay, and only the others are made.
    """
    done = _kept(experiment, home) if resume else {}
    jobs = [(arm, seed) for arm in experiment.arms for seed in experiment.seeds if (arm, seed) not in done]
    say(f"{experiment.name}: {len(jobs)} trainings, {len(done)} kept")
    began = time.monotonic()
    for number, (job, run) in enumerate(_runs(experiment, jobs, workers), 1):
        done[job] = run
        _write(experiment, done, home)
        left = (time.monotonic() - began) / number * (len(jobs) - number)
        say(f"{number}/{len(jobs)} {job[0]}, seed {job[1]}: {_told(run)}, {run.seconds:.1f} s; {clock(left)} left")
    if not jobs:
        _write(experiment, done, home)


def differences(experiment: Experiment, home: Path = store.HOME, *, steps: int = 5, rtol: float = 2e-3) -> list[str]:
    """Where the stored result is not this experiment's: other arms or settings, or other losses in the first steps.

    Each arm is begun again with its first seed. Empty if all is well. Another processor may add in another order, so
    losses may differ by `rtol`, relatively. Raises BadResult if nothing is stored.
    """
    stored = store.read(experiment.name, home)["arms"]
    found = [f"{arm}: is stored, but no arm of the experiment" for arm in stored if arm not in experiment.arms]
    for arm, training in experiment.arms.items():
        if arm not in stored:
            found.append(f"{arm}: is not stored")
            continue
        entry, seed = stored[arm], experiment.seeds[0]
        if entry["settings"] != training.settings():
            found.append(f"{arm}: settings are {training.settings()}, stored {entry['settings']}")
        if [run.seed for run in entry["runs"]] != list(experiment.seeds):
            found.append(f"{arm}: seeds are {experiment.seeds}, stored {[run.seed for run in entry['runs']]}")
            continue
        known = entry["runs"][0].first_losses[:steps]
        now = training.run(seed, max_steps=min(steps, STEPS_KEPT)).first_losses[:steps]
        same = len(now) == len(known) and all(math.isclose(a, b, rel_tol=rtol) for a, b in zip(now, known, strict=True))
        if not same:
            found.append(f"{arm}, seed {seed}: the first losses are {now}, stored {known}")
    return found


def _kept(experiment: Experiment, home: Path) -> dict[Job, Run]:
    try:
        stored = store.read(experiment.name, home)["arms"]
    except store.BadResult:
        return {}
    return {
        (arm, run.seed): run
        for arm, training in experiment.arms.items()
        if arm in stored and stored[arm]["settings"] == training.settings()
        for run in stored[arm]["runs"]
        if run.seed in experiment.seeds
    }


def _write(experiment: Experiment, done: Mapping[Job, Run], home: Path) -> None:
    arms = {}
    for arm, training in experiment.arms.items():
        runs = [done[arm, seed] for seed in experiment.seeds if (arm, seed) in done]
        arms[arm] = {"settings": training.settings(), "runs": runs}
    head = {"name": experiment.name, "about": experiment.about, "data": experiment.data}
    store.write(experiment.name, head, {arm: entry for arm, entry in arms.items() if entry["runs"]}, home)


def _runs(experiment: Experiment, jobs: list[Job], workers: int) -> Iterator[tuple[Job, Run]]:
    if workers == 1:
        for arm, seed in jobs:
            yield (arm, seed), experiment.arms[arm].run(seed)
        return
    # By name, because a training holds functions, which need not travel to another process.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from zip(jobs, pool.map(_run_by_name, [(experiment.name, *job) for job in jobs]), strict=True)


def _run_by_name(job: tuple[str, str, int]) -> Run:
    from cnncourse.experiments.registry import experiment

    name, arm, seed = job
    return experiment(name).arms[arm].run(seed)


def _told(run: Run) -> str:
    return run.error or ", ".join(f"{name} {value:.4g}" for name, value in list(run.scores.items())[:4])
