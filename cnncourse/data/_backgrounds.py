"""Photograph crops behind the scenes. Training and test never share a pixel: each has its own side of every photo."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from cnncourse.data._shapes import Floats
from cnncourse.data.photos import photos

TRAIN_SHARE = 0.7  # the left 70 % of each photograph's columns are for training, the right 30 % for the test
_ZOOMS = (1.0, 1.5)
# What is written in these would be digits and letters without a label.
_WRITTEN = {"clock", "page", "text"}
NAMES = tuple(name for name in photos() if name not in _WRITTEN)


def side_of_photo(name: str, split: int) -> slice:
    """The columns of photograph `name` that a split (0 train, 1 test) may use."""
    width = photos()[name].shape[1]
    cut = round(TRAIN_SHARE * width)
    return slice(0, cut) if split == 0 else slice(cut, width)


def background(rng: np.random.Generator, split: int, size: int) -> Floats:
    """A random square of a random photograph, perhaps mirrored, contrast changed a little: (3, S, S) in [0, 1]."""
    name = NAMES[rng.integers(len(NAMES))]
    part = _part(name, split, size, _ZOOMS[rng.integers(len(_ZOOMS))])
    top = rng.integers(part.shape[1] - size + 1)
    left = rng.integers(part.shape[2] - size + 1)
    crop = part[:, top : top + size, left : left + size]
    if rng.random() < 0.5:
        crop = crop[:, :, ::-1]
    contrast = rng.uniform(0.6, 1.0)
    light = rng.uniform(0, 1 - contrast)
    tint = _tint(rng) if len(crop) == 1 else np.ones((3, 1, 1), dtype=np.float32)
    return tint * (crop * np.float32(contrast / 255) + np.float32(light))


def _tint(rng: np.random.Generator) -> Floats:
    """A colour for a grey photograph, so that "what is coloured" is not the same as "what is an object"."""
    return rng.uniform(0.5, 1.0, (3, 1, 1)).astype(np.float32)


@lru_cache(maxsize=128)
def _part(name: str, split: int, size: int, zoom: float) -> NDArray[np.uint8]:
    """This split's side of a photograph (C, H, W), shrunk, by the same factor for both splits.

    At zoom 1 the narrow test side (or the height, if less) is just `size` pixels.
    """
    photo = photos()[name]
    pixels = torch.tensor(photo.image[:, side_of_photo(name, split)]).permute(2, 0, 1).float()  # cut, then scale
    narrow = min(photo.shape[0], photo.shape[1] - round(TRAIN_SHARE * photo.shape[1]))
    target = [max(size, round(side * zoom * size / narrow)) for side in pixels.shape[1:]]
    scaled = interpolate(pixels[None], size=target, mode="bilinear", antialias=True, align_corners=False)[0]
    return scaled.round().clamp(0, 255).to(torch.uint8).numpy()
