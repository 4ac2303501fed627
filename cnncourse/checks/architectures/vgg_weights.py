"""Exercise `vgg_weights`: the weights of a VGG network, from its table."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise

BASE = """
def vgg_weights(table, in_channels=3, size=224, hidden=(4096, 4096), num_classes=1000):
    convolutions = 0
    c = in_channels
    for channels, kernels in table:
        for K in kernels:
            convolutions += channels * (c * K * K + 1)
            c = channels
        size = size // 2
    connected = 0
    units = c * size * size
    for more in [*hidden, num_classes]:
        connected += more * (units + 1)
        units = more
    return convolutions, connected
"""
CONV, NEXT = "channels * (c * K * K + 1)", "            c = channels\n"
HALF, FLAT = "        size = size // 2\n", "c * size * size"
FC = "more * (units + 1)"

MISTAKES = catalogue(
    "vgg_weights",
    BASE,
    [
        wrong(
            "convolutions_without_biases",
            "The biases of the convolutions are missing: one for each filter.",
            (CONV, "channels * c * K * K"),
        ),
        wrong(
            "connected_without_biases",
            "The biases of the fully connected layers are missing: one for each unit.",
            (FC, "more * units"),
        ),
        wrong(
            "no_biases",
            "All biases are missing: one for each filter and one for each fully connected unit.",
            (CONV, "channels * c * K * K"),
            (FC, "more * units"),
        ),
        wrong(
            "always_3x3",
            "You take every filter as 3×3. The table says how large each is; column C has some of 1×1.",
            (CONV, "channels * (c * 9 + 1)"),
        ),
        wrong(
            "kernel_once",
            "A window has K rows and K columns: K times K.",
            (CONV, "channels * (c * K + 1)"),
        ),
        wrong(
            "channels_kept_within_a_stage",
            "Within a stage, each layer but the first has the stage's own channels as input.",
            (NEXT, ""),
            (HALF, HALF + "        c = channels\n"),
        ),
        wrong(
            "stage_sees_only_itself",
            "The first layer of a stage sees the channels of the stage before, not its own number.",
            ("    for channels, kernels in table:\n", "    for channels, kernels in table:\n        c = channels\n"),
        ),
        wrong(
            "one_layer_a_stage",
            "You count one layer for each stage. A stage has as many layers as it has filter sizes.",
            ("for K in kernels", "for K in kernels[:1]"),
        ),
        wrong(
            "map_never_halved",
            "The map is never halved. Each stage ends with pooling: half the rows, half the columns.",
            (HALF, ""),
        ),
        wrong(
            "halved_by_every_layer",
            "You halve the map behind every layer. Pooling stands behind each stage, once.",
            (HALF, ""),
            (NEXT, NEXT + "            size = size // 2\n"),
        ),
        wrong(
            "last_pooling_forgotten",
            "The pooling behind the last stage is missing. Every stage ends with one.",
            (
                HALF,
                "        before, size = size, size // 2\n",
            ),
            (FLAT, "c * before * before"),
        ),
        wrong(
            "map_forgotten",
            "The first fully connected layer sees every pixel of the last map, not one number for each channel.",
            (FLAT, "c"),
        ),
        wrong(
            "one_side_of_the_map",
            "The last map has size times size pixels in each channel.",
            (FLAT, "c * size"),
        ),
        wrong(
            "last_layer_forgotten",
            "The last fully connected layer is missing, the one with a unit for each class.",
            ("[*hidden, num_classes]", "hidden"),
        ),
        wrong(
            "hidden_forgotten",
            "The hidden layers are missing: the map goes into them first, and only the last of them to the classes.",
            ("[*hidden, num_classes]", "[num_classes]"),
        ),
        wrong(
            "connected_to_the_map",
            "Only the first fully connected layer sees the map. Each further one sees the units of the one before.",
            ("        units = more\n", ""),
        ),
        wrong(
            "one_sum",
            "You give one number. Keep convolutions and fully connected layers apart.",
            ("return convolutions, connected", "return convolutions + connected"),
        ),
    ],
)


def reference(
    table: Sequence[tuple[int, Sequence[int]]],
    in_channels: int = 3,
    size: int = 224,
    hidden: Sequence[int] = (4096, 4096),
    num_classes: int = 1000,
) -> tuple[int, int]:
    """The layers themselves, without memory for their numbers."""
    layers: list[nn.Module] = []
    c = in_channels
    with torch.device("meta"):
        for channels, kernels in table:
            for kernel in kernels:
                layers.append(nn.Conv2d(c, channels, kernel))
                c = channels
        units = torch.Size([c, size >> len(table), size >> len(table)]).numel()
        connected: list[nn.Module] = []
        for more in (*hidden, num_classes):
            connected.append(nn.Linear(units, more))
            units = more
    first, second = (sum(p.numel() for m in part for p in m.parameters()) for part in (layers, connected))
    return first, second


A = [(64, [3]), (128, [3]), (256, [3, 3]), (512, [3, 3]), (512, [3, 3])]


def public() -> list[Case]:
    """Small tables that can be counted by hand, and column A of the paper."""
    return [
        Case("one stage of one layer", ([(2, [3])], 1, 4, (), 3), weight=0.1),
        Case("two stages, one of them with 1×1", ([(2, [3]), (3, [3, 1])], 3, 8, (5,), 4), weight=0.3),
        Case("two hidden layers", ([(4, [3, 3]), (2, [5])], 2, 20, (7, 6), 3), weight=0.3),
        Case("column A, as published", (A,), weight=0.3),
    ]


FORBIDDEN = ("cnncourse.analyze", "cnncourse.analysis", "cnncourse.models", "torchvision")
EXERCISE = Exercise("vgg_weights", 2.0, reference, public, MISTAKES, FORBIDDEN)
