"""Exercise `fc_to_conv`: the weights of a fully connected layer, cut up into the kernels of a convolution."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small

BASE = """
import torch

def fc_to_conv(weight, size):
    C, H, W = size
    return weight.reshape(len(weight), C, H, W)
"""
CUT = "weight.reshape(len(weight), C, H, W)"

MISTAKES = catalogue(
    "fc_to_conv",
    BASE,
    [
        wrong(
            "channels_last",
            "You cut as if the channel changed fastest. flatten writes a whole channel, then the next: (C, H, W).",
            (CUT, "weight.reshape(len(weight), H, W, C).permute(0, 3, 1, 2)"),
        ),
        wrong(
            "channels_last_axes",
            "Your axes are (F, H, W, C). A convolution's weights are (F, C, H, W), and so did flatten write them.",
            (CUT, "weight.reshape(len(weight), H, W, C)"),
        ),
        wrong(
            "columns_first",
            "You cut as if columns were written one below the other. flatten writes row by row: (C, H, W).",
            (CUT, "weight.reshape(len(weight), C, W, H).transpose(2, 3)"),
        ),
        wrong(
            "height_and_width_exchanged",
            "Height and width of the kernels are exchanged: the axes are (F, C, H, W).",
            (CUT, "weight.reshape(len(weight), C, W, H)"),
        ),
        wrong(
            "kernel_flipped",
            "Your kernels are flipped. A convolutional layer does not flip, so the weights stay in place.",
            (CUT, f"{CUT}.flip(2, 3)"),
        ),
        wrong(
            "rows_and_columns_mixed",
            "You cut the transposed weights. Row f of the matrix holds the weights of unit f, and becomes filter f.",
            (CUT, "weight.T.reshape(len(weight), C, H, W)"),
        ),
        wrong(
            "filters_second",
            "The first two axes are exchanged: a convolution's weights are (filters, channels, H, W).",
            (CUT, f"{CUT}.transpose(0, 1)"),
        ),
        wrong(
            "one_pixel_kernels",
            "Your kernels have one pixel and C * H * W channels. The map still has C channels and H × W places.",
            (CUT, "weight[:, :, None, None]"),
        ),
        wrong(
            "averaged",
            "You average over the channels. Each channel has weights of its own.",
            (CUT, f"{CUT}.mean(dim=1, keepdim=True)"),
        ),
    ],
)


def reference(weight: Tensor, size: tuple[int, int, int]) -> Tensor:
    """Feed each filter's weights back through the flattening of a map."""
    return torch.stack([row.unflatten(0, size) for row in weight])


def public() -> list[Case]:
    """Weights that say where they belong: the hundreds are the unit, the tens the row, the ones the column."""
    size = (2, 2, 3)
    told = torch.tensor(
        [[float(100 * f + 50 * c + 10 * i + j) for c in range(2) for i in range(2) for j in range(3)] for f in (1, 2)]
    )
    return [
        Case("one unit, one channel", (torch.arange(1.0, 7.0)[None], (1, 2, 3)), weight=0.3),
        Case("two units, two channels", (told, size), weight=0.3),
        Case("three units, in float64", (small(3, 12, seed=252).double(), (2, 3, 2)), weight=0.3),
    ]


EXERCISE = Exercise("fc_to_conv", 1.0, reference, public, MISTAKES)
