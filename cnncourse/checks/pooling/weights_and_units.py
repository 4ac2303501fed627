"""Exercise `weights_and_units`: how many weights and units each layer of a network has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.pooling.layer_shapes import LECTURE
from cnncourse.checks.pooling.layer_shapes import reference as shapes_of
from cnncourse.checks.subject import Subject

BASE = """
import math

def weights_and_units(input_size, layers, bias=True):
    shape = tuple(input_size)
    counts = []
    for kind, *numbers in layers:
        before = shape
        if kind == "conv":
            F, K, S, padding = numbers
            shape = (F, *((n + sum(padding) - K) // S + 1 for n in before[1:]))
            weights = F * (before[0] * K * K) + F * bias
        elif kind == "pool":
            K, S = numbers
            shape = (before[0], *((n - K) // S + 1 for n in before[1:]))
            weights = 0
        else:
            F = numbers[0]
            shape = (F,)
            weights = F * math.prod(before) + F * bias
        counts.append((weights, math.prod(shape)))
    return counts
"""
CONV, FC = "F * (before[0] * K * K)", "F * math.prod(before)"
STORE = "counts.append((weights, math.prod(shape)))"

MISTAKES = catalogue(
    "weights_and_units",
    BASE,
    [
        wrong(
            "bias_always",
            "You always count the biases. With bias=False there are none.",
            (f"{CONV} + F * bias", f"{CONV} + F"),
            (f"{FC} + F * bias", f"{FC} + F"),
        ),
        wrong(
            "bias_never",
            "You never count the biases. With bias=True each filter and each unit of an fc layer has one.",
            (f"{CONV} + F * bias", CONV),
            (f"{FC} + F * bias", FC),
        ),
        wrong(
            "one_bias_a_layer",
            "You count one bias for a whole layer. Each filter, and each unit of an fc layer, has its own.",
            (f"{CONV} + F * bias", f"{CONV} + bias"),
            (f"{FC} + F * bias", f"{FC} + bias"),
        ),
        wrong(
            "bias_for_each_unit",
            "You count a bias for each unit of a map. All units of a map share the bias of their filter.",
            (f"{CONV} + F * bias", f"{CONV} + math.prod(shape) * bias"),
        ),
        wrong(
            "channels_forgotten",
            "Each filter counts K * K weights in yours. It spans all channels of its input: K * K * C.",
            (CONV, "F * (K * K)"),
        ),
        wrong(
            "kernel_not_squared",
            "Each kernel counts K weights in yours. It is square: K * K.",
            (CONV, "F * (before[0] * K)"),
        ),
        wrong(
            "one_filter",
            "You count the weights of a single filter. There are F of them.",
            (CONV, "(before[0] * K * K)"),
        ),
        wrong(
            "not_shared",
            "You count new weights at every place. All places of a map share the same filter: that is the point.",
            (CONV, "math.prod(shape) * (before[0] * K * K)"),
        ),
        wrong(
            "pooling_has_weights",
            "You count weights in the pooling layers. Nothing is learned there: 0.",
            ("weights = 0", "weights = before[0] * K * K"),
        ),
        wrong(
            "pooling_has_biases",
            "You count a bias for each map of a pooling layer. Nothing is learned there: 0.",
            ("weights = 0", "weights = before[0] * bias"),
        ),
        wrong(
            "pooling_keeps_size",
            "Your pooling leaves the maps as large as they were, so it and what follows counts too much.",
            ("shape = (before[0], *((n - K) // S + 1 for n in before[1:]))", "shape = before"),
        ),
        wrong(
            "fc_sees_channels_only",
            "An fc layer sees only the channels in yours. It sees all units before it: C * H * W.",
            (FC, "F * before[0]"),
        ),
        wrong(
            "fc_sees_one_map",
            "An fc layer sees only one map in yours. It sees all units before it: C * H * W.",
            (FC, "F * (math.prod(before[1:]) if len(before) > 1 else before[0])"),
        ),
        wrong(
            "every_fc_sees_the_map",
            "Every fc layer sees the last map in yours. The second sees the units of the first.",
            (
                "        before = shape\n",
                "        before = shape\n        flat = math.prod(shape) if len(shape) > 1 else flat\n",
            ),
            (FC, "F * flat"),
        ),
        wrong(
            "fc_counts_inputs",
            "You give an fc layer one weight for each input. Every unit has one for each input: F times as many.",
            (FC, "math.prod(before)"),
        ),
        wrong(
            "channels_of_the_image",
            "Every convolution sees the channels of the image in yours. It sees those of the layer before it.",
            (CONV, "F * (input_size[0] * K * K)"),
        ),
        wrong(
            "units_of_one_map",
            "You count the units of one map. There are C maps: C * H * W units.",
            (STORE, "counts.append((weights, math.prod(shape[1:]) if len(shape) > 1 else shape[0]))"),
        ),
        wrong(
            "units_before",
            "You count the units before each layer. Asked are those behind it.",
            (STORE, "counts.append((weights, math.prod(before)))"),
        ),
        wrong(
            "maps_for_units",
            "You give the number of maps. Each pixel of a map is a unit: C * H * W.",
            (STORE, "counts.append((weights, shape[0]))"),
        ),
        wrong(
            "exchanged",
            "The two numbers are exchanged: weights first, then units.",
            (STORE, "counts.append((math.prod(shape), weights))"),
        ),
        wrong(
            "running_total",
            "You add up the weights of all layers so far. Asked are those of each layer by itself.",
            ("counts.append((weights,", "counts.append((weights + (counts[-1][0] if counts else 0),"),
        ),
        wrong(
            "totals_only",
            "You give the totals. Asked is one pair for each layer.",
            ("return counts", "return tuple(map(sum, zip(*counts)))"),
        ),
        wrong(
            "padding_ignored",
            "The padding of the convolutions is not used, so the maps come out too small.",
            ("(n + sum(padding) - K)", "(n - K)"),
        ),
        wrong(
            "padding_once",
            "You add only one of the two paddings. `before` and `after` both lengthen an axis.",
            ("sum(padding)", "padding[0]"),
        ),
    ],
)


def reference(input_size: Sequence[int], layers: Sequence[tuple[Any, ...]], bias: bool = True) -> list[tuple[int, int]]:
    """Ask torch's own layers how many weights they have."""
    made, shapes = [], [tuple(input_size), *shapes_of(input_size, layers)]
    for (kind, *numbers), before, shape in zip(layers, shapes, shapes[1:], strict=False):
        layer = torch.nn.Identity()
        if kind == "conv":
            layer = torch.nn.Conv2d(before[0], numbers[0], numbers[1], bias=bias, device="meta")  # type: ignore[assignment]
        elif kind == "fc":
            layer = torch.nn.Linear(math.prod(before), numbers[0], bias=bias, device="meta")  # type: ignore[assignment]
        made.append((sum(p.numel() for p in layer.parameters()), math.prod(shape)))
    return made


def with_and_without_bias(
    subject: Subject, input_size: tuple[int, ...], layers: list[tuple[Any, ...]]
) -> tuple[object, object]:
    """The counts of the same network with biases and without."""
    return subject(input_size, layers, True), subject(input_size, layers, False)


def public() -> list[Case]:
    """One new thing a case; the network of the lecture; all at once."""
    everything = [("conv", 5, 4, 2, (2, 1)), ("pool", 3, 2), ("conv", 7, 3, 3, (0, 2)), ("fc", 6), ("fc", 4)]
    two = [("conv", 4, 3, 1, (1, 2)), ("conv", 6, 2, 1, (0, 0))]
    return [
        Case("one convolution, no bias", ((3, 6, 8), [("conv", 4, 3, 1, (0, 0))], False), weight=0.3),
        Case("two convolutions", ((3, 6, 7), two), weight=0.3),
        Case("pooling, then fully connected", ((2, 6, 9), [("pool", 3, 2), ("fc", 5), ("fc", 3)]), weight=0.3),
        Case("the lecture's network, no bias", ((3, 256, 256), LECTURE, False), weight=0.3),
        Case("all at once", ((2, 31, 40), everything), weight=0.3),
    ]


EXERCISE = Exercise("weights_and_units", 2.0, reference, public, MISTAKES)
