"""Exercise `pixels_seen`: the first and the last pixel that unit i behind a stack of layers looks at."""

from __future__ import annotations

from collections.abc import Sequence

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.subject import Subject

BASE = """
def pixels_seen(layers, unit):
    first, last = unit, unit
    for kernel, stride, padding in reversed(layers):
        first = first * stride - padding
        last = last * stride - padding + kernel - 1
    return first, last
"""
FIRST, LAST = "first = first * stride - padding\n", "last = last * stride - padding + kernel - 1\n"

MISTAKES = catalogue(
    "pixels_seen",
    BASE,
    [
        wrong(
            "image_to_unit",
            "You go from the image to the unit. Begin with the unit, at the last layer, and go down to the image.",
            ("reversed(layers)", "layers"),
        ),
        wrong(
            "padding_ignored",
            "The padding is not used: it moves every window to the left.",
            (FIRST, "first = first * stride\n"),
            (LAST, "last = last * stride + kernel - 1\n"),
        ),
        wrong(
            "padding_added",
            "The padding has the wrong sign. Window 0 begins on the padding, to the left of pixel 0.",
            (FIRST, "first = first * stride + padding\n"),
            (LAST, "last = last * stride + padding + kernel - 1\n"),
        ),
        wrong(
            "padding_doubled",
            "You move by twice the padding. Only what lies before the first pixel moves the window.",
            (FIRST, "first = first * stride - 2 * padding\n"),
            (LAST, "last = last * stride - 2 * padding + kernel - 1\n"),
        ),
        wrong(
            "padding_both_ends",
            "You lengthen the field by the padding at its end too. Padding moves a window, it does not widen it.",
            (LAST, "last = last * stride + padding + kernel - 1\n"),
        ),
        wrong(
            "padding_in_pixels",
            "You subtract the sum of all paddings. Padding of a later layer counts in steps of that layer, not pixels.",
            (FIRST, "first = first * stride\n"),
            (LAST, "last = last * stride + kernel - 1\n"),
            ("return first, last", "return tuple(p - sum(layer[2] for layer in layers) for p in (first, last))"),
        ),
        wrong(
            "stride_ignored",
            "The strides are not used: window i of a layer begins at i * stride.",
            (FIRST, "first = first - padding\n"),
            (LAST, "last = last - padding + kernel - 1\n"),
        ),
        wrong(
            "stride_last",
            "You multiply by the stride too late. Window i begins at i * stride - padding: the stride first.",
            (FIRST, "first = (first - padding) * stride\n"),
            (LAST, "last = (last - padding + kernel - 1) * stride\n"),
        ),
        wrong(
            "last_layer_only",
            "The field never grows: the last pixel is the one of a single window. Follow the last unit down as well.",
            (LAST, "last = first + kernel - 1\n"),
        ),
        wrong(
            "one_past_the_end",
            "The last pixel is too far right: a window that begins at pixel p ends at p + K - 1.",
            (LAST, "last = last * stride - padding + kernel\n"),
        ),
        wrong(
            "end_not_included",
            "You give the pixel behind the last one, as a slice would. Asked is the last pixel itself.",
            ("return first, last", "return first, last + 1"),
        ),
        wrong(
            "window_centred",
            "You lay each window around its middle. Window i begins at i * stride - padding.",
            (FIRST, "first = first * stride - kernel // 2\n"),
            (LAST, "last = last * stride + kernel // 2\n"),
        ),
        wrong(
            "cut_at_the_border",
            "You cut off what lies left of the image. Keep negative numbers: they say how far the field reaches into "
            "the padding.",
            ("return first, last", "return max(first, 0), last"),
        ),
        wrong(
            "size_for_last",
            "Your second number is the size of the field. Asked is its last pixel.",
            ("return first, last", "return first, last - first + 1"),
        ),
        wrong(
            "exchanged",
            "The two numbers are exchanged: the first pixel, then the last.",
            ("return first, last", "return last, first"),
        ),
        wrong(
            "unit_zero",
            "You give the field of unit 0. Asked is that of the given unit.",
            ("first, last = unit, unit", "first, last = 0, 0"),
        ),
        wrong(
            "unit_in_pixels",
            "You take the field of unit 0 and move it by `unit` pixels. Neighbouring units lie a jump apart.",
            ("first, last = unit, unit", "first, last = 0, 0"),
            ("return first, last", "return first + unit, last + unit"),
        ),
        wrong(
            "first_layer_missing",
            "The layer nearest to the image is left out.",
            ("reversed(layers)", "reversed(layers[1:])"),
        ),
    ],
)


def reference(layers: Sequence[tuple[int, int, int]], unit: int) -> tuple[int, int]:
    """Follow every place down to the image."""
    places = {unit}
    for kernel, stride, padding in reversed(list(layers)):
        places = {p * stride - padding + k for p in places for k in range(kernel)}
    return min(places), max(places)


def two_units(subject: Subject, layers: list[tuple[int, int, int]], unit: int) -> tuple[object, object]:
    """The fields of the first unit, which reaches into the padding, and of another."""
    return subject(layers, 0), subject(layers, unit)


def public() -> list[Case]:
    """Stacks that can be drawn."""
    return [
        Case("one window", ([(3, 2, 0)], 4), weight=0.3),
        Case("one window with padding", ([(3, 1, 1)], 0), weight=0.3),
        Case("two convolutions", ([(3, 1, 0), (3, 1, 0)], 2), weight=0.3),
        Case("convolution, then pooling", ([(5, 1, 2), (2, 2, 0)], 3), weight=0.3),
        Case("strides and paddings that differ", ([(4, 2, 1), (3, 3, 1), (2, 2, 1)], 5), weight=0.3),
        Case("the same stack, unit 0", ([(4, 2, 1), (3, 3, 1), (2, 2, 1)], 0), weight=0.3),
    ]


EXERCISE = Exercise("pixels_seen", 2.0, reference, public, MISTAKES, forbidden=("cnncourse.receptive_field",))
