"""Exercise `crop`: cut a window out of an image, and move, clip and drop its boxes."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small

BASE = """
import torch

def crop(image, boxes, labels, top, left, height, width):
    image = image[:, top : top + height, left : left + width]
    x1, y1, x2, y2 = boxes.unbind(dim=1)
    x1, x2 = x1 - left, x2 - left
    y1, y2 = y1 - top, y2 - top
    x1, x2 = x1.clamp(0, width), x2.clamp(0, width)
    y1, y2 = y1.clamp(0, height), y2.clamp(0, height)
    keep = (x2 > x1) & (y2 > y1)
    boxes = torch.stack([x1, y1, x2, y2], dim=1)
    return image, boxes[keep], labels[keep]
"""
IMAGE = "    image = image[:, top : top + height, left : left + width]\n"
MOVE = "    x1, x2 = x1 - left, x2 - left\n    y1, y2 = y1 - top, y2 - top\n"
CLIP = "    x1, x2 = x1.clamp(0, width), x2.clamp(0, width)\n    y1, y2 = y1.clamp(0, height), y2.clamp(0, height)\n"
KEEP = "keep = (x2 > x1) & (y2 > y1)"
END = "return image, boxes[keep], labels[keep]"

MISTAKES = catalogue(
    "crop",
    BASE,
    [
        wrong(
            "boxes_not_moved",
            "The boxes still count from the corner of the old image. Subtract left from x and top from y.",
            (MOVE, ""),
        ),
        wrong(
            "moved_the_wrong_way",
            "You move the boxes the wrong way: what stood at x = left now stands at 0. Subtract.",
            (MOVE, MOVE.replace("-", "+")),
        ),
        wrong(
            "top_and_left_exchanged",
            "You subtract top from x and left from y. left counts columns, and so does x.",
            (MOVE, "    x1, x2 = x1 - top, x2 - top\n    y1, y2 = y1 - left, y2 - left\n"),
        ),
        wrong(
            "image_rows_and_columns",
            "The image is cut at the wrong place: "
            "top and height belong to the rows (axis 1), left and width to the columns.",
            (IMAGE, "    image = image[:, left : left + width, top : top + height]\n"),
        ),
        wrong(
            "height_is_end",
            "You use height and width as the ends of the window. It ends at top + height and left + width.",
            (IMAGE, "    image = image[:, top:height, left:width]\n"),
        ),
        wrong(
            "one_row_too_many",
            "Your window has one row and one column too many. A slice ends before its second number.",
            (IMAGE, "    image = image[:, top : top + height + 1, left : left + width + 1]\n"),
        ),
        wrong("image_forgotten", "The boxes are right, but the image is not cut.", (IMAGE, "")),
        wrong(
            "not_clipped",
            "A box that reaches beyond the window is not cut off at its edges: "
            "clip x to 0 ... width, y to 0 ... height.",
            (CLIP, "    inside = (x1 < width) & (x2 > 0) & (y1 < height) & (y2 > 0)\n"),
            (KEEP, "keep = inside"),
        ),
        wrong(
            "clipped_below_only",
            "Boxes are clipped at 0, but not at the right and lower edge of the window.",
            (
                CLIP,
                "    inside = (x1 < width) & (y1 < height)\n"
                "    x1, y1, x2, y2 = (c.clamp(min=0) for c in (x1, y1, x2, y2))\n",
            ),
            (KEEP, "keep = inside & (x2 > x1) & (y2 > y1)"),
        ),
        wrong(
            "clipped_above_only",
            "Boxes are clipped at the right and lower edge, but not at 0.",
            (
                CLIP,
                "    inside = (x2 > 0) & (y2 > 0)\n"
                "    x1, x2 = x1.clamp(max=width), x2.clamp(max=width)\n"
                "    y1, y2 = y1.clamp(max=height), y2.clamp(max=height)\n",
            ),
            (KEEP, "keep = inside & (x2 > x1) & (y2 > y1)"),
        ),
        wrong(
            "clipped_before_moving",
            "You clip first and move then. Move first: 0 ... width are coordinates of the window.",
            (MOVE + CLIP, CLIP + MOVE),
        ),
        wrong(
            "clipped_to_last_pixel",
            "You clip at width - 1 and height - 1. Coordinates are edges: the window reaches from 0 to width.",
            (CLIP, CLIP.replace("width)", "width - 1)").replace("height)", "height - 1)")),
        ),
        wrong(
            "clip_exchanged",
            "You clip x at the height and y at the width: it is the other way round.",
            (
                CLIP,
                "    x1, x2 = x1.clamp(0, height), x2.clamp(0, height)\n"
                "    y1, y2 = y1.clamp(0, width), y2.clamp(0, width)\n",
            ),
        ),
        wrong(
            "nothing_dropped",
            "Boxes outside of the window stay behind, without any area. Drop every box with x2 <= x1 or y2 <= y1.",
            (END, "return image, boxes, labels"),
        ),
        wrong(
            "labels_stay",
            "You drop boxes but keep their labels, so that box and label no longer belong together.",
            (END, "return image, boxes[keep], labels"),
        ),
        wrong(
            "boxes_stay",
            "You drop labels but keep their boxes, so that box and label no longer belong together.",
            (END, "return image, boxes, labels[keep]"),
        ),
        wrong(
            "small_dropped",
            "You drop boxes with less than one pixel of area left. Here any area is enough: x2 > x1 and y2 > y1.",
            (KEEP, "keep = (x2 > x1) & (y2 > y1) & ((x2 - x1) * (y2 - y1) >= 1)"),
        ),
        wrong(
            "touching_kept",
            "A box that only touches the window stays, with no area. Drop it: keep x2 > x1, not x2 >= x1.",
            (KEEP, "keep = (x2 >= x1) & (y2 >= y1)"),
            (CLIP, "    inside = (x1 <= width) & (x2 >= 0) & (y1 <= height) & (y2 >= 0)\n" + CLIP),
            (END, "return image, boxes[keep & inside], labels[keep & inside]"),
        ),
        wrong(
            "one_side_is_enough",
            "You keep a box that has width or height left. It needs both: & instead of |.",
            (KEEP, "keep = (x2 > x1) | (y2 > y1)"),
        ),
        wrong(
            "columns_only",
            "You drop a box beside the window, but not one above or below it: look at y as well.",
            (KEEP, "keep = x2 > x1"),
        ),
        wrong(
            "rows_only",
            "You drop a box above or below the window, but not one beside it: look at x as well.",
            (KEEP, "keep = y2 > y1"),
        ),
        wrong(
            "cut_ones_dropped",
            "You drop every box that is cut. Keep what is left of it, as long as it has an area.",
            (
                CLIP,
                "    inside = (x1 >= 0) & (y1 >= 0) & (x2 <= width) & (y2 <= height)\n" + CLIP,
            ),
            (KEEP, "keep = inside & (x2 > x1) & (y2 > y1)"),
        ),
        wrong(
            "by_centre",
            "You keep a box if its centre lies in the window. Here every box with an area left stays.",
            (
                CLIP,
                "    cx, cy = (x1 + x2) / 2, (y1 + y2) / 2\n"
                "    inside = (cx >= 0) & (cy >= 0) & (cx <= width) & (cy <= height)\n" + CLIP,
            ),
            (KEEP, "keep = inside & (x2 > x1) & (y2 > y1)"),
        ),
        wrong(
            "moved_into_the_window",
            "You push a box that is cut back into the window at its full size. It becomes smaller: clip its edges.",
            (
                CLIP,
                "    keep = (x1 < width) & (x2 > 0) & (y1 < height) & (y2 > 0)\n"
                "    w, h = x2 - x1, y2 - y1\n"
                "    x1, y1 = x1.clamp(min=0), y1.clamp(min=0)\n"
                "    x2, y2 = (x1 + w).clamp(max=width), (y1 + h).clamp(max=height)\n",
            ),
            ("    " + KEEP + "\n", ""),
        ),
        wrong(
            "labels_first",
            "Labels and boxes have changed places in the result: image, boxes, labels.",
            (END, "return image, labels[keep], boxes[keep]"),
        ),
    ],
)


def reference(
    image: Tensor, boxes: Tensor, labels: Tensor, top: int, left: int, height: int, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The overlap of each box with the window, box by box."""
    kept, names = [], []
    for box, label in zip(boxes, labels, strict=True):
        x1, x2 = max(float(box[0]), left), min(float(box[2]), left + width)
        y1, y2 = max(float(box[1]), top), min(float(box[3]), top + height)
        if x1 < x2 and y1 < y2:
            kept.append([x1 - left, y1 - top, x2 - left, y2 - top])
            names.append(int(label))
    window = image.narrow(1, top, height).narrow(2, left, width)
    return window, boxes.new_tensor(kept).reshape(-1, 4), labels.new_tensor(names)


def public() -> list[Case]:
    """One image; first a box that lies inside, then those that do not."""
    t = torch.tensor
    image = small(1, 5, 7, seed=281)
    inside = t([[3.0, 2.0, 5.0, 3.0]])
    cut = t([[1.0, 0.0, 4.0, 4.0], [4.0, 2.0, 7.0, 5.0], [0.0, 1.0, 2.25, 3.0], [3.0, 0.5, 4.5, 2.5]])
    out = t(
        [
            [0.0, 0.0, 1.5, 5.0],
            [3.0, 4.0, 5.0, 5.0],
            [5.0, 1.0, 7.0, 2.0],
            [6.0, 4.5, 7.0, 5.0],
            [0.0, 0.0, 6.5, 2.0],
        ]
    )
    return [
        Case("a box inside", (image, inside, t([7]), 1, 2, 3, 4), weight=0.125),
        Case("boxes that are cut", (image, cut, t([1, 2, 3, 4]), 1, 2, 3, 4), weight=0.25),
        Case("boxes that are lost", (image, out, t([5, 6, 7, 8, 9]), 1, 2, 3, 3), weight=0.25),
        Case(
            "two channels, float64",
            (
                small(2, 6, 4, seed=282).double(),
                t([[0.5, 1.5, 2.5, 5.5], [3.0, 0.0, 4.0, 6.0], [1.5, 3.0, 2.0, 3.5]]).double(),
                t([3, 1, 2]),
                2,
                1,
                4,
                2,
            ),
            weight=0.25,
        ),
    ]


EXERCISE = Exercise("crop", 3.0, reference, public, MISTAKES, ("cnncourse.train",))
