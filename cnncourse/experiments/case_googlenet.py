"""The experiments of the chapter *GoogLeNet*: inception with and without its 1×1 layers, and heads half way."""

from __future__ import annotations

from functools import cache, partial
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Adam

from cnncourse.data import digits
from cnncourse.experiments.design_variants import held_out_crops, train_crops
from cnncourse.experiments.making import Experiment
from cnncourse.experiments.training import Training
from cnncourse.models.googlenet import INCEPTION
from cnncourse.train import one_cycle

Filters = tuple[int, int, int, int, int, int]
_FIRST = 48  # a quarter of the 192 maps that GoogLeNet's first module reads
_HEAD_WEIGHT = 0.3


def layer(c_in: int, c_out: int, kernel_size: int, batch_norm: bool = True) -> nn.Sequential:
    """Convolution that keeps the size, batch norm if asked, ReLU."""
    conv = nn.Conv2d(c_in, c_out, kernel_size, padding=kernel_size // 2, bias=not batch_norm)
    return nn.Sequential(conv, *([nn.BatchNorm2d(c_out)] if batch_norm else []), nn.ReLU())


class Module(nn.Module):
    """An inception module: 1×1; 3×3; 5×5; 3×3 max pooling and 1×1, stacked. (N, C_in, H, W) → (N, their sum, H, W).

    `filters` as in `cnncourse.models.googlenet.INCEPTION`. With `direct` the 3×3 and 5×5 filters read the input
    itself, without a 1×1 layer before them.
    """

    def __init__(self, c_in: int, filters: Filters, direct: bool = False, batch_norm: bool = True) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, pool = filters
        make = partial(layer, batch_norm=batch_norm)
        self.one = make(c_in, one, 1)
        self.three = make(c_in, three, 3) if direct else nn.Sequential(make(c_in, reduce3, 1), make(reduce3, three, 3))
        self.five = make(c_in, five, 5) if direct else nn.Sequential(make(c_in, reduce5, 1), make(reduce5, five, 5))
        self.pool = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), make(c_in, pool, 1))
        self.out_channels = one + three + five + pool

    def forward(self, x: Tensor) -> Tensor:
        """The four branches, stacked."""
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


def scaled(name: str, factor: float) -> Filters:
    """A row of GoogLeNet's table with all numbers of filters times `factor`, at least 2 each."""
    return cast(Filters, tuple(max(2, round(factor * count)) for count in INCEPTION[name]))


# ---------------------------------------------------------------- two modules on crops

ALONE = (40, 48)  # maps of two 3×3 layers alone, with as many multiply-adds as the modules with their 1×1 layers


def two_modules(kind: str, head: str = "average") -> nn.Sequential:
    """Modules 3a and 3b at a quarter of their width on 8×8 maps of a 32×32 crop, and a head with 21 scores.

    `kind`: "inception"; "direct", the same outputs without 1×1 layers; "3×3", two 3×3 layers in their place.
    `head`: "average" over each map and a linear layer, or "flat", a linear layer from all values.
    """
    stem = [
        nn.Conv2d(3, _FIRST, 5, stride=2, padding=2, bias=False),
        nn.BatchNorm2d(_FIRST),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]
    if kind == "3×3":
        middle: list[nn.Module] = [layer(_FIRST, ALONE[0], 3), layer(*ALONE, 3)]
        maps = ALONE[1]
    else:
        first = Module(_FIRST, scaled("3a", 0.25), direct=kind == "direct")
        second = Module(first.out_channels, scaled("3b", 0.25), direct=kind == "direct")
        middle, maps = [first, second], second.out_channels
    if head == "flat":
        return nn.Sequential(*stem, *middle, nn.Flatten(), nn.Linear(maps * 8 * 8, 21))
    return nn.Sequential(*stem, *middle, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(maps, 21))


def _on_crops(kind: str, head: str = "average") -> Training:
    return Training(
        build=partial(two_modules, kind, head), train=train_crops, val=held_out_crops, epochs=5, batch_size=64,
        optimizer=partial(Adam, lr=0.01), schedule=one_cycle,
    )  # fmt: skip


# ---------------------------------------------------------------- nine modules on digits


class Scores(NamedTuple):
    """What a net with heads gives in training: its logits and those of its two heads, each (N, 10)."""

    logits: Tensor
    heads: tuple[Tensor, Tensor]


class NineModules(nn.Module):
    """All nine modules of GoogLeNet, an eighth as wide, for 16×16 digits: (N, 1, 16, 16) → (N, 10).

    8×8 maps in modules 3, 4×4 in modules 4, 2×2 in modules 5. With `heads`, two classifiers (average over the map,
    linear layer) behind 4a and 4d give logits of their own in training. Weights by Xavier's rule, or by He's; biases 0.
    """

    def __init__(self, heads: bool = False, batch_norm: bool = False, init: str = "xavier") -> None:
        super().__init__()
        self.stem = nn.Sequential(layer(1, 24, 3, batch_norm), nn.MaxPool2d(2))
        c_in, widths = 24, {}
        for name in INCEPTION:
            module = Module(c_in, scaled(name, 1 / 8), batch_norm=batch_norm)
            self.add_module(f"inception{name}", module)
            c_in = widths[name] = module.out_channels
        self.heads = nn.ModuleList([nn.Linear(widths[name], 10) for name in ("4a", "4d")] if heads else [])
        self.fc = nn.Linear(c_in, 10)
        for part in self.modules():
            if isinstance(part, (nn.Conv2d, nn.Linear)):
                if init == "he":
                    nn.init.kaiming_uniform_(part.weight, nonlinearity="relu")
                else:
                    nn.init.xavier_uniform_(part.weight)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)

    def forward(self, x: Tensor) -> Tensor | Scores:
        """Logits; in training, with heads, `Scores`."""
        x = self.stem(x)
        found = []
        for name in INCEPTION:
            if name in ("4a", "5a"):
                x = nn.functional.max_pool2d(x, 2)
            x = self.get_submodule(f"inception{name}")(x)
            if name in ("4a", "4d"):
                found.append(x.mean(dim=(2, 3)))
        logits = self.fc(x.mean(dim=(2, 3)))
        if self.training and len(self.heads):
            first, second = (head(maps) for head, maps in zip(self.heads, found, strict=True))
            return Scores(logits, (first, second))
        return cast(Tensor, logits)


def with_heads(output: Tensor | Scores, labels: Tensor) -> Tensor:
    """Cross-entropy; that of each head counts 0.3 beside it."""
    if isinstance(output, Tensor):
        return cross_entropy(output, labels)
    extra = sum(cross_entropy(logits, labels) for logits in output.heads)
    return cross_entropy(output.logits, labels) + _HEAD_WEIGHT * extra


@cache
def train_digits() -> tuple[Tensor, Tensor]:
    """The first 1,297 digits, 16×16."""
    data = digits("train", size=16)
    return data.images - 0.5, data.labels


EXPERIMENTS = (
    Experiment(
        "inception",
        "Two inception modules, with and without the 1×1 layers before their larger filters; a rival as cheap, of 3×3 "
        "layers alone; and a head that reads every value in place of the averages.",
        "32×32 crops of 21 photographs, the label is which one: 2,100 from 78 % of each photograph's cells to train, "
        "1,050 from the other 22 % held out; the same photographs, other places",
        {
            "with 1 × 1": _on_crops("inception"),
            "direct": _on_crops("direct"),
            "3 × 3 alone, as cheap": _on_crops("3×3"),
            "with 1 × 1, flat head": _on_crops("inception", "flat"),
        },
    ),
)
