"""Exercise `receptive_field`: how much of the input one output sees."""

from __future__ import annotations

from collections.abc import Sequence

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise

BASE = """
def receptive_field(layers):
    size, jump = 1, 1
    for layer in layers:
        kernel, stride = layer[0], layer[1]
        dilation = layer[2] if len(layer) > 2 else 1
        size = size + dilation * (kernel - 1) * jump
        jump = jump * stride
    return size, jump
"""
GROW = "        size = size + dilation * (kernel - 1) * jump\n"
STEP = "        jump = jump * stride\n"

MISTAKES = catalogue(
    "receptive_field",
    BASE,
    [
        wrong(
            "jump_first",
            "You use the jump after this layer to grow the field. A layer's taps lie as far apart as its inputs do: "
            "the jump before it.",
            (GROW + STEP, STEP + GROW),
        ),
        wrong(
            "whole_kernel",
            "Each layer adds its whole kernel. One tap lies on what was there already: K - 1 taps are new.",
            ("(kernel - 1)", "kernel"),
        ),
        wrong(
            "stride_ignored",
            "The strides are not used: after a stride of 2, one step in the feature map is two pixels of the input.",
            ("jump * stride", "jump"),
        ),
        wrong(
            "jump_ignored",
            "The field grows by K - 1 in every layer. After a stride it grows in larger steps.",
            (" * (kernel - 1) * jump", " * (kernel - 1)"),
        ),
        wrong(
            "own_stride",
            "You multiply with this layer's stride only. The strides of all layers before it count, multiplied.",
            ("(kernel - 1) * jump", "(kernel - 1) * stride"),
        ),
        wrong(
            "strides_added",
            "The jump is the product of the strides, not their sum.",
            ("jump * stride", "jump + stride - 1"),
        ),
        wrong(
            "last_stride",
            "The jump is the stride of the last layer only. Multiply the strides of all layers.",
            ("jump = jump * stride", "jump = stride"),
        ),
        wrong(
            "dilation_ignored",
            "The dilation is not used: with dilation D the taps lie D times as far apart.",
            ("dilation * (kernel - 1)", "(kernel - 1)"),
        ),
        wrong(
            "dilation_on_jump",
            "The dilation is put into the jump. It spreads the taps of its own layer only.",
            ("jump * stride", "jump * stride * dilation"),
        ),
        wrong(
            "starts_at_zero",
            "You start from 0. With no layer at all, an output sees one pixel: itself.",
            ("size, jump = 1, 1", "size, jump = 0, 1"),
        ),
        wrong(
            "backwards",
            "You go through the layers from the last to the first with the formula for going forward.",
            ("in layers", "in layers[::-1]"),
        ),
        wrong(
            "product_of_kernels",
            "You multiply the kernels. Stacked kernels add up: two layers of 3 see 5 pixels.",
            ("size + dilation * (kernel - 1) * jump", "size * (dilation * (kernel - 1) + 1)"),
        ),
        wrong(
            "last_layer_missing",
            "The last layer is left out.",
            ("in layers", "in layers[:-1]"),
        ),
        wrong(
            "exchanged",
            "The two numbers are exchanged: the size comes first, then the jump.",
            ("return size, jump", "return jump, size"),
        ),
        wrong(
            "size_only",
            "You return one number. Asked are two: the size and the jump.",
            ("return size, jump", "return size"),
        ),
    ],
)


def reference(layers: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """Follow the set of input pixels backwards from two neighbouring outputs."""

    def seen(position: int) -> set[int]:
        places = {position}
        for kernel, stride, *rest in reversed(list(layers)):
            dilation = rest[0] if rest else 1
            places = {p * stride + dilation * k for p in places for k in range(kernel)}
        return places

    first, second = seen(0), seen(1)
    return max(first) - min(first) + 1, min(second) - min(first)


def public() -> list[Case]:
    """Stacks that can be drawn."""
    return [
        Case("one layer of 3", ([(3, 1)],), weight=0.3),
        Case("two layers of 3", ([(3, 1), (3, 1)],), weight=0.3),
        Case("stride 2, then a layer of 5", ([(3, 2), (5, 1)],), weight=0.3),
        Case("strides 2 and 3, then a layer of 3", ([(3, 2), (2, 3), (3, 1)],), weight=0.3),
        Case("dilation 2, stride 3", ([(3, 1), (3, 3, 2), (4, 2)],), weight=0.3),
    ]


EXERCISE = Exercise("receptive_field", 2.0, reference, public, MISTAKES, forbidden=("cnncourse.receptive_field",))
