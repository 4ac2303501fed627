"""Exercise `Bottleneck`: 1×1 down, 3×3, 1×1 up, and a shortcut around the three."""

from __future__ import annotations

from torch import nn

from cnncourse.checks.architectures.modules import public_cases
from cnncourse.checks.architectures.shortcut import JOIN, PROJECTION, WHEN, projection
from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.models.resnet import Bottleneck

BASE = """
import torch
from torch import nn

class Bottleneck(nn.Module):
    def __init__(self, c_in, width, stride=1):
        super().__init__()
        c_out = 4 * width
        self.conv1 = nn.Conv2d(c_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(c_out)
        self.downsample = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        return torch.relu(y + shortcut)
"""
CONV1, CONV2 = "nn.Conv2d(c_in, width, 1, bias=False)", "nn.Conv2d(width, width, 3, stride, padding=1, bias=False)"
CONV3 = "nn.Conv2d(width, c_out, 1, bias=False)"
FIRST, SECOND = "torch.relu(self.bn1(self.conv1(x)))", "torch.relu(self.bn2(self.conv2(y)))"
THIRD = "self.bn3(self.conv3(y))"

MISTAKES = catalogue(
    "Bottleneck",
    BASE,
    [
        *JOIN,
        wrong(
            "first_relu_missing",
            "There is no ReLU behind the first 1×1 layer.",
            (FIRST, "self.bn1(self.conv1(x))"),
        ),
        wrong(
            "second_relu_missing",
            "There is no ReLU behind the 3×3 layer.",
            (SECOND, "self.bn2(self.conv2(y))"),
        ),
        wrong(
            "relu_before_the_addition",
            "There is a ReLU in front of the addition: a block could then add and never take away.",
            (THIRD, f"torch.relu({THIRD})"),
        ),
        wrong(
            "stride_on_the_first",
            "Your first 1×1 layer moves by the stride, as in the paper: it skips pixels unseen. Here the 3×3 moves.",
            (CONV1, CONV1.replace("width, 1", "width, 1, stride")),
            (CONV2, CONV2.replace("3, stride", "3")),
        ),
        wrong(
            "stride_on_the_last",
            "Your last 1×1 layer moves by the stride: it skips pixels unseen. Here the 3×3 moves.",
            (CONV2, CONV2.replace("3, stride", "3")),
            (CONV3, CONV3.replace("c_out, 1", "c_out, 1, stride")),
        ),
        wrong(
            "not_expanded",
            "The block gives out `width` channels. The last layer makes 4 times as many.",
            ("c_out = 4 * width", "c_out = width"),
        ),
        wrong(
            "twice_the_width",
            "The block gives out 2 times the width. It is 4 times.",
            ("c_out = 4 * width", "c_out = 2 * width"),
        ),
        wrong(
            "width_is_the_output",
            "You take `width` as what the block gives out. It is the narrow part; the output has 4 times as many.",
            ("c_out = 4 * width", "c_out, width = width, max(1, width // 4)"),
        ),
        wrong(
            "middle_1x1",
            "All your layers are 1×1: no unit sees its neighbours. The middle one is 3×3.",
            (CONV2, "nn.Conv2d(width, width, 1, stride, bias=False)"),
        ),
        wrong(
            "all_3x3",
            "All your layers are 3×3. The first and the last are 1×1.",
            (CONV1, "nn.Conv2d(c_in, width, 3, padding=1, bias=False)"),
            (CONV3, "nn.Conv2d(width, c_out, 3, padding=1, bias=False)"),
        ),
        wrong(
            "biases",
            "Your convolutions have biases. Batch norm behind them takes a bias away, and has its own: bias=False.",
            (CONV1, CONV1.replace(", bias=False", "")),
            (CONV2, CONV2.replace(", bias=False", "")),
            (CONV3, CONV3.replace(", bias=False", "")),
        ),
        wrong(
            "batch_norm_twice",
            "You use the first batch norm behind the 3×3 layer as well. Each convolution has its own.",
            (SECOND, "torch.relu(self.bn1(self.conv2(y)))"),
        ),
        wrong(
            "relu_before_batch_norm",
            "Your ReLUs stand in front of batch norm. The order is convolution, batch norm, ReLU.",
            (FIRST, "self.bn1(torch.relu(self.conv1(x)))"),
            (SECOND, "self.bn2(torch.relu(self.conv2(y)))"),
        ),
        *PROJECTION,
        wrong(
            "width_compared",
            "You compare the input's channels with the width. x is added to the output, which has 4 times as many.",
            (WHEN, "if stride != 1 or c_in != width:"),
        ),
    ],
)


class Reference(nn.Module):
    """The course's own block, with its projection."""

    def __new__(cls, c_in: int, width: int, stride: int = 1) -> nn.Module:  # type: ignore[misc]
        """A `cnncourse.models.resnet.Bottleneck`."""
        return Bottleneck(c_in, width, stride, projection(c_in, 4 * width, stride))


def public() -> list[Case]:
    """One shape, other channels, another stride, and as many channels as the width."""
    return public_cases(
        Reference,
        ("8 in, width 2, stride 1", (8, 2), (2, 8, 4, 3)),
        ("3 in, width 2, stride 2", (3, 2, 2), (2, 3, 5, 6)),
        ("3 in, width 3, stride 1", (3, 3), (2, 3, 3, 4)),
        ("8 in, width 2, stride 2", (8, 2, 2), (2, 8, 4, 7)),
    )


FORBIDDEN = ("cnncourse.models", "cnncourse.zoo", "torchvision")
EXERCISE = Exercise("Bottleneck", 4.0, Reference, public, MISTAKES, FORBIDDEN)
