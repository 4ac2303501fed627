"""The spatial pyramid: Lazebnik, Schmid & Ponce 2006, doi:10.1109/CVPR.2006.68."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from cnncourse.errors import whole
from cnncourse.features._check import need_maps

_POOLS = ("sum", "max")


def spatial_pyramid(maps: Tensor, levels: int = 3, pool: str = "sum", weighted: bool = True) -> Tensor:
    """(N, C · (1 + 4 + 16 + …)): the maps pooled over the whole image, its quarters, its sixteenths, ….

    Level l cuts H × W into 2^l × 2^l cells, position (i, j) being in cell (⌊i 2^l/H⌋, ⌊j 2^l/W⌋), and pools each map in
    each. Order: level, then cell row by row, then map. `weighted`: with L = levels − 1, level 0 is multiplied by 1/2^L,
    level l ≥ 1 by 1/2^(L − l + 1); the intersection Σ min(a, b) of two summed pyramids of visual words is then the
    pyramid match of the paper. Its histograms are divided by the number of descriptors: divide the images' maps first
    if their sizes differ.

    Raises TypeError or ValueError for maps that are not (N, C, H, W), another pool, fewer than one level, or maps with
    a side below 2^L.
    """
    maps = need_maps("spatial_pyramid", "maps", maps)
    levels = whole("spatial_pyramid: levels", levels, 1)
    if pool not in _POOLS:
        raise ValueError(f"spatial_pyramid: pool is {pool!r}; expected 'sum' or 'max'")
    finest = 2 ** (levels - 1)
    if min(maps.shape[2:]) < finest:
        raise ValueError(
            f"spatial_pyramid: maps are {maps.shape[2]}×{maps.shape[3]}; {levels} levels expect at least "
            f"{finest}×{finest}. Take fewer levels or larger maps"
        )
    parts = [_level(maps, level, pool) * (_weight(level, levels - 1) if weighted else 1.0) for level in range(levels)]
    return torch.cat(parts, dim=1)


def _weight(level: int, last: int) -> float:
    return 0.5**last if level == 0 else 0.5 ** (last - level + 1)


def _level(maps: Tensor, level: int, pool: str) -> Tensor:
    """(N, cells · C)."""
    cells = 2**level
    rows, columns = ([-(-k * side // cells) for k in range(cells + 1)] for side in maps.shape[2:])
    pooled = []
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            part = maps[:, :, top:bottom, left:right]
            pooled.append(part.sum((2, 3)) if pool == "sum" else part.amax((2, 3)))
    return torch.cat(pooled, dim=1)
