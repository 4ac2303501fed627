"""Exercise `avg_pool2d`: the mean of each window, with padding that counts or does not."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.pooling.windows import INSIDE, forward_drafts
from cnncourse.checks.small import small
from cnncourse.checks.subject import Subject

BASE = """
import torch

def avg_pool2d(x, kernel_size, stride, padding=(0, 0), count_include_pad=True):
    N, C, H, W = x.shape
    K_h, K_w = kernel_size
    S_h, S_w = stride
    P_h, P_w = padding
    padded = x.new_zeros(N, C, H + 2 * P_h, W + 2 * P_w)
    padded[:, :, P_h : P_h + H, P_w : P_w + W] = x
    image = x.new_zeros(H + 2 * P_h, W + 2 * P_w)
    image[P_h : P_h + H, P_w : P_w + W] = 1
    H_out = (H + 2 * P_h - K_h) // S_h + 1
    W_out = (W + 2 * P_w - K_w) // S_w + 1
    y = x.new_zeros(N, C, H_out, W_out)
    for i in range(H_out):
        for j in range(W_out):
            top, left = i * S_h, j * S_w
            window = padded[:, :, top : top + K_h, left : left + K_w]
            count = K_h * K_w
            if not count_include_pad:
                count = image[top : top + K_h, left : left + K_w].sum().item()
            y[:, :, i, j] = window.sum(dim=(2, 3)) / count
    return y
"""
TOTAL = "window.sum(dim=(2, 3))"
COUNT = "count = K_h * K_w"
FLAG = "if not count_include_pad:"
OWN = "image[top : top + K_h, left : left + K_w].sum().item()"
STORE = "y[:, :, i, j] = window.sum(dim=(2, 3)) / count"

MISTAKES = catalogue(
    "avg_pool2d",
    BASE,
    [
        wrong(
            "padding_always_counted",
            "You always divide by K_h * K_w. With count_include_pad=False divide by the window's pixels on the image.",
            (FLAG, "if False:"),
        ),
        wrong(
            "padding_never_counted",
            "You always divide by the pixels on the image. With count_include_pad=True the padding counts too: "
            "K_h * K_w.",
            (FLAG, "if True:"),
        ),
        wrong(
            "flag_reversed",
            "count_include_pad is reversed: True divides by K_h * K_w, False by the pixels on the image.",
            (FLAG, "if count_include_pad:"),
        ),
        wrong(
            "zeros_not_counted",
            "You count the pixels that are not zero. A zero on the image counts: only the padding does not.",
            (OWN, "(window != 0).sum(dim=(2, 3)).clamp(min=1)"),
        ),
        wrong(
            "far_side_counted",
            "You take the padding below and to the right for the image. Only rows before H and columns before W count.",
            ("image[P_h : P_h + H, P_w : P_w + W] = 1", "image[P_h:, P_w:] = 1"),
        ),
        wrong(
            "near_side_counted",
            "You take the padding above and to the left for the image. Count only pixels from 0 on.",
            ("image[P_h : P_h + H, P_w : P_w + W] = 1", "image[: P_h + H, : P_w + W] = 1"),
        ),
        wrong(
            "padding_left_out",
            "With count_include_pad=False you leave out the padding. The windows stay; it is just not counted.",
            ("P_h, P_w = padding\n", "P_h, P_w = padding if count_include_pad else (0, 0)\n"),
        ),
        wrong("not_divided", "You add up the window. Divide by the number of pixels.", (" / count", "")),
        wrong(
            "square_assumed",
            "You divide by K_h * K_h. A window need not be square.",
            (COUNT, "count = K_h * K_h"),
            (OWN, "min(K_h * K_h, image[top : top + K_h, left : left + K_w].sum().item())"),
        ),
        wrong(
            "divided_by_height",
            "You divide by the height of the window only.",
            (COUNT, "count = K_h"),
            (OWN, "image[top : top + K_h, left : left + K_w].sum(dim=0).max().item()"),
        ),
        wrong(
            "divided_by_the_image",
            "You divide by the number of pixels of the image. Divide by those of the window.",
            (COUNT, "count = H * W"),
            (OWN, "H * W"),
        ),
        wrong(
            "largest",
            "You take the largest pixel. Average pooling takes the mean of them all.",
            (STORE, "y[:, :, i, j] = window.amax(dim=(2, 3))"),
        ),
        wrong(
            "median",
            "You take the pixel in the middle of the order. Average pooling takes the mean of them all.",
            (STORE, "y[:, :, i, j] = window.flatten(2).median(dim=2).values"),
        ),
        wrong(
            "one_for_all",
            "One mean of all images and channels stands in each of them: sum() without axes adds up everything.",
            (TOTAL, "window.sum() / (N * C)"),
        ),
        wrong(
            "over_channels",
            "You also average over the channels. Every channel is pooled by itself.",
            (TOTAL, "window.sum(dim=(2, 3)).mean(dim=1, keepdim=True)"),
        ),
        wrong(
            "padding_repeats_border",
            "You pad with copies of the border pixels. The padding is zeros.",
            (
                "padded[:, :, P_h : P_h + H, P_w : P_w + W] = x",
                'padded = torch.nn.functional.pad(x, (P_w, P_w, P_h, P_h), mode="replicate")',
            ),
        ),
        wrong(
            "whole_numbers",
            "The means are cut to whole numbers: divide with /, and write into a tensor with the dtype of x.",
            (STORE, STORE.replace("= window", "= torch.trunc(window") + ")"),
        ),
        wrong(
            "first_image_only",
            "Only the first image of the batch is filled in.",
            (STORE, "y[:1, :, i, j] = (window.sum(dim=(2, 3)) / count)[:1]"),
        ),
        wrong(
            "first_channel_only",
            "Only the first channel is filled in.",
            (STORE, "y[:, :1, i, j] = (window.sum(dim=(2, 3)) / count)[:, :1]"),
        ),
        *forward_drafts(
            wrong(
                "padding_one_side",
                "All the padding lies below and to the right of the image. Half of it belongs above and to the left.",
                (INSIDE, "padded[:, :, :H, :W]"),
                ("image[P_h : P_h + H, P_w : P_w + W] = 1", "image[:H, :W] = 1"),
            )
        ),
    ],
)


def reference(
    x: Tensor,
    kernel_size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int] = (0, 0),
    count_include_pad: bool = True,
) -> Tensor:
    """The library's."""
    return torch.nn.functional.avg_pool2d(
        x, kernel_size, stride, padding, ceil_mode=False, count_include_pad=count_include_pad
    )


def both_counts(subject: Subject, first: object, *rest: object) -> tuple[object, object]:
    """The answers with and without count_include_pad: one that is right for a single setting is half an answer.

    The first argument of every exercise that this serves is a tensor or a shape.
    """
    again = first.clone() if isinstance(first, Tensor) else first
    return subject(again, *rest, True), subject(first, *rest, False)


def public() -> list[Case]:
    """One new thing a case."""
    plain = small(1, 1, 4, 4, seed=221, low=0, high=8)
    overlap = small(1, 1, 4, 6, seed=222, low=-4, high=9)
    strides = small(1, 1, 6, 8, seed=223, low=-4, high=9)
    padded = small(1, 1, 4, 5, seed=224, low=0, high=6)
    everything = small(2, 2, 4, 5, seed=225, low=-3, high=6)
    return [
        Case("2×2 windows, side by side", (plain, (2, 2), (2, 2)), weight=0.3),
        Case("windows that overlap", (overlap, (2, 3), (1, 1)), weight=0.3),
        Case("stride (2, 3), pixels left over", (strides, (3, 4), (2, 3)), weight=0.3),
        Case("padding (1, 2) counts", (padded, (3, 4), (2, 1), (1, 2), True), weight=0.3),
        Case("padding (1, 2) does not count", (padded, (3, 4), (2, 1), (1, 2), False), weight=0.3),
        Case("two images, everything, in float64", (everything.double(), (4, 2), (1, 2), (2, 1), False), weight=0.3),
    ]


FORBIDDEN = (
    "torch.nn.functional.avg_pool2d",
    "torch.nn.functional.adaptive_avg_pool2d",
    "torch.nn.functional.lp_pool2d",
    "torch.nn.AvgPool2d",
    "torch.nn.AdaptiveAvgPool2d",
    "cnncourse.layers",
)
EXERCISE = Exercise("avg_pool2d", 3.0, reference, public, MISTAKES, FORBIDDEN)
