"""How each net of the zoo is made: everything that its numbers depend on, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from cnncourse.data import Digits, digits
from cnncourse.device import seed_everything
from cnncourse.models import lenet5
from cnncourse.train import History, fit, jitter

STEPS_ON_CARD = 20


@dataclass(frozen=True)
class Settings:
    """The numbers of a recipe; they go onto the card as they stand."""

    epochs: int
    batch_size: int
    lr: float
    degrees: float
    shift: float
    scale: float


@dataclass(frozen=True)
class Recipe:
    """A net, its data, how it is trained: Adam, one-cycle rate, jittered images."""

    name: str
    about: str
    data: str
    build: Callable[[], nn.Module]
    train_data: Callable[[], Digits]
    test_data: Callable[[], Digits]
    settings: Settings
    seeds: tuple[int, ...] = (0, 1, 2)

    def run(self, seed: int, *, max_steps: int | None = None, progress: bool = False) -> tuple[nn.Module, History]:
        """Train once, on the CPU with one thread, so that the numbers come back on the same kind of machine."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return self._run(seed, max_steps, progress)
        finally:
            torch.set_num_threads(threads)

    def _run(self, seed: int, max_steps: int | None, progress: bool) -> tuple[nn.Module, History]:
        how = self.settings
        seed_everything(seed)
        model, data = self.build(), self.train_data()
        optimizer = torch.optim.Adam(model.parameters(), lr=how.lr)
        steps = how.epochs * -(-len(data) // how.batch_size)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.lr, total_steps=steps)
        history = fit(
            model,
            data,
            epochs=how.epochs,
            batch_size=how.batch_size,
            optimizer=optimizer,
            schedule=schedule,
            augment=lambda x: jitter(x, degrees=how.degrees, shift=how.shift, scale=how.scale),
            device="cpu",
            progress=progress,
            seed=seed,
            max_steps=max_steps,
        )
        return model.eval(), history

    def describe(self) -> dict[str, Any]:
        """The recipe as plain data for the card."""
        return {"optimizer": "Adam, one-cycle learning rate", "loss": "cross-entropy", **asdict(self.settings)}


_LENET_DIGITS = Recipe(
    name="lenet_digits",
    about="LeNet-5 (see cnncourse.models.LeNet5 for what differs from the paper) on handwritten digits",
    data=(
        "scikit-learn's 1,797 handwritten digits, 8×8 upsampled to 28×28 in a 32×32 frame; first 1,297 to train, last "
        "500 to test, in the file's order (a shuffled split shares writers and scores too high)"
    ),
    build=lenet5,
    train_data=lambda: digits("train"),
    test_data=lambda: digits("test"),
    settings=Settings(epochs=40, batch_size=64, lr=3e-3, degrees=10.0, shift=2.0, scale=0.1),
)
RECIPES: Mapping[str, Recipe] = MappingProxyType({recipe.name: recipe for recipe in (_LENET_DIGITS,)})


def recipe(name: str) -> Recipe:
    """The recipe called `name`. Raises ValueError for an unknown name, naming the known ones."""
    if name not in RECIPES:
        raise ValueError(f"zoo: there is no net {name!r}; expected one of {', '.join(map(repr, RECIPES))}")
    return RECIPES[name]
