"""A training under way: what it has done so far, and how that goes to disk and comes back."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cnncourse.train import checkpoint
from cnncourse.train.descent import Descent
from cnncourse.train.history import History
from cnncourse.train.sources import Batch, Source


@dataclass
class Run:
    """How far a training is: the history, the place in the epoch, and the best weights."""

    descent: Descent
    examples: Source
    batch_size: int
    patience: int | None
    path: Path | None
    every: int | None  # steps between checkpoints, beside the one after each epoch
    settings: dict[str, Any] = field(default_factory=dict)
    history: History = field(default_factory=History)
    position: int = 0  # batches of the epoch that are done
    right: int = 0
    counted: int = 0
    seconds: float = 0.0  # of the epoch, before it was taken up again
    best: dict[str, Any] | None = None
    at_epoch: dict[str, Any] = field(default_factory=dict)  # the random states that the epoch's order was drawn from
    resumed: dict[str, Any] | None = None  # the random states to go on with in the middle of an epoch

    @property
    def steps(self) -> int:
        """Steps done."""
        return len(self.history.step_losses)

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history.losses)

    def begin_epoch(self) -> Iterator[Batch]:
        """The batches of the epoch that are still to come."""
        self._start = time.perf_counter()
        self._hits: list[Tensor | int] = []
        device = self.descent.team.device
        if self.resumed is None:
            self.at_epoch = checkpoint.randomness(device) if self.path is not None else {}
            return self.examples.shuffled(self.batch_size)
        checkpoint.set_randomness(self.at_epoch, device)
        batches = self.examples.shuffled(self.batch_size, skip=self.position)
        checkpoint.set_randomness(self.resumed, device)
        self.resumed = None
        return batches

    def record(self, rate: float, loss: float, right: Tensor | int, counted: int) -> None:
        """One step is done."""
        self.history.step_losses.append(loss)
        self.history.learning_rates.append(rate)
        self._hits.append(right)
        self.counted += counted
        self.position += 1
        if self.every is not None and self.steps % self.every == 0 and self.position < self._batches():
            self.save()

    def end_epoch(self, scores: dict[str, float] | None) -> None:
        """The epoch is done, and validated."""
        history = self.history
        first = history.epoch_ends[-1] if history.epoch_ends else 0
        losses = history.step_losses[first:]
        history.losses.append(sum(losses) / len(losses))
        history.epoch_ends.append(self.steps)
        right, counted = self._counts()
        if counted:
            history.train_accuracy.append(right / counted)
        if scores is not None:
            self._validated(dict(scores))
        history.seconds.append(self.descent.team.told(self.seconds + time.perf_counter() - self._start))
        self.position, self.right, self.counted, self.seconds = 0, 0, 0, 0.0
        self.save()

    def _validated(self, scores: dict[str, float]) -> None:
        history = self.history
        history.val_losses.append(scores.pop("loss"))
        if "accuracy" in scores:
            history.val_accuracy.append(scores.pop("accuracy"))
        for name, value in scores.items():
            history.metrics.setdefault(name, []).append(value)
        best, now = history.best_epoch, history.val_losses[-1]
        if best is None or now < history.val_losses[best] or math.isnan(history.val_losses[best]):
            history.best_epoch = self.epoch - 1
            self.best = copy.deepcopy(self.descent.model.state_dict()) if self.patience is not None else None
        waited = self.epoch - 1 - (history.best_epoch or 0)
        if self.patience is not None and waited >= self.patience:
            history.stopped = (
                f"after epoch {self.epoch}: the validation loss was lowest {waited} epochs before, "
                f"and patience is {self.patience}"
            )

    def finish(self) -> None:
        """Give the model its best weights, if there was patience, and the same ones on every process."""
        if self.best is not None:
            self.descent.model.load_state_dict(self.best)
        self.descent.team.agree(self.descent.model)

    def save(self) -> None:
        """Write the checkpoint, if one was asked for: the leader does, with what all have counted."""
        if self.path is None:
            return
        d, inside = self.descent, self.position > 0
        right, counted = self._counts() if inside else (0, 0)
        if not d.team.leads:
            return
        content = {
            "settings": self.settings,
            "model": d.model.state_dict(),
            "optimizer": d.optimizer.state_dict(),
            "schedule": d.schedule.state_dict() if d.schedule is not None else None,
            "scaler": d.scaler.state_dict(),
            "history": self.history.to_dict(),
            "epoch": {
                "position": self.position,
                "right": right,
                "counted": counted,
                "seconds": self.seconds + time.perf_counter() - self._start if inside else 0.0,
            },
            "best": self.best,
            "at_epoch": self.at_epoch if inside else {},
            "randomness": checkpoint.randomness(d.team.device),
        }
        checkpoint.save(self.path, content)

    def restore(self, content: dict[str, Any]) -> None:
        """Continue what `save` wrote."""
        d = self.descent
        d.model.load_state_dict(content["model"])
        d.optimizer.load_state_dict(content["optimizer"])
        if d.schedule is not None:
            d.schedule.load_state_dict(content["schedule"])
        d.scaler.load_state_dict(content["scaler"])
        self.history = History.from_dict(content["history"])
        for name, value in content["epoch"].items():
            setattr(self, name, value)
        if not d.team.leads:  # the counts are those of all
            self.right = self.counted = 0
        self.best, self.at_epoch = content["best"], content["at_epoch"]
        if self.position:
            self.resumed = content["randomness"]
        else:
            checkpoint.set_randomness(content["randomness"], d.team.device)

    def _counts(self) -> tuple[int, int]:
        """Right answers and positions of the epoch so far, of the whole team; this waits for the device."""
        team = self.descent.team
        self.right += sum(int(one) for one in self._hits)
        self._hits.clear()
        right, counted = team.total(torch.tensor([self.right, self.counted], device=team.device)).tolist()
        return right, counted

    def _batches(self) -> int:
        return self.examples.steps(self.batch_size)
