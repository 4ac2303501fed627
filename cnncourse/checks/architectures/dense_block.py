"""Exercise `DenseBlock`: every layer sees all layers before it."""

from __future__ import annotations

from torch import nn

from cnncourse.checks.architectures.modules import public_cases
from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.models.densenet import DenseBlock

BASE = """
import torch
from torch import nn

class DenseBlock(nn.Module):
    def __init__(self, c_in, layers, growth):
        super().__init__()
        for i in range(layers):
            c = c_in + i * growth
            layer = nn.Sequential()
            layer.add_module("norm1", nn.BatchNorm2d(c))
            layer.add_module("relu1", nn.ReLU())
            layer.add_module("conv1", nn.Conv2d(c, 4 * growth, 1, bias=False))
            layer.add_module("norm2", nn.BatchNorm2d(4 * growth))
            layer.add_module("relu2", nn.ReLU())
            layer.add_module("conv2", nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False))
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, x):
        for layer in self.children():
            new = layer(x)
            x = torch.cat([x, new], dim=1)
        return x
"""
NORM1, NORM2 = '"norm1", nn.BatchNorm2d(c)', '"norm2", nn.BatchNorm2d(4 * growth)'
CONV1 = '"conv1", nn.Conv2d(c, 4 * growth, 1, bias=False)'
CONV2 = '"conv2", nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)'
SEES = "c = c_in + i * growth"
NAME = 'f"denselayer{i + 1}"'
CAT, END = "            x = torch.cat([x, new], dim=1)\n", "        return x\n"


def line(call: str) -> str:
    """A line of the base that adds a module."""
    return f"            layer.add_module({call})\n"


RELU1, RELU2 = line('"relu1", nn.ReLU()'), line('"relu2", nn.ReLU()')

MISTAKES = catalogue(
    "DenseBlock",
    BASE,
    [
        wrong(
            "sees_the_input_only",
            "Your later layers expect a wrong number of channels: layer i, counted from 0, sees c_in + i · growth.",
            (SEES, "c = c_in"),
        ),
        wrong(
            "grows_too_early",
            "Your first layer expects more channels than come in. Layer i, counted from 0, sees c_in + i · growth.",
            (SEES, "c = c_in + (i + 1) * growth"),
        ),
        wrong(
            "numbered_from_zero",
            "The layers are numbered from 0. Their names are denselayer1, denselayer2, and so on.",
            (NAME, 'f"denselayer{i}"'),
        ),
        wrong(
            "new_channels_first",
            "New channels go behind the old ones. Yours stand in front.",
            ("[x, new]", "[new, x]"),
        ),
        wrong(
            "input_not_in_the_output",
            "The block's input is missing in its output, which holds x and the new channels of every layer.",
            (
                "        for layer in self.children():\n",
                "        c = x.shape[1]\n        for layer in self.children():\n",
            ),
            (END, "        return x[:, c:]\n"),
        ),
        wrong(
            "last_layer_only",
            "You give out what the last layer adds. The output holds x and the new channels of every layer.",
            (END, "        return new\n"),
        ),
        wrong(
            "relu_on_what_is_kept",
            "You change x on the way: a ReLU stands on what is passed on. Only a layer's own path has one.",
            ("[x, new]", "[x.relu(), new]"),
        ),
        wrong(
            "convolution_first",
            "Your layers go convolution, batch norm, ReLU. Here batch norm and ReLU come before each convolution.",
            (
                line(NORM1) + RELU1 + line(CONV1) + line(NORM2) + RELU2 + line(CONV2),
                line(CONV1)
                + line('"norm1", nn.BatchNorm2d(4 * growth)')
                + RELU1
                + line(CONV2)
                + line('"norm2", nn.BatchNorm2d(growth)')
                + RELU2,
            ),
        ),
        wrong(
            "no_bottleneck",
            "The 1×1 layer is missing: it brings whatever a layer sees to 4 · growth channels.",
            (line(CONV1) + line(NORM2) + RELU2, ""),
            (CONV2, CONV2.replace("4 * growth", "c")),
        ),
        wrong(
            "bottleneck_of_growth",
            "Your 1×1 layer gives `growth` channels. It gives 4 times as many; only the 3×3 gives `growth`.",
            (CONV1, CONV1.replace("4 * growth", "growth")),
            (NORM2, NORM2.replace("4 * growth", "growth")),
            (CONV2, CONV2.replace("4 * growth", "growth")),
        ),
        wrong(
            "bottleneck_of_input",
            "Your 1×1 layer keeps the channels that it sees. It brings them to 4 · growth.",
            (CONV1, CONV1.replace("4 * growth", "c")),
            (NORM2, NORM2.replace("4 * growth", "c")),
            (CONV2, CONV2.replace("4 * growth", "c")),
        ),
        wrong(
            "first_relu_missing",
            "There is no ReLU between the first batch norm and the 1×1 layer.",
            (RELU1, ""),
        ),
        wrong(
            "second_relu_missing",
            "There is no ReLU between the second batch norm and the 3×3 layer.",
            (RELU2, ""),
        ),
        wrong(
            "relu_at_the_end",
            "There is a ReLU behind the 3×3 layer. The next layer begins with batch norm and ReLU of its own.",
            (line(CONV2), line(CONV2) + line('"relu3", nn.ReLU()')),
        ),
        wrong(
            "kernels_exchanged",
            "Your first convolution is 3×3, the second 1×1. It is the other way round.",
            (CONV1, CONV1.replace("4 * growth, 1", "4 * growth, 3, padding=1")),
            (CONV2, CONV2.replace("growth, 3, padding=1", "growth, 1")),
        ),
        wrong(
            "biases",
            "Your convolutions have biases. Here they have none: bias=False.",
            (CONV1, CONV1.replace(", bias=False", "")),
            (CONV2, CONV2.replace(", bias=False", "")),
        ),
        wrong(
            "one_layer_too_few",
            "The block has one layer too few: `layers` of them.",
            ("range(layers)", "range(layers - 1)"),
        ),
    ],
)


class Reference(nn.Module):
    """The course's own block, without dropout."""

    def __new__(cls, c_in: int, layers: int, growth: int) -> nn.Module:  # type: ignore[misc]
        """A `cnncourse.models.densenet.DenseBlock`."""
        return DenseBlock(c_in, layers, growth, 0.0)


def public() -> list[Case]:
    """Two layers and three."""
    return public_cases(
        Reference,
        ("3 in, 2 layers, growth 2", (3, 2, 2), (2, 3, 3, 4)),
        ("2 in, 3 layers, growth 1", (2, 3, 1), (2, 2, 5, 3)),
    )


FORBIDDEN = ("cnncourse.models", "cnncourse.zoo", "torchvision")
EXERCISE = Exercise("DenseBlock", 4.0, Reference, public, MISTAKES, FORBIDDEN)
