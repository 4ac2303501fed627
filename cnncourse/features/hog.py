"""Histograms of oriented gradients: Dalal & Triggs 2005, doi:10.1109/CVPR.2005.177."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from cnncourse.errors import per_axis, whole
from cnncourse.features._check import as_batch, length
from cnncourse.features.gradients import image_gradients

_NORMS = ("L1", "L1-sqrt", "L2", "L2-Hys")
_BINNINGS = ("hard", "linear")
_EPS = 1e-5
_CLIP = 0.2


def hog(
    images: Tensor,
    orientations: int = 9,
    pixels_per_cell: int | tuple[int, int] = (8, 8),
    cells_per_block: int | tuple[int, int] = (3, 3),
    block_norm: str = "L2-Hys",
    visualize: bool = False,
    transform_sqrt: bool = False,
    feature_vector: bool = True,
    *,
    binning: str = "hard",
) -> Any:
    """HOG descriptors of images (N, C, H, W) or (C, H, W): names, defaults and numbers of `skimage.feature.hog`.

    1. The gradient of each pixel, of the channel where it is longest: magnitude m, angle θ in [0°, 180°).
    2. Each cell (p_r × p_c pixels; what is left over at the right and below is dropped) averages m by bins of θ:
       h[r, c, o] = Σ m · [o ≤ θ·orientations/180 < o + 1] / (p_r p_c). `binning="linear"`, not in skimage, shares m
       between the two nearest bins, as the paper does, and lets gradients through θ.
    3. Each block of b_r × b_c cells, at every cell, is divided by its length: L2 v/√(|v|² + ε²); L2-Hys: L2, clipped at
       0.2, L2 again; L1 v/(|v|₁ + ε); L1-sqrt the root of that; ε = 1e-5. `transform_sqrt` takes √pixel first.

    Returns (N, F), or with `feature_vector=False` (N, blocks_r, blocks_c, b_r, b_c, orientations); no N for one image.
    `visualize=True`: a pair with the picture (N, H, W), in each cell for each bin a line *along* the edge, as bright as
    its histogram value.

    Raises TypeError or ValueError for other shapes, unknown norms or binnings, images too small for one block, and
    negative pixels with `transform_sqrt`.
    """
    x, batched = as_batch("hog", images)
    orientations = whole("hog: orientations", orientations, 1)
    cell = per_axis("hog: pixels_per_cell", pixels_per_cell, 2, 1)
    block = per_axis("hog: cells_per_block", cells_per_block, 2, 1)
    _check(x, cell, block, block_norm, binning)
    if transform_sqrt:
        if x.numel() and x.min() < 0:
            raise ValueError(f"hog: pixels reach down to {float(x.min()):.3g}; transform_sqrt expects pixels >= 0")
        x = x.sqrt()
    dy, dx = _strongest(*image_gradients(x))  # (N, H, W)
    histograms = _cells(_votes(dy, dx, orientations, binning), cell)  # (N, cells_r, cells_c, O)
    windows = histograms.unfold(1, block[0], 1).unfold(2, block[1], 1)  # (N, B_r, B_c, O, b_r, b_c)
    blocks = _normalize(windows.permute(0, 1, 2, 4, 5, 3).flatten(3), block_norm)
    out = blocks.flatten(1) if feature_vector else blocks.reshape(*blocks.shape[:3], *block, orientations)
    out = out if batched else out[0]
    if not visualize:
        return out
    picture = _picture(histograms, cell, (x.shape[2], x.shape[3]))
    return out, picture if batched else picture[0]


def _check(x: Tensor, cell: tuple[int, ...], block: tuple[int, ...], block_norm: str, binning: str) -> None:
    if block_norm not in _NORMS:
        raise ValueError(f"hog: block_norm is {block_norm!r}; expected one of {', '.join(map(repr, _NORMS))}")
    if binning not in _BINNINGS:
        raise ValueError(f"hog: binning is {binning!r}; expected one of {', '.join(map(repr, _BINNINGS))}")
    least = (cell[0] * block[0], cell[1] * block[1])
    if x.shape[2] < least[0] or x.shape[3] < least[1]:
        raise ValueError(
            f"hog: images are {x.shape[2]}×{x.shape[3]}; expected at least {least[0]}×{least[1]}, one block of "
            f"{block[0]}×{block[1]} cells of {cell[0]}×{cell[1]} pixels. Take smaller cells or fewer in a block"
        )


def _strongest(dy: Tensor, dx: Tensor) -> tuple[Tensor, Tensor]:
    """At each pixel the gradient of the channel where it is longest (the first of equals, where skimage's rounding may
    choose another); twice it, as skimage does not halve."""
    best = (dy.square() + dx.square()).argmax(1, keepdim=True)
    return 2 * dy.gather(1, best)[:, 0], 2 * dx.gather(1, best)[:, 0]


def _votes(dy: Tensor, dx: Tensor, bins: int, binning: str) -> Tensor:
    """(N, O, H, W): each pixel's magnitude in the bin or bins of its angle."""
    magnitude = length(torch.stack([dy, dx]), 0)[0]
    place = torch.rad2deg(torch.atan2(dy, dx)).remainder(180) * bins / 180  # in bins, [0, bins)
    if binning == "hard":
        chosen = place.detach().floor().long().clamp(0, bins - 1)
        return torch.nn.functional.one_hot(chosen, bins).movedim(-1, 1) * magnitude[:, None]
    centres = torch.arange(bins, device=place.device, dtype=place.dtype)[:, None, None] + 0.5
    away = (place[:, None] - centres).remainder(bins)
    return (1 - torch.minimum(away, bins - away)).clamp(min=0) * magnitude[:, None]


def _cells(votes: Tensor, cell: tuple[int, ...]) -> Tensor:
    """Mean over each cell: (N, O, H, W) → (N, cells_r, cells_c, O). What average pooling does."""
    rows, columns = votes.shape[2] // cell[0], votes.shape[3] // cell[1]
    kept = votes[:, :, : rows * cell[0], : columns * cell[1]]
    split = kept.reshape(*votes.shape[:2], rows, cell[0], columns, cell[1])
    return split.mean((3, 5)).permute(0, 2, 3, 1)


def _normalize(v: Tensor, norm: str) -> Tensor:
    if norm.startswith("L1"):
        v = v / (v.sum(-1, keepdim=True) + _EPS)  # nothing in a histogram is negative
        if norm == "L1":
            return v
        zero = v == 0
        return torch.where(zero, torch.ones_like(v), v).sqrt().masked_fill(zero, 0.0)
    v = v / (v.square().sum(-1, keepdim=True) + _EPS**2).sqrt()
    if norm == "L2":
        return v
    v = v.clamp(max=_CLIP)
    return v / (v.square().sum(-1, keepdim=True) + _EPS**2).sqrt()


def _picture(histograms: Tensor, cell: tuple[int, ...], size: tuple[int, int]) -> Tensor:
    """(N, H, W): a line for each cell and bin."""
    bins = histograms.shape[3]
    lines = histograms.new_zeros(bins, *cell)
    for o in range(bins):
        for r, c in _line(math.pi * (o + 0.5) / bins, cell):
            lines[o, r, c] = 1
    picture = torch.einsum("nrco,ohw->nrhcw", histograms, lines).flatten(3).flatten(1, 2)
    return torch.nn.functional.pad(picture, (0, size[1] - picture.shape[2], 0, size[0] - picture.shape[1]))


def _line(angle: float, cell: tuple[int, ...]) -> list[tuple[int, int]]:
    """The pixels of a line across a cell, at right angles to the gradient's angle."""
    from skimage.draw import line

    radius = max(min(cell) // 2 - 1, 0)
    down, right = radius * math.sin(angle), radius * math.cos(angle)
    r, c = cell[0] // 2, cell[1] // 2
    ends = int(r - right), int(c + down), int(r + right), int(c - down)
    rows, columns = line(*ends)  # type: ignore[no-untyped-call]
    return list(zip(rows.tolist(), columns.tolist(), strict=True))
