"""The processes that train one model together: one, or those that `torchrun` has started.

Each reads the whole batch of B examples and computes on its share, every R-th example of R processes. The shares of a
last, smaller batch may differ in size, so each process weights its mean loss by its share of the batch; the sum over
the processes is the mean over the batch, and so is the sum of the gradients.

Sources: Goyal et al. 2017, arXiv:1706.02677 (one large batch over many workers); Li et al. 2020, arXiv:2006.15704
(DistributedDataParallel, which averages the gradients while they are computed).
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from cnncourse.device import pick_device
from cnncourse.train.sources import Batch, each_tensor


@dataclass(frozen=True)
class Team:
    """This process's rank among `size` processes, and the device it computes on."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process prints, validates and writes."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model, averaging its gradients over the team. It starts from the leader's weights everywhere."""
        if self.size == 1:
            return model
        return DistributedDataParallel(model, device_ids=[self.device] if self.device.type == "cuda" else None)

    def share(self, batch: Batch) -> tuple[Batch, float]:
        """This process's part of a batch, and the weight of its mean loss: team size times its share of the batch.

        DistributedDataParallel divides by the size again. A process without a share computes on one example, weight 0.
        """
        x, y = batch
        if self.size == 1:
            return batch, 1.0
        mine = slice(self.rank, None, self.size) if self.rank < len(x) else slice(0, 1)
        weight = len(range(self.rank, len(x), self.size)) * self.size / len(x)
        return (x[mine], each_tensor(y, lambda t: t[mine])), weight

    def total(self, value: Tensor) -> Tensor:
        """The sum of `value` over the team."""
        if self.size > 1:
            value = value.detach().clone()
            dist.all_reduce(value)
        return value

    def told(self, value: Any) -> Any:
        """The leader's `value`, on every process."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=self.device if self.device.type == "cuda" else None)
        return box[0]

    def agree(self, model: nn.Module) -> None:
        """Give every process the leader's parameters and buffers (running statistics differ by share)."""
        if self.size > 1:
            for value in [*model.parameters(), *model.buffers()]:
                dist.broadcast(value.detach(), src=0)

    @contextmanager
    def own_randomness(self, seed: int, step: int) -> Iterator[None]:
        """Random numbers of this process and step inside the block (dropout), the common ones again behind it.

        The order and the augmentation are drawn from the common ones, so they must stay equal on all processes.
        """
        if self.size == 1:
            yield
            return
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            torch.manual_seed((seed * 1_000_003 + step) * self.size + self.rank)
            yield


def gather(device: str | torch.device) -> Team:
    """The team that this process is in; joins the others if `torchrun` started it and nobody has yet.

    On CUDA each process takes the GPU of its LOCAL_RANK, unless `device` names one.
    """
    if not _launched():
        return Team(0, 1, pick_device(device))
    where = pick_device(device)
    if str(where) == "cuda":
        where = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    if where.type == "cuda":
        torch.cuda.set_device(where)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if where.type == "cuda" else "gloo")
        atexit.register(_leave)
    return Team(dist.get_rank(), dist.get_world_size(), where)


def _launched() -> bool:
    if not dist.is_available():
        return False
    return dist.is_initialized() or {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= set(os.environ)


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
