"""How a net of the zoo is made: everything that its numbers depend on, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from cnncourse.device import seed_everything
from cnncourse.fooling import pgd
from cnncourse.train import History, fit, jitter

STEPS_ON_CARD = 20
_MOMENTUM, _DECAY = 0.9, 5e-4


@dataclass(frozen=True)
class Jitter:
    """Each image turned, moved and scaled by random amounts (`cnncourse.train.jitter`)."""

    degrees: float
    shift: float
    scale: float

    def __call__(self, x: Tensor) -> Tensor:
        return jitter(x, degrees=self.degrees, shift=self.shift, scale=self.scale)


@dataclass(frozen=True)
class Mirror:
    """Each image mirrored left to right with this probability."""

    probability: float = 0.5

    def __call__(self, x: Tensor) -> Tensor:
        chosen = torch.rand(len(x)) < self.probability
        return torch.where(chosen[:, None, None, None], x.flip(3), x)


@dataclass(frozen=True)
class Adversary:
    """An attack by `cnncourse.fooling.pgd`; `eps` and `step_size` in units of pixels in [0, 1]."""

    norm: str
    eps: float
    steps: int
    step_size: float
    random_start: bool = True

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        return pgd(
            model, x, y, self.eps, norm=self.norm, steps=self.steps, step_size=self.step_size,
            random_start=self.random_start,
        )  # fmt: skip

    def __str__(self) -> str:
        ball = {"linf": "no pixel moved by more than", "l2": "the whole change no longer than"}[self.norm]
        return f"PGD, {self.steps} steps of {self.step_size:g}, {ball} {self.eps:g}"


@dataclass(frozen=True)
class Recipe:
    """A net, its data, how it is trained (one-cycle learning rate), and what else than accuracy is measured.

    `optimizer` is "adam", or "sgd" with Nesterov momentum 0.9 and weight decay 5e-4. With `adversary` each batch is
    attacked before it is learnt from. `starts_from` names the shipped net whose weights training begins with.
    `attacks` are scored beside the clean accuracy, on the first `attacked` test images.
    """

    name: str
    about: str
    data: str
    build: Callable[[], nn.Module]
    train_data: Callable[[], Dataset[Any]]
    test_data: Callable[[], Any]
    epochs: int
    batch_size: int
    lr: float
    optimizer: str = "adam"
    augment: Jitter | Mirror | None = None
    adversary: Adversary | None = None
    starts_from: str | None = None
    channels_last: bool = False
    attacks: Mapping[str, Adversary] | None = None
    attacked: int = 0
    seeds: tuple[int, ...] = (0, 1, 2)

    def run(
        self,
        seed: int,
        *,
        start: Mapping[str, Tensor] | None = None,
        max_steps: int | None = None,
        progress: bool = False,
    ) -> tuple[nn.Module, History]:
        """Train once, on the CPU with one thread, so that the numbers come back on the same kind of machine.

        `start` is the state dict of the net that `starts_from` names.
        """
        if (start is None) != (self.starts_from is None):
            raise ValueError(
                f"zoo: {self.name} starts from {self.starts_from}; got {'no' if start is None else 'a'} start"
            )
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return self._run(seed, start, max_steps, progress)
        finally:
            torch.set_num_threads(threads)

    def _run(
        self, seed: int, start: Mapping[str, Tensor] | None, max_steps: int | None, progress: bool
    ) -> tuple[nn.Module, History]:
        seed_everything(seed)
        model, data = self.build(), self.train_data()
        if start is not None:
            model.load_state_dict(start)
        optimizer = self._optimizer(model)
        steps = self.epochs * -(-len(data) // self.batch_size)  # type: ignore[arg-type]
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.lr, total_steps=steps)
        history = fit(
            model,
            data,
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=optimizer,
            schedule=schedule,
            augment=self.augment,
            attack=self.adversary,
            channels_last=self.channels_last,
            device="cpu",
            progress=progress,
            seed=seed,
            max_steps=max_steps,
        )
        return model.eval(), history

    def _optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        if self.optimizer == "adam":
            return torch.optim.Adam(model.parameters(), lr=self.lr)
        return torch.optim.SGD(model.parameters(), lr=self.lr, momentum=_MOMENTUM, nesterov=True, weight_decay=_DECAY)

    def describe(self) -> dict[str, Any]:
        """The recipe as plain data for the card."""
        names = {"adam": "Adam", "sgd": f"SGD, Nesterov momentum {_MOMENTUM}, weight decay {_DECAY}"}
        return {
            "optimizer": names[self.optimizer],
            "schedule": "one-cycle learning rate",
            "loss": "cross-entropy",
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "lr": self.lr,
            "augment": None if self.augment is None else {"what": type(self.augment).__name__, **asdict(self.augment)},
            "adversary": None if self.adversary is None else asdict(self.adversary),
            "starts_from": self.starts_from,
        }
