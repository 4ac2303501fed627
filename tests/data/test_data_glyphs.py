"""Glyphs: the faces are there and apart, characters are the right ones, bending moves ink and keeps it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from cnncourse.data import FACES, GLYPHS, digits, glyphs
from cnncourse.data._rendered import random_numbers
from cnncourse.data._wheels import wheel_file
from cnncourse.data.glyphs import _drawn, _smooth_field
from cnncourse.train import accuracy, fit


def test_faces_are_apart_and_different() -> None:
    assert not set(FACES["train"]) & set(FACES["test"])
    assert len(FACES["train"]) + len(FACES["test"]) == 21
    train, test = (_drawn(split, 32).transpose(0, 1).flatten(2) for split in FACES)  # (36, faces, S · S)
    nearest = torch.cdist(test, train).amin(2)  # of each character in each face of the test
    assert float(nearest.min()) > 1, "in pixels of full ink: no drawing is a copy of one that training has"


def test_every_character_is_drawn_and_no_box_stands_for_a_missing_one() -> None:
    """A face without a character draws the same box for all it lacks."""
    for split in FACES:
        for face, sheet in zip(FACES[split], _drawn(split, 32), strict=True):
            apart = torch.cdist(sheet.flatten(1), sheet.flatten(1)) + 1e9 * torch.eye(36)
            assert float(apart.min()) > 0.5, face
            assert float(sheet.amax((1, 2)).min()) > 0.5, face


def test_a_drawing_is_pillows_own_in_the_middle() -> None:
    font = ImageFont.truetype(str(wheel_file("matplotlib", "mpl-data/fonts/ttf/cmr10.ttf")), 29)
    picture = Image.new("L", (64, 64))
    ImageDraw.Draw(picture).text((10, 10), "R", fill=255, font=font)
    theirs = np.asarray(picture) / 255
    ours = _drawn("train", 32)[FACES["train"].index("cmr10"), GLYPHS.index("R")]
    assert float(ours.sum()) == pytest.approx(float(theirs.sum()), rel=0.01)
    rows, columns = torch.nonzero(ours > 0.1, as_tuple=True)
    assert abs(int(rows.min() + rows.max()) - 31) <= 1
    assert abs(int(columns.min() + columns.max()) - 31) <= 1


def test_without_any_change_the_drawing_is_only_scaled_and_moved() -> None:
    data = glyphs(count=200, elastic=0, degrees=0, noise=0)
    drawn = _drawn("train", 32)[data.faces, data.labels]
    share = data.images.sum((1, 2, 3)) / drawn.sum((1, 2))
    assert 0.6 < float(share.min()) < float(share.max()) < 1.4  # 0.8² … 1.15²


def test_form_and_range() -> None:
    data = glyphs("test", count=300)
    assert (tuple(data.images.shape), data.images.dtype) == ((300, 1, 32, 32), torch.float32)
    assert float(data.images.min()) == 0
    assert 0.9 < float(data.images.max()) <= 1
    assert set(data.labels.tolist()) == set(range(36))
    assert set(data.faces.tolist()) == set(range(5))


def test_characters_keep_their_labels() -> None:
    data = glyphs(count=100, characters="A7")
    assert set(data.labels.tolist()) == {7, GLYPHS.index("A")}


def test_the_field_is_smooth_and_of_unit_size() -> None:
    field = _smooth_field(random_numbers("field"), 200, 32)
    assert float(field.square().mean()) == pytest.approx(1, abs=0.05)
    assert float((field[:, 1:] - field[:, :-1]).square().mean()) < 0.05


def test_more_elastic_changes_more() -> None:
    base = glyphs(count=50, elastic=0, noise=0).images
    change = [float((glyphs(count=50, elastic=e, noise=0).images - base).abs().mean()) for e in (0.01, 0.03, 0.06)]
    assert 0 < change[0] < change[1] < change[2]


@pytest.mark.parametrize("size", [8, 17, 48])
def test_other_sizes(size: int) -> None:
    data = glyphs(count=3, size=size)
    assert tuple(data.images.shape) == (3, 1, size, size)
    assert float(data.images.flatten(1).amax(1).min()) > 0.3


@pytest.mark.parametrize(
    "options", [{"characters": ""}, {"characters": "a"}, {"elastic": 0.3}, {"degrees": -1}, {"noise": 2}, {"size": 7}]
)
def test_bad_options(options: dict[str, object]) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=f"glyphs: {name} is .*; expected"):
        glyphs(count=1, **options)  # type: ignore[arg-type]


def test_what_is_learned_on_print_holds_for_other_faces_and_less_for_hands() -> None:
    """Ten digits, one linear layer; chance is 0.1. Measured: other faces 0.71, real digits 0.50."""
    train, test = glyphs(count=2000, characters=GLYPHS[:10]), glyphs("test", count=500, characters=GLYPHS[:10])
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(32 * 32, 10))
    fit(net, train, epochs=5, progress=False, device="cpu")
    faces, hands = (accuracy(net, data, device="cpu") for data in (test, digits("test")))
    assert faces > 0.65
    assert 0.2 < hands < faces
