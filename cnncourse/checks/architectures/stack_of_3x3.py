"""Exercise `stack_of_3x3`: a stack of 3×3 layers against one layer that sees as far."""

from __future__ import annotations

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise

BASE = """
def stack_of_3x3(field, channels):
    layers = (field - 1) // 2
    return layers, layers * 9 * channels * channels, field * field * channels * channels
"""
LAYERS, STACK, SINGLE = "(field - 1) // 2", "layers * 9 * channels * channels", "field * field * channels * channels"

MISTAKES = catalogue(
    "stack_of_3x3",
    BASE,
    [
        wrong(
            "three_pixels_a_layer",
            "You add three pixels for each layer. Windows overlap: each further layer sees one more on either side.",
            (LAYERS, "(field + 2) // 3"),
        ),
        wrong(
            "one_layer_too_many",
            "One layer too many: the first already sees 3 pixels, each further one 2 more.",
            (LAYERS, "(field + 1) // 2"),
        ),
        wrong(
            "one_layer_too_few",
            "One layer too few: you count those that come behind the first.",
            (LAYERS, "(field - 3) // 2"),
        ),
        wrong(
            "one_layer_counted",
            "Your second number holds the weights of one 3×3 layer. Count all of the stack's.",
            (STACK, "9 * channels * channels"),
        ),
        wrong(
            "channels_once",
            "A layer has a filter for each output channel, and each spans all input channels: C times C.",
            (STACK, "layers * 9 * channels"),
            (SINGLE, "field * field * channels"),
        ),
        wrong(
            "channels_left_out",
            "You count the pixels of the windows. Each of the C filters spans C channels: times C times C.",
            (STACK, "layers * 9"),
            (SINGLE, "field * field"),
        ),
        wrong(
            "three_for_nine",
            "A 3×3 filter has nine weights for each pair of channels, not three.",
            (STACK, "layers * 3 * channels * channels"),
        ),
        wrong(
            "field_not_squared",
            "The large filter is a square: field times field pixels.",
            (SINGLE, "field * channels * channels"),
        ),
        wrong(
            "biases_counted",
            "You count biases. Here they are left out.",
            (STACK, "layers * (9 * channels + 1) * channels"),
            (SINGLE, "(field * field * channels + 1) * channels"),
        ),
        wrong(
            "exchanged",
            "The two numbers of weights have changed places: first the stack, then the large filter.",
            (f"{STACK}, {SINGLE}", f"{SINGLE}, {STACK}"),
        ),
    ],
)


def reference(field: int, channels: int) -> tuple[int, int, int]:
    """Layer by layer, until the field is seen."""
    layers, seen = 0, 1
    while seen < field:
        layers, seen = layers + 1, seen + 2
    return layers, sum(channels * channels * 3**2 for _ in range(layers)), channels * channels * field**2


def public() -> list[Case]:
    """Fields of 5, 7 and 11 pixels."""
    return [
        Case("field 5, 1 channel", (5, 1)),
        Case("field 7, 64 channels", (7, 64)),
        Case("field 11, 3 channels", (11, 3)),
        Case("field 3, 2 channels: one layer is the filter", (3, 2), weight=0.2),
    ]


EXERCISE = Exercise("stack_of_3x3", 1.0, reference, public, MISTAKES)
