"""Where batches come from: tensors, a Dataset, a DataLoader, all behind one small interface."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, default_collate
from torch.utils.data.distributed import DistributedSampler

Data = Any  # a pair (images, labels), an object with .images and .labels, a Dataset of pairs, or a DataLoader of pairs
Batch = tuple[Tensor, Any]


class Source(Protocol):
    """Batches in random order for an epoch, or in the data's own order."""

    def __len__(self) -> int: ...

    def steps(self, batch_size: int) -> int:
        """Batches in an epoch."""

    def shuffled(self, batch_size: int, skip: int = 0) -> Iterator[Batch]:
        """One epoch, in an order drawn from torch's global generator, without its first `skip` batches.

        The order is drawn, and skipped batches are passed, by the call itself, not by the first batch asked for.
        """

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Every example once, in the data's order (a DataLoader: in its own)."""

    def describe(self) -> dict[str, Any]:
        """What tells these data from others."""


def source(data: Data, name: str, *, classes: bool = True) -> Source:
    """`data` as batches. `classes`: labels must be whole numbers, one an example, as cross-entropy takes them.

    Raises ValueError that begins with `name` for empty data or data of another form.
    """
    if isinstance(data, DataLoader):
        return _Loader(data, name, classes)
    if isinstance(data, TensorDataset) and len(data.tensors) == 2:
        data = data.tensors
    if isinstance(getattr(data, "images", None), Tensor) and isinstance(getattr(data, "labels", None), Tensor):
        data = (data.images, data.labels)
    if isinstance(data, tuple) and len(data) == 2:
        return _Tensors(*data, name, classes)
    if isinstance(data, Dataset) and not isinstance(data, IterableDataset) and hasattr(data, "__getitem__"):
        return _Items(data, name, classes)
    raise ValueError(
        f"{name} is a {type(data).__name__}; expected (images, labels), a Dataset of pairs or a DataLoader of them"
    )


@dataclass
class _Tensors:
    """Images (N, …) and labels (N, …) held in memory, on any device."""

    images: Tensor
    labels: Tensor
    name: str
    classes: bool

    def __post_init__(self) -> None:
        if not isinstance(self.images, Tensor) or not isinstance(self.labels, Tensor) or self.images.dim() == 0:
            raise ValueError(f"{self.name}: expected tensors images (N, …) and labels (N,), got {self._got()}")
        if len(self.images) == 0:
            raise ValueError(f"{self.name}: expected N ≥ 1 examples, got {self._got()}")
        check_batch(self.images, self.labels, self.name, self.classes)

    def _got(self) -> str:
        return say(self.images, self.labels)

    def __len__(self) -> int:
        return len(self.images)

    def steps(self, batch_size: int) -> int:
        return -(-len(self) // batch_size)

    def shuffled(self, batch_size: int, skip: int = 0) -> Iterator[Batch]:
        order = torch.split(torch.randperm(len(self)), batch_size)[skip:]
        return ((self.images[index], self.labels[index]) for index in order)

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        yield from zip(torch.split(self.images, batch_size), torch.split(self.labels, batch_size), strict=True)

    def describe(self) -> dict[str, Any]:
        return {"examples": len(self), "images": _digest(self.images), "labels": _digest(self.labels)}


@dataclass
class _Items:
    """A map-style Dataset, read item by item, so that one that draws at random draws anew each epoch."""

    items: Any
    name: str
    classes: bool

    def __post_init__(self) -> None:
        if not hasattr(self.items, "__len__") or len(self.items) == 0:
            raise ValueError(f"{self.name}: expected a Dataset with a length of at least 1, got {self.items!r}")

    def __len__(self) -> int:
        return len(self.items)

    def steps(self, batch_size: int) -> int:
        return -(-len(self) // batch_size)

    def shuffled(self, batch_size: int, skip: int = 0) -> Iterator[Batch]:
        return self._fetch(torch.split(torch.randperm(len(self)), batch_size)[skip:])

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        return self._fetch(torch.split(torch.arange(len(self)), batch_size))

    def _fetch(self, order: tuple[Tensor, ...]) -> Iterator[Batch]:
        for index in order:
            yield _pair(default_collate([self.items[i] for i in index.tolist()]), self.name, self.classes)

    def describe(self) -> dict[str, Any]:
        return {"examples": len(self), "dataset": type(self.items).__qualname__}


@dataclass
class _Loader:
    """A DataLoader: batch size, order and workers are its own."""

    loader: Any
    name: str
    classes: bool

    def __post_init__(self) -> None:
        try:
            empty = len(self.loader) == 0
        except TypeError:  # over a stream
            empty = True
        if empty:
            raise ValueError(f"{self.name}: expected a DataLoader with a length of at least 1 batch")
        if isinstance(self.loader.sampler, DistributedSampler):
            raise ValueError(
                f"{self.name}: the DataLoader has a DistributedSampler; expected a plain one, because every process "
                "reads the whole batch and computes on its share. Leave the sampler out."
            )

    def __len__(self) -> int:
        return len(self.loader.dataset)

    def steps(self, batch_size: int) -> int:
        return len(self.loader)

    def shuffled(self, batch_size: int, skip: int = 0) -> Iterator[Batch]:
        batches = iter(self.loader)
        for _ in range(skip):
            next(batches)
        return (_pair(batch, self.name, self.classes) for batch in batches)

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        return self.shuffled(batch_size)

    def describe(self) -> dict[str, Any]:
        return {"examples": len(self), "dataset": type(self.loader.dataset).__qualname__, "batches": len(self.loader)}


def _pair(batch: Any, name: str, classes: bool) -> Batch:
    if not isinstance(batch, (tuple, list)) or len(batch) != 2 or not isinstance(batch[0], Tensor):
        got = say(*batch) if isinstance(batch, (tuple, list)) else say(batch)
        raise ValueError(f"{name}: a batch is {got}; expected pairs of an image and its label")
    check_batch(batch[0], batch[1], name, classes)
    return batch[0], batch[1]


def check_batch(images: Tensor, labels: Any, name: str, classes: bool) -> None:
    """Images and labels belong together. Raises ValueError that begins with `name`."""
    if classes and (not isinstance(labels, Tensor) or labels.dim() != 1):
        raise ValueError(
            f"{name}: expected tensors images (N, …) and labels (N,), got {say(images, labels)}. Labels of another "
            "shape need a loss of their own: pass loss=."
        )
    if isinstance(labels, Tensor) and (labels.dim() == 0 or len(images) != len(labels)):
        raise ValueError(f"{name}: expected as many images as labels, got {say(images, labels)}")
    if classes and (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool):
        raise ValueError(
            f"{name}: expected integer labels, got {say(images, labels)}. Class numbers? labels.long(). "
            "Numbers to predict? Pass loss=, such as torch.nn.functional.mse_loss."
        )


def each_tensor(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """`value` with every tensor in it changed: a tensor, or lists, tuples and dicts of them."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: each_tensor(entry, change) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(each_tensor(entry, change) for entry in value)
    return value


def say(*values: Any) -> str:
    """Shapes and dtypes, for a message."""
    return " and ".join(
        f"{tuple(value.shape)} {value.dtype}" if isinstance(value, Tensor) else type(value).__name__ for value in values
    )


def _digest(values: Tensor) -> str:
    """Shape, dtype and the sha256 of the bytes."""
    raw = values.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
    return f"{say(values)} sha256 {hashlib.sha256(raw.data).hexdigest()[:16]}"
