"""Exercise `BasicBlock`: two 3×3 layers and a shortcut around them."""

from __future__ import annotations

from torch import nn

from cnncourse.checks.architectures.modules import public_cases
from cnncourse.checks.architectures.shortcut import END, FIT, JOIN, PROJECTION, projection
from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.models.resnet import BasicBlock

BASE = """
import torch
from torch import nn

class BasicBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        return torch.relu(y + shortcut)
"""
CONV1, CONV2 = (
    "nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)",
    "nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)",
)
FIRST, SECOND = "torch.relu(self.bn1(self.conv1(x)))", "self.bn2(self.conv2(y))"

MISTAKES = catalogue(
    "BasicBlock",
    BASE,
    [
        *JOIN,
        wrong(
            "first_relu_missing",
            "There is no ReLU between the two layers.",
            (FIRST, "self.bn1(self.conv1(x))"),
        ),
        wrong(
            "relu_before_the_addition",
            "There is a ReLU in front of the addition: a block could then add and never take away.",
            (SECOND, f"torch.relu({SECOND})"),
        ),
        wrong(
            "relu_on_the_shortcut",
            "There is a ReLU on the shortcut. It should carry x, or its projection, unchanged.",
            (END, "torch.relu(y + torch.relu(shortcut))"),
        ),
        wrong(
            "relu_on_the_input",
            "A ReLU stands in front of the block. Its input goes in as it is.",
            ("        y = torch.relu(self.bn1", "        x = torch.relu(x)\n        y = torch.relu(self.bn1"),
        ),
        wrong(
            "shortcut_around_one_layer",
            "Your shortcut starts behind the first layer. It starts at the block's input and skips two layers.",
            (FIRST, "first = torch.relu(self.bn1(self.conv1(x)))"),
            ("        shortcut = x if self.downsample is None else self.downsample(x)\n", "        shortcut = first\n"),
        ),
        wrong(
            "batch_norms_missing_in_forward",
            "The batch norms are made but not used: each convolution is followed by its own.",
            (FIRST, "torch.relu(self.conv1(x))"),
            (SECOND, "self.conv2(y)"),
        ),
        wrong(
            "batch_norm_twice",
            "You use the first batch norm behind both convolutions. Each has its own.",
            (SECOND, "self.bn1(self.conv2(y))"),
        ),
        wrong(
            "relu_before_batch_norm",
            "In the first layer the ReLU stands in front of batch norm. The order is convolution, batch norm, ReLU.",
            (FIRST, "self.bn1(torch.relu(self.conv1(x)))"),
        ),
        wrong(
            "pre_activation",
            "Batch norm and ReLU stand in front of your convolutions, as in a later design. Here they stand behind.",
            ("self.bn1 = nn.BatchNorm2d(c_out)", "self.bn1 = nn.BatchNorm2d(c_in)"),
            (FIRST, "self.conv1(torch.relu(self.bn1(x)))"),
            (SECOND, "self.conv2(torch.relu(self.bn2(y)))"),
            (END, "y + shortcut"),
        ),
        wrong(
            "stride_on_the_second",
            "Your second convolution moves by the stride. It is the first that does.",
            (CONV1, CONV1.replace("3, stride", "3")),
            (CONV2, CONV2.replace("3, padding", "3, stride, padding")),
        ),
        wrong(
            "biases",
            "Your convolutions have biases. Batch norm behind them takes a bias away, and has its own: bias=False.",
            (CONV1, CONV1.replace(", bias=False", "")),
            (CONV2, CONV2.replace(", bias=False", "")),
        ),
        *PROJECTION,
        wrong(
            "projection_3x3",
            "Your projection is a 3×3 convolution. It is 1×1: it only mixes channels.",
            (FIT, FIT.replace("c_out, 1, stride", "c_out, 3, stride, 1")),
        ),
        wrong(
            "projection_with_bias",
            "The projection's convolution has a bias. Batch norm follows it: bias=False.",
            (FIT, FIT.replace(", bias=False", "")),
        ),
        wrong(
            "projection_with_relu",
            "There is a ReLU in the projection. The shortcut may carry negative numbers.",
            (FIT, FIT.replace("nn.BatchNorm2d(c_out))", "nn.BatchNorm2d(c_out), nn.ReLU())")),
        ),
    ],
)


class Reference(nn.Module):
    """The course's own block, with its projection made here."""

    def __new__(cls, c_in: int, c_out: int, stride: int = 1) -> nn.Module:  # type: ignore[misc]
        """A `cnncourse.models.resnet.BasicBlock`."""
        return BasicBlock(c_in, c_out, stride, projection(c_in, c_out, stride))


def public() -> list[Case]:
    """One shape, other channels, another stride, both."""
    return public_cases(
        Reference,
        ("3 channels, stride 1", (3, 3), (2, 3, 4, 5)),
        ("2 in, 3 out, stride 2", (2, 3, 2), (2, 2, 6, 7)),
        ("2 in, 3 out, stride 1", (2, 3), (2, 2, 3, 4)),
        ("3 channels, stride 2", (3, 3, 2), (2, 3, 7, 4)),
    )


FORBIDDEN = ("cnncourse.models", "cnncourse.zoo", "torchvision")
EXERCISE = Exercise("BasicBlock", 4.0, Reference, public, MISTAKES, FORBIDDEN)
