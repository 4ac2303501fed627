"""Clips: each class moves as it is called, and no single frame tells which."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from cnncourse.data import MOTIONS, Clips, clips
from cnncourse.data._rendered import random_numbers
from cnncourse.data.clips import SHAPES, _drawn, _states


def test_form_and_range() -> None:
    data = clips(count=30, frames=5, size=20)
    assert (tuple(data.images.shape), data.images.dtype) == ((30, 1, 5, 20, 20), torch.float32)
    assert 0 <= float(data.images.min()) < float(data.images.max()) <= 1
    color = clips(count=30, channels=3).images
    assert tuple(color.shape) == (30, 3, 12, 32, 32)
    assert float((color[:, 0] - color[:, 1]).abs().max()) > 0.3
    assert not set(SHAPES["train"]) & set(SHAPES["test"])


@pytest.mark.parametrize("motion", MOTIONS)
def test_shapes_move_as_they_are_called(motion: str) -> None:
    """Seen in the ink itself: the centre of mass, the direction of the T's stem, the area."""
    label = np.array([MOTIONS.index(motion)])
    states = _states(random_numbers(motion), label, 3)
    others = [place for place in range(4) if place != label[0] // 2]
    states[..., others] = np.float32([0.5, 0.5, 0.125, 0.3])[others]  # away from the border
    states[..., label // 2] += np.float32(0.4) - states[:, :1, label // 2]
    first, last = _drawn("T", states, 64)[0, [0, 2]]
    centres = np.arange(0.5, 64)

    def centre(ink: Any) -> tuple[float, float]:
        return float((ink.sum(0) * centres).sum() / ink.sum()), float((ink.sum(1) * centres).sum() / ink.sum())

    def stem(ink: Any) -> float:  # the angle from the T's cross-bar towards its foot, from the third moments
        cx, cy = centre(ink)
        dx, dy = centres - cx, (centres - cy)[:, None]
        cube = (dx**2 + dy**2) * ink
        return math.atan2(float((cube * dy).sum()), float((cube * dx).sum()))

    (x1, y1), (x2, y2) = centre(first), centre(last)
    turn = (stem(last) - stem(first) + math.pi) % (2 * math.pi) - math.pi
    moved = {
        "left": x1 - x2 > 2, "right": x2 - x1 > 2, "up": y1 - y2 > 2, "down": y2 - y1 > 2,
        "clockwise": turn > 0.1, "counter-clockwise": turn < -0.1,
        "growing": last.sum() > 1.05 * first.sum(), "shrinking": first.sum() > 1.05 * last.sum(),
    }  # fmt: skip
    assert [name for name, holds in moved.items() if holds] == [motion]


def test_every_frame_has_the_same_distribution_in_every_class() -> None:
    """The states at any time, class by class: uniform on 0 … 1 (Kolmogorov-Smirnov distance below the 0.1 % level)."""
    count = 4000
    for label in range(8):
        states = _states(random_numbers("uniform", label), np.full(count, label), 12)
        for frame in (0, 5, 11):
            ordered = np.sort(states[:, frame], axis=0)
            distance = np.abs(ordered - (np.arange(count)[:, None] + 0.5) / count).max()
            assert distance < 1.95 / math.sqrt(count)


def motion_statistics(data: Clips) -> Tensor:
    """How change in time goes together with the slope in x and y, round the shape's centre and away from it: (N, 4)."""
    video = data.images[:, 0].double()
    change, middle = video[:, 1:] - video[:, :-1], (video[:, 1:] + video[:, :-1]) / 2
    slope_x = (middle.roll(-1, 3) - middle.roll(1, 3)) / 2
    slope_y = (middle.roll(-1, 2) - middle.roll(1, 2)) / 2
    weight = (middle - middle.flatten(1).median(1).values[:, None, None, None]).abs()
    weight = weight * (weight > 0.15)
    size = video.shape[-1]
    angle = torch.arange(size) * 2 * math.pi / size

    def from_centre(profile: Tensor) -> Tensor:  # on a ring the mean is that of directions
        mean = torch.atan2((profile * angle.sin()).sum(-1), (profile * angle.cos()).sum(-1))
        return (angle - mean[..., None] + math.pi) % (2 * math.pi) - math.pi

    dx, dy = from_centre(weight.sum(2))[:, :, None, :], from_centre(weight.sum(3))[:, :, :, None]
    flows = (slope_x, slope_y, dx * slope_y - dy * slope_x, dx * slope_x + dy * slope_y)
    scale = change.square().sum((1, 2, 3)).clamp(min=1e-6)
    return torch.stack([(change * q).sum((1, 2, 3)) / (q.square().sum((1, 2, 3)) * scale).sqrt() for q in flows], 1)


def test_one_frame_gives_chance_and_motion_gives_the_class() -> None:
    """Chance is 0.125. Measured on the test's new shape: single frames 0.11 to 0.13, four numbers on motion 0.99."""
    train, test = clips("train", count=800), clips("test", count=600)
    for frame in (0, 6, 11):
        x, x2 = (data.images[:, 0, frame].flatten(1) for data in (train, test))
        score = LogisticRegression(max_iter=300, C=0.01).fit(x, train.labels).score(x2, test.labels)
        assert abs(score - 1 / 8) < 4 * math.sqrt(1 / 8 * 7 / 8 / 600), "four standard deviations of guessing"
    model = LogisticRegression(max_iter=1000).fit(motion_statistics(train), train.labels)
    assert model.score(motion_statistics(test), test.labels) > 0.94


@pytest.mark.parametrize("options", [{"channels": 2}, {"noise": -1}, {"frames": 0}, {"size": 7}])
def test_bad_options(options: dict[str, int]) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=f"clips: {name} is .*; expected"):
        clips(count=1, **options)  # type: ignore[arg-type]
