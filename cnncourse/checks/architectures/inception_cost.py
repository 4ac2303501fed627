"""Exercise `inception_cost`: channels, weights and multiply-adds of an inception module."""

from __future__ import annotations

from collections.abc import Sequence

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise

BASE = """
def inception_cost(c_in, filters, height, width):
    one, reduce3, three, reduce5, five, pool = filters
    channels = one + three + five + pool
    first = c_in * one
    second = c_in * reduce3 + reduce3 * three * 9
    third = c_in * reduce5 + reduce5 * five * 25
    fourth = c_in * pool
    weights = first + second + third + fourth
    return channels, weights, weights * height * width
"""
CHANNELS = "one + three + five + pool"
SUM = "first + second + third + fourth"

MISTAKES = catalogue(
    "inception_cost",
    BASE,
    [
        wrong(
            "three_sees_the_input",
            "Your 3×3 filters see the module's input. They see what the 1×1 filters before them leave.",
            ("reduce3 * three", "c_in * three"),
        ),
        wrong(
            "five_sees_the_input",
            "Your 5×5 filters see the module's input. They see what the 1×1 filters before them leave.",
            ("reduce5 * five", "c_in * five"),
        ),
        wrong(
            "no_bottleneck",
            "Both large filters see the module's input. They see what the 1×1 filters before them leave.",
            ("reduce3 * three", "c_in * three"),
            ("reduce5 * five", "c_in * five"),
        ),
        wrong(
            "reductions_free",
            "The 1×1 filters in front of the large ones are not counted. They cost little, but not nothing.",
            ("c_in * reduce3 + ", ""),
            ("c_in * reduce5 + ", ""),
        ),
        wrong(
            "five_as_three",
            "You count the larger filter as 3×3. It is 5×5: 25 weights for each channel.",
            ("five * 25", "five * 9"),
        ),
        wrong(
            "kernels_once",
            "A 3×3 filter has 9 weights for each channel, a 5×5 filter 25.",
            ("three * 9", "three * 3"),
            ("five * 25", "five * 5"),
        ),
        wrong(
            "pool_branch_free",
            "The branch with the pooling has weights too: the 1×1 filters behind the pooling.",
            (SUM, "first + second + third"),
        ),
        wrong(
            "pool_branch_3x3",
            "Pooling has no weights. Behind it stand filters of 1×1, not of 3×3.",
            ("c_in * pool", "c_in * pool * 9"),
        ),
        wrong(
            "pool_branch_sees_itself",
            "Pooling keeps the number of channels: the 1×1 filters behind it see all of the input's.",
            ("c_in * pool", "pool * pool"),
        ),
        wrong(
            "reductions_in_the_output",
            "You count the reductions among the output's channels. Only the last layer of each branch goes out.",
            (CHANNELS, "one + reduce3 + three + reduce5 + five + pool"),
        ),
        wrong(
            "pool_not_in_the_output",
            "The branch with the pooling is missing among the output's channels.",
            (CHANNELS, "one + three + five"),
        ),
        wrong(
            "all_of_the_input_in_the_output",
            "You put the pooled input itself into the output. Its 1×1 filters make `pool` channels of it first.",
            (CHANNELS, "one + three + five + c_in"),
        ),
        wrong(
            "no_map",
            "Your multiply-adds are those of one pixel. Every weight is used once at each pixel of the map.",
            ("weights * height * width", "weights"),
        ),
        wrong(
            "map_taken_as_square",
            "The map has height times width pixels. It need not be square.",
            ("height * width", "height * height"),
        ),
        wrong(
            "biases_counted",
            "You count biases. Here they are left out, as in the paper's table.",
            (SUM, f"{SUM} + sum(filters)"),
        ),
        wrong(
            "filters_in_another_order",
            "You read the six numbers as the four outputs, then the two reductions. The order is the table's.",
            (
                "one, reduce3, three, reduce5, five, pool = filters",
                "one, three, five, pool, reduce3, reduce5 = filters",
            ),
        ),
        wrong(
            "multiply_adds_first",
            "Weights and multiply-adds have changed places: channels, weights, multiply-adds.",
            ("channels, weights, weights * height * width", "channels, weights * height * width, weights"),
        ),
    ],
)


def reference(c_in: int, filters: Sequence[int], height: int, width: int) -> tuple[int, int, int]:
    """Branch by branch, as lists of (channels in, channels out, side of the filter)."""
    one, reduce3, three, reduce5, five, pool = filters
    branches = [
        [(c_in, one, 1)],
        [(c_in, reduce3, 1), (reduce3, three, 3)],
        [(c_in, reduce5, 1), (reduce5, five, 5)],
        [(c_in, pool, 1)],
    ]
    weights = sum(c * f * k**2 for branch in branches for c, f, k in branch)
    return sum(branch[-1][1] for branch in branches), weights, weights * height * width


def public() -> list[Case]:
    """A module to count by hand, a long map, and the first of GoogLeNet."""
    return [
        Case("1 channel in, one filter each", (1, (1, 1, 1, 1, 1, 1), 1, 2), weight=0.25),
        Case("5 channels in, all numbers different", (5, (2, 3, 4, 1, 6, 7), 2, 3)),
        Case("GoogLeNet's module 3a", (192, (64, 96, 128, 16, 32, 32), 28, 28)),
    ]


FORBIDDEN = ("cnncourse.analyze", "cnncourse.analysis", "cnncourse.models", "torchvision")
EXERCISE = Exercise("inception_cost", 2.0, reference, public, MISTAKES, FORBIDDEN)
