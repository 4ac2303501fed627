"""Exercise `VGG`: the network of a table, with names and numbers that fit a given state dict."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from cnncourse.checks.architectures.modules import public_cases
from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise

BASE = """
import torch
from torch import nn

class VGG(nn.Module):
    def __init__(self, table, in_channels=3, num_classes=1000, batch_norm=False):
        super().__init__()
        layers = []
        c = in_channels
        for channels, kernels in table:
            for K in kernels:
                layers.append(nn.Conv2d(c, channels, K, padding=K // 2, bias=not batch_norm))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(channels))
                layers.append(nn.ReLU())
                c = channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(c, num_classes)

    def forward(self, x):
        x = self.features(x)
        x = x.mean(dim=(2, 3))
        return self.classifier(x)
"""
CONV = "nn.Conv2d(c, channels, K, padding=K // 2, bias=not batch_norm)"
NORM = "                if batch_norm:\n                    layers.append(nn.BatchNorm2d(channels))\n"
RELU = "                layers.append(nn.ReLU())\n"
POOL = "            layers.append(nn.MaxPool2d(2))\n"
MEAN = "x.mean(dim=(2, 3))"
END = "return self.classifier(x)"

MISTAKES = catalogue(
    "VGG",
    BASE,
    [
        wrong(
            "always_3x3",
            "You take every filter as 3×3. The table says how large each is.",
            (CONV, "nn.Conv2d(c, channels, 3, padding=1, bias=not batch_norm)"),
        ),
        wrong(
            "padded_by_one",
            "You pad by 1 whatever the filter. A 1×1 filter needs no padding to keep the map's size, a 5×5 needs 2.",
            ("padding=K // 2", "padding=1"),
        ),
        wrong(
            "not_padded",
            "The maps shrink behind each convolution. Pad by K // 2 so that they keep their size.",
            ("padding=K // 2, ", ""),
        ),
        wrong(
            "biases_beside_batch_norm",
            "With batch norm the convolutions have no biases: batch norm has its own, and takes theirs away again.",
            ("bias=not batch_norm", "bias=True"),
        ),
        wrong(
            "no_biases",
            "Without batch norm the convolutions need their biases.",
            ("bias=not batch_norm", "bias=False"),
        ),
        wrong(
            "biases_the_other_way",
            "Biases are there with batch norm and missing without. It is the other way round.",
            ("bias=not batch_norm", "bias=batch_norm"),
        ),
        wrong(
            "batch_norm_missing",
            "batch_norm=True adds nothing: put nn.BatchNorm2d between each convolution and its ReLU.",
            (NORM, ""),
        ),
        wrong(
            "batch_norm_always",
            "There is batch norm with batch_norm=False too.",
            (
                "                if batch_norm:\n                    layers",
                "                if True:\n                    layers",
            ),
        ),
        wrong(
            "batch_norm_behind_relu",
            "Your batch norm stands behind the ReLU. The order is convolution, batch norm, ReLU.",
            (NORM + RELU, RELU + NORM),
        ),
        wrong(
            "relu_missing",
            "The numbers of the layers are off: every ReLU is a layer of `features` and takes a number.",
            (RELU, ""),
        ),
        wrong(
            "relu_once_a_stage",
            "The numbers of the layers are off: there is a ReLU behind every convolution, not one for each stage.",
            (RELU, ""),
            (POOL, "            layers.append(nn.ReLU())\n" + POOL),
        ),
        wrong(
            "pooling_missing",
            "There is no pooling. Each stage ends with max pooling of 2×2, which takes a number as well.",
            (POOL, ""),
        ),
        wrong(
            "pooling_behind_every_layer",
            "You pool behind every layer. Pooling stands at the end of each stage, once.",
            (POOL, ""),
            (RELU, RELU + "                layers.append(nn.MaxPool2d(2))\n"),
        ),
        wrong(
            "last_pooling_missing",
            "The pooling at the end of the last stage is missing. It holds no weights, but it changes the scores.",
            ("nn.Sequential(*layers)", "nn.Sequential(*layers[:-1])"),
        ),
        wrong(
            "average_pooling",
            "You average where you should take the largest: MaxPool2d.",
            ("nn.MaxPool2d(2)", "nn.AvgPool2d(2)"),
        ),
        wrong(
            "pooling_overlaps",
            "Your pooling windows are 3×3 and overlap, as in AlexNet. VGG's are 2×2, side by side.",
            ("nn.MaxPool2d(2)", "nn.MaxPool2d(3, 2, 1)"),
        ),
        wrong(
            "largest_instead_of_average",
            "In front of the classifier you take the largest of each map. Take the average.",
            (MEAN, "x.amax(dim=(2, 3))"),
        ),
        wrong(
            "summed_instead_of_averaged",
            "In front of the classifier you add each map up. Take the average.",
            (MEAN, "x.sum(dim=(2, 3))"),
        ),
        wrong(
            "softmax",
            "You turn the scores into probabilities. Give the scores.",
            (END, "return self.classifier(x).softmax(dim=1)"),
        ),
        wrong(
            "relu_on_scores",
            "You cut off negative scores. There is no ReLU behind the classifier.",
            (END, "return self.classifier(x).relu()"),
        ),
        wrong(
            "dropout_added",
            "There is dropout in front of the classifier: in training the scores are random. This one has none.",
            (END, "return self.classifier(nn.functional.dropout(x, 0.5, self.training))"),
        ),
        wrong(
            "classifier_without_bias",
            "The classifier has no bias. nn.Linear has one unless it is told otherwise.",
            ("nn.Linear(c, num_classes)", "nn.Linear(c, num_classes, bias=False)"),
        ),
    ],
)


class Reference(nn.Module):
    """Layer by layer, with the numbers that torchvision gives them."""

    def __init__(
        self,
        table: Sequence[tuple[int, Sequence[int]]],
        in_channels: int = 3,
        num_classes: int = 1000,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        self.features = nn.Sequential()
        c = in_channels
        for channels, kernels in table:
            for kernel in kernels:
                self.features.append(nn.Conv2d(c, channels, kernel, 1, kernel // 2, bias=not batch_norm))
                self.features.extend([nn.BatchNorm2d(channels)] if batch_norm else [])
                self.features.append(nn.ReLU())
                c = channels
            self.features.append(nn.MaxPool2d(kernel_size=2, stride=2))
        self.classifier = nn.Linear(c, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) for x (N, in_channels, H, W)."""
        scores: Tensor = self.classifier(nn.functional.adaptive_avg_pool2d(self.features(x), 1).flatten(1))
        return scores


PLAIN = [(2, [3]), (3, [3, 1])]
NORMED = [(3, [3, 3]), (2, [5])]


def public() -> list[Case]:
    """The smallest table, one without batch norm, one with it."""
    return public_cases(
        Reference,
        ("one layer, 3 channels, 1000 classes", ([(2, [3])],), (1, 3, 4, 6)),
        ("no batch norm", (PLAIN, 3, 4), (2, 3, 12, 16)),
        ("batch norm", (NORMED, 2, 3, True), (2, 2, 20, 16)),
    )


FORBIDDEN = ("cnncourse.models", "cnncourse.zoo", "torchvision")
EXERCISE = Exercise("VGG", 4.0, Reference, public, MISTAKES, FORBIDDEN)
