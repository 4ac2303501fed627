"""What the hidden cases of all lessons are drawn with."""

from __future__ import annotations

import random
from collections.abc import Callable

import torch
from torch import Tensor

from cnncourse.checks import Case, Exercise, prepare
from cnncourse.checks.values import matches

DRAWS = 2000


def noise(rng: random.Random, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Normally distributed numbers: the same for the same state of `rng`, rounded to `dtype` afterwards."""
    generator = torch.Generator().manual_seed(rng.getrandbits(40))
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def strided(t: Tensor) -> Tensor:
    """The same values in memory that is not contiguous."""
    if t.dim() < 2:
        return torch.stack([t, t + 1], -1)[..., 0]
    return t.transpose(-1, -2).contiguous().transpose(-1, -2)


def telling(exercise: Exercise, draw: Callable[[], Case]) -> Case:
    """A case that every catalogued mistake of the exercise fails. RuntimeError if none of many draws is one."""
    for _ in range(DRAWS):
        if _shows_all(exercise, case := draw()):
            return case
    raise RuntimeError(f"{exercise.name}: none of {DRAWS} drawn cases tells all mistakes; draw more varied ones")


def _shows_all(exercise: Exercise, case: Case) -> bool:
    """Whether every catalogued mistake gives a wrong answer to the case."""
    prepared = prepare(exercise, [case])
    answers = [mistake.outcomes[0] for mistake in prepared.mistakes]
    right = prepared.expected[0]
    return not any(a.error is None and matches(a.value, right, case.rtol, case.atol) for a in answers)
