"""The experiments of the chapter *Variants*: four kinds of 3×3 layer for the same number of weights."""

from __future__ import annotations

from functools import cache, partial

from torch import Tensor, nn
from torch.optim import Adam

from cnncourse.data import digits, patches
from cnncourse.experiments.making import Experiment
from cnncourse.experiments.training import Training
from cnncourse.train import one_cycle

Pair = tuple[Tensor, Tensor]
KINDS = ("full", "grouped", "depthwise", "separable")


@cache
def train_crops() -> Pair:
    """2,100 crops of 32×32."""
    data = patches("train", 2100, 32)
    return data.images - 0.5, data.labels


@cache
def held_out_crops() -> Pair:
    """1,050 crops from other cells of the same photographs."""
    data = patches("test", 1050, 32)
    return data.images - 0.5, data.labels


@cache
def train_digits() -> Pair:
    """The first 1,297 digits, 32×32."""
    data = digits("train")
    return data.images - 0.5, data.labels


@cache
def held_out_digits() -> Pair:
    """The last 500."""
    data = digits("test")
    return data.images - 0.5, data.labels


def middle(kind: str, width: int) -> list[nn.Module]:
    """A layer from `width` maps to `width` maps, with batch norm and ReLU; "grouped" has four groups."""
    groups = {"full": 1, "grouped": 4, "depthwise": width, "separable": width}[kind]
    layers: list[nn.Module] = [nn.Conv2d(width, width, 3, padding=1, groups=groups, bias=False)]
    if kind == "separable":
        layers.append(nn.Conv2d(width, width, 1, bias=False))
    return [*layers, nn.BatchNorm2d(width), nn.ReLU()]


def variant_net(kind: str, width: int, in_channels: int = 3, classes: int = 21) -> nn.Sequential:
    """A 5×5 layer with stride 2, three layers of one kind, the average over the map, the scores; for 32×32 pixels."""
    first = [nn.Conv2d(in_channels, width, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(
        *first, nn.MaxPool2d(2), *middle(kind, width), *middle(kind, width), nn.MaxPool2d(2), *middle(kind, width),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes),
    )  # fmt: skip


def _on_crops(kind: str, width: int) -> Training:
    return Training(
        build=partial(variant_net, kind, width), train=train_crops, val=held_out_crops, epochs=8, batch_size=32,
        optimizer=partial(Adam, lr=0.01), schedule=one_cycle,
    )  # fmt: skip


def _on_digits(kind: str, width: int) -> Training:
    return Training(
        build=partial(variant_net, kind, width, 1, 10), train=train_digits, val=held_out_digits, epochs=8,
        batch_size=32, optimizer=partial(Adam, lr=0.01), schedule=one_cycle,
    )  # fmt: skip


WIDTHS = {"full": 16, "grouped": 28, "depthwise": 65, "separable": 36}
EXPERIMENTS = (
    Experiment(
        "variants",
        "Four kinds of 3×3 layer, as wide as about 8,500 weights allow; and two of them as wide as the separable one.",
        "32×32 crops of 21 photographs, the label is which one: 2,100 from 78 % of each photograph's cells to train, "
        "1,050 from the other 22 % held out; the same photographs, other places",
        {
            **{f"{kind}, {width} maps": _on_crops(kind, width) for kind, width in WIDTHS.items()},
            **{f"{kind}, 36 maps": _on_crops(kind, 36) for kind in ("depthwise", "full")},
        },
    ),
    Experiment(
        "variants_digits",
        "Three kinds of layer, equally wide.",
        "scikit-learn's 1,797 handwritten digits as 32×32, in the file's order: the first 1,297 to train, "
        "the last 500 held out",
        {f"{kind}, 38 maps": _on_digits(kind, 38) for kind in ("depthwise", "separable", "full")},
        seeds=(0, 1, 2, 3, 4),
    ),
)
