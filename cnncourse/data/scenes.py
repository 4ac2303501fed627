"""Scenes: shapes, digits and stick people, in front of one another and of photographs. Rendered: every answer is known.

Real detection data with boxes, masks and joints cannot be downloaded here, and its labels were drawn by people. These
scenes are drawn by the course: what is where is known to the pixel, and an image takes milliseconds. They serve
classification with a background, localization, detection, segmentation, instance masks and pose.

What they are not: objects are flat, lit evenly, of six kinds, and never leave the image. A detector that works here
has shown that its code is right, not that it would find a bicycle in a street. Background photographs are the same 18
in both splits; training uses the left 70 % of each, the test the right 30 %. Digits come from the writers of
`digits`' own splits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from cnncourse.data._backgrounds import background
from cnncourse.data._person import HEAD_RADIUS, JOINTS, LIMB, SKELETON, pose
from cnncourse.data._rendered import count_and_seed, interval, random_numbers, split_number
from cnncourse.data._shapes import (
    Floats,
    ink,
    pixel_centres,
    regular,
    to_disc,
    to_polygon,
    to_segments,
    turned,
)
from cnncourse.data.digits import digits
from cnncourse.errors import whole

SCENE_CLASSES = ("background", "disc", "square", "triangle", "star", "digit", "person")
SCENE_JOINTS = JOINTS
SCENE_SKELETON = SKELETON
MOST_OBJECTS = 12
_LEAST_VISIBLE = 0.4  # of every object, after all others have been put before it
_UNIT = 1 / 8  # an object of scale 1 is an eighth of the image across
_CONTRAST = 0.45  # least distance of an object's colour from what lies behind it, in the RGB cube

Target = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Scenes(Dataset[tuple[Tensor, Target]]):
    """Images (N, 3, S, S) in [0, 1] and what is in them. A torch `Dataset` of (image, target).

    `instances` (N, S, S), uint8: which object each pixel shows, 1 for an image's first object, 2 for its second …, 0
    for the background. Objects later in the list stand in front. `target(i)` is a dict in the form that torchvision's
    detectors take; R objects:

    - `boxes` (R, 4) float32, x1, y1, x2, y2 of the *visible* part in pixels: columns x1 … x2 − 1, rows y1 … y2 − 1
    - `labels` (R,) int64, 1 … 6: a place in `SCENE_CLASSES`; 0 is the background
    - `masks` (R, S, S) bool, the visible pixels; no two overlap
    - `keypoints` (R, 14, 3) float32: x, y and 2 where the joint can be seen, 1 where something hides it; 0, 0, 0 for
      what is no person. The joints' names are `SCENE_JOINTS`, the lines between them `SCENE_SKELETON`
    - `full_boxes` (R, 4), the boxes had nothing been put in front; `visible` (R,), the share of pixels that are left
    - `digits` (R,) int64: which digit, −1 for what is none; `colors` (R, 3): the object's mean colour
    """

    images: Tensor
    instances: Tensor
    objects: tuple[Target, ...]

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        return self.images[index], self.target(index)

    def __repr__(self) -> str:
        total = sum(len(found["labels"]) for found in self.objects)
        return f"Scenes({len(self)} images of {tuple(self.images.shape[1:])} with {total} objects)"

    def target(self, index: int) -> Target:
        """What is in image `index`; fresh tensors, so a caller may change them."""
        found = {name: value.clone() for name, value in self.objects[index].items()}
        numbers = torch.arange(1, len(found["labels"]) + 1, dtype=torch.uint8)
        return found | {"masks": self.instances[index] == numbers[:, None, None]}

    @property
    def targets(self) -> list[Target]:
        """`target(i)` of every image."""
        return [self.target(index) for index in range(len(self))]

    @property
    def semantic(self) -> Tensor:
        """The class of every pixel, (N, S, S) int64, 0 … 6: the labels for segmentation."""
        table = torch.zeros(len(self), MOST_OBJECTS + 1, dtype=torch.int64)
        for row, found in zip(table, self.objects, strict=True):
            row[1 : 1 + len(found["labels"])] = found["labels"]
        return table.gather(1, self.instances.flatten(1).long()).view(self.instances.shape)

    @property
    def labels(self) -> Tensor:
        """The class of each image's only object, (N,) int64: for classification and localization.

        Raises ValueError if an image has more than one: make the scenes with max_objects=1.
        """
        if any(len(found["labels"]) != 1 for found in self.objects):
            raise ValueError(
                "Scenes.labels: some images hold more than one object; expected one each. "
                "Make them with scenes(..., max_objects=1), or use target(i)['labels']"
            )
        return torch.tensor([int(found["labels"]) for found in self.objects], dtype=torch.int64)


def scenes(
    split: str = "train",
    count: int = 1000,
    seed: int = 0,
    size: int = 96,
    *,
    min_objects: int = 1,
    max_objects: int = 6,
    classes: Sequence[str] = SCENE_CLASSES[1:],
    scales: tuple[float, float] = (1.0, 4.0),
    noise: float = 0.02,
) -> Scenes:
    """`count` scenes of `split` ("train" or "test"), S = `size` pixels a side.

    Each holds `min_objects` … `max_objects` (≤ 12) objects of the given `classes`, at scales 1 … 4 (log-uniform; at
    scale 1 a disc is S/8 across, a standing person S/5 high), turned, shaded, in a random colour that has nothing to
    do with the class. An object stands in front of those before it, and at least 40 % of each stays visible. `noise`
    is the standard deviation of the Gaussian noise added to the pixels. Image i depends on (split, seed, i and the
    options) only: the first ten of 1,000 are the ten of `count=10`.

    Raises ValueError and TypeError for arguments outside these ranges, ValueError if so many objects find no room.
    """
    part = split_number("scenes", split)
    count, seed = count_and_seed("scenes", count, seed)
    size = whole("scenes: size", size, 32)
    least, most = whole("scenes: min_objects", min_objects, 1), whole("scenes: max_objects", max_objects, 1)
    if not least <= most <= MOST_OBJECTS:
        raise ValueError(f"scenes: min_objects={least}, max_objects={most}; expected 1 <= min <= max <= {MOST_OBJECTS}")
    labels = _labels(classes)
    scales = interval("scenes: scales", scales, 1.0, 4.0)
    if not 0 <= noise <= 1:
        raise ValueError(f"scenes: noise is {noise!r}; expected 0 <= noise <= 1")
    images = np.empty((count, 3, size, size), dtype=np.float32)
    instances = np.zeros((count, size, size), dtype=np.uint8)
    objects = []
    for index in range(count):
        rng = random_numbers("scenes", part, seed, index)
        images[index] = background(rng, part, size)
        scene = _Scene(images[index], instances[index], part)
        for _ in range(rng.integers(least, most + 1)):
            scene.add(rng, int(labels[rng.integers(len(labels))]), scales)
        images[index] += np.float32(noise) * rng.standard_normal((3, size, size), dtype=np.float32)
        objects.append(scene.annotations())
    return Scenes(torch.from_numpy(images.clip(0, 1)), torch.from_numpy(instances), tuple(objects))


def _labels(classes: Sequence[str]) -> list[int]:
    names = [classes] if isinstance(classes, str) else list(classes)
    unknown = [name for name in names if name not in SCENE_CLASSES[1:]]
    if unknown or not names:
        raise ValueError(f"scenes: classes is {classes!r}; expected some of {', '.join(map(repr, SCENE_CLASSES[1:]))}")
    return [SCENE_CLASSES.index(name) for name in names]


@dataclass(frozen=True)
class _Sprite:
    """One object before it is put anywhere: its ink (h, w) on a patch just large enough, and what is known about it."""

    label: int
    alpha: Floats
    joints: Floats | None = None
    digit: int = -1


class _Scene:
    """One image in the making: objects are put in front of one another, and who covers whom is kept."""

    def __init__(self, image: Floats, instances: NDArray[np.uint8], split: int) -> None:
        self.image, self.instances, self.split = image, instances, split
        self.size = image.shape[1]
        self.sprites: list[_Sprite] = []
        self.places: list[tuple[int, int]] = []
        self.colors: list[Floats] = []
        self.pixels = np.zeros(MOST_OBJECTS + 1, dtype=np.int64)  # of each object had nothing covered it
        self.left = np.zeros(MOST_OBJECTS + 1, dtype=np.int64)  # of each object still to be seen

    def add(self, rng: np.random.Generator, label: int, scales: tuple[float, float]) -> None:
        """Put one more object in front, where it hides no other too much; smaller, if there is no such place."""
        scale = float(np.exp(rng.uniform(*np.log(scales))))
        for _ in range(40):
            sprite = _MAKE[label](rng, label, scale * self.size * _UNIT, self.split)
            for _ in range(6):
                top, left = (int(rng.integers(self.size - side + 1)) for side in sprite.alpha.shape)
                if self._fits(sprite.alpha > 0.5, top, left):
                    self._paint(rng, sprite, top, left)
                    return
            scale = max(scales[0], 0.8 * scale)
        raise ValueError(f"scenes: found no room for object {len(self.sprites) + 1}; ask for fewer (max_objects)")

    def _fits(self, solid: NDArray[np.bool_], top: int, left: int) -> bool:
        behind = self.instances[top : top + solid.shape[0], left : left + solid.shape[1]]
        covered = np.bincount(behind[solid], minlength=MOST_OBJECTS + 1)
        there = slice(1, len(self.sprites) + 1)
        return bool(np.all(self.left[there] - covered[there] >= _LEAST_VISIBLE * self.pixels[there]))

    def _paint(self, rng: np.random.Generator, sprite: _Sprite, top: int, left: int) -> None:
        height, width = sprite.alpha.shape
        window = (slice(top, top + height), slice(left, left + width))
        behind, solid = self.image[:, *window], sprite.alpha > 0.5
        color = _color(rng, behind.mean(axis=(1, 2)))
        behind += sprite.alpha * (_shaded(rng, color, height, width) - behind)  # a view: paints into the image
        self.sprites.append(sprite)
        self.places.append((top, left))
        self.colors.append(color)
        number = len(self.sprites)
        self.left -= np.bincount(self.instances[window][solid], minlength=MOST_OBJECTS + 1)
        self.instances[window][solid] = number
        self.left[number] = self.pixels[number] = solid.sum()

    def annotations(self) -> Target:
        """All that `Scenes` says about the objects, masks excepted."""
        numbers = range(1, len(self.sprites) + 1)
        placed = list(zip(self.sprites, self.places, strict=True))
        boxes = [_box(self.instances == number) for number in numbers]
        full = [_box(sprite.alpha > 0.5) + np.array([x, y, x, y], dtype=np.float32) for sprite, (y, x) in placed]
        points = [self._keypoints(number, *entry) for number, entry in zip(numbers, placed, strict=True)]
        return {
            "boxes": torch.from_numpy(np.stack(boxes)),
            "labels": torch.tensor([sprite.label for sprite in self.sprites]),
            "keypoints": torch.from_numpy(np.stack(points)),
            "full_boxes": torch.from_numpy(np.stack(full)),
            "visible": torch.tensor([float(self.left[n] / self.pixels[n]) for n in numbers]),
            "digits": torch.tensor([sprite.digit for sprite in self.sprites]),
            "colors": torch.from_numpy(np.stack(self.colors)),
        }

    def _keypoints(self, number: int, sprite: _Sprite, place: tuple[int, int]) -> Floats:
        points = np.zeros((len(JOINTS), 3), dtype=np.float32)
        if sprite.joints is not None:
            points[:, :2] = sprite.joints + np.array(place[::-1], dtype=np.float32)
            column, row = points[:, :2].astype(int).T
            points[:, 2] = np.where(self.instances[row, column] == number, 2, 1)
        return points


def _box(mask: NDArray[np.bool_]) -> Floats:
    """x1, y1, x2, y2 around the True pixels, x2 and y2 one past the last."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=np.float32)


def _color(rng: np.random.Generator, behind: Floats) -> Floats:
    """Any colour that stands out from the mean of what is behind."""
    while True:  # at most a third of the cube is too near, so this ends
        color = rng.uniform(0, 1, 3).astype(np.float32)
        if float(np.linalg.norm(color - behind)) >= _CONTRAST:
            return color


def _shaded(rng: np.random.Generator, color: Floats, height: int, width: int) -> Floats:
    """The colour, lighter towards a random side: (3, h, w)."""
    x, y = pixel_centres(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.float32(np.cos(angle)) * (x / width - 0.5) + np.float32(np.sin(angle)) * (y / height - 0.5)
    return np.clip(color[:, None, None] + np.float32(0.25) * slope, 0, 1)


def _patch(points: Floats, margin: float, rng: np.random.Generator) -> tuple[Floats, tuple[int, int]]:
    """Points moved into a patch (h, w) that has `margin` pixels round them, at a random fraction of a pixel."""
    low = points.min(axis=0) - margin
    moved = points - low + rng.uniform(0, 1, 2).astype(np.float32)
    width, height = np.ceil(moved.max(axis=0) + margin).astype(int)
    return moved, (int(height), int(width))


def _disc(rng: np.random.Generator, label: int, across: float, split: int) -> _Sprite:
    square, (height, width) = _patch(regular(4) * np.float32(across / 2), 1, rng)
    return _Sprite(label, ink(to_disc(*pixel_centres(height, width), square.mean(axis=0), across / 2)))


def _polygon(corners: Floats, grow: float) -> Callable[[np.random.Generator, int, float, int], _Sprite]:
    def make(rng: np.random.Generator, label: int, across: float, split: int) -> _Sprite:
        points = turned(corners, rng.uniform(0, 2 * np.pi)) * np.float32(grow * across / 2)
        points, (height, width) = _patch(points, 1, rng)
        return _Sprite(label, ink(to_polygon(*pixel_centres(height, width), points)))

    return make


def _person(rng: np.random.Generator, label: int, across: float, split: int) -> _Sprite:
    tall = 1.6 * across  # with raised arms still below the image at scale 4
    limb = max(0.75, LIMB * tall)  # so that the pixel of every joint is inside
    head = max(1.5, HEAD_RADIUS * tall)
    joints, (height, width) = _patch(pose(rng) * np.float32(tall), head + 1, rng)
    x, y = pixel_centres(height, width)
    limbs = to_segments(x, y, joints[list(SKELETON)]) - np.float32(limb)
    return _Sprite(label, ink(np.minimum(limbs, to_disc(x, y, joints[0], head))), joints)


def _digit(rng: np.random.Generator, label: int, across: float, split: int) -> _Sprite:
    """A handwritten digit, 8 × 8 cells, enlarged (bilinear), turned a little, and its edge made as sharp as a pixel."""
    pictures, values = _handwritten(split)
    which = int(rng.integers(len(values)))
    cell = 1.25 * across / 8  # pixels for each cell
    frame = turned(regular(4) * np.float32(8 * cell / np.sqrt(2)), angle := rng.uniform(-0.3, 0.3) + np.pi / 4)
    corners, (height, width) = _patch(frame, 0, rng)
    x, y = pixel_centres(height, width)
    cx, cy = corners.mean(axis=0)
    cos, sin = np.float32(np.cos(angle - np.pi / 4) / cell), np.float32(np.sin(angle - np.pi / 4) / cell)
    value = _bilinear(pictures[which], cos * (x - cx) + sin * (y - cy) + 4, cos * (y - cy) - sin * (x - cx) + 4)
    alpha = ink((np.float32(0.45) - value) * np.float32(max(1.0, cell)))
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    return _Sprite(label, alpha[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], digit=int(values[which]))


def _bilinear(cells: Floats, x: Floats, y: Floats) -> Floats:
    """The values of `cells` (8 × 8, zero outside) at continuous x, y; cell 0 has its centre at 1/2."""
    framed = np.pad(cells, 2)
    x, y = np.clip(x + np.float32(1.5), 0, 10.99), np.clip(y + np.float32(1.5), 0, 10.99)
    j, i = x.astype(int), y.astype(int)
    u, v = x - j, y - i
    above = framed[i, j] * (1 - u) + framed[i, j + 1] * u
    below = framed[i + 1, j] * (1 - u) + framed[i + 1, j + 1] * u
    value: Floats = above * (1 - v) + below * v
    return value


@cache
def _handwritten(split: int) -> tuple[Floats, NDArray[np.int64]]:
    data = digits(("train", "test")[split], size=8)
    return data.images[:, 0].numpy(), data.labels.numpy()


_MAKE: dict[int, Callable[..., Any]] = {
    1: _disc,
    2: _polygon(regular(4), 1.15),
    3: _polygon(regular(3), 1.25),
    4: _polygon(regular(5, inner=0.42), 1.25),
    5: _digit,
    6: _person,
}
