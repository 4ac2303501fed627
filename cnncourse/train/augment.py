"""Small random changes that leave a digit the same digit."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


def jitter(
    images: Tensor,
    *,
    degrees: float = 10.0,
    shift: float = 2.0,
    scale: float = 0.1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Turn, move and scale each image (N, C, H, W) by its own random amounts; what comes in from outside is 0.

    Angles are uniform in ±`degrees`, shifts in ±`shift` pixels, factors in 1 ± `scale`; sampling is bilinear.

    Raises ValueError if images are not (N, C, H, W).
    """
    if images.dim() != 4:
        raise ValueError(f"jitter: images have shape {tuple(images.shape)}; expected (N, C, H, W). One image? x[None]")
    count, _, height, width = images.shape
    if count == 0:
        return images.clone()
    angle, factor, dx, dy = (torch.rand(4, count, generator=generator) * 2 - 1).to(images)
    angle = angle * math.radians(degrees)
    factor = 1 + factor * scale
    cos, sin = torch.cos(angle) / factor, torch.sin(angle) / factor
    rows = (cos, -sin * height / width, dx * 2 * shift / width, sin * width / height, cos, dy * 2 * shift / height)
    theta = torch.stack(rows, dim=1).reshape(count, 2, 3)  # (N, 2, 3): output position -> input position
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
