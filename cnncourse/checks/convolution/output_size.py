"""Exercise `output_size`: how many positions a window has along one axis."""

from __future__ import annotations

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise

BASE = """
import math

def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    reach = dilation * (kernel_size - 1) + 1
    steps = (size + 2 * padding - reach) // stride
    return steps + 1
"""

MISTAKES = catalogue(
    "output_size",
    BASE,
    [
        wrong(
            "padding_once",
            "You add the padding once. It is put on both sides of the input.",
            ("2 * padding", "padding"),
        ),
        wrong(
            "padding_ignored",
            "The padding is not used: the window may also stand on the zeros around the input.",
            (" + 2 * padding", ""),
        ),
        wrong(
            "stride_ignored",
            "The stride is not used: count the steps that the window makes, not the pixels that it passes.",
            (" // stride", ""),
        ),
        wrong(
            "fence_post",
            "You count the steps between positions. There is one more position than there are steps.",
            ("steps + 1", "steps"),
        ),
        wrong(
            "rounded_up",
            "You round up. A last window that does not fit completely is not computed, so round down.",
            ("(size + 2 * padding - reach) // stride", "math.ceil((size + 2 * padding - reach) / stride)"),
        ),
        wrong(
            "rounded_to_nearest",
            "You round to the nearest whole number. A last window that does not fit is not computed, so round down.",
            (
                "(size + 2 * padding - reach) // stride",
                "math.floor((size + 2 * padding - reach) / stride + 0.5)",
            ),
        ),
        wrong(
            "float_division",
            "The result is a float. A size is a whole number: divide with rounding down.",
            ("// stride", "/ stride"),
        ),
        wrong(
            "dilation_ignored",
            "The dilation is not used: with dilation D, neighbouring taps of the kernel lie D pixels apart.",
            ("dilation * (kernel_size - 1)", "(kernel_size - 1)"),
        ),
        wrong(
            "dilation_times_kernel",
            "You let the window reach over D * K pixels. There are only K - 1 gaps between its K taps.",
            ("dilation * (kernel_size - 1) + 1", "dilation * kernel_size"),
        ),
        wrong(
            "one_inside",
            "The + 1 stands inside the division. It counts the first position and belongs outside.",
            ("- reach) // stride", "- reach + 1) // stride"),
            ("steps + 1", "steps"),
        ),
    ],
)


def reference(size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Count the positions one by one."""
    end = size + padding - dilation * (kernel_size - 1)
    return len(range(-padding, end, stride))


def public() -> list[Case]:
    """Small cases, one idea each."""
    return [
        Case("7 pixels, window 3", (7, 3), weight=0.5),
        Case("stride 2, the last pixel left over", (8, 3), {"stride": 2, "padding": 0}, weight=0.5),
        Case("padding 2 on both sides", (5, 3), {"stride": 1, "padding": 2}, weight=0.5),
        Case("stride 3, padding 1", (10, 4), {"stride": 3, "padding": 1}, weight=0.5),
        Case("dilation 2", (9, 3, 2, 1, 2), weight=0.5),
        Case("all at once", (12, 4, 4, 2, 2), weight=0.5),
    ]


EXERCISE = Exercise("output_size", 1.0, reference, public, MISTAKES)
