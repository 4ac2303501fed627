"""One plain training loop, and what it recorded."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset

from cnncourse.device import pick_device, seed_everything

Augment = Callable[[Tensor], Tensor]
Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]  # (model, x, labels) -> x_adv
Data = Dataset[Any] | tuple[Tensor, Tensor]


@dataclass
class History:
    """What happened: one loss a step; for each epoch the mean loss, the score on `val` (if given) and the seconds."""

    step_losses: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def plot(self) -> Any:
        """The learning curve as a Figure: loss a step."""
        from cnncourse.plot import show_curves

        return show_curves({"training loss": self.step_losses}, "step", "loss (cross-entropy, nats)")


def fit(
    model: nn.Module,
    train: Data,
    val: Data | None = None,
    *,
    epochs: int = 10,
    batch_size: int = 64,
    lr: float = 1e-3,
    optimizer: torch.optim.Optimizer | None = None,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    augment: Augment | None = None,
    attack: Attack | None = None,
    channels_last: bool = False,
    device: str | torch.device = "auto",
    progress: bool = True,
    seed: int = 0,
    max_steps: int | None = None,
) -> History:
    """Train a classifier by minimising the mean cross-entropy of its logits; changes `model` in place.

    `train`, `val`: a pair (images (N, …), labels (N,)) or a map-style Dataset of such pairs. Each epoch visits the
    images once, in a fresh random order, the last batch being the rest. `optimizer` (default Adam at rate `lr`) holds
    the model's parameters; `schedule` steps once a batch. `augment` changes each training batch (N, …).

    `attack(model, x, labels)` gives the images to train on in place of x (adversarial training, Madry et al. 2018,
    arXiv:1706.06083). It comes after `augment`, on the device, with the model in evaluation mode: its forward passes
    then neither drop units nor move the running statistics of batch norm. `channels_last` keeps images and filters
    as (N, H, W, C) in memory, which many convolutions are faster in; sums then run in another order. `seed` fixes
    order and augmentation, so the same call on the same machine gives the same numbers. `max_steps` ends early.

    Raises ValueError for data or numbers that do not fit, FloatingPointError if the loss stops being a finite number.
    """
    for name, value in (("epochs", epochs), ("batch_size", batch_size), ("max_steps", max_steps or 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"fit: {name} is {value!r}; expected an int ≥ 1")
    if schedule is not None and optimizer is None:
        raise ValueError(
            "fit: got a schedule without its optimizer; expected both. Pass the optimizer it was made with"
        )
    images, labels = _tensors(train, "train")
    where = pick_device(device)
    model.to(where)
    if channels_last:
        _to_channels_last(model, images)
    if optimizer is None:
        optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    seed_everything(seed)
    history = History()
    for epoch in range(epochs):
        start = time.perf_counter()
        model.train()
        losses: list[float] = []
        for x, y in _batches(images, labels, batch_size):
            x = augment(x) if augment is not None else x
            x, y = x.to(where), y.to(where)
            x = _attacked(attack, model, x, y) if attack is not None else x
            x = x.contiguous(memory_format=torch.channels_last) if channels_last else x
            loss = _step(model, x, y, optimizer, len(history.step_losses) + len(losses))
            if schedule is not None:
                schedule.step()
            losses.append(loss)
            if max_steps is not None and len(history.step_losses) + len(losses) >= max_steps:
                break
        history.step_losses += losses
        history.losses.append(sum(losses) / len(losses))
        if val is not None:
            history.val_accuracy.append(accuracy(model, val, device=where))
        history.seconds.append(time.perf_counter() - start)
        _report(progress, epoch, epochs, history)
        if max_steps is not None and len(history.step_losses) >= max_steps:
            break
    return history


def accuracy(model: nn.Module, data: Data, *, batch_size: int = 256, device: str | torch.device = "auto") -> float:
    """The share of `data` (as in `fit`) whose largest logit is the label; 0 … 1. Leaves the model's mode as it was.

    Raises ValueError for empty data or data of another form.
    """
    images, labels = _tensors(data, "data")
    where = pick_device(device)
    was_training = model.training
    model.to(where).eval()
    try:
        with torch.no_grad():
            right = sum(
                int((model(x.to(where)).argmax(dim=1) == y.to(where)).sum())
                for x, y in zip(torch.split(images, batch_size), torch.split(labels, batch_size), strict=True)
            )
    finally:
        model.train(was_training)
    return right / len(labels)


def _step(model: nn.Module, x: Tensor, y: Tensor, optimizer: torch.optim.Optimizer, number: int) -> float:
    """One step downhill: forward, loss, gradient, update. Returns the loss before the update."""
    logits = model(x)  # (N, classes)
    loss = cross_entropy(logits, y)
    if not torch.isfinite(loss):
        rate = optimizer.param_groups[0]["lr"]
        raise FloatingPointError(
            f"fit: the loss is {loss.item()} at step {number}; expected a finite number. Usually the learning rate is "
            f"too high (it is {rate:g}: try {rate / 10:g}), or an input is NaN: check torch.isfinite(images).all()"
        )
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.item()


def _attacked(attack: Attack, model: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
    """The images that `attack` makes of x while the model evaluates; training goes on afterwards."""
    model.eval()
    try:
        x_adv = attack(model, x, labels)
    finally:
        model.train()
    if not isinstance(x_adv, Tensor) or x_adv.shape != x.shape:
        raise ValueError(f"fit: attack returned {_say(x_adv)} for {_say(x)}; expected a tensor of the same shape")
    return x_adv.detach()


def _to_channels_last(model: nn.Module, images: Tensor) -> None:
    if images.dim() != 4:
        raise ValueError(f"fit: channels_last needs images (N, C, H, W), got {_say(images)}; leave it out")
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _batches(images: Tensor, labels: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    for index in torch.split(torch.randperm(len(images)), batch_size):
        yield images[index], labels[index]


def _tensors(data: Data, name: str) -> tuple[Tensor, Tensor]:
    """Images and labels of a pair or a Dataset."""
    if isinstance(data, tuple) and len(data) == 2:
        images, labels = data
    elif isinstance(getattr(data, "images", None), Tensor) and isinstance(getattr(data, "labels", None), Tensor):
        whole = cast(Any, data)
        images, labels = whole.images, whole.labels
    elif isinstance(data, Dataset) and hasattr(data, "__len__") and len(data) > 0:
        pairs = [data[index] for index in range(len(data))]
        images = torch.stack([torch.as_tensor(x) for x, _ in pairs])
        labels = torch.tensor([int(y) for _, y in pairs])
    else:
        raise ValueError(
            f"{name} is a {type(data).__name__}; expected (images, labels) or a non-empty Dataset of pairs"
        )
    if not isinstance(images, Tensor) or not isinstance(labels, Tensor) or labels.dim() != 1 or len(labels) == 0:
        raise ValueError(
            f"{name}: expected tensors images (N, …) and labels (N,) with N ≥ 1, got {_say(images, labels)}"
        )
    if len(images) != len(labels) or labels.is_floating_point():
        raise ValueError(f"{name}: expected as many images as integer labels, got {_say(images, labels)}")
    return images, labels


def _say(*values: Any) -> str:
    return " and ".join(
        f"{tuple(value.shape)} {value.dtype}" if isinstance(value, Tensor) else type(value).__name__ for value in values
    )


def _report(progress: bool, epoch: int, epochs: int, history: History) -> None:
    if not progress:
        return
    val = f", val {history.val_accuracy[-1]:.4f}" if history.val_accuracy else ""
    print(
        f"epoch {epoch + 1}/{epochs}: loss {history.losses[-1]:.4f}{val}, {history.seconds[-1]:.1f} s", file=sys.stdout
    )
