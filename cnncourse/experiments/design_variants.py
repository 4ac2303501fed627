"""The experiment of the chapter *Variants*: four kinds of 3×3 layer for the same number of weights."""

from __future__ import annotations

from functools import cache, partial

from torch import Tensor, nn
from torch.optim import Adam

from cnncourse.data import patches
from cnncourse.experiments.making import Experiment
from cnncourse.experiments.training import Training
from cnncourse.train import one_cycle

Pair = tuple[Tensor, Tensor]
KINDS = ("full", "grouped", "depthwise", "separable")
_CLASSES = 21


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


def middle(kind: str, width: int) -> list[nn.Module]:
    """A layer from `width` maps to `width` maps, with batch norm and ReLU; "grouped" has four groups."""
    groups = {"full": 1, "grouped": 4, "depthwise": width, "separable": width}[kind]
    layers: list[nn.Module] = [nn.Conv2d(width, width, 3, padding=1, groups=groups, bias=False)]
    if kind == "separable":
        layers.append(nn.Conv2d(width, width, 1, bias=False))
    return [*layers, nn.BatchNorm2d(width), nn.ReLU()]


def variant_net(kind: str, width: int) -> nn.Sequential:
    """A 5×5 layer with stride 2, three layers of one kind, the average over the map, 21 scores; for 3×32×32."""
    first = [nn.Conv2d(3, width, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(
        *first, nn.MaxPool2d(2), *middle(kind, width), *middle(kind, width), nn.MaxPool2d(2), *middle(kind, width),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, _CLASSES),
    )  # fmt: skip


def _training(kind: str, width: int) -> Training:
    return Training(
        build=partial(variant_net, kind, width), train=train_crops, val=held_out_crops, epochs=8, batch_size=32,
        optimizer=partial(Adam, lr=0.01), schedule=one_cycle,
    )  # fmt: skip


WIDTHS = {"full": 16, "grouped": 28, "depthwise": 65, "separable": 36}
EXPERIMENTS = (
    Experiment(
        "variants",
        "Four kinds of 3×3 layer, as wide as about 8,500 weights allow; and the full one as wide as the separable one.",
        "32×32 crops of 21 photographs, the label is which one: 2,100 from 78 % of each photograph's cells to train, "
        "1,050 from the other 22 % held out; the same photographs, other places",
        {
            **{f"{kind}, {width} maps": _training(kind, width) for kind, width in WIDTHS.items()},
            "full, 36 maps": _training("full", 36),
        },
    ),
)
