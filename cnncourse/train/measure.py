"""What a trained model makes of data: its logits, its loss, the share it gets right, and other scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from cnncourse.device import pick_device
from cnncourse.errors import whole
from cnncourse.train.sources import Data, Source, each_tensor, source

Loss = Callable[[Any, Any], Tensor]  # (logits, labels) -> the mean over the batch
Metric = Callable[[Tensor, Any], Any]  # (logits, labels) of all the data, on the CPU -> a number


def accuracy(model: nn.Module, data: Data, *, batch_size: int = 256, device: str | torch.device = "auto") -> float:
    """The share of `data` (as in `fit`) whose largest logit is the label; 0 … 1. Leaves the model's mode as it was.

    Raises ValueError for empty data or data of another form.
    """
    whole("accuracy: batch_size", batch_size, 1)
    examples, where, right = source(data, "data"), pick_device(device), 0
    with evaluating(model.to(where)):
        for x, y in examples.in_order(batch_size):
            right += int((model(x.to(where)).argmax(dim=1) == y.to(where)).sum())
    return right / len(examples)


def evaluate(
    model: nn.Module,
    data: Data,
    *,
    loss: Loss | None = None,
    metrics: Mapping[str, Metric] | None = None,
    batch_size: int = 256,
    device: str | torch.device = "auto",
) -> dict[str, float]:
    """The mean `loss` over `data` (default: cross-entropy), the accuracy where there are classes, and each metric.

    `loss(logits, labels)` is a mean over a batch. A metric gets the logits and labels of all the data at once, on the
    CPU, and gives a number. The accuracy is the share of positions whose largest logit is the label: there is one for
    logits (N, C, …) with integer labels (N, …). Leaves the model's mode as it was.

    Raises ValueError for empty data or data of another form, and for a metric named "loss" or "accuracy".
    """
    whole("evaluate: batch_size", batch_size, 1)
    examples = source(data, "data", classes=loss is None)
    return score(model, examples, loss or cross_entropy, metrics or {}, batch_size, pick_device(device))


def predict(model: nn.Module, images: Data, *, batch_size: int = 256, device: str | torch.device = "auto") -> Tensor:
    """The logits of `images`, a tensor (N, …) or data as in `fit`, computed in batches, without gradient, on the CPU.

    Leaves the model's mode as it was. Raises ValueError for no images.
    """
    whole("predict: batch_size", batch_size, 1)
    if isinstance(images, Tensor):
        if images.dim() == 0 or len(images) == 0:
            raise ValueError(f"predict: images have shape {tuple(images.shape)}; expected (N, …) with N ≥ 1")
        images = (images, images)
    examples, where = source(images, "images", classes=False), pick_device(device)
    with evaluating(model.to(where)):
        return torch.cat([model(x.to(where)).cpu() for x, _ in examples.in_order(batch_size)])


def score(
    model: nn.Module,
    examples: Source,
    loss: Loss,
    metrics: Mapping[str, Metric],
    batch_size: int,
    where: torch.device,
) -> dict[str, float]:
    """As `evaluate`, on checked arguments."""
    if {"loss", "accuracy"} & set(metrics):
        raise ValueError(f"metrics are named {', '.join(metrics)}; expected other names than 'loss' and 'accuracy'")
    total, seen, right, positions = 0.0, 0, 0, 0
    kept: list[tuple[Tensor, Any]] = []
    with evaluating(model.to(where)):
        for x, y in examples.in_order(batch_size):
            logits, labels = model(x.to(where)), each_tensor(y, lambda t: t.to(where))
            total += float(loss(logits, labels)) * len(x)
            seen += len(x)
            if has_classes(logits, labels):
                right += int(hits(logits, labels))
                positions += labels.numel()
            if metrics:
                kept.append((logits.cpu(), y))
    scores = {"loss": total / seen}
    if positions:
        scores["accuracy"] = right / positions
    if metrics:
        logits, labels = torch.cat([a for a, _ in kept]), _joined([b for _, b in kept])
        scores |= {name: float(metric(logits, labels)) for name, metric in metrics.items()}
    return scores


def has_classes(logits: Any, labels: Any) -> bool:
    """Whether these are logits (N, C, …), C ≥ 2, and class numbers (N, …)."""
    if not isinstance(logits, Tensor) or not isinstance(labels, Tensor) or logits.dim() < 2 or logits.shape[1] < 2:
        return False
    whole_numbers = not (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool)
    return whole_numbers and labels.shape == (logits.shape[0], *logits.shape[2:])


def hits(logits: Tensor, labels: Tensor) -> Tensor:
    """How many positions have their largest logit at the label."""
    return (logits.detach().argmax(dim=1) == labels).sum()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode, without gradients; every module's own mode comes back."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def _joined(labels: list[Any]) -> Any:
    if all(isinstance(entry, Tensor) for entry in labels):
        return torch.cat([entry.cpu() for entry in labels])
    return [one for entry in labels for one in entry]
