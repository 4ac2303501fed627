"""The experiments of the chapter *ResNet and DenseNet*."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cnncourse.data import digits
from cnncourse.experiments.design_variants import held_out_crops, train_crops
from cnncourse.experiments.making import Experiment
from cnncourse.experiments.training import Training
from cnncourse.experiments.unravel import Unravelled, blocks_of, without
from cnncourse.models import cifar_plain, cifar_resnet
from cnncourse.models.densenet import DenseBlock, DenseLayer
from cnncourse.train import accuracy, one_cycle, step_decay

Pair = tuple[Tensor, Tensor]
_SAMPLED = 64  # images whose gradients are taken apart
_DRAWS = 3
DROPPED = (2, 4, 7, 11)


@cache
def train_digits() -> Pair:
    """The first 1,297 digits, as the 8×8 pixels that they are."""
    data = digits("train", size=8)
    return data.images - 0.5, data.labels


@cache
def held_out_digits() -> Pair:
    """The last 500."""
    data = digits("test", size=8)
    return data.images - 0.5, data.labels


def paper_sgd(parameters: object, lr: float = 0.1, weight_decay: float = 1e-4) -> Optimizer:
    """The published recipe: momentum 0.9, rate 0.1, weight decay 1e-4. Source: He et al. 2016, section 3.4."""
    return SGD(parameters, lr=lr, momentum=0.9, weight_decay=weight_decay)  # type: ignore[arg-type]


def two_drops(optimizer: Optimizer, steps: int) -> LRScheduler:
    """The rate divided by 10 after 60 % of the steps, and again after 80 %."""
    return step_decay(optimizer, [round(0.6 * steps), round(0.8 * steps)])


# ---------------------------------------------------------------- blocks that are left out, paths


def taken_apart(model: nn.Module) -> Mapping[str, float]:
    """Held-out accuracy "without k" block k, and "without any n" blocks (mean of three draws); for a residual net also
    the gradient's sizes by path length k, relative to the whole gradient: "all of k" together, "one of k" alone."""
    blocks = list(blocks_of(model).values())
    found = {}
    for k, block in enumerate(blocks, 1):
        with without(block):
            found[f"without {k}"] = accuracy(model, held_out_digits(), device="cpu")
    draw = torch.Generator().manual_seed(0)
    for n in [n for n in DROPPED if n < len(blocks)]:
        scores = []
        for _ in range(_DRAWS):
            with without(*(blocks[k] for k in torch.randperm(len(blocks), generator=draw)[:n])):
                scores.append(accuracy(model, held_out_digits(), device="cpu"))
        found[f"without any {n}"] = sum(scores) / _DRAWS
    return found | _paths(model, draw) if blocks[0].shortcut else found


def _paths(model: nn.Module, draw: torch.Generator) -> dict[str, float]:
    images, labels = held_out_digits()
    net = Unravelled(model, images[:_SAMPLED], labels[:_SAMPLED])
    unit = _norms(net.whole)
    found = {f"all of {k}": _typical(_norms(part) / unit) for k, part in enumerate(net.by_length())}
    for k in range(len(net) + 1):
        ways = [torch.randperm(len(net), generator=draw) < k for _ in range(_DRAWS)]
        found[f"one of {k}"] = _typical(torch.cat([_norms(net.along(way.tolist())) / unit for way in ways]))
    return found


def _norms(gradients: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(gradients.flatten(1), dim=1)
    return norms


def _typical(values: Tensor) -> float:
    """Their median: the gradient of an image that is read with certainty is next to nothing."""
    return values.median().item()


# ---------------------------------------------------------------- a sum, or everything


class Sums(nn.Module):
    """`count` of DenseNet's layers from `width` to `width` channels, one behind another, with a shortcut past each."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DenseLayer(width, width, 0.0) for _ in range(count))

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) → the same shape."""
        for layer in self.layers:
            x = x + layer(x)
        return x


LAYERS = 12


def wired(wiring: str, width: int, classes: int = 21) -> nn.Sequential:
    """Twelve layers (batch norm, ReLU, 1×1, batch norm, ReLU, 3×3) on maps of 8×8, for crops of 32×32.

    `wiring`: "sum" (a shortcut past each layer) or "dense" (each layer reads all before it, and adds `width`
    channels to sixteen). Raises ValueError for another one.
    """
    if wiring not in ("sum", "dense"):
        raise ValueError(f"wired: wiring is {wiring!r}; expected 'sum' or 'dense'")
    first = 16 if wiring == "dense" else width
    block = DenseBlock(first, LAYERS, width, 0.0) if wiring == "dense" else Sums(width, LAYERS)
    last = first + LAYERS * width if wiring == "dense" else width
    return _he(nn.Sequential(
        nn.Conv2d(3, first, 5, stride=2, padding=2, bias=False), nn.MaxPool2d(2), block,
        nn.BatchNorm2d(last), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, classes),
    ))  # fmt: skip


def _he(net: nn.Sequential) -> nn.Sequential:
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return net


def reuse(model: nn.Module) -> Mapping[str, float]:
    """ "s to l": the mean size of the weights by which layer l reads what layer s made (0: what enters the block).

    A weight counts times the scale of the batch norm in front of it, without which it says nothing.
    """
    block = next(module for module in model.modules() if isinstance(module, DenseBlock))
    found: dict[str, float] = {}
    for to, layer in enumerate(block.children(), 1):
        assert isinstance(layer, DenseLayer)
        size = (layer.conv1.weight[:, :, 0, 0] * layer.norm1.weight).abs().mean(0)  # one number an input channel
        growth = layer.conv2.out_channels
        parts = torch.split(size, [len(size) - (to - 1) * growth, *[growth] * (to - 1)])
        found |= {f"{made} to {to}": part.mean().item() for made, part in enumerate(parts)}
    return found


# ---------------------------------------------------------------- what is trained

_DIGITS = (
    "scikit-learn's 1,797 handwritten digits as 8×8, in the file's order: the first 1,297 to train, the last 500 held "
    "out"
)
_CROPS = (
    "32×32 crops of 21 photographs, the label is which one: 2,100 from 78 % of each photograph's cells to train, "
    "1,050 from the other 22 % held out; the same photographs, other places"
)
_on_digits = partial(
    Training, train=train_digits, val=held_out_digits, epochs=10, optimizer=paper_sgd, schedule=two_drops,
    options={"channels_last": True},
)  # fmt: skip
_on_crops = partial(
    Training, train=train_crops, val=held_out_crops, epochs=4, optimizer=partial(SGD, lr=0.1, momentum=0.9),
    schedule=one_cycle,
)  # fmt: skip


def _deep(build: Callable[..., nn.Module], depth: int) -> Training:
    return _on_digits(build=partial(build, depth, 10, 1), measure=taken_apart)


DEPTHS = (8, 20, 32)
_DEPTH = Experiment(
    "resnet_depth",
    "Plain and residual nets of growing depth.",
    _DIGITS,
    {
        f"{kind}, {depth} layers": _deep(build, depth)
        for depth in DEPTHS
        for kind, build in (("plain", cifar_plain), ("residual", cifar_resnet))
    },
)
_WIRING = Experiment(
    "densenet_wiring",
    "Twelve layers with a sum past each, and wired densely, with about as many weights.",
    _CROPS,
    {
        "dense, 8": _on_crops(build=partial(wired, "dense", 8), measure=reuse),
        "sum, 11": _on_crops(build=partial(wired, "sum", 11)),
    },
)
EXPERIMENTS = (_DEPTH, _WIRING)
