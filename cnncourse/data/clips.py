"""Clips: a shape that moves. No single frame says how: only the order of the frames does. Rendered, with that in mind.

Real video cannot be downloaded here, and in most of it one frame gives the answer away (a pool: swimming). Here it
provably cannot. Every quantity goes round in a circle: what leaves the image at the right comes in at the left, what
has grown to the largest size begins again at the smallest; and each starts at a random place of its circle. So in
every class the position, the angle and the size in any one frame have the same distribution, and a frame alone gives
chance, 1 in 8. That makes the set a test of what a filter with an extent in time adds.

Limits: one flat shape, no camera motion, no change of light. The test shows a shape that training does not have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from cnncourse.data._rendered import count_and_seed, random_numbers, split_number
from cnncourse.data._shapes import Floats, ink
from cnncourse.errors import whole

MOTIONS = ("left", "right", "up", "down", "clockwise", "counter-clockwise", "growing", "shrinking")
# Bars (x0, y0, x1, y1) whose union is the shape, in its own frame, within the unit circle.
_SHAPES = {
    "square": ((-0.65, -0.65, 0.65, 0.65),),
    "cross": ((-0.85, -0.25, 0.85, 0.25), (-0.25, -0.85, 0.25, 0.85)),
    "bar": ((-0.9, -0.3, 0.9, 0.3),),
    "L": ((-0.6, -0.75, -0.1, 0.75), (-0.6, 0.25, 0.6, 0.75)),
    "T": ((-0.7, -0.7, 0.7, -0.2), (-0.25, -0.7, 0.25, 0.75)),
}
SHAPES = {"train": ("square", "cross", "bar", "L"), "test": ("T",)}
_SIZES = (0.16, 0.40)  # the shape's radius, in widths of the image, goes round between these
_AT_ONCE = 200  # clips drawn in one go: bounds the memory


@dataclass(frozen=True, eq=False)
class Clips(Dataset[tuple[Tensor, Tensor]]):
    """Clips (N, C, T, H, W) in [0, 1] and labels (N,): places in `MOTIONS`. A torch `Dataset`.

    They are called `images`, the name by which `cnncourse.train.fit` takes them.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.images[index], self.labels[index]

    def __repr__(self) -> str:
        return f"Clips({len(self)} clips of {tuple(self.images.shape[1:])})"


def clips(
    split: str = "train",
    count: int = 1000,
    seed: int = 0,
    size: int = 32,
    *,
    frames: int = 12,
    channels: int = 1,
    noise: float = 0.03,
) -> Clips:
    """`count` clips of `split` ("train" or "test"): T = `frames` frames of S × S pixels, C = `channels`, 1 or 3.

    In one frame a moving shape goes 3 to 7 % of the width, a turning one 6 to 14 degrees, a growing one 3 to 7 % of
    the way from the smallest to the largest on a logarithmic scale. `noise` is the standard deviation of the Gaussian
    noise.

    Raises ValueError and TypeError for arguments outside these ranges.
    """
    part = split_number("clips", split)
    count, seed = count_and_seed("clips", count, seed)
    size, frames = whole("clips: size", size, 8), whole("clips: frames", frames, 1)
    if channels not in (1, 3):
        raise ValueError(f"clips: channels is {channels!r}; expected 1 (grey) or 3 (colours)")
    if not 0 <= noise <= 1:
        raise ValueError(f"clips: noise is {noise!r}; expected 0 <= noise <= 1")
    rng = random_numbers("clips", part, seed)
    labels = rng.integers(len(MOTIONS), size=count)
    shapes = rng.integers(len(SHAPES[split]), size=count)
    states = _states(rng, labels, frames)  # (N, T, 4)
    alpha = np.empty((count, frames, size, size), dtype=np.float32)
    for number, name in enumerate(SHAPES[split]):
        where = np.flatnonzero(shapes == number)
        for start in range(0, len(where), _AT_ONCE):
            some = where[start : start + _AT_ONCE]
            alpha[some] = _drawn(name, states[some], size)
    video = _colored(rng, alpha, channels)
    video += np.float32(noise) * rng.standard_normal(video.shape, dtype=np.float32)
    return Clips(torch.from_numpy(video.clip(0, 1)), torch.from_numpy(labels))


def _states(rng: np.random.Generator, labels: NDArray[np.int64], frames: int) -> Floats:
    """x, y, angle and size of each shape in each frame (N, T, 4), all as places 0 … 1 on their circles.

    A random start on each circle, then equal steps on the one that the class moves. The start is uniform, so
    the place at any later time is uniform too: no frame can tell a moving circle from a resting one.
    """
    axis, sign = labels // 2, np.where(labels % 2 == 1, 1.0, -1.0)
    sign = np.where(labels >= 4, -sign, sign)  # clockwise is the growing angle where y points down; growing comes first
    step = sign * rng.uniform(0.03, 0.07, len(labels)) * np.where(axis == 2, 0.55, 1.0)
    moves = step[:, None, None] * (np.arange(4) == axis[:, None])[:, None] * np.arange(frames)[:, None]
    places: Floats = ((rng.uniform(0, 1, (len(labels), 1, 4)) + moves) % 1.0).astype(np.float32)
    return places


def _drawn(name: str, states: Floats, size: int) -> Floats:
    """The ink (N, T, S, S) of one shape; the image is closed like a ring in both directions."""
    x, y, angle, radius = np.moveaxis(states, 2, 0)[..., None, None]
    low, high = (math.log(size * end) for end in _SIZES)
    radius = np.exp(np.float32(low) + radius * np.float32(high - low))
    angle = angle * np.float32(2 * math.pi)
    centres = np.arange(0.5, size, dtype=np.float32)
    dx = (centres - x * size + size / 2) % size - size / 2  # (N, T, 1, S): the shorter way round
    dy = (centres[:, None] - y * size + size / 2) % size - size / 2
    u = (np.cos(angle) * dx + np.sin(angle) * dy) / radius
    v = (np.cos(angle) * dy - np.sin(angle) * dx) / radius
    bars = [
        np.maximum(np.abs(u - (x0 + x1) / 2) - (x1 - x0) / 2, np.abs(v - (y0 + y1) / 2) - (y1 - y0) / 2)
        for x0, y0, x1, y1 in _SHAPES[name]
    ]
    return ink(np.minimum.reduce(bars) * radius)


def _colored(rng: np.random.Generator, alpha: Floats, channels: int) -> Floats:
    """Random light shape on dark ground, or the reverse, or two colours: (N, C, T, S, S)."""
    both = rng.uniform(0, 1, (2, len(alpha), channels)).astype(np.float32)
    near = np.abs(both[1] - both[0]).max(axis=1) < 0.4
    both[1, near] = np.where(both[0, near] < 0.5, both[0, near] + 0.5, both[0, near] - 0.5)
    ground, shape = both[..., None, None, None]  # (N, C, 1, 1, 1)
    video: Floats = ground + (shape - ground) * alpha[:, None]
    return video
