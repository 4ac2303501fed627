"""Exercise `flip`: mirror an image left to right, and its boxes with it."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small

BASE = """
import torch

def flip(image, boxes):
    W = image.shape[2]
    x1, y1, x2, y2 = boxes.unbind(dim=1)
    image = image.flip(2)
    boxes = torch.stack([W - x2, y1, W - x1, y2], dim=1)
    return image, boxes
"""
IMAGE = "image = image.flip(2)"
BOXES = "[W - x2, y1, W - x1, y2]"

MISTAKES = catalogue(
    "flip",
    BASE,
    [
        wrong(
            "corners_not_exchanged",
            "Left and right edge have changed places, so that x1 > x2. "
            "The new left edge is W - x2, the new right one W - x1.",
            (BOXES, "[W - x1, y1, W - x2, y2]"),
        ),
        wrong(
            "edge_overwritten",
            "The right edge stays where it was: you wrote the new left edge over the old one, then computed with it. "
            "Keep the old edges until both are done.",
            (BOXES, "[W - x2, y1, x2, y2]"),
        ),
        wrong(
            "width_minus_one",
            "You mirror at W - 1. Coordinates are edges, not pixel centres: the image reaches from 0 to W.",
            ("W = image.shape[2]", "W = image.shape[2] - 1"),
        ),
        wrong(
            "inclusive_end",
            "You treat x2 as the last pixel of the box. It is its right edge: the new left edge is W - x2.",
            (BOXES, "[W - 1 - x2, y1, W - x1, y2]"),
        ),
        wrong(
            "height_for_width",
            "You mirror the boxes at the height. x runs along the width, image.shape[2].",
            ("W = image.shape[2]", "W = image.shape[1]"),
        ),
        wrong(
            "upside_down",
            "Image and boxes are turned upside down. Left and right change places: the last axis.",
            (IMAGE, "image = image.flip(1)"),
            (BOXES, "[x1, image.shape[1] - y2, x2, image.shape[1] - y1]"),
        ),
        wrong(
            "image_upside_down",
            "The image is upside down, the boxes are right. The columns are the last axis, 2.",
            (IMAGE, "image = image.flip(1)"),
        ),
        wrong(
            "boxes_upside_down",
            "The image is right, but the boxes are mirrored up and down. x1 and x2 change, y1 and y2 stay.",
            (BOXES, "[x1, image.shape[1] - y2, x2, image.shape[1] - y1]"),
        ),
        wrong(
            "half_turn",
            "You turn by 180 degrees: up and down changed places as well.",
            (IMAGE, "image = image.flip(1, 2)"),
            (BOXES, "[W - x2, image.shape[1] - y2, W - x1, image.shape[1] - y1]"),
        ),
        wrong("boxes_forgotten", "The image is mirrored, the boxes are not.", (BOXES, "[x1, y1, x2, y2]")),
        wrong("image_forgotten", "The boxes are mirrored, the image is not.", (IMAGE, "image = image")),
        wrong(
            "channels_flipped",
            "You turn round the order of the channels. The columns are the last axis, 2.",
            (IMAGE, "image = image.flip(0)"),
        ),
        wrong(
            "rows_first",
            "You take a box for (y1, x1, y2, x2). It is (x1, y1, x2, y2).",
            ("x1, y1, x2, y2 = boxes", "y1, x1, y2, x2 = boxes"),
            (BOXES, "[y1, W - x2, y2, W - x1]"),
        ),
        wrong(
            "corner_and_size",
            "You take a box for (x, y, width, height). Its last two numbers are the right and the lower edge.",
            (BOXES, "[W - x1 - x2, y1, x2, y2]"),
        ),
        wrong(
            "sign_only",
            "You change the sign of x. The mirror stands in the middle of the image: x becomes W - x.",
            (BOXES, "[-x2, y1, -x1, y2]"),
        ),
        wrong(
            "exchanged",
            "The two results have changed places: first the image, then the boxes.",
            ("return image, boxes", "return boxes, image"),
        ),
        wrong(
            "whole_numbers",
            "Your boxes are cut to whole numbers. An edge may lie inside a pixel.",
            ("return image, boxes", "return image, boxes.floor()"),
        ),
    ],
)


def reference(image: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Through numbers of columns, and through centres."""
    W = image.shape[2]
    columns = torch.arange(W - 1, -1, -1)
    half = torch.zeros_like(boxes)
    half[:, 0] = W - boxes[:, 2]
    half[:, 2] = W - boxes[:, 0]
    half[:, 1::2] = boxes[:, 1::2]
    return image[:, :, columns], half


def public() -> list[Case]:
    """Images of whole numbers with a box or two."""
    t = torch.tensor
    return [
        Case("a wide image, one box", (small(1, 2, 5, seed=271), t([[0.0, 0.0, 2.0, 1.0]])), weight=0.25),
        Case(
            "two channels, two boxes",
            (small(2, 4, 3, seed=272), t([[1.0, 0.0, 3.0, 2.0], [0.0, 1.0, 1.0, 4.0]])),
            weight=0.25,
        ),
        Case(
            "edges inside pixels, float64",
            (small(1, 3, 6, seed=273).double(), t([[0.5, 1.25, 2.75, 2.0]]).double()),
            weight=0.25,
        ),
    ]


EXERCISE = Exercise("flip", 1.0, reference, public, MISTAKES, ("cnncourse.train",))
