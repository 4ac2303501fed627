"""A ledger of everything that a forward pass computes, kept below autograd, whatever the model's code."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cnncourse.analysis.costs import multiply_adds

NO_STEP = -1


def tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists, dicts and dataclasses."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors(item)
    elif isinstance(value, Mapping):
        yield from tensors(list(value.values()))
    elif is_dataclass(value) and not isinstance(value, type):
        yield from tensors([getattr(value, field.name) for field in fields(value)])


class Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Multiply-adds, and every storage that is made, with its bytes, for the step that `step` names at that time.

    A storage is the memory behind a tensor and all views of it. It is counted from the operation that made it until the
    last tensor on it is gone, which its finalizer tells. What existed before the ledger saw it (weights) counts 0.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.step = NO_STEP
        self.macs: Counter[int] = Counter()
        self.alive: dict[int, tuple[int, int]] = {}  # storage: (bytes, the step that made it)
        self.bytes = 0  # alive now
        self.peak, self.peak_step = 0, NO_STEP

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else newer versions of torch load their compiler, seconds long, at the first operation

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for t in tensors((args, kwargs or {})):
            self._see(t, 0)
        out = func(*args, **(kwargs or {}))
        self.macs[self.step] += multiply_adds(func, args, out)
        for t in tensors(out):
            self._see(t, t.untyped_storage().nbytes())
        return out

    def count(self, t: Tensor) -> None:
        """Count a tensor that exists already, such as the model's input."""
        self._see(t, t.untyped_storage().nbytes())

    def made_in(self, step: int, t: Tensor) -> tuple[int, int]:
        """(storage, bytes) behind `t` if this step made it, else (storage, 0): a view, or written in place."""
        key = id(t.untyped_storage())
        size, maker = self.alive.get(key, (0, NO_STEP))
        return key, size if maker == step else 0

    def kept(self) -> Counter[int]:
        """The bytes alive now, by the step that made them."""
        by_step: Counter[int] = Counter()
        for size, step in self.alive.values():
            by_step[step] += size
        return by_step

    def _see(self, t: Tensor, size: int) -> None:
        storage = t.untyped_storage()
        if id(storage) in self.alive:
            return
        self.alive[id(storage)] = (size, self.step)
        self.bytes += size
        weakref.finalize(storage, self._gone, id(storage)).atexit = False
        if self.bytes > self.peak:
            self.peak, self.peak_step = self.bytes, self.step

    def _gone(self, key: int) -> None:
        self.bytes -= self.alive.pop(key)[0]
