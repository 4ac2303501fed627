"""A training that gets killed: run by the tests as a program of its own.

    python killed_training.py CHECKPOINT RESULT KILLS SEED

trains in forked children that are killed with SIGKILL, KILLS times, and then in one that is left alone; that one writes
its weights and history to RESULT. A kill comes either from outside after a random time, or from inside at a random
step, or at a random write: in the middle of the data, before or after the file takes its place.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.train import SGD, History, checkpoint, fit, seed_everything
from cnncourse.train.run import Run

PLACES = ("time", "step", "before", "after", "middle")
EPOCHS = 15


def net() -> nn.Module:
    """Batch norm has running statistics, dropout draws random numbers."""
    seed_everything(1)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(4 * 36, 3)
    )


def noisy(x: Tensor) -> Tensor:
    """Draws from all three generators."""
    import numpy as np

    return x + 0.1 * torch.rand(x.shape) + 0.1 * random.random() + 0.1 * float(np.random.rand())  # noqa: NPY002


def slow(x: Tensor) -> Tensor:
    time.sleep(0.004)
    return noisy(x)


def train(path: Path | None, augment: Any = noisy, **changed: Any) -> tuple[nn.Module, History]:
    """150 steps of everything that has a state."""
    draw = torch.Generator().manual_seed(2)
    x, y = torch.rand(75, 1, 8, 8, generator=draw), torch.randint(3, (75,), generator=draw)
    model = changed.pop("model", net())
    optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=10 * EPOCHS)
    settings: dict[str, Any] = {
        "epochs": EPOCHS, "batch_size": 8, "optimizer": optimizer, "schedule": schedule, "augment": augment, "seed": 3,
        "patience": EPOCHS, "device": "cpu", "progress": False,
    }  # fmt: skip
    if path is not None:
        settings |= {"checkpoint": path, "checkpoint_every": 3, "resume": True}
    settings |= changed
    return model, fit(model, (x, y), (x[:30], y[:30]), **settings)


def result(model: nn.Module, history: History) -> dict[str, Any]:
    """Everything that must come out the same: all bits of the weights, all of the history but the seconds."""
    weights = {key: value.flatten().tolist() for key, value in model.state_dict().items()}
    return {"weights": weights, "history": {**history.to_dict(), "seconds": len(history.seconds)}}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(place: str, draw: random.Random) -> None:
    """Make this process die at the n-th time that it gets to `place`."""
    left = draw.randrange(2, 25 if place == "step" else 8)
    write, save, record = checkpoint._write, checkpoint.save, Run.record

    def now() -> bool:
        nonlocal left
        left -= 1
        return left == 0

    def dying_record(*arguments: Any) -> None:
        record(*arguments)
        if place == "step" and now():
            die()

    def dying_write(path: Path, packed: memoryview) -> None:
        if place == "middle" and now():
            path.write_bytes(packed[: len(packed) // 2])
            die()
        write(path, packed)
        if place == "before" and now():
            die()

    def dying_save(*arguments: Any) -> None:
        save(*arguments)
        if place == "after" and now():
            die()

    checkpoint._write, checkpoint.save, Run.record = dying_write, dying_save, dying_record  # type: ignore[method-assign]


def warm_up() -> None:
    """What torch loads when it is first used, loaded once, before the forks; without a backward pass."""
    SGD(net().parameters()).zero_grad()
    torch.optim.Adam(net().parameters()).zero_grad()


def main() -> None:
    path, out, kills, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(1)
    warm_up()
    draw, died = random.Random(seed), []
    while True:
        place = PLACES[len(died) % len(PLACES)] if len(died) < kills else "never"
        delay = draw.uniform(0.02, 0.25)
        child = os.fork()
        if child == 0:
            arm(place, draw)
            out.write_text(json.dumps({"died": died, **result(*train(path, slow))}))
            os._exit(0)
        if place == "time":
            time.sleep(delay)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))
        died.append(place)


if __name__ == "__main__":
    main()
