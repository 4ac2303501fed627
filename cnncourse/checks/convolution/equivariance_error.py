"""Exercise `equivariance_error`: does shifting the input only shift the output?"""

from __future__ import annotations

from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small

BASE = """
import torch

def equivariance_error(y, y_shifted, shift):
    di, dj = shift
    H, W = y.shape[2:]
    top, bottom = max(di, 0), min(H, H + di)
    left, right = max(dj, 0), min(W, W + dj)
    moved = y_shifted[:, :, top:bottom, left:right]
    still = y[:, :, top - di : bottom - di, left - dj : right - dj]
    return (moved - still).abs().max()
"""
MOVED = "    moved = y_shifted[:, :, top:bottom, left:right]\n"
STILL = "    still = y[:, :, top - di : bottom - di, left - dj : right - dj]\n"

MISTAKES = catalogue(
    "equivariance_error",
    BASE,
    [
        wrong(
            "wraps_around",
            "You compare pixels that left on one side with pixels that came in on the other. "
            "Compare only where the maps overlap.",
            (MOVED, "    moved = y_shifted\n"),
            (STILL, "    still = y.roll((di, dj), (2, 3))\n"),
        ),
        wrong(
            "border_counted",
            "You fill up with zeros what the shift uncovers and compare that too. Compare only where the maps overlap.",
            (MOVED, "    moved = y_shifted\n"),
            (
                STILL,
                "    still = torch.zeros_like(y)\n"
                "    still[:, :, top:bottom, left:right] = y[:, :, top - di : bottom - di, left - dj : right - dj]\n",
            ),
        ),
        wrong(
            "shift_reversed",
            "You undo the shift in the wrong direction: what stood at (i, j) stands at (i + di, j + dj) afterwards.",
            ("di, dj = shift", "di, dj = -shift[0], -shift[1]"),
        ),
        wrong(
            "axes_exchanged",
            "The two shifts are exchanged: the first moves rows (down), the second columns (to the right).",
            ("di, dj = shift", "dj, di = shift"),
        ),
        wrong(
            "shift_ignored",
            "The maps are compared where they stand. First bring the pixels together that belong together.",
            ("di, dj = shift", "di, dj = 0, 0"),
        ),
        wrong(
            "rows_only",
            "Only the shift of the rows is undone, the one of the columns is not.",
            ("di, dj = shift", "di, dj = shift[0], 0"),
        ),
        wrong(
            "columns_only",
            "Only the shift of the columns is undone, the one of the rows is not.",
            ("di, dj = shift", "di, dj = 0, shift[1]"),
        ),
        wrong(
            "negative_shift",
            "A shift up or to the left goes wrong: a slice that starts at a negative number counts from the end.",
            (MOVED, "    moved = y_shifted[:, :, di:, dj:]\n"),
            (STILL, "    still = y[:, :, : H - di, : W - dj]\n"),
        ),
        wrong(
            "mean",
            "You give the mean difference. Asked is the largest one: a single wrong pixel must show.",
            (".max()", ".mean()"),
        ),
        wrong(
            "total",
            "You add the differences up. Asked is the largest one.",
            (".max()", ".sum()"),
        ),
        wrong(
            "sign_kept",
            "A large negative difference is lost. Take absolute values before you look for the largest.",
            (".abs()", ""),
        ),
        wrong(
            "squared",
            "You square the differences. Asked is the largest absolute difference.",
            (".abs()", ".square()"),
        ),
        wrong(
            "relative",
            "You divide by the largest value of y. Asked is the plain, absolute difference.",
            (".max()", ".max() / y.abs().max()"),
        ),
        wrong(
            "first_image_only",
            "Only the first image of the batch is looked at.",
            ("(moved - still)", "(moved - still)[:1]"),
        ),
        wrong(
            "first_channel_only",
            "Only the first channel is looked at.",
            ("(moved - still)", "(moved - still)[:, :1]"),
        ),
    ],
)


def reference(y: Tensor, y_shifted: Tensor, shift: tuple[int, int]) -> float:
    """Look at every pair of pixels that belong together."""
    di, dj = shift
    H, W = y.shape[2:]
    pairs = [(i, j) for i in range(H) for j in range(W) if 0 <= i + di < H and 0 <= j + dj < W]
    return max(float((y_shifted[:, :, i + di, j + dj] - y[:, :, i, j]).abs().max()) for i, j in pairs)


def pair(y: Tensor, shift: tuple[int, int], filler: Tensor, error: tuple[tuple[int, ...], float]) -> Case:
    """A map, its shifted copy filled up with `filler`, and one pixel at `error[0]` that is off by `error[1]`."""
    di, dj = shift
    H, W = y.shape[2:]
    top, bottom, left, right = max(di, 0), min(H, H + di), max(dj, 0), min(W, W + dj)
    moved = filler.clone()
    moved[:, :, top:bottom, left:right] = y[:, :, top - di : bottom - di, left - dj : right - dj]
    at, size = error
    moved[at] += size
    return Case("", (y, moved, shift))


def public() -> list[Case]:
    """Maps of whole numbers, in one of which a pixel is wrong."""
    maps = [
        small(1, 1, 3, 4, seed=71),
        small(2, 2, 3, 4, seed=73),
        small(1, 2, 4, 3, seed=75),
        small(1, 1, 3, 3, seed=77),
    ]
    fill = [small(*m.shape, seed=81 + k, low=5, high=9) for k, m in enumerate(maps)]
    made = [
        ("moved down by 1", pair(maps[0], (1, 0), fill[0], ((0, 0, 2, 1), -2.0))),
        ("moved down by 1, right by 2", pair(maps[1], (1, 2), fill[1], ((1, 1, 1, 3), -3.0))),
        ("moved up by 1, right by 1", pair(maps[2], (-1, 1), fill[2], ((0, 1, 0, 2), -4.0))),
        ("moved left by 1, nothing wrong", pair(maps[3], (0, -1), fill[3], ((0, 0, 0, 0), 0.0))),
    ]
    made[1][1].args[1][0, 0, 2, 3] += 1  # a second, smaller error
    return [Case(name, case.args, weight=0.3) for name, case in made]


EXERCISE = Exercise("equivariance_error", 2.0, reference, public, MISTAKES)
