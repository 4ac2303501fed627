"""Descriptors of small windows in the manner of SIFT: Lowe 2004, doi:10.1023/B:VISI.0000029664.99615.94."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad, unfold

from cnncourse.errors import whole
from cnncourse.features._check import as_batch, length, not_negative
from cnncourse.layers import avg_pool2d, conv2d


def oriented_filters(
    orientations: int = 8, *, dtype: torch.dtype = torch.float32, device: str | torch.device | None = None
) -> Tensor:
    """(orientations, 1, 3, 3): derivatives along directions evenly spaced over 360°, the first to the right.

    Filter k is cos(2πk/O) · ∂x + sin(2πk/O) · ∂y with ∂x = (−1, 0, 1)/2 in the middle row and ∂y in the middle column,
    rows counted downwards.
    """
    orientations = whole("oriented_filters: orientations", orientations, 1)
    filters = torch.zeros(orientations, 1, 3, 3, dtype=dtype)
    for k in range(orientations):
        angle = 2 * math.pi * k / orientations
        filters[k, 0, 1, 2], filters[k, 0, 1, 0] = math.cos(angle) / 2, -math.cos(angle) / 2
        filters[k, 0, 2, 1], filters[k, 0, 0, 1] = math.sin(angle) / 2, -math.sin(angle) / 2
    return filters.to(device=device)


def oriented_responses(images: Tensor, orientations: int = 8) -> Tensor:
    """(N, C · orientations, H, W): relu(images ⋆ oriented_filters), each channel by itself; no N for one image.

    One convolutional layer with weights that nobody trained. Outside the border the nearest pixel is repeated.

    Raises TypeError or ValueError for what is no floating image, or orientations < 1.
    """
    x, batched = as_batch("oriented_responses", images)
    filters = oriented_filters(orientations, dtype=x.dtype, device=x.device)
    if 0 in x.shape[2:]:
        raise ValueError(f"oriented_responses: images has shape {tuple(images.shape)}, no pixels; expected H, W >= 1")
    if x.shape[0] == 0:
        maps = x.new_zeros(0, x.shape[1] * len(filters), *x.shape[2:])
    else:
        one_by_one = pad(x.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")  # (N C, 1, H + 2, W + 2)
        maps = conv2d(one_by_one, filters).relu().reshape(len(x), -1, *x.shape[2:])
    return maps if batched else maps[0]


def dense_descriptors(
    images: Tensor,
    orientations: int = 8,
    cells: int = 4,
    cell_size: int = 4,
    stride: int | None = None,
    clip: float = 0.2,
    eps: float = 1e-5,
) -> Tensor:
    """A descriptor of every window: oriented filters → pool over cells → unit length. (N, D, H', W').

    A window is `cells` × `cells` cells of `cell_size` × `cell_size` pixels. Each cell is the mean of each oriented
    response in it; the D = C · orientations · cells² numbers of a window (index: channel, orientation, row, column) are
    divided by their length, v/√(|v|² + ε²), each channel's by itself, clipped at `clip` against single strong edges,
    divided again. Windows stand `stride` pixels apart (default: `cell_size`). The unbatched image gives (D, H', W').

    What differs from SIFT: every window in place of found keypoints; no turning by the main direction; directions
    weigh as max(0, cos) in place of linear interpolation; no Gaussian weight over the window. Larger `eps` keeps flat
    windows short in place of blowing up their noise.

    Raises TypeError or ValueError for what is no floating image, images smaller than a window, numbers out of range.
    """
    who = "dense_descriptors"
    x, batched = as_batch(who, images)
    cells, cell_size = whole(f"{who}: cells", cells, 1), whole(f"{who}: cell_size", cell_size, 1)
    step = cell_size if stride is None else whole(f"{who}: stride", stride, 1)
    clip, eps = not_negative(who, "clip", clip), not_negative(who, "eps", eps)
    side = cells * cell_size
    if min(x.shape[2:]) < side:
        raise ValueError(
            f"{who}: images are {x.shape[2]}×{x.shape[3]}; expected at least {side}×{side}, one window of "
            f"{cells}×{cells} cells of {cell_size}×{cell_size} pixels. Take smaller or fewer cells"
        )
    responses = oriented_responses(x, orientations).reshape(-1, orientations, *x.shape[2:])  # (N C, O, H, W)
    common = math.gcd(cell_size, step)
    pooled = avg_pool2d(responses, cell_size, stride=common)
    grid = [(n - side) // step + 1 for n in x.shape[2:]]
    if x.shape[0] == 0:
        return x.new_zeros(0, x.shape[1] * orientations * cells**2, *grid)
    windows = unfold(pooled, cells, dilation=cell_size // common, stride=step // common)  # (N C, O cells², H' W')
    unit = _unit(_unit(windows, eps).clamp(max=clip), eps)
    maps = unit.reshape(len(x), -1, *grid)
    return maps if batched else maps[0]


def _unit(v: Tensor, eps: float) -> Tensor:
    """v/√(|v|² + ε²) along axis 1; 0 stays 0."""
    if eps > 0:
        return v / (v.square().sum(1, keepdim=True) + eps**2).sqrt()
    norm = length(v, 1)
    return v / norm.masked_fill(norm == 0, 1.0)
