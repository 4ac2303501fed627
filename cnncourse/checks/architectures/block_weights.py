"""Exercise `block_weights`: what a residual block learns, counted."""

from __future__ import annotations

from torch import nn

from cnncourse.checks.architectures import basic_block, bottleneck
from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise

BASE = """
def block_weights(kind, c_in, width, stride=1):
    norm = 2
    if kind == "basic":
        c_out = width
        weights = c_in * width * 9 + norm * width
        weights += width * width * 9 + norm * width
    else:
        c_out = 4 * width
        weights = c_in * width + norm * width
        weights += width * width * 9 + norm * width
        weights += width * c_out + norm * c_out
    if stride != 1 or c_in != c_out:
        weights += c_in * c_out + norm * c_out
    return weights
"""
BASIC = "c_in * width * 9 + norm * width\n        weights += width * width * 9"
SECOND = "        weights = c_in * width + norm * width\n        weights += width * width * 9"
WHEN = "if stride != 1 or c_in != c_out"
FIT = "c_in * c_out + norm * c_out"

MISTAKES = catalogue(
    "block_weights",
    BASE,
    [
        wrong(
            "statistics_counted",
            "You count four numbers of batch norm for each channel. Two are learned; the running statistics are not.",
            ("norm = 2", "norm = 4"),
        ),
        wrong(
            "batch_norm_forgotten",
            "Batch norm is missing: a scale and a shift for each channel that a convolution gives.",
            ("norm = 2", "norm = 0"),
        ),
        wrong(
            "one_number_of_batch_norm",
            "Batch norm learns two numbers for each channel, a scale and a shift.",
            ("norm = 2", "norm = 1"),
        ),
        wrong(
            "biases_counted",
            "You count biases. In front of batch norm a convolution has none.",
            ("norm = 2", "norm = 3"),
        ),
        wrong(
            "projection_forgotten",
            "The projection is missing. Where the shortcut has another shape than the output, it needs a 1×1 layer.",
            (f"    {WHEN}:\n        weights += {FIT}\n", ""),
        ),
        wrong(
            "projection_always",
            "You count a projection for every block. Where input and output have one shape, x is added as it is.",
            (WHEN, "if True"),
        ),
        wrong(
            "projection_by_stride_only",
            "A projection is also needed where the number of channels changes at stride 1.",
            (WHEN, "if stride != 1"),
        ),
        wrong(
            "projection_by_channels_only",
            "A projection is also needed where the stride makes the map smaller and the channels stay.",
            (WHEN, "if c_in != c_out"),
        ),
        wrong(
            "width_compared",
            "A bottleneck gives out 4 times its width. That is the number to compare with the input's channels.",
            (WHEN, "if stride != 1 or c_in != width"),
        ),
        wrong(
            "projection_without_batch_norm",
            "The projection has a batch norm of its own.",
            (FIT, "c_in * c_out"),
        ),
        wrong(
            "projection_3x3",
            "The projection is a convolution of 1×1, not of 3×3.",
            (FIT, "c_in * c_out * 9 + norm * c_out"),
        ),
        wrong(
            "expansion_forgotten",
            "A bottleneck's last layer gives out 4 times the width.",
            ("c_out = 4 * width", "c_out = width"),
        ),
        wrong(
            "expanded_in_the_middle",
            "In a bottleneck the 3×3 layer is the narrow one: `width` channels in, `width` out.",
            (
                f"{SECOND} + norm * width\n        weights += width * c_out + norm * c_out",
                SECOND.replace("width * width * 9", "width * c_out * 9")
                + " + norm * c_out\n        weights += c_out * c_out + norm * c_out",
            ),
        ),
        wrong(
            "bottleneck_all_3x3",
            "In a bottleneck only the middle layer is 3×3. The first and the last are 1×1.",
            ("weights = c_in * width + norm", "weights = c_in * width * 9 + norm"),
            ("weights += width * c_out + norm", "weights += width * c_out * 9 + norm"),
        ),
        wrong(
            "second_layer_sees_the_input",
            "The second layer sees what the first gives: `width` channels, not those of the block's input.",
            (BASIC, BASIC.replace("width * width", "c_in * width")),
            (SECOND, SECOND.replace("width * width", "c_in * width")),
        ),
        wrong(
            "kinds_exchanged",
            "The basic block and the bottleneck have changed places.",
            ('kind == "basic"', 'kind != "basic"'),
        ),
        wrong(
            "stride_counted",
            "The stride makes the map smaller and the work less. The weights stay: they are used at fewer places.",
            ("    return weights", "    return weights // stride"),
        ),
    ],
)


def reference(kind: str, c_in: int, width: int, stride: int = 1) -> int:
    """The parameters of the block itself."""
    made: nn.Module
    made = (basic_block if kind == "basic" else bottleneck).Reference(c_in, width, stride)
    return sum(p.numel() for p in made.parameters())


def public() -> list[Case]:
    """Both kinds, with and without a projection."""
    return [
        Case("basic, 1 channel", ("basic", 1, 1), weight=0.1),
        Case("basic, 3 in, 5 out", ("basic", 3, 5), weight=0.2),
        Case("basic, 4 channels, stride 2", ("basic", 4, 4, 2), weight=0.2),
        Case("bottleneck, 8 in, width 2", ("bottleneck", 8, 2), weight=0.2),
        Case("bottleneck, 3 in, width 3, stride 1", ("bottleneck", 3, 3), weight=0.2),
        Case("bottleneck, 12 in, width 3, stride 2", ("bottleneck", 12, 3, 2), weight=0.2),
    ]


FORBIDDEN = ("cnncourse.analyze", "cnncourse.analysis", "cnncourse.models", "torchvision")
EXERCISE = Exercise("block_weights", 2.0, reference, public, MISTAKES, FORBIDDEN)
