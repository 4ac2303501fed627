"""Exercise `layer_shapes`: the shape behind each layer of a network of conv, pool and fc layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise

BASE = """
def layer_shapes(input_size, layers):
    shape = tuple(input_size)
    shapes = []
    for kind, *numbers in layers:
        if kind == "conv":
            C, H, W = shape
            filters, K, S, (before, after) = numbers
            H = (H + before + after - K) // S + 1
            W = (W + before + after - K) // S + 1
            shape = (filters, H, W)
        elif kind == "pool":
            C, H, W = shape
            K, S = numbers
            H_out = (H - K) // S + 1
            W_out = (W - K) // S + 1
            shape = (C, H_out, W_out)
        else:
            shape = (numbers[0],)
        shapes.append(shape)
    return shapes
"""
CONV_H = "H = (H + before + after - K) // S + 1"
CONV_W = "W = (W + before + after - K) // S + 1"
POOL_H, POOL_W = "H_out = (H - K) // S + 1", "W_out = (W - K) // S + 1"

MISTAKES = catalogue(
    "layer_shapes",
    BASE,
    [
        wrong(
            "padding_once",
            "You add only one of the two paddings. `before` and `after` both lengthen an axis.",
            (CONV_H, CONV_H.replace(" + after", "")),
            (CONV_W, CONV_W.replace(" + after", "")),
        ),
        wrong(
            "padding_doubled",
            "You add twice the first padding. The two sides may differ: add before + after.",
            (CONV_H, CONV_H.replace("before + after", "2 * before")),
            (CONV_W, CONV_W.replace("before + after", "2 * before")),
        ),
        wrong(
            "padding_ignored",
            "The padding is not used.",
            (CONV_H, CONV_H.replace(" + before + after", "")),
            (CONV_W, CONV_W.replace(" + before + after", "")),
        ),
        wrong(
            "one_padding_for_each_axis",
            "You give one of the paddings to the rows and one to the columns. Both lie on each axis, before and after.",
            (CONV_H, CONV_H.replace("before + after", "2 * before")),
            (CONV_W, CONV_W.replace("before + after", "2 * after")),
        ),
        wrong(
            "always_same_size",
            "You let every convolution keep the size of its map. It does so only with enough padding and stride 1.",
            (CONV_H, "H = H"),
            (CONV_W, "W = W"),
        ),
        wrong(
            "conv_stride_ignored",
            "The stride of the convolutions is not used.",
            (CONV_H, CONV_H.replace(" // S", "")),
            (CONV_W, CONV_W.replace(" // S", "")),
        ),
        wrong(
            "pool_stride_is_kernel",
            "You let pooling windows lie side by side. They move by the stride, which may differ from the kernel.",
            ("K, S = numbers\n", "K, S = numbers[0], numbers[0]\n"),
        ),
        wrong(
            "divided_only",
            "You divide the size by the stride. Count the places: (size - K) // S + 1.",
            (POOL_H, "H_out = H // S"),
            (POOL_W, "W_out = W // S"),
        ),
        wrong(
            "rounded_up",
            "You round up. A last window that does not fit is not computed, so round down.",
            (CONV_H, "H = -((K - H - before - after) // S) + 1"),
            (CONV_W, "W = -((K - W - before - after) // S) + 1"),
            (POOL_H, "H_out = -((K - H) // S) + 1"),
            (POOL_W, "W_out = -((K - W) // S) + 1"),
        ),
        wrong(
            "pooling_rounded_up",
            "You round up behind a pooling. A last window that does not fit is not computed there either: round down.",
            (POOL_H, "H_out = -((K - H) // S) + 1"),
            (POOL_W, "W_out = -((K - W) // S) + 1"),
        ),
        wrong(
            "float_division",
            "Some of your sizes are floats. A size is a whole number: divide with //.",
            (CONV_H, CONV_H.replace("// S", "/ S")),
            (CONV_W, CONV_W.replace("// S", "/ S")),
            (POOL_H, POOL_H.replace("// S", "/ S")),
            (POOL_W, POOL_W.replace("// S", "/ S")),
        ),
        wrong(
            "fence_post",
            "You count the steps between the windows. There is one more window than there are steps.",
            (CONV_H, CONV_H.replace(" + 1", "")),
            (CONV_W, CONV_W.replace(" + 1", "")),
            (POOL_H, POOL_H.replace(" + 1", "")),
            (POOL_W, POOL_W.replace(" + 1", "")),
        ),
        wrong(
            "channels_kept",
            "You keep the number of channels through a convolution. It has as many channels behind it as filters.",
            ("shape = (filters, H, W)", "shape = (C, H, W)"),
        ),
        wrong(
            "channels_multiplied",
            "You multiply channels by filters. A filter spans all channels and gives one map.",
            ("shape = (filters, H, W)", "shape = (C * filters, H, W)"),
        ),
        wrong(
            "channels_last",
            "The channels stand last. Asked is (C, H, W).",
            ("shape = (filters, H, W)", "shape = (filters, H, W)\n            shapes.append((H, W, filters))"),
            ("shape = (C, H_out, W_out)", "shape = (C, H_out, W_out)\n            shapes.append((H_out, W_out, C))"),
            ("        shapes.append(shape)\n", "        if kind == 'fc':\n            shapes.append(shape)\n"),
        ),
        wrong(
            "fc_keeps_axes",
            "A fully connected layer gives a row of units: (F,), not (F, 1, 1).",
            ("shapes.append(shape)", "shapes.append(shape if kind != 'fc' else (*shape, 1, 1))"),
        ),
        wrong(
            "square_assumed",
            "The width is taken from the height. Maps need not be square.",
            (CONV_W, "W = H"),
            (POOL_W, "W_out = H_out"),
        ),
        wrong(
            "input_listed",
            "Your list begins with the input. Asked is one shape for each layer, behind it.",
            ("shapes = []", "shapes = [shape]"),
        ),
        wrong(
            "last_shape_only",
            "You give the last shape only. Asked is a list, one shape for each layer.",
            ("return shapes", "return shapes[-1]"),
        ),
    ],
)


def reference(input_size: Sequence[int], layers: Sequence[tuple[Any, ...]]) -> list[tuple[int, ...]]:
    """Count the places of every window one by one."""
    shape, made = tuple(input_size), []
    for kind, *numbers in layers:
        if kind == "fc":
            shape = (numbers[0],)
        else:
            (kernel, stride), (before, after) = numbers[-2:] if kind == "pool" else numbers[1:3], (0, 0)
            if kind == "conv":
                before, after = numbers[3]
            places = [len(range(-before, n + after - kernel + 1, stride)) for n in shape[1:]]
            shape = (numbers[0] if kind == "conv" else shape[0], *places)
        made.append(shape)
    return made


LECTURE = [
    ("conv", 16, 4, 1, (1, 2)),
    ("pool", 4, 4),
    ("conv", 32, 4, 1, (1, 2)),
    ("pool", 4, 4),
    ("fc", 10),
]


def public() -> list[Case]:
    """One new thing a case; the network of the lecture; all at once."""
    everything = [("conv", 5, 4, 2, (2, 1)), ("pool", 3, 2), ("conv", 7, 3, 3, (0, 2)), ("fc", 6), ("fc", 4)]
    return [
        Case("one convolution", ((3, 6, 8), [("conv", 4, 3, 1, (0, 0))]), weight=0.3),
        Case("padding (1, 2), stride 2", ((3, 8, 9), [("conv", 4, 4, 2, (1, 2))]), weight=0.3),
        Case("pooling that overlaps", ((5, 10, 7), [("pool", 4, 2)]), weight=0.3),
        Case("the lecture's network", ((3, 256, 256), LECTURE), weight=0.3),
        Case("all at once", ((2, 31, 40), everything), weight=0.3),
    ]


EXERCISE = Exercise("layer_shapes", 2.0, reference, public, MISTAKES)
