"""Colour as a descriptor: van de Sande, Gevers & Snoek 2010, doi:10.1109/TPAMI.2009.154."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cnncourse.errors import whole
from cnncourse.features._check import as_batch, length

_TOLERANCE = 1e-4


def opponent(images: Tensor) -> Tensor:
    """Opponent colours of (N, 3, H, W) or (3, H, W), as large: red against green, yellow against blue, brightness.

        O₁ = (R − G)/√2        O₂ = (R + G − 2B)/√6        O₃ = (R + G + B)/√3

    A rotation of colour space, that is a 1×1 convolution: lengths stay. O₁ and O₂ do not change when the same amount is
    added to all three. `dense_descriptors(opponent(images))` is the paper's OpponentSIFT, but for what differs there.
    """
    x, batched = as_batch("opponent", images, channels=3)
    red, green, blue = x.unbind(1)
    out = torch.stack([
        (red - green) / math.sqrt(2), (red + green - 2 * blue) / math.sqrt(6), (red + green + blue) / math.sqrt(3)
    ], dim=1)  # fmt: skip
    return out if batched else out[0]


def color_histogram(images: Tensor, bins: int = 4) -> Tensor:
    """(N, bins³): the share of pixels in each box of colour space, red slowest; no N for one image.

    Pixels in [0, 1]; channel value v falls into ⌊v · bins⌋, and 1 into the last. A single channel gives (N, bins).

    Raises TypeError or ValueError for other shapes, more than 3 channels, no pixels, pixels outside [0, 1], bins < 1.
    """
    x, batched = as_batch("color_histogram", images)
    bins = whole("color_histogram: bins", bins, 1)
    _need_pixels("color_histogram", x)
    if x.shape[1] > 3:
        raise ValueError(f"color_histogram: images have {x.shape[1]} channels; expected 1 to 3")
    place = (x * bins).floor().long().clamp(0, bins - 1)
    box = torch.zeros_like(place[:, 0])
    for channel in place.unbind(1):
        box = box * bins + channel
    counts = x.new_zeros(x.shape[0], bins ** x.shape[1])
    counts.scatter_add_(1, box.flatten(1), torch.ones_like(x[:, 0]).flatten(1))
    counts = counts / (x.shape[2] * x.shape[3])
    return counts if batched else counts[0]


def hue_histogram(images: Tensor, bins: int = 12) -> Tensor:
    """(N, bins): how much saturation lies in each part of the colour circle, summing to 1; no N for one image.

    Hue is the angle atan2(O₁, O₂) in [0, 2π), weighed by the saturation √(O₁² + O₂²), so grey pixels do not vote. Light
    that is dimmer or has an equal amount of white added leaves it as it is. An image without any colour gives zeros.

    Raises TypeError or ValueError for other shapes than (N, 3, H, W), no pixels, pixels outside [0, 1], bins < 1.
    """
    x, batched = as_batch("hue_histogram", images, channels=3)
    bins = whole("hue_histogram: bins", bins, 1)
    _need_pixels("hue_histogram", x)
    first, second, _ = opponent(x).unbind(1)
    saturation = length(torch.stack([first, second]), 0)[0]
    turn = torch.atan2(first, second).remainder(2 * math.pi) / (2 * math.pi)
    place = (turn.detach() * bins).floor().long().clamp(0, bins - 1)
    sums = x.new_zeros(x.shape[0], bins).scatter_add(1, place.flatten(1), saturation.flatten(1))
    total = sums.sum(1, keepdim=True)
    shares = sums / total.masked_fill(total == 0, 1.0)
    return shares if batched else shares[0]


def _need_pixels(who: str, x: Tensor) -> None:
    if 0 in x.shape[2:]:
        raise ValueError(f"{who}: images has shape {tuple(x.shape)}, no pixels; expected H, W >= 1")
    if x.numel() and (x.min() < -_TOLERANCE or x.max() > 1 + _TOLERANCE):
        raise ValueError(
            f"{who}: pixels reach from {float(x.min()):.4g} to {float(x.max()):.4g}; expected 0 to 1: divide by 255?"
        )
