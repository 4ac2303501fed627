"""What the hidden cases of all lessons are drawn with."""

from __future__ import annotations

import random

import torch
from torch import Tensor


def noise(rng: random.Random, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Normally distributed numbers: the same for the same state of `rng`, rounded to `dtype` afterwards."""
    generator = torch.Generator().manual_seed(rng.getrandbits(40))
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def strided(t: Tensor) -> Tensor:
    """The same values in memory that is not contiguous."""
    if t.dim() < 2:
        return torch.stack([t, t + 1], -1)[..., 0]
    return t.transpose(-1, -2).contiguous().transpose(-1, -2)
