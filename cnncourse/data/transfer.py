"""Pairs of tasks for transfer: printed letters and written digits, some photographs and others. All grey, 32×32.

Two tasks to learn from, with thousands of labelled images: `letters`, and `gray_crops` of one half of the photographs.
Two to do afterwards, with ten classes each: the real digits, and the other half of the photographs. So each has one
that is like it and one that is not, and no class of the one is a class of the other.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from cnncourse.data.glyphs import GLYPHS, Glyphs, glyphs
from cnncourse.data.patches import Patches, patches
from cnncourse.data.photos import photos

_LETTERS = GLYPHS[10:]
_LUMA = (0.299, 0.587, 0.114)  # how bright red, green and blue look: ITU-R BT.601
_HALVES = ("first", "second")
_SIZE = 32


class GrayCrops(Patches):
    """Images (N, 1, 32, 32) in [0, 1] and labels (N,), indices into `classes`. A torch `Dataset`."""


def letters(split: str = "train", count: int = 4000, seed: int = 0) -> Glyphs:
    """Printed capital letters as `glyphs` draws them, with labels 0 … 25. Raises as `glyphs` does."""
    drawn = glyphs(split, count, seed, _SIZE, characters=_LETTERS)
    return replace(drawn, labels=drawn.labels - len(GLYPHS) + len(_LETTERS))


def halves() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The photographs' names, first, third … and second, fourth …: eleven and ten. Nobody chose who goes where."""
    names = tuple(photos())
    return names[::2], names[1::2]


def gray_crops(half: str, split: str = "train", each: int = 300, seed: int = 0) -> GrayCrops:
    """`each` crops of every photograph of one half, "first" or "second", from the cells of `split` as in `patches`.

    Grey by ITU-R BT.601: Y = 0.299 R + 0.587 G + 0.114 B. Without colour a picture is known by its forms alone, and
    all four tasks have one channel. Raises ValueError for another half, and as `patches` does.
    """
    if half not in _HALVES:
        raise ValueError(f"gray_crops: half is {half!r}; expected 'first' or 'second'")
    crops, parity = patches(split, len(photos()) * each, _SIZE, seed), _HALVES.index(half)
    chosen = crops.labels % 2 == parity
    gray = (crops.images[chosen] * torch.tensor(_LUMA)[:, None, None]).sum(1, keepdim=True)
    return GrayCrops(gray, crops.labels[chosen] // 2, halves()[parity])
