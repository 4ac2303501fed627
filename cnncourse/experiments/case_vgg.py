"""The experiments of the chapter *AlexNet, ZFNet, VGG*: filters in stacks, and how often to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import combinations, product
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate
from torch.optim import Adam

from cnncourse.data import digits, patches
from cnncourse.experiments.making import Experiment
from cnncourse.experiments.training import Training
from cnncourse.train import one_cycle
from cnncourse.train.augment import crop, flip

Pair = tuple[Tensor, Tensor]
WIDTH, MEMBERS, CROP = 8, 4, 28
SCALES = (32, 40, 48)


@cache
def crops(split: str, count: int, size: int) -> Pair:
    """Crops of 21 photographs, pixels in [-0.5, 0.5]; "test" is from other cells of the same photographs."""
    data = patches(split, count, size)
    return data.images - 0.5, data.labels


@cache
def digit_images(split: str) -> Pair:
    """The first 1,297 digits or the last 500, 32×32, pixels in [-0.5, 0.5]."""
    data = digits(split)
    return data.images - 0.5, data.labels


# ---------------------------------------------------------------- one large filter, or several small ones


def unit(c_in: int, c_out: int, K: int, stride: int = 1, *, bend: bool = True) -> list[nn.Module]:
    """Convolution, batch norm and, with `bend`, ReLU; padded so that stride 1 keeps the size."""
    conv = nn.Conv2d(c_in, c_out, K, stride, K // 2, bias=False)
    return [conv, nn.BatchNorm2d(c_out), *([nn.ReLU()] if bend else [])]


def stacked_net(K: int, count: int = 1, *, bend: bool = True, width: int = WIDTH) -> nn.Sequential:
    """A 5×5 layer with stride 2, then two stages of `count` layers K×K, for digits of 32×32; every layer `width` wide.

    Without `bend` there is a ReLU only at the end of each stage, so that a stage is one linear map before it.
    """
    layers = unit(1, width, 5, stride=2)
    for _ in range(2):
        for number in range(1, count + 1):
            layers += unit(width, width, K, bend=bend or number == count)
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


# ---------------------------------------------------------------- several nets, several views, several scales


class Committee(nn.Module):
    """Nets that differ in their first weights only. In training their logits (N, classes, nets), else the log of the
    mean of their probabilities (N, classes)."""

    def __init__(self, members: int = MEMBERS) -> None:
        super().__init__()
        self.members = nn.ModuleList(member() for _ in range(members))

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W), centred."""
        logits = torch.stack([net(x) for net in self.members], dim=2)
        return logits if self.training else logits.softmax(dim=1).mean(dim=2).log()


def member() -> nn.Sequential:
    """Three convolutions and the average over the map, so that it takes images of any size."""
    return nn.Sequential(
        *unit(3, 16, 5, stride=2), nn.MaxPool2d(2), *unit(16, 32, 3), nn.MaxPool2d(2), *unit(32, 64, 3),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 21),
    )  # fmt: skip


def each_member(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy, the mean over the members where they are still apart."""
    if logits.dim() == 3:
        labels = labels[:, None].expand(-1, logits.shape[2])
    return cross_entropy(logits, labels)


def window(images: Tensor) -> Tensor:
    """A random window of 28 of 32 pixels, mirrored or not: AlexNet's 224 of 256."""
    return flip(crop(images, CROP))


def window_of_some_scale(images: Tensor) -> Tensor:
    """As `window`, of the images at a random size from 32 to 48, one for the batch."""
    side = int(torch.randint(SCALES[0], SCALES[-1] + 1, ()).item())
    return window(scaled(images, side))


def scaled(images: Tensor, side: int) -> Tensor:
    """Images with another side, bilinear."""
    return interpolate(images, side, mode="bilinear", align_corners=False)


def middle(images: Tensor) -> Tensor:
    """The window of 28 in the middle."""
    edge = (images.shape[2] - CROP) // 2
    return images[:, :, edge : edge + CROP, edge : edge + CROP]


def ten(images: Tensor) -> list[Tensor]:
    """The middle, the four corners, and the mirror images of these five."""
    left = [middle(images), *(images[:, :, y, x] for y, x in product((slice(CROP), slice(-CROP, None)), repeat=2))]
    return left + [view.flip(3) for view in left]


@cache
def middles() -> Pair:
    """The middle windows of the held-out crops."""
    images, labels = crops("test", 1050, 32)
    return middle(images), labels


def views_and_nets(model: nn.Module) -> dict[str, float]:
    """Accuracies on held-out crops, by how often is asked. For k nets the mean over all choices of k members."""
    images, labels = crops("test", 1050, 32)
    with torch.no_grad():
        told = [_answers(net, images) for net in cast(Committee, model).members]
    scores = {}
    for ways in told[0]:
        for k in range(1, len(told) + 1):
            right = [_share(torch.stack([net[ways] for net in some]).mean(0), labels) for some in combinations(told, k)]
            scores[f"{ways}, {k}"] = sum(right) / len(right)
    return scores


def _answers(net: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Mean probabilities (N, classes) of one net, by what it is shown."""
    views = torch.stack([net(view).softmax(dim=1) for view in ten(images)])  # (10, N, classes)
    whole = torch.stack([_whole(net, scaled(images, side)) for side in SCALES])
    named: dict[str, Tensor] = {"middle": views[0], "middle and mirror": views[[0, 5]].mean(0)}
    named |= {"five": views[:5].mean(0), "ten": views.mean(0)}
    named |= {f"whole at {side}": answer for side, answer in zip(SCALES, whole, strict=True)}
    return named | {"whole, three sizes": whole.mean(0)}


def _whole(net: nn.Module, images: Tensor) -> Tensor:
    """The whole image and its mirror image."""
    return torch.stack([net(x).softmax(dim=1) for x in (images, images.flip(3))]).mean(0)


def _share(probabilities: Tensor, labels: Tensor) -> float:
    return (probabilities.argmax(dim=1) == labels).float().mean().item()


# ---------------------------------------------------------------- what is trained


def _arms() -> Iterator[tuple[str, partial[nn.Sequential]]]:
    for K, count, name in ((5, 2, "two"), (7, 3, "three")):
        yield f"one {K}×{K}", partial(stacked_net, K)
        yield f"{name} 3×3", partial(stacked_net, 3, count)
        yield f"{name} 3×3, one ReLU", partial(stacked_net, 3, count, bend=False)


def _on_digits(build: partial[nn.Sequential]) -> Training:
    return Training(
        build=build, train=partial(digit_images, "train"), val=partial(digit_images, "test"), epochs=6, batch_size=32,
        optimizer=partial(Adam, lr=0.01), schedule=one_cycle,
    )  # fmt: skip


def _committee(augment: Callable[[Tensor], Tensor], build: Callable[[], Committee] = Committee) -> Training:
    return Training(
        build=build, train=partial(crops, "train", 2100, 32), val=middles, epochs=8, batch_size=32,
        optimizer=partial(Adam, lr=0.01), schedule=one_cycle, loss=each_member, augment=augment,
        measure=views_and_nets,
    )  # fmt: skip


EXPERIMENTS = (
    Experiment(
        "vgg_stacks",
        "One large filter, or two or three of 3×3 with the same receptive field, with and without ReLU in between.",
        "scikit-learn's 1,797 handwritten digits as 32×32, in the file's order: the first 1,297 to train, "
        "the last 500 held out",
        {name: _on_digits(build) for name, build in _arms()},
        seeds=(0, 1, 2, 3, 4),
    ),
    Experiment(
        "vgg_views",
        "Four nets trained on windows of 28 of 32 pixels, asked once or often, one alone or several; and one net "
        "trained on crops of changing size.",
        "32×32 crops of 21 photographs, the label is which one: 2,100 from 78 % of each photograph's cells to train, "
        "1,050 from the other 22 % held out; the same photographs, other places",
        {"one size": _committee(window), "sizes 32 to 48": _committee(window_of_some_scale, partial(Committee, 1))},
    ),
)
