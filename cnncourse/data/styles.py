"""Two images for style transfer, painted by formulas: `swirl`, strokes along whirls, and `mosaic`, tiles in mortar.

Famous paintings cannot be downloaded here, and the photographs that come with the libraries have little style. A
style, to Gatys, Ecker & Bethge (2016, doi:10.1109/CVPR.2016.265), is which colours and strokes occur together,
wherever they are; these two have strong ones.

Limits: a formula's strokes repeat more than a painter's, and nothing is depicted.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnncourse.data._rendered import random_numbers
from cnncourse.errors import whole

Floats = NDArray[np.floating]
Whole = NDArray[np.integer]

STYLES = ("swirl", "mosaic")
# Colours from dark to light, as (R, G, B).
_NIGHT = np.array([(10, 18, 60), (24, 60, 130), (50, 120, 180), (120, 180, 190), (240, 210, 110), (250, 240, 190)])
_STONE = np.array([(30, 50, 90), (30, 110, 140), (70, 150, 110), (200, 170, 60), (200, 90, 40), (140, 40, 40)])


def style(name: str = "swirl", size: int = 256, seed: int = 0) -> Tensor:
    """A style image (3, S, S) in [0, 1]; `name` is "swirl" or "mosaic". Every call gives a fresh tensor.

    Raises ValueError for another name or S = `size` < 16, TypeError for numbers that are not whole.
    """
    if name not in STYLES:
        raise ValueError(f"style: name is {name!r}; expected {' or '.join(map(repr, STYLES))}")
    size, seed = whole("style: size", size, 16), whole("style: seed", seed, 0)
    return torch.from_numpy(_painted(name, size, seed)).clone()


@lru_cache(maxsize=8)
def _painted(name: str, size: int, seed: int) -> NDArray[np.float32]:
    rng = random_numbers(f"style {name}", seed)
    picture = _swirl(rng, size) if name == "swirl" else _halved(_mosaic(rng, 2 * size))
    return np.ascontiguousarray(picture.clip(0, 1).transpose(2, 0, 1).astype(np.float32))


def _swirl(rng: np.random.Generator, size: int) -> Floats:
    """Noise smeared along whirls (line integral convolution, Cabral & Leedom 1993), coloured by a slower noise."""
    y, x = np.mgrid[0:size, 0:size] / size
    count = 9
    centres, spin = rng.uniform(0, 1, (count, 2)), rng.choice([-1.0, 1.0], count) * rng.uniform(0.5, 1.2, count)
    u, v = np.full_like(x, 0.5), 0.25 * np.sin(7 * x + 3 * y)
    for (cx, cy), turn in zip(centres, spin, strict=True):
        far = (x - cx) ** 2 + (y - cy) ** 2
        pull = turn * np.exp(-far / 0.012) * 9 + turn * 0.25 / (far + 0.05)
        u, v = u - pull * (y - cy), v + pull * (x - cx)
    speed = np.hypot(u, v) + 1e-9
    u, v = u / speed, v / speed
    grain = _noise(rng, size, max(size // 3, 8))
    strokes = _smear(grain, u, v, steps=max(size // 14, 6))
    strokes = np.clip((strokes - strokes.mean()) / (2.2 * strokes.std()), -1, 1)  # ridges of paint
    tone = _smear(_noise(rng, size, 6), u, v, steps=max(size // 10, 6))
    tone = (tone.argsort(axis=None).argsort(axis=None) / tone.size).reshape(tone.shape)  # every tone equally often
    glow = sum(np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 0.004) for cx, cy in centres[:5])
    color = _palette(_NIGHT, 0.75 * tone + 0.12 * strokes + 0.55 * glow)
    relief = np.roll(strokes, 1, axis=0) - np.roll(strokes, -1, axis=0)  # lit from above
    picture: Floats = color * (1 + 0.12 * strokes + 0.10 * relief)[..., None]
    return picture


def _mosaic(rng: np.random.Generator, size: int) -> Floats:
    """Tiles round the jittered points of a grid (each pixel to its nearest), in bands of colour, mortar between."""
    tiles = 22  # to a side
    cells = np.arange(-2, tiles + 2)
    jitter = rng.uniform(0.16, 0.84, (2, len(cells), len(cells)))
    px, py = cells[None, :] + jitter[0], cells[:, None] + jitter[1]
    y, x = (np.mgrid[0:size, 0:size] + 0.5) * (tiles / size)
    row, column = y.astype(int) + 2, x.astype(int) + 2
    steps = [(i, j) for i in (-2, -1, 0, 1, 2) for j in (-2, -1, 0, 1, 2)]
    far = np.stack([np.hypot(x - _at(px, row + i, column + j), y - _at(py, row + i, column + j)) for i, j in steps])
    nearest = far.argmin(axis=0)[None]
    first = np.take_along_axis(far, nearest, axis=0)[0]
    np.put_along_axis(far, nearest, np.inf, axis=0)
    second = far.min(axis=0)
    offset = np.array(steps)[nearest[0]]
    tile = (_inside(row + offset[..., 0], len(cells)), _inside(column + offset[..., 1], len(cells)))
    bands = _noise(rng, len(cells), 4) * 2.2 + 0.15 * np.hypot(px - tiles * 0.45, py - tiles * 0.55)
    band = 0.5 - 0.5 * np.cos(2 * np.pi * bands)
    color = _palette(_STONE, np.clip(band + 0.07 * rng.standard_normal(band.shape), 0, 1))
    color = color * (1 + 0.16 * rng.standard_normal(band.shape))[..., None]
    edge = np.clip((second - first) / 0.16, 0, 1)  # 0 in the middle of the mortar
    tilt = 0.10 * (rng.standard_normal((2, *band.shape))[:, *tile] * np.stack([x - px[tile], y - py[tile]])).sum(axis=0)
    grain = 1 + 0.05 * rng.standard_normal((size, size))
    stone = color[tile] * ((0.82 + 0.18 * edge + tilt) * grain)[..., None]
    mortar = np.array([0.86, 0.83, 0.76]) * grain[..., None]
    solid = np.clip((second - first - 0.06) / 0.06, 0, 1)[..., None]
    picture: Floats = mortar + solid * (stone - mortar)
    return picture


def _halved(picture: Floats) -> Floats:
    """The mean of each 2 × 2 pixels: a picture (2S, 2S, 3) without jagged edges, (S, S, 3)."""
    side = len(picture) // 2
    mean: Floats = picture.reshape(side, 2, side, 2, 3).mean(axis=(1, 3))
    return mean


def _at(grid: Floats, row: Whole, column: Whole) -> Floats:
    return grid[_inside(row, len(grid)), _inside(column, len(grid))]


def _inside(index: Whole, count: int) -> Whole:
    return np.clip(index, 0, count - 1)


def _palette(colors: Whole, tone: Floats) -> Floats:
    """Colours (..., 3) for tones 0 … 1, linear between the palette's entries."""
    ends = np.linspace(0, 1, len(colors))
    return np.stack([np.interp(tone, ends, channel / 255) for channel in colors.T], axis=-1)


def _noise(rng: np.random.Generator, size: int, cells: int) -> Floats:
    """Smooth noise (S, S): random numbers on a grid of `cells` a side, blended with a cosine's slope between them."""
    grid = rng.standard_normal((cells + 2, cells + 2))
    place = np.arange(size) * (cells / size)
    low = place.astype(int)
    weight = 0.5 - 0.5 * np.cos(np.pi * (place - low))
    rows = grid[low] * (1 - weight)[:, None] + grid[low + 1] * weight[:, None]
    noise: Floats = rows[:, low] * (1 - weight) + rows[:, low + 1] * weight
    return noise


def _smear(image: Floats, u: Floats, v: Floats, steps: int) -> Floats:
    """The mean of an image along the field line through each pixel, `steps` pixels forwards and backwards."""
    size = len(image)
    rows, columns = np.mgrid[0:size, 0:size].astype(float)
    total = image.copy()
    for way in (1, -1):
        y, x = rows.copy(), columns.copy()
        for _ in range(steps):
            i, j = y.round().astype(int) % size, x.round().astype(int) % size
            y, x = y + way * v[i, j], x + way * u[i, j]
            total += image[y.round().astype(int) % size, x.round().astype(int) % size]
    return total / (2 * steps + 1)
