"""Two processes on one machine train as one does: same losses, same weights, up to rounding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import ddp_training as script
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

from cnncourse.train import fit
from cnncourse.train.team import Team

pytestmark = pytest.mark.slow  # two processes load torch


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], str]:
    """What each of the two processes found, and what they printed."""
    folder = tmp_path_factory.mktemp("ddp")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error::UserWarning"}
    run = subprocess.run([*command, script.__file__, str(folder)], capture_output=True, text=True, timeout=250,
                         check=False, env=quiet)  # fmt: skip
    assert run.returncode == 0, run.stderr
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)], run.stdout


Launched = tuple[list[dict[str, Any]], str]


@pytest.mark.parametrize("kind", ["plain", "attack", "clip", "checkpoint"])
def test_two_processes_follow_the_path_of_one(launched: Launched, kind: str) -> None:
    """The last batch of an epoch has one example, so one process computes and the other has weight 0."""
    model, alone = script.train(kind)
    for found in launched[0]:
        history = found[kind]["history"]
        for name in ("step_losses", "losses", "val_losses"):
            assert history[name] == pytest.approx(getattr(alone, name), rel=1e-10, abs=0)
        for name in ("train_accuracy", "val_accuracy", "learning_rates", "epoch_ends", "best_epoch", "stopped"):
            assert history[name] == getattr(alone, name)
        for key, value in model.state_dict().items():
            weights = torch.tensor(found[kind]["weights"][key], dtype=torch.float64)
            torch.testing.assert_close(weights, value.flatten(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ["plain", "attack", "clip", "dropout", "batch norm", "checkpoint"])
def test_all_processes_end_with_the_same(launched: Launched, kind: str) -> None:
    first, second = (found[kind] for found in launched[0])
    assert first == second
    assert len(first["history"]["step_losses"]) == 15


def test_processes_drop_different_units(launched: Launched) -> None:
    """Dropout is drawn by each for itself: the losses are not those of one process, but the training goes well."""
    alone = script.train("dropout")[1].step_losses
    losses = launched[0][0]["dropout"]["history"]["step_losses"]
    assert losses != pytest.approx(alone, rel=1e-3)
    assert max(losses) < 10


def test_a_nan_stops_all_of_them(launched: Launched) -> None:
    """Only the share of one holds it; that one names the place."""
    messages = [found["nan"]["error"] for found in launched[0]]
    assert all("fit: the loss is nan at step" in message for message in messages)
    assert sum("the input itself has 60 values" in message for message in messages) == 1


def test_one_process_prints(launched: Launched) -> None:
    lines = launched[1].splitlines()
    assert len([line for line in lines if line.startswith("epoch 1/3")]) == 1 + len(
        [kind for kind in script.KINDS if kind not in ("nan", "checkpoint", "plain")]
    )
    assert len([line for line in lines if line.startswith("resumed after 1 epochs and 8 steps")]) == 1


def team(rank: int, size: int) -> Team:
    return Team(rank, size, torch.device("cpu"))


@pytest.mark.parametrize("count", range(1, 12))
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_shares_cover_the_batch_and_their_weights_make_its_mean(size: int, count: int) -> None:
    x, y = torch.arange(count, dtype=torch.float64), torch.arange(count)
    seen, mean = [], 0.0
    for rank in range(size):
        (mine, labels), weight = team(rank, size).share((x, y))
        assert mine.tolist() == labels.tolist()
        mean += weight * float(mine.mean()) / size
        seen += labels.tolist() if weight else []
    assert sorted(seen) == list(range(count))
    assert mean == pytest.approx(float(x.mean()))


def test_labels_in_lists_and_dicts_are_shared_too() -> None:
    x = torch.arange(5.0)
    (_, labels), _ = team(1, 2).share((x, {"boxes": x, "names": [x + 1, "fixed"]}))
    assert labels["boxes"].tolist() == [1, 3]
    assert labels["names"][0].tolist() == [2, 4]
    assert labels["names"][1] == "fixed"


def test_a_distributed_sampler_is_refused() -> None:
    x, y = script.data()
    items = TensorDataset(x, y)
    loader = DataLoader(items, sampler=DistributedSampler(items, num_replicas=2, rank=0))
    with pytest.raises(ValueError, match="DistributedSampler; expected a plain one"):
        fit(script.net("plain"), loader, device="cpu", progress=False)
