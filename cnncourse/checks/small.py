"""Small tensors of whole numbers for the public cases: fixed, and readable by eye."""

from __future__ import annotations

import random

import torch
from torch import Tensor


def small(*shape: int, seed: int, low: int = -2, high: int = 4) -> Tensor:
    """A float32 tensor of whole numbers from `low` to `high`, always the same for the same `seed`."""
    rng = random.Random(seed)
    count = int(torch.Size(shape).numel())
    return torch.tensor([float(rng.randint(low, high)) for _ in range(count)]).reshape(shape)
