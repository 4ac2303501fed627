"""Exercise `conv_cost`: weights and multiply-adds of one convolution."""

from __future__ import annotations

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise

BASE = """
def conv_cost(c_in, c_out, kernel_size, height, width, stride=1, padding=0, bias=True):
    K, S, P = kernel_size, stride, padding
    rows = (height + 2 * P - K) // S + 1
    columns = (width + 2 * P - K) // S + 1
    filter_weights = c_in * K * K
    weights = c_out * (filter_weights + bias)
    multiply_adds = rows * columns * c_out * filter_weights
    return weights, multiply_adds
"""
ROWS, COLUMNS = "(height + 2 * P - K) // S + 1", "(width + 2 * P - K) // S + 1"
MACS = "rows * columns * c_out * filter_weights"


def both(old: str, new: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """The same change for rows and columns."""
    return (ROWS, ROWS.replace(old, new)), (COLUMNS, COLUMNS.replace(old, new))


MISTAKES = catalogue(
    "conv_cost",
    BASE,
    [
        wrong(
            "bias_always",
            "With bias=False there are no biases to count.",
            ("filter_weights + bias", "filter_weights + 1"),
        ),
        wrong(
            "bias_never",
            "The biases are missing from the weights: one for each filter, unless bias is False.",
            ("filter_weights + bias", "filter_weights"),
        ),
        wrong(
            "bias_per_channel",
            "You count a bias for each input channel of a filter. A filter has one bias.",
            ("filter_weights + bias", "filter_weights + c_in * bias"),
        ),
        wrong(
            "bias_multiplied",
            "A bias is added, not multiplied: it counts as a weight, but as no multiply-add.",
            (MACS, MACS.replace("filter_weights", "(filter_weights + bias)")),
        ),
        wrong(
            "every_pixel_of_the_input",
            "You count a window for every pixel of the input. There is one for every pixel of the output.",
            (MACS, MACS.replace("rows * columns", "height * width")),
        ),
        wrong(
            "stride_ignored",
            "The stride is ignored: the window moves by S pixels, so there are about H / S rows of windows.",
            *both("// S", "// 1"),
        ),
        wrong(
            "padding_once",
            "P rows are added on both sides: H + 2P.",
            *both("2 * P", "P"),
        ),
        wrong(
            "padding_ignored",
            "The padding is ignored: the window moves over H + 2P rows.",
            *both(" + 2 * P", ""),
        ),
        wrong(
            "first_window_forgotten",
            "One row and one column of windows are missing: the window stands still once before it moves.",
            *both(" + 1", ""),
        ),
        wrong(
            "rounded_up",
            "A window that sticks out does not count: round down.",
            (ROWS, "-((height + 2 * P - K) // -S) + 1"),
            (COLUMNS, "-((width + 2 * P - K) // -S) + 1"),
        ),
        wrong(
            "map_taken_as_square",
            "You use the height for both sides. A map need not be square.",
            (COLUMNS, ROWS),
        ),
        wrong(
            "kernel_once",
            "A window has K rows and K columns: K times K pixels.",
            ("c_in * K * K", "c_in * K"),
        ),
        wrong(
            "one_channel_deep",
            "A filter spans all channels of its input: it has C_in times K times K weights.",
            ("c_in * K * K", "K * K"),
        ),
        wrong(
            "one_filter_moves",
            "Your multiply-adds are those of one filter. All C_out of them move over the map.",
            (MACS, MACS.replace(" * c_out", "")),
        ),
        wrong(
            "no_map",
            "Your multiply-adds are those of one window. A filter is used again at every pixel of the output.",
            (MACS, "c_out * filter_weights"),
        ),
        wrong(
            "counted_twice",
            "You count multiplications and additions apart. Here a multiplication with its addition is one.",
            (MACS, f"2 * {MACS}"),
        ),
        wrong(
            "exchanged",
            "Weights and multiply-adds have changed places: first the weights.",
            ("return weights, multiply_adds", "return multiply_adds, weights"),
        ),
    ],
)


def reference(
    c_in: int,
    c_out: int,
    kernel_size: int,
    height: int,
    width: int,
    stride: int = 1,
    padding: int = 0,
    bias: bool = True,
) -> tuple[int, int]:
    """Window by window: where it starts, and what it multiplies."""
    starts = [range(0, side + 2 * padding - kernel_size + 1, stride) for side in (height, width)]
    one = sum(1 for _ in range(c_in) for _ in range(kernel_size) for _ in range(kernel_size))
    return c_out * one + (c_out if bias else 0), sum(c_out * one for _ in starts[0] for _ in starts[1])


def public() -> list[Case]:
    """AlexNet's first layer, and small ones."""
    return [
        Case("one filter of 3×3 on 5×4 pixels", (1, 1, 3, 5, 4), {"bias": False}, weight=0.2),
        Case("the same with its bias", (1, 1, 3, 5, 4), weight=0.2),
        Case("3 channels in, 2 out, stride 2", (3, 2, 3, 8, 7, 2), weight=0.2),
        Case("2 channels in, 5 out, stride 3, padding 2, no bias", (2, 5, 4, 9, 6, 3, 2, False), weight=0.2),
        Case("AlexNet's first layer", (3, 96, 11, 227, 227, 4), weight=0.2),
    ]


FORBIDDEN = ("cnncourse.analyze", "cnncourse.analysis")
EXERCISE = Exercise("conv_cost", 2.0, reference, public, MISTAKES, FORBIDDEN)
