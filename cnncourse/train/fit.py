"""One plain training loop."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cnncourse.device import seed_everything
from cnncourse.train import checkpoint as disk
from cnncourse.train.descent import Attack, Descent
from cnncourse.train.history import History
from cnncourse.train.measure import Loss, Metric, score
from cnncourse.train.progress import Progress
from cnncourse.train.run import Run
from cnncourse.train.sources import Data, Source, source
from cnncourse.train.team import gather

Augment = Callable[[Tensor], Tensor]
_VALIDATED_AT_ONCE = 256


def fit(
    model: nn.Module,
    train: Data,
    val: Data | None = None,
    *,
    epochs: int = 10,
    batch_size: int = 64,
    lr: float = 1e-3,
    optimizer: Optimizer | None = None,
    schedule: LRScheduler | None = None,
    loss: Loss | None = None,
    metrics: Mapping[str, Metric] | None = None,
    augment: Augment | None = None,
    attack: Attack | None = None,
    max_grad_norm: float | None = None,
    amp: bool | str = False,
    channels_last: bool = False,
    patience: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    device: str | torch.device = "auto",
    progress: bool = True,
    seed: int = 0,
    max_steps: int | None = None,
) -> History:
    """Train a model by gradient descent on the mean loss of its batches; changes `model` in place.

    *Data.* `train`, `val`: a pair (images (N, …), labels (N,)), an object with `.images` and `.labels`, a map-style
    Dataset of pairs or a DataLoader of such batches (its batch size and order are then its own). Each epoch visits the
    images once, in a fresh random order, the last batch being the rest. `augment` changes each training batch (N, …).

    *What is minimised.* The mean cross-entropy of the logits, or `loss(logits, labels)`, a mean over the batch; labels
    may then have any shape. `metrics` are computed on `val` after each epoch (see `evaluate`).

    *How.* `optimizer` (default Adam at rate `lr`) holds the model's parameters; `schedule` steps once a batch.
    `max_grad_norm` scales a longer gradient down to that length (Pascanu et al. 2013, arXiv:1211.5063). `amp` computes
    the layers in low precision, the loss and the update in float32: True takes what suits the device, or "bfloat16" or
    "float16", whose losses are scaled against underflow (Micikevicius et al. 2018, arXiv:1710.03740). `channels_last`
    keeps images and filters as (N, H, W, C) in memory, in which many convolutions are faster.

    `attack(model, x, labels)` gives the images to train on in place of x (adversarial training, Madry et al. 2018,
    arXiv:1706.06083). It comes after `augment`, on the device, with the model in evaluation mode: its forward passes
    then neither drop units nor move the running statistics of batch norm.

    *When to stop.* After `epochs`, after `max_steps`, or when the validation loss has not been lower for `patience`
    epochs. With `patience` the model ends with the weights of the epoch whose validation loss was lowest.

    *Repeating and resuming.* `seed` fixes order and augmentation, so the same call on the same machine gives the same
    numbers. `checkpoint` is a file, written after each epoch and every `checkpoint_every` steps; it holds a whole state
    or the one before, whenever the process is killed. With `resume` the run goes on from the file, if it is there, to
    the numbers that it would have had; only `epochs` may differ from the run that wrote it. Functions are told apart
    by name only. Without `resume` an existing file is refused.

    *Several processes.* Under `torchrun` each process computes on its share of every batch of `batch_size` in all; each
    reads and augments the whole batch. The first one prints, validates and writes. Every process ends with the same
    weights. Batch norm sees shares only (torch.nn.SyncBatchNorm.convert_sync_batchnorm makes it see all).

    Raises ValueError/TypeError for data or numbers that do not fit, FloatingPointError if the loss stops being a finite
    number, FileExistsError and BadCheckpoint for a checkpoint that is not this run's or is damaged.
    """
    _check_numbers(epochs, batch_size, max_steps, patience, checkpoint_every, max_grad_norm)
    _check_together(optimizer, schedule, val, metrics, patience, checkpoint, checkpoint_every, resume)
    examples = source(train, "train", classes=loss is None)
    held_out = None if val is None else source(val, "val", classes=loss is None)
    team = gather(device)
    model.to(team.device)
    if channels_last:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = _optimizer(optimizer, model, lr)
    low = _low_precision(amp, team.device)
    descent = Descent(
        model=model, wrapped=team.wrap(model), loss=loss or cross_entropy, optimizer=optimizer, schedule=schedule,
        scaler=torch.amp.GradScaler(team.device.type, enabled=low is torch.float16), low=low,
        max_grad_norm=max_grad_norm, attack=attack, channels_last=channels_last, team=team,
    )  # fmt: skip
    run = Run(
        descent, examples, batch_size, patience, None if checkpoint is None else Path(checkpoint), checkpoint_every
    )
    seed_everything(seed)
    if run.path is not None:
        run.settings = _settings(run, held_out, metrics, augment, seed, max_steps)
        _take_up(run, epochs, resume)
    total = min(epochs * examples.steps(batch_size), max_steps or sys.maxsize)
    with closing(Progress(total, run.steps, quiet=not (progress and team.leads))) as show:
        if run.steps:
            show.line(f"resumed after {run.epoch} epochs and {run.steps} steps")
        while run.epoch < epochs and (max_steps is None or run.steps < max_steps) and not run.history.stopped:
            _epoch(run, augment, seed, max_steps, show)
            scores = None
            if held_out is not None and team.leads:
                scores = score(model, held_out, descent.loss, metrics or {}, _VALIDATED_AT_ONCE, team.device)
            run.end_epoch(team.told(scores))
            show.line(_report(run.history, epochs))
    run.finish()
    return run.history


def _epoch(run: Run, augment: Augment | None, seed: int, max_steps: int | None, show: Progress) -> None:
    """Every batch once, or until max_steps."""
    run.descent.model.train()
    for x, y in run.begin_epoch():
        x = augment(x) if augment is not None else x
        rate = float(run.descent.optimizer.param_groups[0]["lr"])
        loss, right, counted = run.descent.step(x, y, run.steps, seed)
        run.record(rate, loss, right, counted)
        show.step(f"epoch {run.epoch + 1}, loss {loss:.4f}")
        if max_steps is not None and run.steps >= max_steps:
            return


def _take_up(run: Run, epochs: int, resume: bool) -> None:
    """Continue from the checkpoint, if it is there and may be continued."""
    assert run.path is not None
    if not run.path.exists():
        return
    if not resume:
        raise FileExistsError(
            f"fit: the checkpoint {run.path} is already there; pass resume=True to go on from it, give another name, "
            "or delete it"
        )
    run.restore(disk.load(run.path, run.settings))
    if run.epoch > epochs:
        raise ValueError(f"fit: epochs is {epochs}, but the checkpoint {run.path} has done {run.epoch}; expected more")


def _settings(
    run: Run,
    held_out: Source | None,
    metrics: Mapping[str, Metric] | None,
    augment: Augment | None,
    seed: int,
    max_steps: int | None,
) -> dict[str, Any]:
    """All that the numbers of a run depend on, as plain data: a checkpoint is continued only by an equal run."""
    d, schedule = run.descent, run.descent.schedule
    return {
        "model": disk.describe_model(d.model),
        "train": run.examples.describe(),
        "val": held_out.describe() if held_out is not None else None,
        "optimizer": disk.describe_optimizer(d.optimizer, d.model),
        "schedule": schedule and {"class": type(schedule).__qualname__, **disk.plain(schedule.state_dict())},
        "calls": {"loss": disk.describe_call(d.loss), "augment": disk.describe_call(augment),
                  "attack": disk.describe_call(d.attack)},
        "metrics": {name: disk.describe_call(metric) for name, metric in (metrics or {}).items()},
        "batch_size": run.batch_size, "seed": seed, "max_steps": max_steps, "patience": run.patience,
        "amp": str(d.low), "max_grad_norm": d.max_grad_norm, "channels_last": d.channels_last,
        "device": d.team.device.type, "processes": d.team.size,
    }  # fmt: skip


def _optimizer(optimizer: Optimizer | None, model: nn.Module, lr: float) -> Optimizer:
    """The optimizer given, if it moves this model's parameters; else Adam."""
    if optimizer is None:
        return Adam(model.parameters(), lr=lr)
    ours = {id(w) for w in model.parameters()}
    if not any(id(w) in ours for group in optimizer.param_groups for w in group["params"]):
        raise ValueError(
            "fit: the optimizer holds no parameter of the model; expected one made with this model's parameters(). "
            "Was the model made anew, or replaced by a copy, after the optimizer?"
        )
    return optimizer


def _low_precision(amp: bool | str, device: torch.device) -> torch.dtype | None:
    """The dtype for autocast on this device; None for none."""
    kinds = {"bfloat16": torch.bfloat16, "float16": torch.float16}
    if isinstance(amp, bool):
        if not amp:
            return None
        old_gpu = device.type == "mps" or (device.type == "cuda" and not torch.cuda.is_bf16_supported())
        return torch.float16 if old_gpu else torch.bfloat16
    if amp not in kinds:
        raise ValueError(f"fit: amp is {amp!r}; expected True, False, 'bfloat16' or 'float16'")
    return kinds[amp]


def _check_numbers(
    epochs: int,
    batch_size: int,
    max_steps: int | None,
    patience: int | None,
    checkpoint_every: int | None,
    max_grad_norm: float | None,
) -> None:
    counts = {"epochs": epochs, "batch_size": batch_size, "max_steps": max_steps, "patience": patience,
              "checkpoint_every": checkpoint_every}  # fmt: skip
    for name, value in counts.items():
        optional = name not in ("epochs", "batch_size")
        if value is None and optional:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"fit: {name} is {value!r}; expected an int ≥ 1" + (" or None" if optional else ""))
    if max_grad_norm is not None and not max_grad_norm > 0:
        raise ValueError(f"fit: max_grad_norm is {max_grad_norm!r}; expected a number > 0 or None")


def _check_together(
    optimizer: Optimizer | None,
    schedule: LRScheduler | None,
    val: Data | None,
    metrics: Mapping[str, Metric] | None,
    patience: int | None,
    checkpoint: str | os.PathLike[str] | None,
    checkpoint_every: int | None,
    resume: bool,
) -> None:
    """What is of use only with something else."""
    if schedule is not None and optimizer is None:
        raise ValueError(
            "fit: got a schedule without its optimizer; expected both. Pass the optimizer it was made with"
        )
    if schedule is not None and getattr(schedule, "optimizer", optimizer) is not optimizer:
        raise ValueError("fit: the schedule was made with another optimizer; expected the one that is passed too")
    if val is None and (patience is not None or metrics):
        raise ValueError("fit: patience and metrics need val, the data to measure on; got none")
    if checkpoint is None and (resume or checkpoint_every is not None):
        raise ValueError("fit: resume and checkpoint_every need checkpoint, the file; got none")


def _report(history: History, epochs: int) -> str:
    """The last epoch in a line."""
    parts = [f"loss {history.losses[-1]:.4f}"]
    for name, values in (("accuracy", history.train_accuracy), ("val loss", history.val_losses),
                         ("val accuracy", history.val_accuracy), *history.metrics.items()):  # fmt: skip
        if values:
            parts.append(f"{name} {values[-1]:.4f}")
    stopped = f"; stopped {history.stopped}" if history.stopped else ""
    return f"epoch {len(history.losses)}/{epochs}: {', '.join(parts)}, {history.seconds[-1]:.1f} s{stopped}"
