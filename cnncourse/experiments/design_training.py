"""The experiments of the chapter *Training*: handwritten digits and crops of photographs, small enough for a laptop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, mse_loss
from torch.optim import SGD, Adam

from cnncourse.data import digits, patches
from cnncourse.experiments.making import Experiment
from cnncourse.experiments.nets import ACTIVATIONS, cnn, mlp
from cnncourse.experiments.training import Training
from cnncourse.train import accuracy, colour_axes, colour_cast, compose, crop, flip, jitter, one_cycle
from cnncourse.train.measure import evaluating

Pair = tuple[Tensor, Tensor]
_DIGITS = (
    "scikit-learn's 1,797 handwritten digits, 8×8 pixels in [0, 1], in the file's order: training from the first "
    "1,297, held out the last 500"
)
_PATCHES = (
    "16×16 crops of 21 photographs (32×32 at half resolution), the label is which one: 420 from 78 % of each "
    "photograph's cells to train, 525 from the other 22 % held out; the same photographs, other places"
)
_VALIDATION = 297  # of the 1,297, to choose with


@cache
def train_digits(count: int = 1297, scale: float = 1.0, centre: bool = False, unit: bool = False) -> Pair:
    """The first `count` digits; pixels times `scale`, then less the training mean of each, then over its deviation."""
    return _prepared(digits("train", 8), slice(0, count), scale, centre, unit)


@cache
def held_out_digits(scale: float = 1.0, centre: bool = False, unit: bool = False) -> Pair:
    """The last 500 digits, prepared with the mean and the deviation of the training digits."""
    return _prepared(digits("test", 8), slice(None), scale, centre, unit)


@cache
def validation_digits() -> Pair:
    """The last 297 of the 1,297 training digits."""
    return _prepared(digits("train", 8), slice(1297 - _VALIDATION, 1297), 1.0, False, False)


def swapped_digits() -> Pair:
    """The held-out digits, ink and paper swapped: a bug."""
    images, labels = held_out_digits()
    return 1 - images, labels


def slipped_digits() -> Pair:
    """The training digits, each with its neighbour's label: a bug."""
    images, labels = train_digits()
    return images, labels.roll(1)


def _prepared(data: Any, part: slice, scale: float, centre: bool, unit: bool) -> Pair:
    known = digits("train", 8).images * scale
    x = data.images[part] * scale
    x = x - known.mean(dim=0) if centre else x
    x = x / known.std(dim=0).clamp(min=0.05 * scale) if unit else x  # pixels that are hardly ever inked stay small
    return x, data.labels[part]


@cache
def train_patches() -> Pair:
    """420 crops of 32×32, at half their resolution, less 0.5."""
    return _halved(patches("train", 420, 32))


@cache
def held_out_patches() -> Pair:
    """525 such crops from other cells of the same photographs."""
    return _halved(patches("test", 525, 32))


def _halved(data: Any) -> Pair:
    return avg_pool2d(data.images, 2) - 0.5, data.labels


def augmented(x: Tensor, step: Callable[[Tensor], Tensor]) -> Tensor:
    """`step` wants pixels in [0, 1], the nets want them around 0."""
    return step(x + 0.5) - 0.5


def casted(x: Tensor) -> Tensor:
    """AlexNet's colour cast along the crops' own principal axes, and up to 30 % more or less light."""
    return colour_cast(x, axes=_axes(), sigma=0.3, brightness=0.3)


@cache
def _axes() -> Tensor:
    return colour_axes(train_patches()[0] + 0.5)


def each_digit(model: nn.Module) -> dict[str, float]:
    """The share of each digit's held-out images that is right: "digit 0" …"""
    images, labels = held_out_digits()
    return {f"digit {k}": accuracy(model, (images[labels == k], labels[labels == k]), device="cpu") for k in range(10)}


def on_test(model: nn.Module) -> dict[str, float]:
    """The accuracy on the last 500 digits, where choices were made on others."""
    return {"test": accuracy(model, held_out_digits(), device="cpu")}


def thinned(model: nn.Module, most: int = 100) -> dict[str, float]:
    """The held-out accuracy and loss of the mean prediction of 1, 3, 10 … nets, each a fresh draw of dropout."""
    images, labels = held_out_digits()
    found: dict[str, float] = {}
    total = torch.zeros(len(images), 10)
    with evaluating(model):
        for layer in model.modules():
            layer.train(isinstance(layer, nn.Dropout))
        for count in range(1, most + 1):
            total += model(images).softmax(dim=1)
            if count in (1, 3, 10, 30, 100):
                mean = total / count
                found[f"nets {count}"] = float((mean.argmax(1) == labels).float().mean())
                found[f"loss {count}"] = float(cross_entropy(mean.log(), labels))
    return found


def wave(x: Tensor) -> Tensor:
    """The function that the approximation experiment fits."""
    return torch.sin(3 * torch.pi * x) * torch.exp(-x.square()) + 0.5 * x


def hinges(n: int) -> nn.Sequential:
    """One hidden layer of `n` ReLUs from a number to a number, their kinks spread evenly at random over [-1, 1]."""
    first, last = nn.Linear(1, n), nn.Linear(n, 1)
    with torch.no_grad():
        first.weight.copy_(torch.randint(2, (n, 1)) * 2.0 - 1)
        first.bias.uniform_(-1, 1)
        last.weight.normal_(std=n**-0.5)
    return nn.Sequential(first, nn.ReLU(), last)


def points(count: int, repeat: int = 1) -> Pair:
    """(x, wave(x)) at `count` even places in [-1, 1]."""
    x = torch.linspace(-1, 1, count)[:, None].repeat(repeat, 1)
    return x, wave(x)


def sgd(lr: float, momentum: float = 0.9, weight_decay: float = 0.0) -> Any:
    """An optimizer to be made: SGD."""
    return partial(SGD, lr=lr, momentum=momentum, weight_decay=weight_decay)


def _on_digits(build: Any, **settings: Any) -> Training:
    return Training(**{"build": build, "train": train_digits, "val": held_out_digits, "epochs": 15, **settings})


def _on_patches(step: Any = None) -> Training:
    return Training(
        build=partial(cnn, (16, 32), in_channels=3, classes=21, batch_norm=True), train=train_patches,
        val=held_out_patches, epochs=15, batch_size=32, optimizer=sgd(0.1), schedule=one_cycle,
        augment=None if step is None else partial(augmented, step=step),
    )  # fmt: skip


MOMENTUM = Experiment(
    "momentum",
    "SGD with and without momentum",
    _DIGITS,
    {
        f"rate {lr:g}, momentum {mu:g}": _on_digits(cnn, optimizer=sgd(lr, mu), epochs=20)
        for lr, mu in ((0.01, 0.0), (0.1, 0.0), (0.01, 0.9), (1.0, 0.0), (0.01, 0.99))
    },
)
STARTS: Mapping[str, Mapping[str, Any]] = {
    "ReLU, 0.01": {"activation": "ReLU", "init": 0.01},
    "ReLU, Xavier": {"activation": "ReLU", "init": "xavier"},
    "ReLU, He": {"activation": "ReLU", "init": "he"},
    "tanh, Xavier": {"activation": "tanh", "init": "xavier"},
    "ReLU, 0.01, batch norm": {"activation": "ReLU", "init": 0.01, "batch_norm": True},
}
INITIALISATION = Experiment(
    "initialisation",
    "twenty hidden layers, started in different ways",
    _DIGITS,
    {name: _on_digits(partial(mlp, 20, **how), optimizer=sgd(0.01), epochs=15) for name, how in STARTS.items()},
)
ACTIVATION_RATES, ACTIVATION_DEPTHS = (0.003, 0.02, 0.1), (3, 12)
ACTIVATION = Experiment(
    "activations",
    "ten activations in a shallow and a deep net, each at three rates",
    f"{_DIGITS}; trained on the first 1,000, chosen on the next {_VALIDATION}",
    {
        f"{name}, depth {depth}, rate {lr:g}": _on_digits(
            partial(mlp, depth, activation=name), train=partial(train_digits, 1000), val=validation_digits,
            optimizer=sgd(lr), epochs=12, measure=on_test,
        )
        for depth in ACTIVATION_DEPTHS for name in ACTIVATIONS for lr in ACTIVATION_RATES
    },
)  # fmt: skip
DROPOUT = Experiment(
    "dropout",
    "a wide net on 300 digits, with different shares dropped",
    _DIGITS.replace("first 1,297", "first 300"),
    {
        f"p = {p:g}": _on_digits(
            partial(mlp, 2, 256, dropout=p), train=partial(train_digits, 300), epochs=60, batch_size=32,
            optimizer=sgd(0.02), measure=thinned,
        )
        for p in (0.0, 0.2, 0.5, 0.8)
    },
    seeds=(0, 1, 2, 3, 4),
)  # fmt: skip
BATCH_NORM_RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
BATCH_NORM = Experiment(
    "batch_norm",
    "the rates at which a net of six hidden layers learns, with and without batch norm",
    _DIGITS,
    {
        f"{'with' if norm else 'without'}, rate {lr:g}": _on_digits(
            partial(mlp, 6, batch_norm=norm), optimizer=sgd(lr), epochs=8
        )
        for norm in (False, True)
        for lr in BATCH_NORM_RATES
    },
)
PIXEL_RATES = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
PIXELS: Mapping[str, Mapping[str, Any]] = {
    "0 to 255": {"scale": 255.0},
    "0 to 1": {},
    "centred": {"centre": True},
    "standardised": {"centre": True, "unit": True},
}
PREPROCESSING = Experiment(
    "preprocessing",
    "the same digits with their pixels on other scales",
    _DIGITS,
    {
        f"{name}, rate {lr:g}": _on_digits(
            mlp, train=partial(train_digits, **how), val=partial(held_out_digits, **how), optimizer=sgd(lr), epochs=6
        )
        for name, how in PIXELS.items() for lr in PIXEL_RATES
    },
)  # fmt: skip
_TURNED = partial(jitter, degrees=15.0, shift=1.5, scale=0.15)
AUGMENTATION = Experiment(
    "augmentation",
    "crops of photographs, with virtual ones beside them",
    _PATCHES,
    {
        "as they are": _on_patches(),
        "flip": _on_patches(flip),
        "crop": _on_patches(partial(crop, padding=2)),
        "colour cast": _on_patches(casted),
        "geometric": _on_patches(_TURNED),
        "flip, crop, cast": _on_patches(compose(flip, partial(crop, padding=2), casted)),
    },
)
FLIP = Experiment(
    "flip",
    "digits, with mirrored or moved ones beside them",
    _DIGITS,
    {
        name: _on_digits(cnn, augment=step, measure=each_digit, optimizer=sgd(0.05), epochs=30)
        for name, step in (
            ("as they are", None),
            ("flip", flip),
            ("geometric", partial(jitter, degrees=10.0, shift=0.7, scale=0.1)),
        )
    },
    seeds=(0, 1, 2, 3, 4),
)
_HANDWRITING = partial(jitter, degrees=10.0, shift=0.7, scale=0.1)
VIRTUAL = Experiment(
    "virtual_digits",
    "300 digits, the same with virtual ones beside them, and all 1,297",
    _DIGITS,
    {
        "300": _on_digits(mlp, train=partial(train_digits, 300), epochs=80, batch_size=32),
        "300, geometric": _on_digits(
            mlp, train=partial(train_digits, 300), epochs=80, batch_size=32, augment=_HANDWRITING
        ),
        "1,297": _on_digits(mlp, epochs=20, batch_size=32),
        "1,297, geometric": _on_digits(mlp, epochs=20, batch_size=32, augment=_HANDWRITING),
    },
    seeds=(0, 1, 2, 3, 4),
)
CURVES = Experiment(
    "learning_curves",
    "one net, trained well and in five wrong ways",
    _DIGITS,
    {
        "as it should be": _on_digits(mlp, epochs=20),
        "rate too small": _on_digits(mlp, epochs=20, optimizer=sgd(0.0005)),
        "rate too large": _on_digits(mlp, epochs=20, optimizer=sgd(0.7)),
        "too few digits": _on_digits(mlp, epochs=20, train=partial(train_digits, 60), batch_size=6),
        "bug: slipped labels": _on_digits(mlp, epochs=20, train=slipped_digits),
        "bug: ink and paper swapped": _on_digits(mlp, epochs=20, val=swapped_digits),
    },
)
HIDDEN = (1, 2, 4, 8, 16, 32, 64, 128)
APPROXIMATION = Experiment(
    "approximation",
    "a curve fitted by one hidden layer of n units",
    "256 even points of sin(3πx) exp(−x²) + x/2 on [−1, 1]; held out: 1,000 other points",
    {
        f"n = {n}": Training(
            build=partial(hinges, n), train=partial(points, 256, 20),
            val=partial(points, 1000), epochs=60, batch_size=256, optimizer=partial(Adam, lr=0.02), loss=mse_loss,
            schedule=one_cycle,
        )
        for n in HIDDEN
    },
    seeds=(0, 1, 2, 3, 4),
)  # fmt: skip
DEPTH = Experiment(
    "depth",
    "about ten thousand weights, laid out wide or deep or as convolutions",
    _DIGITS,
    {
        "1 hidden layer": _on_digits(partial(mlp, 1, 134), epochs=30),
        "3 hidden layers": _on_digits(partial(mlp, 3, 55), epochs=30),
        "convolutions": _on_digits(partial(cnn, (16, 56)), epochs=30),
    },
    seeds=(0, 1, 2, 3, 4),
)
EXPERIMENTS = (
    MOMENTUM, INITIALISATION, ACTIVATION, DROPOUT, BATCH_NORM, PREPROCESSING, AUGMENTATION, VIRTUAL, FLIP, CURVES,
    APPROXIMATION, DEPTH,
)  # fmt: skip
