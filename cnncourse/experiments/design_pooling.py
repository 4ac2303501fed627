"""The experiments of the chapter *Pooling*: four ways to halve a map, a dot to be found, a face of moved parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

import torch
from torch import Tensor, nn
from torch.nn.functional import (
    avg_pool2d,
    binary_cross_entropy_with_logits,
    interpolate,
    max_pool2d,
    max_unpool2d,
    pixel_shuffle,
)
from torch.optim import Adam

from cnncourse.data import load_photo, patches
from cnncourse.experiments.making import Experiment
from cnncourse.experiments.training import Training
from cnncourse.train import one_cycle
from cnncourse.train.measure import evaluating

Pair = tuple[Tensor, Tensor]
SHIFTS = (1, 2, 3, 4)
_CROP, _ROOM = 32, 4
_SIDE = 20  # of a picture with a dot
_GROUNDS = ("grass", "gravel", "brick", "chelsea", "coffee", "china", "flower", "camera")
_FACE, _PART = 44, 8  # sides of a face and of a part
_EYES, _NOSE = ((114, 171), (134, 322)), (243, 262)  # their middles in the photograph of the cat


class BlurredMaxPool2d(nn.Module):
    """Max pooling 2×2 at every place, a blur with 1, 2, 1 along both axes, then every second value (Zhang 2019)."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H/2, W/2) for even H, W."""
        return avg_pool2d(avg_pool2d(max_pool2d(x, 2, stride=1, padding=1), 2, stride=1), 2)


# ---------------------------------------------------------------- four ways to halve a map


@cache
def train_crops() -> Pair:
    """630 crops of 32×32."""
    data = patches("train", 630, _CROP)
    return data.images - 0.5, data.labels


@cache
def wide_crops() -> Pair:
    """525 crops of 36×36 from other cells of the same photographs: room to move a window of 32×32."""
    data = patches("test", 525, _CROP + _ROOM)
    return data.images - 0.5, data.labels


def held_out_crops() -> Pair:
    """The upper left 32×32 of them."""
    images, labels = wide_crops()
    return images[:, :, :_CROP, :_CROP], labels


def halving(kind: str, c_in: int, c_out: int) -> list[nn.Module]:
    """A 3×3 layer that halves the map by "max", "average", "max, blurred" or "stride"."""
    conv = nn.Conv2d(c_in, c_out, 3, stride=2 if kind == "stride" else 1, padding=1, bias=False)
    kinds: Mapping[str, Callable[[], nn.Module]] = {
        "max": lambda: nn.MaxPool2d(2), "average": lambda: nn.AvgPool2d(2), "max, blurred": BlurredMaxPool2d,
        "stride": nn.Identity,
    }  # fmt: skip
    return [conv, nn.BatchNorm2d(c_out), nn.ReLU(), kinds[kind]()]


def halving_net(kind: str) -> nn.Sequential:
    """Two layers that halve, one that does not, the average over the map, 21 scores."""
    last = [nn.Conv2d(24, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*halving(kind, 3, 12), *halving(kind, 12, 24), *last, nn.Flatten(), nn.Linear(24, 21))


@torch.no_grad()
def shifted_scores(model: nn.Module) -> dict[str, float]:
    """What the answers do when the window moves by a few pixels to the right: share changed, accuracy there."""
    images, labels = wide_crops()
    with evaluating(model):
        first, found = model(images[:, :, :_CROP, :_CROP]).argmax(1), {}
        for shift in SHIFTS:
            answers = model(images[:, :, :_CROP, shift : shift + _CROP]).argmax(1)
            found[f"changed_{shift}"] = (answers != first).float().mean().item()
            found[f"accuracy_{shift}"] = (answers == labels).float().mean().item()
    return found


# ---------------------------------------------------------------- a dot, to the pixel


@cache
def _ground(name: str) -> Tensor:
    return load_photo(name, size=256, gray=True)[0]


@cache
def dots(split: str, count: int, many: bool = False) -> Pair:
    """Crops (N, 1, 20, 20) of eight photographs with one pixel made brighter, and that pixel, row * 20 + column.

    With `many` each pixel is brighter with probability 0.1, and the labels (N, 400) are 1 where one is. Training crops
    come from the left 70 % of each photograph, held-out ones from the rest.
    """
    draw = torch.Generator().manual_seed(len(split))
    images, bright = torch.empty(count, 1, _SIDE, _SIDE), torch.zeros(count, _SIDE, _SIDE)
    for n in range(count):
        ground = _ground(_GROUNDS[n % len(_GROUNDS)])
        cut = int(0.7 * ground.shape[1])
        low, high = (0, cut) if split == "train" else (cut, ground.shape[1])
        top, left = _whole(0, ground.shape[0] - _SIDE, draw), _whole(low, high - _SIDE, draw)
        images[n, 0] = ground[top : top + _SIDE, left : left + _SIDE]
        if many:
            bright[n] = (torch.rand(_SIDE, _SIDE, generator=draw) < 0.1).float()
        else:
            bright[n, _whole(1, _SIDE - 1, draw), _whole(1, _SIDE - 1, draw)] = 1
    labels = bright.flatten(1)
    return images + 0.5 * bright[:, None] - 0.5, labels if many else labels.argmax(1)


def _whole(low: int, high: int, draw: torch.Generator) -> int:
    return int(torch.randint(low, high, (1,), generator=draw))


class DotNet(nn.Module):
    """Three 3×3 layers of eight maps and a fourth that scores the pixels, (N, 1, 20, 20) -> (N, 400).

    After the first and the second layer the maps are halved, `times` times, by `halve` "max" or "stride"; the last
    layer then gives each place of the small map 4 or 16 scores, one for each pixel below it. With "switches" max
    pooling is undone before the last layer instead, each value put where it was the largest.
    """

    def __init__(self, halve: str = "max", times: int = 0) -> None:
        super().__init__()
        self.halve, self.times = halve, times
        steps = [2 if halve == "stride" and times > layer else 1 for layer in range(2)]
        self.first = nn.Conv2d(1, 8, 3, stride=steps[0], padding=1)
        self.second = nn.Conv2d(8, 8, 3, stride=steps[1], padding=1)
        self.third = nn.Conv2d(8, 8, 3, padding=1)
        self.last = nn.Conv2d(8, 1 if halve == "switches" else 4**times, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the pixels, row by row."""
        winners = []
        for layer, conv in enumerate((self.first, self.second)):
            x = conv(x).relu()
            if self.halve != "stride" and self.times > layer:
                x, places = max_pool2d(x, 2, return_indices=True)
                winners.append(places)
        x = self.third(x).relu()
        if self.halve == "switches":
            for places in reversed(winners):
                x = max_unpool2d(x, places, [2, 2])
            return self.last(x).flatten(1)  # type: ignore[no-any-return]
        return pixel_shuffle(self.last(x), 2**self.times).flatten(1)


def near(logits: Tensor, pixels: Tensor) -> Tensor:
    """The share of pictures whose highest score is at most one pixel away from the dot, row and column each."""
    guess = logits.argmax(1)
    rows, columns = guess // _SIDE - pixels // _SIDE, guess % _SIDE - pixels % _SIDE
    return (rows.abs().maximum(columns.abs()) <= 1).float().mean()


def overlap(logits: Tensor, bright: Tensor) -> Tensor:
    """Intersection over union of the pixels that score above 0 and those that are bright."""
    found = logits > 0
    return (found & (bright > 0)).sum() / (found | (bright > 0)).sum()


# ---------------------------------------------------------------- a face of moved parts


@cache
def parts() -> Tensor:
    """The cat's eyes and nose, (3, 8, 8), less grey, faded out towards their rims."""
    cat = load_photo("chelsea", gray=True)[0]
    crops = [cat[r - 32 : r + 32, c - 32 : c + 32] for r, c in (*_EYES, _NOSE)]
    small = torch.stack([interpolate(crop[None, None], (_PART, _PART), mode="area")[0, 0] for crop in crops])
    away = (torch.arange(_PART) - (_PART - 1) / 2).square()
    return (small - 0.5) * ((away[:, None] + away).sqrt() < _PART / 2)


PLACES = ((10, 8), (10, 24), (24, 16))  # where eyes and nose belong: six pixels from the rim and each other, or more


def face(order: tuple[int, ...], shift: tuple[int, int] = (0, 0)) -> Tensor:
    """(1, 44, 44), 0 is grey: part `order[k]` lies where part k belongs, all moved by `shift`."""
    image = torch.zeros(1, _FACE, _FACE)
    for part, (row, column) in zip(order, PLACES, strict=True):
        top, left = row + shift[0], column + shift[1]
        image[0, top : top + _PART, left : left + _PART] = parts()[part]
    return image


MOVED = ((2, 1, 0), (0, 2, 1), (1, 2, 0), (2, 0, 1))


@cache
def faces(split: str, count: int) -> Pair:
    """Pairs of a face with moved parts (0) and a right one (1), both at one random place and one random brightness."""
    draw = torch.Generator().manual_seed(len(split))
    images = torch.empty(count, 1, _FACE, _FACE)
    for n in range(0, count, 2):
        order = MOVED[_whole(0, len(MOVED), draw)]
        shift = _whole(-3, 5, draw), _whole(-2, 5, draw)
        light = 0.7 + 0.6 * torch.rand(1, generator=draw)
        images[n], images[n + 1] = face(order, shift) * light, face((0, 1, 2), shift) * light
    return images * 4, torch.arange(count) % 2


def part_net(kind: str) -> nn.Sequential:
    """Two scores for a face. "parts": field of 7 pixels, maximum over the map; "far": field of 31, the same maximum;
    "places": field of 7, a weight for every place of the map."""
    dilations = {"parts": (1, 1, 1), "far": (1, 4, 10), "places": (1, 1, 1)}[kind]
    layers: list[nn.Module] = []
    for c_in, dilation in zip((1, 8, 8), dilations, strict=True):
        layers += [nn.Conv2d(c_in, 8, 3, padding=dilation, dilation=dilation), nn.ReLU()]
    if kind == "places":
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * _FACE**2, 2))
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(8, 2))


HALVINGS: Mapping[str, tuple[str, int]] = {
    "not halved": ("max", 0), "max": ("max", 1), "stride": ("stride", 1), "max, undone": ("switches", 1),
}  # fmt: skip
ONE_DOT: Mapping[str, tuple[str, int]] = {"not halved": ("max", 0), "max, twice": ("max", 2)}


def _dot_data(what: str) -> str:
    return (
        f"20×20 crops of eight photographs with {what}: 1,000 from the left 70 % of each to train, 300 from the rest "
        "held out"
    )


EXPERIMENTS = (
    Experiment(
        "pooling_kinds",
        "Four ways to halve a map, twice in a small net; and what the answer does when the window moves.",
        "32×32 crops of 21 photographs, the label is which one: 630 from 78 % of each photograph's cells to train, "
        "525 from the other 22 % held out; the same photographs, other places",
        {
            kind: Training(
                build=partial(halving_net, kind), train=train_crops, val=held_out_crops, epochs=6, batch_size=32,
                optimizer=partial(Adam, lr=0.01), schedule=one_cycle, measure=shifted_scores,
            )
            for kind in ("max", "average", "max, blurred", "stride")
        },
    ),
    Experiment(
        "pooling_dot",
        "One bright pixel in a photograph, to be found exactly, with and without halving on the way.",
        _dot_data("one pixel made brighter by 0.5"),
        {
            name: Training(
                build=partial(DotNet, *halving), train=partial(dots, "train", 1000),
                val=partial(dots, "test", 300), epochs=8, batch_size=32, optimizer=partial(Adam, lr=0.01),
                schedule=one_cycle, metrics={"near": near},
            )
            for name, halving in ONE_DOT.items()
        },
    ),
    Experiment(
        "pooling_dots",
        "Many bright pixels in a photograph, each to be found, with and without halving on the way.",
        _dot_data("a tenth of the pixels made brighter by 0.5"),
        {
            name: Training(
                build=partial(DotNet, *halving), train=partial(dots, "train", 1000, many=True),
                val=partial(dots, "test", 300, many=True), epochs=8, batch_size=32, optimizer=partial(Adam, lr=0.01),
                schedule=one_cycle, loss=binary_cross_entropy_with_logits, metrics={"overlap": overlap},
            )
            for name, halving in HALVINGS.items()
        },
    ),
    Experiment(
        "pooling_parts",
        "The parts of a cat's face in their places or moved: which nets can tell?",
        "a cat's eyes and nose on grey, in place or two or three of them swapped, at random places and brightness: "
        "600 to train, 300 others held out",
        {
            kind: Training(
                build=partial(part_net, kind), train=partial(faces, "train", 600), val=partial(faces, "test", 300),
                epochs=10, batch_size=32, optimizer=partial(Adam, lr=0.01), schedule=one_cycle,
            )
            for kind in ("parts", "far", "places")
        },
    ),
)  # fmt: skip
