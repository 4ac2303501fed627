"""Exercise `max_pool2d`: the largest pixel of each window."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.pooling.windows import INSIDE, forward_drafts
from cnncourse.checks.small import small

BASE = """
import math

def max_pool2d(x, kernel_size, stride, padding=(0, 0)):
    N, C, H, W = x.shape
    K_h, K_w = kernel_size
    S_h, S_w = stride
    P_h, P_w = padding
    padded = x.new_full((N, C, H + 2 * P_h, W + 2 * P_w), -math.inf)
    padded[:, :, P_h : P_h + H, P_w : P_w + W] = x
    H_out = (H + 2 * P_h - K_h) // S_h + 1
    W_out = (W + 2 * P_w - K_w) // S_w + 1
    y = x.new_zeros(N, C, H_out, W_out)
    for i in range(H_out):
        for j in range(W_out):
            top, left = i * S_h, j * S_w
            window = padded[:, :, top : top + K_h, left : left + K_w]
            y[:, :, i, j] = window.amax(dim=(2, 3))
    return y
"""
LARGEST = "window.amax(dim=(2, 3))"

MISTAKES = catalogue(
    "max_pool2d",
    BASE,
    [
        wrong(
            "padding_zeros",
            "You pad with zeros, and where all pixels are negative a zero wins. Padding must never win: use -inf.",
            ("-math.inf", "0.0"),
        ),
        wrong(
            "starts_at_zero",
            "Your maximum starts at 0, so that no result is negative. Start at -inf, or at the first pixel.",
            (LARGEST, f"{LARGEST}.clamp(min=0)"),
        ),
        wrong(
            "largest_magnitude",
            "You look for the largest absolute value. Asked is the largest value: -5 is smaller than 1.",
            (LARGEST, "window.masked_fill(window.isinf(), 0).abs().amax(dim=(2, 3))"),
        ),
        wrong(
            "smallest",
            "You take the smallest pixel of each window, not the largest.",
            (LARGEST, "window.masked_fill(window.isinf(), math.inf).amin(dim=(2, 3))"),
        ),
        wrong(
            "average",
            "You average over the window. Max pooling keeps one of its pixels, the largest.",
            (LARGEST, "window.masked_fill(window.isinf(), 0).mean(dim=(2, 3))"),
        ),
        wrong(
            "place_of_the_largest",
            "You give where in its window the largest pixel lies (argmax). Asked is its value.",
            (LARGEST, "window.flatten(2).argmax(dim=2).to(x.dtype)"),
        ),
        wrong(
            "over_channels",
            "The largest of all channels stands in each of them. Every channel is pooled by itself.",
            (LARGEST, "window.amax(dim=(1, 2, 3))[:, None]"),
        ),
        wrong(
            "over_images",
            "The largest of all images stands in each of them. Every image is pooled by itself.",
            (LARGEST, "(window.amax(dim=(0, 2, 3)) if N else 0)"),
        ),
        wrong(
            "one_for_all",
            "The largest of all images and channels stands in each of them: max() without axes looks at everything.",
            (LARGEST, "window.max() if N else 0"),
        ),
        wrong(
            "first_image_only",
            "Only the first image of the batch is filled in.",
            ("y[:, :, i, j] = window", "y[:1, :, i, j] = window[:1]"),
        ),
        wrong(
            "first_channel_only",
            "Only the first channel is filled in.",
            ("y[:, :, i, j] = window", "y[:, :1, i, j] = window[:, :1]"),
        ),
        *forward_drafts(
            wrong(
                "padding_one_side",
                "All the padding lies below and to the right of the image. Half of it belongs above and to the left.",
                (INSIDE, "padded[:, :, :H, :W]"),
            )
        ),
    ],
)

reference = torch.nn.functional.max_pool2d


def example() -> Tensor:
    """The image of 4×4 pixels on which the lectures show max pooling."""
    rows = [[1.0, 1.0, 2.0, 4.0], [5.0, 6.0, 7.0, 8.0], [3.0, 2.0, 1.0, 0.0], [1.0, 2.0, 3.0, 4.0]]
    return torch.tensor([[rows]])


def public() -> list[Case]:
    """One new thing a case."""
    negative = small(1, 1, 4, 5, seed=201, low=-9, high=-1)
    overlap = small(1, 1, 4, 6, seed=202, low=-4, high=9)
    strides = small(1, 1, 6, 8, seed=203, low=-4, high=9)
    padded = small(1, 1, 4, 5, seed=204, low=-9, high=-1)
    everything = small(2, 2, 4, 5, seed=205, low=-9, high=-1)
    return [
        Case("2×2 windows, side by side", (example(), (2, 2), (2, 2)), weight=0.3),
        Case("windows that overlap", (overlap, (2, 3), (1, 1)), weight=0.3),
        Case("stride (2, 3), pixels left over", (strides, (3, 4), (2, 3)), weight=0.3),
        Case("negative pixels only, in float64", (negative.double(), (3, 2), (1, 2)), weight=0.3),
        Case("padding (1, 2), negative pixels", (padded, (3, 4), (2, 1), (1, 2)), weight=0.3),
        Case("two images, two channels, everything", (everything, (4, 2), (1, 2), (2, 1)), weight=0.3),
    ]


FORBIDDEN = (
    "torch.max_pool2d",
    "torch.nn.functional.max_pool2d",
    "torch.nn.functional.max_pool2d_with_indices",
    "torch.nn.functional.adaptive_max_pool2d",
    "torch.nn.functional.max_unpool2d",
    "torch.nn.MaxPool2d",
    "torch.nn.MaxUnpool2d",
    "cnncourse.layers",
)
EXERCISE = Exercise("max_pool2d", 4.0, reference, public, MISTAKES, FORBIDDEN)
