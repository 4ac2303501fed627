"""Patches of the course's photographs: 64×64 crops of 21 photographs, the label is which one.

A small data set of real pixels that needs no download: grass, coins, a temple, stars, tissue. Each photograph is scaled
to a shorter side of 384 and cut into cells of 96×96; about 22 % of the cells are held out, spread at random, and a crop
never leaves its cell. So no pixel of the test is seen in training. But test and training come from the *same
photographs*: a net that does well here knows these pictures, not coins or temples in general.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.utils.data import Dataset

from cnncourse.data.photos import load_photo, photos

_SHORTER, _CELL = 384, 96
_HELD_OUT = 0.22
_COUNTS = {"train": 4200, "test": 1050}


@dataclass(frozen=True, eq=False)
class Patches(Dataset[tuple[Tensor, Tensor]]):
    """Images (N, 3, S, S) in [0, 1] and labels (N,), indices into `classes`. A torch `Dataset`."""

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.images[index], self.labels[index]

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({len(self)} images of {tuple(self.images.shape[1:])}, {len(self.classes)} classes)"
        )


def patches(split: str = "train", count: int | None = None, size: int = 64, seed: int = 0) -> Patches:
    """`count` crops of side `size` from the cells of one split, "train" or "test", as many of each photograph.

    By default 4,200 for training and 1,050 for the test, 200 and 50 of each photograph (`classes`, in the order of
    `photos()`). Crop i is of photograph i mod 21, at a random place in a random cell of the split; `seed` fixes which
    cells and places. Which cells are held out never changes. A grey photograph has three equal channels.

    Raises ValueError for another split, a negative count or a size outside 1 … 96 (a cell).
    """
    if split not in _COUNTS:
        raise ValueError(f"patches: split is {split!r}; expected 'train' or 'test'")
    count = _COUNTS[split] if count is None else count
    for name, value, low, high in (("count", count, 0, 10**6), ("size", size, 1, _CELL), ("seed", seed, 0, 2**32 - 1)):
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"patches: {name} is {value!r}; expected an int from {low} to {high:,}")
    classes = tuple(photos())
    draw = random.Random(f"{split} {seed}")
    images = torch.empty(count, 3, size, size)
    for i in range(count):
        name = classes[i % len(classes)]
        top, left = draw.choice(cells(name, split))
        top, left = top + draw.randint(0, _CELL - size), left + draw.randint(0, _CELL - size)
        images[i] = _photo(name)[:, top : top + size, left : left + size]
    return Patches(images, torch.arange(count) % len(classes), classes)


@cache
def cells(name: str, split: str) -> tuple[tuple[int, int], ...]:
    """The top left corners of a photograph's 96×96 cells that belong to a split, in pixels of the scaled photograph."""
    height, width = _photo(name).shape[1:]
    every = [(top, left) for top in range(0, height - _CELL + 1, _CELL) for left in range(0, width - _CELL + 1, _CELL)]
    held_out = set(random.Random(name).sample(every, max(1, round(_HELD_OUT * len(every)))))
    return tuple(cell for cell in every if (cell in held_out) == (split == "test"))


@cache
def _photo(name: str) -> Tensor:
    """(3, H, W), the shorter side 384; kept, so never handed out itself."""
    return load_photo(name, size=_SHORTER)
