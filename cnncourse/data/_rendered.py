"""What the rendered data sets share: their splits, their random numbers, the checks of their arguments."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnncourse.errors import whole

TRAIN_TEST = ("train", "test")


def split_number(what: str, split: Any, splits: Sequence[str] = TRAIN_TEST) -> int:
    """The place of `split` among `splits`. Raises ValueError for another name."""
    if not isinstance(split, str) or split not in splits:
        raise ValueError(f"{what}: split is {split!r}; expected {' or '.join(map(repr, splits))}")
    return splits.index(split)


def count_and_seed(what: str, count: Any, seed: Any) -> tuple[int, int]:
    """`count` and `seed` as ints ≥ 0. Raises TypeError and ValueError."""
    return whole(f"{what}: count", count, 0), whole(f"{what}: seed", seed, 0)


def interval(what: str, value: Any, least: float, most: float) -> tuple[float, float]:
    """`value` as (low, high) with least ≤ low ≤ high ≤ most. Raises ValueError."""
    try:
        low, high = (float(end) for end in value)
    except (TypeError, ValueError):
        raise ValueError(f"{what} is {value!r}; expected two numbers (low, high)") from None
    if not least <= low <= high <= most:
        raise ValueError(f"{what} is {value!r}; expected {least:g} <= low <= high <= {most:g}")
    return low, high


def random_numbers(what: str, *numbers: int) -> np.random.Generator:
    """A generator of its own for data set `what` and these numbers (split, seed, example …), independent of others.

    One generator for each example means that the first 10 examples are the same whether 10 or 1,000 are asked for.
    """
    # NumPy takes [7] and [7, 0] for the same seed, so the length is part of it.
    return np.random.default_rng([zlib.crc32(what.encode()), len(numbers), *numbers])
