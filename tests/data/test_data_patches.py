"""Patches: real pixels of the photograph that the label names, and no test pixel in training."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from cnncourse.data import load_photo, patches, photos
from cnncourse.data.patches import cells


def test_shapes_balance_and_range() -> None:
    train, test = patches("train"), patches("test")
    assert tuple(train.images.shape) == (4200, 3, 64, 64)
    assert tuple(test.images.shape) == (1050, 3, 64, 64)
    assert train.classes == tuple(photos())
    assert train.labels.bincount().tolist() == [200] * 21
    assert test.labels.bincount().tolist() == [50] * 21
    assert float(train.images.min()) >= 0
    assert float(train.images.max()) <= 1
    image, label = train[30]
    assert torch.equal(image, train.images[30])
    assert int(label) == 9
    assert repr(test) == "Patches(1050 images of (3, 64, 64), 21 classes)"


def test_each_is_a_piece_of_its_photograph_inside_a_cell_of_its_split() -> None:
    """Found again by looking for it everywhere; grey photographs give three equal channels."""
    for split in ("train", "test"):
        data = patches(split, count=42, size=9, seed=3)
        for image, label in zip(data.images, data.labels, strict=True):
            name = data.classes[int(label)]
            photo = load_photo(name, size=384)
            corners = (photo[:, :-8, :-8] == image[:, :1, :1]).all(0).nonzero().tolist()
            places = [(i, j) for i, j in corners if torch.equal(photo[:, i : i + 9, j : j + 9], image)]
            allowed = cells(name, split)
            assert any(i in range(t, t + 88) and j in range(u, u + 88) for i, j in places for t, u in allowed)
            if photos()[name].gray:
                assert torch.equal(image[0], image[2])


def test_the_splits_share_no_cell_and_about_a_fifth_is_held_out() -> None:
    held_out = 0
    for name in photos():
        train, test = set(cells(name, "train")), set(cells(name, "test"))
        assert not train & test
        assert test
        assert all(t % 96 == 0 and u % 96 == 0 for t, u in train | test)
        held_out += len(test)
    share = held_out / sum(len(cells(name, "train")) + len(cells(name, "test")) for name in photos())
    assert share == pytest.approx(0.22, abs=0.02)


def test_the_seed_fixes_the_crops_and_never_the_cells() -> None:
    one, again, other = (patches("train", 21, seed=s).images for s in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    one.zero_()
    assert float(patches("train", 21, seed=0).images.max()) > 0


def test_none_are_none() -> None:
    data = patches("test", count=0)
    assert tuple(data.images.shape) == (0, 3, 64, 64)
    assert len(data) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "val"}, "split is 'val'; expected 'train' or 'test'"),
        ({"count": -1}, "count is -1; expected an int from 0"),
        ({"size": 97}, "size is 97; expected an int from 1 to 96"),
        ({"size": 64.0}, r"size is 64\.0"),
        ({"seed": True}, "seed is True"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        patches(**arguments)
