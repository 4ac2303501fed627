"""One training of an experiment: everything that its numbers depend on, and what comes out for a seed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cnncourse.device import seed_everything
from cnncourse.train import History, evaluate, fit
from cnncourse.train.checkpoint import plain

STEPS_KEPT = 10  # losses of the first steps, by which a stored run is recognised
_DIGITS = 5
_OPTIMIZER = partial(SGD, lr=0.05, momentum=0.9)


@dataclass(frozen=True)
class Run:
    """What one seed gave. `curves` by epoch, `scores` of the trained model, the losses of the first steps, seconds.

    A training whose loss stopped being a finite number has no curves and no scores, and `error` says what happened.
    """

    seed: int
    first_losses: list[float]
    curves: dict[str, list[float]]
    scores: dict[str, float]
    seconds: float
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Training:
    """A model, its data and how it is trained. `run(seed)` trains it once.

    Every part is a function, best one with a name or a `functools.partial` of one, so that `settings` can say what it
    is: `build()` gives a fresh model, `train()` and `val()` data as `cnncourse.train.fit` takes them,
    `optimizer(parameters)` the optimizer, `schedule(optimizer, steps)` its schedule. With `groups` the optimizer gets
    `groups(model)`, parameter groups with rates of their own, in place of all parameters. `loss`, `metrics`, `augment`
    are those of `fit`, whose other arguments stand in `options`. `measure(model)` gives further scores of the trained
    model.
    """

    build: Callable[[], nn.Module]
    train: Callable[[], Any]
    val: Callable[[], Any]
    epochs: int
    batch_size: int = 64
    optimizer: Callable[[Any], Optimizer] = _OPTIMIZER
    groups: Callable[[Any], Any] | None = None
    schedule: Callable[[Optimizer, int], LRScheduler] | None = None
    loss: Callable[[Any, Any], Tensor] | None = None
    metrics: Mapping[str, Callable[[Tensor, Any], Any]] | None = None
    augment: Callable[[Tensor], Tensor] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    measure: Callable[[nn.Module], Mapping[str, float]] | None = None

    def settings(self) -> dict[str, Any]:
        """What was set, as plain data: functions by their names and arguments; what was left out is left out."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {name: _named(value) for name, value in values.items() if value not in (None, {})}

    def run(self, seed: int, *, max_steps: int | None = None) -> Run:
        """Train once, on the CPU with one thread, so that the numbers come back on the same kind of machine.

        `max_steps` ends it early, without scores: enough to see whether it begins as a stored run did.
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return self._run(seed, max_steps)
        finally:
            torch.set_num_threads(threads)

    def _run(self, seed: int, max_steps: int | None) -> Run:
        began, losses = time.perf_counter(), list[float]()
        loss = self.loss or cross_entropy

        def watched(logits: Any, labels: Any) -> Tensor:
            value = loss(logits, labels)
            if torch.is_grad_enabled() and math.isfinite(value.item()):  # a training step, not a validation
                losses.append(value.item())
            return value

        seed_everything(seed)
        model, data = self.build(), self.train()
        optimizer = self.optimizer(model.parameters() if self.groups is None else self.groups(model))
        steps = self.epochs * -(-_length(data) // self.batch_size)
        schedule = None if self.schedule is None else self.schedule(optimizer, steps)
        try:
            history = fit(
                model, data, self.val() if max_steps is None else None, epochs=self.epochs, batch_size=self.batch_size,
                optimizer=optimizer, schedule=schedule, loss=watched, augment=self.augment, device="cpu",
                metrics=None if max_steps is not None else self.metrics, progress=False, seed=seed,
                max_steps=max_steps, **self.options,
            )  # fmt: skip
        except FloatingPointError as error:
            return Run(seed, losses[:STEPS_KEPT], {}, {}, _seconds(began), str(error).split(". Looking")[0])
        if max_steps is not None:
            return Run(seed, losses[:STEPS_KEPT], {}, {}, _seconds(began))
        scores = evaluate(model, self.val(), loss=loss, metrics=self.metrics, device="cpu")
        if self.measure is not None:
            scores |= self.measure(model.eval())
        kept = {name: _short(value) for name, value in scores.items()}
        return Run(seed, losses[:STEPS_KEPT], _curves(history), kept, _seconds(began))


def _curves(history: History) -> dict[str, list[float]]:
    every = {
        "loss": history.losses, "accuracy": history.train_accuracy, "val_loss": history.val_losses,
        "val_accuracy": history.val_accuracy, **history.metrics,
    }  # fmt: skip
    return {name: [_short(value) for value in values] for name, values in every.items() if values}


def _length(data: Any) -> int:
    return len(data[0]) if isinstance(data, tuple) else len(data)


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _seconds(began: float) -> float:
    return round(time.perf_counter() - began, 2)


def _named(value: Any) -> Any:
    """As `plain`, with a partial written like a call: "mlp(depth=20, init='he')"."""
    if isinstance(value, partial):
        shown = [repr(_named(entry)) for entry in value.args]
        shown += [f"{name}={_named(entry)!r}" for name, entry in value.keywords.items()]
        return f"{_named(value.func)}({', '.join(shown)})"
    if isinstance(value, Mapping):
        return {name: _named(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_named(entry) for entry in value]
    told = plain(value)
    return told.rpartition(".")[2] if callable(value) and isinstance(told, str) else told
