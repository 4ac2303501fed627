"""The experiment of the chapter *Why convolution*: a linear classifier on features, designed by people or learned."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate, normalize

from cnncourse.data import digits, patches
from cnncourse.experiments.making import Experiment
from cnncourse.experiments.training import Run, Training
from cnncourse.features import color_histogram, dense_descriptors, fit_words, hog, spatial_pyramid, visual_words

Part = tuple[Tensor, Tensor]
WORDS, EACH = 64, 20  # words of a vocabulary, training images of each class
_STRENGTHS = np.logspace(-3, 5, 9)
_FINGERPRINT = 10


def gray(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, 1, H, W)."""
    if x.shape[1] == 1:
        return x
    return 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]


def pixels(x: Tensor) -> Tensor:
    """The picture at 16×16."""
    return adaptive_avg_pool2d(x, 16).flatten(1)


def gradients(x: Tensor) -> Tensor:
    """HOG with 8×8 cells in blocks of 2×2."""
    y: Tensor = hog(x, pixels_per_cell=x.shape[2] // 8, cells_per_block=2)
    return y


def descriptors(x: Tensor) -> Tensor:
    """(N, 128, 13, 13): windows of a quarter of the picture's side."""
    return dense_descriptors(gray(x), cell_size=x.shape[2] // 16, eps=0.05)


def colors(x: Tensor) -> Tensor:
    """The root of the histogram over 64 colours: of unit length."""
    return color_histogram(x, 4).sqrt()


def bag(maps: Tensor, words: Tensor, levels: int) -> Tensor:
    """The root of how often each word occurs, in the picture and in its parts."""
    return spatial_pyramid(visual_words(maps, words), levels).sqrt()


@torch.no_grad()
def photograph_net(x: Tensor) -> Tensor:
    """The 128 means of the last maps of a net trained on 4,200 crops of the photographs."""
    net = _zoo("small_vgg_patches").to(memory_format=torch.channels_last)
    parts = [net.features(net.centre(part.expand(-1, 3, -1, -1))).mean((2, 3)) for part in torch.split(x, 64)]
    return torch.cat(parts)


@torch.no_grad()
def digit_net(x: Tensor) -> Tensor:
    """The 84 units below the scores of LeNet-5, trained on 1,297 digits."""
    net = _zoo("lenet_digits")
    y = interpolate(gray(x), size=(32, 32), mode="bilinear", antialias=True)
    for layer in (net.c1, net.act1, net.s2, net.c3, net.act3, net.s4, net.c5, net.act5, nn.Flatten(), net.f6, net.act6):
        y = layer(y)
    return y


@cache
def _zoo(name: str) -> Any:
    from cnncourse import zoo

    return zoo.load(name)


@cache
def _part(data: str, split: str) -> Part:
    """1,260 and 420 crops of 64×64, or 1,297 and 500 digits of 32×32."""
    if data == "digits":
        part = digits(split, 32)
        return part.images, part.labels
    crops = patches(split, 21 * (3 * EACH if split == "train" else EACH))
    return crops.images, crops.labels


@cache
def _base(data: str, split: str, feature: Callable[[Tensor], Tensor]) -> Tensor:
    return feature(_part(data, split)[0])


@dataclass(frozen=True)
class Kind:
    """A feature: what is computed of each picture, and what is made of it once the training pictures are known."""

    base: Callable[[Tensor], Tensor]
    levels: int = 0  # of a pyramid of words; 0: the base itself
    color: bool = False  # colours beside it


KINDS: Mapping[str, Kind] = {
    "pixels": Kind(pixels),
    "HOG": Kind(gradients),
    "words": Kind(descriptors, levels=1),
    "pyramid of words": Kind(descriptors, levels=3),
    "colour": Kind(colors),
    "words and colour": Kind(descriptors, levels=1, color=True),
    "net of photographs": Kind(photograph_net),
    "net of digits": Kind(digit_net),
}


def pick(labels: Tensor, seed: int) -> Tensor:
    """`EACH` training pictures of every class, drawn by the seed."""
    draw = torch.Generator().manual_seed(seed)
    places = [(labels == c).nonzero()[:, 0] for c in range(int(labels.max()) + 1)]
    return torch.cat([place[torch.randperm(len(place), generator=draw)[:EACH]] for place in places])


@dataclass(frozen=True, kw_only=True)
class Linear(Training):
    """Ridge regression to ±1 for each class, on a fixed feature: nothing but this last step sees the labels.

    Its strength is chosen among 10⁻³ … 10⁵ by leaving out each of the training pictures in turn.
    """

    source: str
    kind: str

    def settings(self) -> dict[str, Any]:
        """As plain data."""
        return {"source": self.source, "kind": self.kind, "each": EACH, "words": WORDS, "classifier": "ridge"}

    def run(self, seed: int, *, max_steps: int | None = None) -> Run:
        """One draw of training pictures, and of the vocabulary's start. `max_steps`: only what it is recognised by.

        That is the mean size of the first pictures' features, where a training's first losses would stand.
        """
        began, kind = time.perf_counter(), KINDS[self.kind]
        images, labels = _part(self.source, "train")
        chosen = pick(labels, seed)
        sizes = kind.base(images[chosen[:_FINGERPRINT]]).flatten(1).abs().mean(1)
        if max_steps is not None:
            return Run(seed, sizes.tolist()[:max_steps], {}, {}, 0.0)
        train, test = self._features(kind, chosen, seed)
        scores = {"accuracy": _score(train, labels[chosen], test, _part(self.source, "test")[1])}
        scores["numbers"] = float(train.shape[1])
        return Run(seed, sizes.tolist(), {}, scores, round(time.perf_counter() - began, 2))

    def _features(self, kind: Kind, chosen: Tensor, seed: int) -> Part:
        train, test = _base(self.source, "train", kind.base)[chosen], _base(self.source, "test", kind.base)
        if kind.levels:
            words = fit_words(train[:, :, ::2, ::2], WORDS, seed=seed, at_most=6000)
            train, test = bag(train, words, kind.levels), bag(test, words, kind.levels)
        if not kind.color:
            return train, test
        beside = _base(self.source, "train", colors)[chosen], _base(self.source, "test", colors)
        both = [torch.cat([normalize(a), b], 1) for a, b in zip((train, test), beside, strict=True)]
        return both[0], both[1]


def _score(train: Tensor, labels: Tensor, test: Tensor, truth: Tensor) -> float:
    from sklearn.linear_model import RidgeClassifierCV

    mean = train.mean(0)
    model = RidgeClassifierCV(alphas=_STRENGTHS).fit((train - mean).double().numpy(), labels.numpy())
    return float(model.score((test - mean).double().numpy(), truth.numpy()))


_nothing = partial(nn.Identity)
ARMS = {
    f"{source}: {kind}": Linear(
        build=_nothing, train=partial(_part, source, "train"), val=partial(_part, source, "test"), epochs=0,
        source=source, kind=kind,
    )
    for source in ("photographs", "digits")
    for kind in KINDS
    if source == "photographs" or "colour" not in kind
}  # fmt: skip
EXPERIMENTS = (
    Experiment(
        "features",
        "A linear classifier on eight kinds of features, 20 training pictures of each class.",
        "photographs: 64×64 crops of 21 photographs, the label is which one, 420 held out from cells that no training "
        "crop touches, but of the same photographs; digits: scikit-learn's, 32×32, the last 500 held out",
        ARMS,
    ),
)
