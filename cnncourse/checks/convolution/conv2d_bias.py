"""Exercise `conv2d_bias`: the gradient of the loss by the bias of a convolutional layer."""

from __future__ import annotations

from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small

BASE = """
def conv2d_bias(grad_output):
    return grad_output.sum(dim=(0, 2, 3))
"""

MISTAKES = catalogue(
    "conv2d_bias",
    BASE,
    [
        wrong(
            "averaged",
            "You average. One bias is added at every pixel of every image, so its gradient is the sum of them all.",
            (".sum(dim=(0, 2, 3))", ".mean(dim=(0, 2, 3))"),
        ),
        wrong(
            "averaged_over_batch",
            "You average over the images. The gradient is the sum over them; any averaging is done by the loss.",
            (".sum(dim=(0, 2, 3))", ".sum(dim=(2, 3)).mean(dim=0)"),
        ),
        wrong(
            "averaged_over_pixels",
            "You average over the pixels. The bias was added at each of them, so their gradients add up.",
            (".sum(dim=(0, 2, 3))", ".mean(dim=(2, 3)).sum(dim=0)"),
        ),
        wrong(
            "batch_not_summed",
            "There is one row per image left. All images share the bias: add over the batch axis as well.",
            ("dim=(0, 2, 3)", "dim=(2, 3)"),
        ),
        wrong(
            "pixels_not_summed",
            "You add over the batch only. The bias is also shared by all pixels.",
            ("dim=(0, 2, 3)", "dim=0"),
        ),
        wrong(
            "first_image_only",
            "Only the first image counts. All images share the bias: add over the batch.",
            ("grad_output.sum(dim=(0, 2, 3))", "grad_output[:1].sum(dim=(0, 2, 3))"),
        ),
        wrong(
            "over_channels",
            "You add over the channels and keep the batch. There is one bias per channel: that axis (1) must stay.",
            ("dim=(0, 2, 3)", "dim=(1, 2, 3)"),
        ),
        wrong(
            "one_number",
            "You add up everything to one number. There is one bias per output channel.",
            ("dim=(0, 2, 3)", ""),
        ),
        wrong(
            "axes_kept",
            "Your result keeps axes of size 1. A bias has one axis, the output channels.",
            ("(0, 2, 3)", "(0, 2, 3), keepdim=True"),
        ),
    ],
)


def reference(grad_output: Tensor) -> Tensor:
    """Sum over images and pixels."""
    return grad_output.transpose(0, 1).flatten(1).sum(1)


def public() -> list[Case]:
    """Numbers that can be added in one's head."""
    return [
        Case("one image, one channel", (small(1, 1, 2, 3, seed=61, low=1),), weight=0.3),
        Case("one image, three channels", (small(1, 3, 2, 2, seed=62, low=1),), weight=0.3),
        Case("two images, three channels", (small(2, 3, 1, 2, seed=63, low=1),), weight=0.3),
    ]


EXERCISE = Exercise("conv2d_bias", 1.0, reference, public, MISTAKES)
