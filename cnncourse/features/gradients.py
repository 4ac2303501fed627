"""The oldest feature: how brightness changes from pixel to pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.features._check import as_batch


def image_gradients(images: Tensor) -> tuple[Tensor, Tensor]:
    """(dy, dx), change of brightness per pixel downwards and to the right, each of the images' shape.

        dy[i, j] = (x[i + 1, j] − x[i − 1, j]) / 2        dx[i, j] = (x[i, j + 1] − x[i, j − 1]) / 2

    That is the cross-correlation with (−1, 0, 1) / 2, upright and lying. Where one of the two neighbours is missing, on
    the border, it is 0. Each channel by itself.

    Raises TypeError or ValueError for what is no floating image (N, C, H, W) or (C, H, W).
    """
    x, batched = as_batch("image_gradients", images)
    dy, dx = torch.zeros_like(x), torch.zeros_like(x)
    if x.shape[2] > 2:
        dy[:, :, 1:-1] = (x[:, :, 2:] - x[:, :, :-2]) / 2
    if x.shape[3] > 2:
        dx[:, :, :, 1:-1] = (x[:, :, :, 2:] - x[:, :, :, :-2]) / 2
    return (dy, dx) if batched else (dy[0], dx[0])
