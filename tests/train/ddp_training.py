"""One process of a training that `torchrun` spreads over several: run by the tests as a program of its own.

    torchrun --nproc_per_node 2 ddp_training.py FOLDER

Each process writes what it ends with, for every kind of training, to FOLDER/RANK.json.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.train import SGD, History, fit, seed_everything

KINDS = ("plain", "attack", "clip", "dropout", "batch norm", "cut", "checkpoint", "nan")
COUNT = 33  # batches of 8, 8, 8, 8 and 1: in the last one a process of two has nothing to do


def data() -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(4)
    return torch.rand(COUNT, 2, 6, 5, generator=draw, dtype=torch.float64), torch.randint(3, (COUNT,), generator=draw)


def net(kind: str) -> nn.Module:
    seed_everything(5 if int(os.environ.get("RANK", "0")) == 0 else 6)  # the leader's weights count
    norm = [nn.BatchNorm2d(4)] if kind == "batch norm" else []
    drop = [nn.Dropout(0.5)] if kind == "dropout" else []
    return nn.Sequential(nn.Conv2d(2, 4, 3), *norm, nn.ReLU(), *drop, nn.Flatten(), nn.Linear(4 * 12, 3)).double()


def attack(model: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
    """One step uphill, by `backward` as a careless attack might."""
    x = x.clone().requires_grad_()
    nn.functional.cross_entropy(model(x), labels).backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    return x + 0.05 * x.grad.sign()


def noisy(x: Tensor) -> Tensor:
    return x + 0.1 * torch.rand_like(x)


def noisy_until(batches: int) -> Any:
    """`noisy`, which ends the training after some batches."""
    left = [None] * batches

    def until(x: Tensor) -> Tensor:
        if not left:
            raise FloatingPointError("cut")
        left.pop()
        return noisy(x)

    until.__qualname__ = noisy.__qualname__
    return until


def train(kind: str, folder: Path | None = None) -> tuple[nn.Module, History]:
    """15 steps with all that may differ between one process and several."""
    model, (x, y) = net(kind), data()
    optimizer = SGD(model.parameters(), lr=0.3, momentum=0.9)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=15)
    settings: dict[str, Any] = {"patience": 5}
    if kind == "attack":
        settings |= {"attack": attack}
    if kind == "clip":
        settings |= {"max_grad_norm": 0.1}
    if kind == "nan":
        y[20] = 0
        x[20] = float("nan")
    augment: Any = noisy
    if kind in ("cut", "checkpoint") and folder is not None:  # the second goes on where the first was cut
        settings |= {"checkpoint": folder / "c", "checkpoint_every": 2, "resume": True}
    if kind == "cut":
        augment = noisy_until(8)
    history = fit(model, (x, y), (x[:9], y[:9]), epochs=3, batch_size=8, optimizer=optimizer, schedule=schedule,
                  augment=augment, device="cpu", seed=7, **settings)  # fmt: skip
    return model, history


def main() -> None:
    """Every kind in turn: the processes stay together."""
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    for kind in KINDS:
        try:
            model, history = train(kind, folder)
        except FloatingPointError as error:
            found[kind] = {"error": str(error)}
            continue
        weights = {key: value.flatten().tolist() for key, value in model.state_dict().items()}
        found[kind] = {"history": history.to_dict(), "training": model.training, "weights": weights}
    (folder / f"{os.environ['RANK']}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
