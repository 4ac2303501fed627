"""Handwritten digits: 1,797 real ones, 8×8, from the wheel of scikit-learn (its copy of the UCI test set).

The file is in the order in which they were collected, and the same people's digits stand together. Shuffle before you
split, and test digits come from writers seen in training: nets then score near 1.000 and the number misleads. So the
split here is by order: the last 500 are the test.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad
from torch.utils.data import Dataset

from cnncourse.data._wheels import wheel_file

_TEST = 500
_BORDER = 2
_SPLITS: Mapping[str, slice] = MappingProxyType(
    {"train": slice(None, -_TEST), "test": slice(-_TEST, None), "all": slice(None)}
)


@dataclass(frozen=True)
class Digits(Dataset[tuple[Tensor, Tensor]]):
    """Images (N, 1, S, S) in [0, 1], ink 1 on paper 0, and labels (N,) 0 … 9. A torch `Dataset`."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.images[index], self.labels[index]

    def __repr__(self) -> str:
        return f"Digits({len(self)} images of {tuple(self.images.shape[1:])})"


def digits(split: str = "train", size: int = 32) -> Digits:
    """The digits of one split: "train" (first 1,297), "test" (last 500) or "all" (1,797), in the file's order.

    `size` is the side S. 8 gives the original pixels. Larger: the digit is upsampled (bilinear) to S − 4 and set into
    a border of 2 empty pixels, so that at the default 32 it fills 28×28, as in LeNet-5's input (LeCun et al. 1998).
    Every call gives fresh tensors.

    Raises ValueError for another split name or a size that is neither 8 nor at least 12.
    """
    if split not in _SPLITS:
        raise ValueError(f"digits: split is {split!r}; expected {', '.join(map(repr, _SPLITS))}")
    if isinstance(size, bool) or not isinstance(size, int) or (size != 8 and size < 8 + 2 * _BORDER):
        raise ValueError(f"digits: size is {size!r}; expected 8 (the original pixels) or an int ≥ 12, such as 32")
    images, labels = _all(size)
    part = _SPLITS[split]
    return Digits(images[part].clone(), labels[part].clone())


@cache
def _all(size: int) -> tuple[Tensor, Tensor]:
    """All images (1797, 1, S, S) and labels (1797,); cached, so never handed out themselves."""
    with gzip.open(wheel_file("sklearn", "datasets/data/digits.csv.gz"), "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.float32)  # (1797, 65)
    images = torch.from_numpy(table[:, :64] / 16).reshape(-1, 1, 8, 8)
    labels = torch.from_numpy(table[:, 64].astype(np.int64))
    if size != 8:
        side = size - 2 * _BORDER
        images = interpolate(images, size=(side, side), mode="bilinear", align_corners=False)
        images = pad(images, (_BORDER,) * 4)
    return images, labels
