"""Checkpoints: killed at any moment, a training resumes to the same bits; and nothing else is ever resumed."""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import killed_training as script
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from cnncourse.train import BadCheckpoint, History, checkpoint, fit, seed_everything


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As the killed program has; two threads add in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def killed_and_resumed(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    path, out = folder / "training.pt", folder / "result.json"
    command = [sys.executable, "-W", "error", script.__file__, str(path), str(out), str(kills), str(seed)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    assert run.returncode == 0, run.stderr
    assert sorted(file.name for file in folder.iterdir()) == [out.name, path.name]
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_killed_at_random_points_it_ends_with_the_same_bits(tmp_path: Path) -> None:
    found = killed_and_resumed(tmp_path, kills=10, seed=0)
    assert found.pop("died") == list(script.PLACES) * 2
    assert found == script.result(*script.train(None, script.slow))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 41))
def test_killed_very_often_it_ends_with_the_same_bits(tmp_path: Path, seed: int) -> None:
    found = killed_and_resumed(tmp_path, kills=40, seed=seed)
    assert len(found.pop("died")) >= 10
    assert found == script.result(*script.train(None, script.slow))


class Cut(Exception):
    """Ends a training from inside."""


def cutting(after: int) -> Callable[[Tensor], Tensor]:
    """An augmentation that ends the training at its call number `after`, with the name of the one it stands for."""
    calls = 0

    def noisy(x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls > after:
            raise Cut
        return script.noisy(x)

    noisy.__qualname__, noisy.__module__ = script.noisy.__qualname__, script.noisy.__module__
    return noisy


class Wobbly(Dataset[tuple[Tensor, int]]):
    """Items that differ each time they are read."""

    def __init__(self) -> None:
        self.draw = torch.rand(27, 1, 8, 8, generator=torch.Generator().manual_seed(2))

    def __len__(self) -> int:
        return len(self.draw)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        noise = torch.rand(1, 8, 8) * random.random() * float(np.random.rand())  # noqa: NPY002
        return self.draw[index] + noise, index % 3


def loader(workers: int = 0) -> DataLoader[Any]:
    return DataLoader(Wobbly(), batch_size=8, shuffle=True, num_workers=workers)


KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "tensors": lambda: {"train": (Wobbly().draw, torch.arange(27) % 3)},
    "dataset": lambda: {"train": Wobbly()},
    "loader": lambda: {"train": loader()},
    "loader of tensors": lambda: {
        "train": DataLoader(TensorDataset(Wobbly().draw, torch.arange(27) % 3), batch_size=8)
    },
    "channels last": lambda: {"train": Wobbly(), "channels_last": True},
    "bfloat16": lambda: {"train": Wobbly(), "amp": "bfloat16"},
    "float16": lambda: {"train": Wobbly(), "amp": "float16", "max_grad_norm": 1.0},
}


def short(path: Path | None, augment: Any, kind: str, epochs: int = 3) -> tuple[nn.Module, History]:
    """12 steps by Adam on one kind of data."""
    settings = KINDS[kind]()
    data = settings.pop("train")
    if path is not None:
        settings |= {"checkpoint": path, "checkpoint_every": 1, "resume": True}
    model = script.net()
    val = (Wobbly().draw, torch.arange(27) % 3)
    history = fit(
        model, data, val, epochs=epochs, batch_size=8, augment=augment, device="cpu", progress=False, **settings
    )
    return model, history


@pytest.mark.parametrize("kind", KINDS)
def test_cut_after_any_step_it_goes_on_to_the_same_bits(tmp_path: Path, kind: str) -> None:
    whole = script.result(*short(None, script.noisy, kind))
    path = tmp_path / "c"
    for after in (1, 3, 0, 2, 2, 3):  # after 1, 4, 4, 6, 8, 11 steps; an epoch has 4
        with pytest.raises(Cut):
            short(path, cutting(after), kind)
        seed_everything(99)  # the new process knows nothing of the old one
    assert script.result(*short(path, script.noisy, kind)) == whole


def test_a_longer_run_is_the_run_that_was_long_from_the_start(tmp_path: Path) -> None:
    long = script.result(*short(None, script.noisy, "dataset", epochs=5))
    short(tmp_path / "c", script.noisy, "dataset", epochs=2)
    assert script.result(*short(tmp_path / "c", script.noisy, "dataset", epochs=5)) == long
    with pytest.raises(ValueError, match=r"epochs is 1, but the checkpoint .* has done 5"):
        short(tmp_path / "c", script.noisy, "dataset", epochs=1)


def test_a_finished_run_comes_back_without_a_step(tmp_path: Path) -> None:
    """With the best weights in the model, not the last ones."""
    settings: dict[str, Any] = {"patience": 2, "epochs": 15}
    done = script.train(tmp_path / "c", script.noisy, **settings)
    assert "patience is 2" in done[1].stopped
    again = script.train(tmp_path / "c", cutting_named(script.noisy), **settings)
    assert script.result(*again) == script.result(*done)


def cutting_named(like: Any) -> Any:
    """An augmentation of the same name that must not be called."""
    function = cutting(0)
    function.__qualname__, function.__module__ = like.__qualname__, like.__module__
    return function


def other_model() -> nn.Module:
    model = script.net()
    model[0] = nn.Conv2d(1, 4, 3, bias=False)  # type: ignore[operator]
    return model


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "batch size": ({"batch_size": 9}, "batch_size was 8, is 9"),
    "seed": ({"seed": 4}, "seed was 3, is 4"),
    "patience": ({"patience": 5}, "patience was 15, is 5"),
    "max_steps": ({"max_steps": 5}, "max_steps was None, is 5"),
    "clipping": ({"max_grad_norm": 1.0}, "max_grad_norm was None, is 1.0"),
    "precision": ({"amp": True}, "amp was 'None', is 'torch.bfloat16'"),
    "attack": ({"attack": script.noisy}, "calls.attack was None, is 'killed_training.noisy'"),
    "loss": ({"loss": nn.functional.mse_loss}, "calls.loss was 'torch.nn.functional.cross_entropy'"),
    "augmentation": ({"augment": script.slow}, "calls.augment was 'killed_training.noisy', is 'killed_training.slow'"),
    "metrics": ({"metrics": {"top": script.noisy}}, "metrics.top was 'nothing', is"),
    "model": ({"model": other_model()}, r"model.0.bias was '\(4,\) torch.float32', is 'nothing'"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_run_is_refused(tmp_path: Path, name: str) -> None:
    path, (changed, message) = tmp_path / "c", OTHERS[name]
    with pytest.raises(Cut):
        script.train(path, cutting(4))
    before = path.read_bytes()
    with pytest.raises(BadCheckpoint, match=f"belongs to another run: .*{message}"):
        script.train(path, **changed)
    assert path.read_bytes() == before


def test_other_optimizer_schedule_and_data_are_refused(tmp_path: Path) -> None:
    x, y = Wobbly().draw, torch.arange(27) % 3

    def run(images: Tensor, lr: float, factor: float) -> History:
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
        optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3, gamma=factor)
        return fit(model, (images, y), epochs=1, optimizer=optimizer, schedule=schedule, checkpoint=tmp_path / "c",
                   resume=True, device="cpu", progress=False)  # fmt: skip

    run(x, 0.1, 0.5)
    run(x, 0.1, 0.5)
    for wrong, message in (((x + 1, 0.1, 0.5), "train.images was"), ((x, 0.2, 0.5), "optimizer.groups.0.lr was 0.1"),
                           ((x, 0.1, 0.4), "schedule.gamma was 0.5, is 0.4")):  # fmt: skip
        with pytest.raises(BadCheckpoint, match=message):
            run(*wrong)


def test_a_file_that_is_there_is_not_overwritten_without_being_asked(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_text("my thesis")
    with pytest.raises(FileExistsError, match="already there; pass resume=True"):
        script.train(path, resume=False)
    with pytest.raises(BadCheckpoint, match="damaged: it does not begin as a checkpoint does"):
        script.train(path)
    assert path.read_text() == "my thesis"


def test_damage_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with pytest.raises(Cut):
        script.train(path, cutting(4))
    good = path.read_bytes()
    draw = random.Random(0)
    places = [0, 30, 90, *(draw.randrange(len(good)) for _ in range(20)), len(good) - 1]
    bad = [good[:n] + bytes([good[n] ^ 1]) + good[n + 1 :] for n in places]
    for data in [*bad, b"", good[: len(good) // 2], good[:-1], good + b"\0"]:
        path.write_bytes(data)
        with pytest.raises(BadCheckpoint, match="is damaged"):
            script.train(path)
        assert path.read_bytes() == data
    path.write_bytes(good)
    script.train(path)


class Bomb:
    """Would run when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("bomb",)


def test_code_in_a_checkpoint_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for packed in (pickle.dumps(Bomb()), _saved({"settings": Bomb()})):
        head = b"cnncourse-checkpoint-1 " + sha256(packed).hexdigest().encode() + b"\n"
        (tmp_path / "c").write_bytes(head + packed)
        with pytest.raises(BadCheckpoint, match="is damaged"):
            script.train(tmp_path / "c")
    assert not (tmp_path / "bomb").exists()


def _saved(content: Any) -> bytes:
    import io

    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def test_a_failed_write_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c"
    with pytest.raises(Cut):
        script.train(path, cutting(4))
    before = path.read_bytes()

    def no_disk(_: int) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.os, "fsync", no_disk)
        with pytest.raises(OSError, match="no space"):
            script.train(path)
    assert path.read_bytes() == before
    assert script.result(*script.train(path)) == script.result(*script.train(None))


def test_randomness_comes_back() -> None:
    def draws() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002

    where = torch.device("cpu")
    draws()
    state = checkpoint.randomness(where)
    first = draws()
    assert draws() != first
    checkpoint.set_randomness(state, where)
    assert draws() == first
