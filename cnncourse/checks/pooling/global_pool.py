"""Exercise `global_pool`: one number for each map, its mean or its largest pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.pooling.avg_pool2d import FORBIDDEN as AVERAGE
from cnncourse.checks.pooling.max_pool2d import FORBIDDEN as LARGEST
from cnncourse.checks.small import small
from cnncourse.checks.subject import Subject

BASE = """
def global_pool(x, kind):
    N, C, H, W = x.shape
    if kind == "max":
        y = x.amax(dim=(2, 3))
    else:
        y = x.mean(dim=(2, 3))
    return y
"""
MAX, MEAN = "x.amax(dim=(2, 3))", "x.mean(dim=(2, 3))"

MISTAKES = catalogue(
    "global_pool",
    BASE,
    [
        wrong(
            "axes_kept",
            "Your result keeps two axes of size 1. Asked is one number for each map: shape (N, C).",
            ("return y", "return y[:, :, None, None]"),
        ),
        wrong(
            "summed",
            "You add up each map. The average divides by its number of pixels, H * W.",
            (MEAN, "x.sum(dim=(2, 3))"),
        ),
        wrong(
            "divided_by_height",
            "You divide the sum by H only. A map has H * W pixels.",
            (MEAN, "x.sum(dim=(2, 3)) / H"),
        ),
        wrong(
            "square_assumed",
            "You divide the sum by H * H. A map need not be square: it has H * W pixels.",
            (MEAN, "x.sum(dim=(2, 3)) / H**2"),
        ),
        wrong(
            "rows_only",
            "You pool over the rows only, so one number is left for each column. Pool over both axes of the map.",
            (MAX, "x.amax(dim=2)"),
            (MEAN, "x.mean(dim=2)"),
        ),
        wrong(
            "over_channels",
            "You pool over the channels too. Each of the C maps gives a number of its own: shape (N, C).",
            (MAX, "x.amax(dim=(1, 2, 3))"),
            (MEAN, "x.mean(dim=(1, 2, 3))"),
        ),
        wrong(
            "over_images",
            "You pool over the images too. Each image gives C numbers of its own: shape (N, C).",
            (MAX, "(x.amax(dim=(0, 2, 3)) if N else x.sum(dim=(0, 2, 3)))"),
            (MEAN, "x.mean(dim=(0, 2, 3))"),
        ),
        wrong(
            "maps_not_pooled",
            "You pool over the channels and keep the map. Pool over rows and columns, axes 2 and 3, and keep N and C.",
            (MAX, "x.amax(dim=1)"),
            (MEAN, "x.mean(dim=1)"),
        ),
        wrong(
            "values_and_places",
            "max(dim=...) gives two things, the values and where they are. Take its .values, or use amax.",
            (MAX, "tuple(x.flatten(2).max(dim=2))"),
        ),
        wrong("kinds_exchanged", 'The two kinds are exchanged: "max" asks for the largest.', ('"max"', '"avg"')),
        wrong("always_average", 'You always average. With kind="max" give the largest.', (MAX, MEAN)),
        wrong("always_max", 'You always give the largest. With kind="avg" average.', (MEAN, MAX)),
        wrong(
            "largest_magnitude",
            "You look for the largest absolute value. Asked is the largest value: -5 is smaller than 1.",
            (MAX, "x.abs().amax(dim=(2, 3))"),
        ),
        wrong(
            "starts_at_zero",
            "Your maximum starts at 0, so that no result is negative. Start at -inf, or at the first pixel.",
            (MAX, "x.clamp(min=0).amax(dim=(2, 3))"),
        ),
        wrong(
            "mean_of_row_maxima",
            "You average the largest of each row. The largest of a map is one of its pixels.",
            (MAX, "x.amax(dim=3).mean(dim=2)"),
        ),
        wrong(
            "first_image_only",
            "Only the first image of the batch is pooled. The result has a row for each image.",
            ("return y", "return y[:1]"),
        ),
    ],
)


def reference(x: Tensor, kind: str) -> Tensor:
    """The library's adaptive pooling to one pixel, its axes taken away."""
    if len(x) == 0:
        return x.new_zeros(x.shape[:2])
    if kind == "max":
        return torch.nn.functional.adaptive_max_pool2d(x, 1).flatten(1)
    return torch.nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)


def both_kinds(subject: Subject, x: Tensor) -> tuple[object, object]:
    """The maximum and the average of the same maps."""
    return subject(x.clone(), "max"), subject(x, "avg")


def public() -> list[Case]:
    """Both kinds, maps that are not square, several channels and images, negative maps."""
    one = small(1, 1, 2, 3, seed=241)
    several = small(2, 3, 3, 2, seed=242, low=-6, high=6)
    negative = small(1, 2, 2, 4, seed=243, low=-9, high=-1)
    return [
        Case("one map, average", (one, "avg"), weight=0.3),
        Case("one map, max", (one, "max"), weight=0.3),
        Case("two images, three channels, average", (several, "avg"), weight=0.3),
        Case("two images, three channels, max", (several, "max"), weight=0.3),
        Case("negative pixels only, average", (negative, "avg"), weight=0.3),
        Case("negative pixels only, max", (negative, "max"), weight=0.3),
    ]


FORBIDDEN = tuple(dict.fromkeys((*AVERAGE, *LARGEST, "torch.nn.AdaptiveMaxPool2d")))
EXERCISE = Exercise("global_pool", 1.0, reference, public, MISTAKES, FORBIDDEN)
