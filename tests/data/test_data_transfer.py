"""Tasks for transfer: letters without digits, two halves of the photographs that share none, all of them grey."""

from __future__ import annotations

import pytest
import torch

from cnncourse.data import GLYPHS, glyphs, patches, photos
from cnncourse.data.transfer import gray_crops, halves, letters


def test_letters_are_the_glyphs_that_are_no_digits() -> None:
    data = letters("test", 60, seed=4)
    same = glyphs("test", 60, 4, 32, characters="ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert tuple(data.images.shape) == (60, 1, 32, 32)
    assert torch.equal(data.images, same.images)
    assert [GLYPHS[10 + k] for k in data.labels] == [GLYPHS[k] for k in same.labels]
    assert set(letters("test", 2000).labels.tolist()) == set(range(26))


def test_the_halves_share_no_photograph_and_lose_none() -> None:
    first, second = halves()
    assert (len(first), len(second)) == (11, 10)
    assert not set(first) & set(second)
    assert set(first) | set(second) == set(photos())


@pytest.mark.parametrize(("half", "split"), [("first", "train"), ("second", "train"), ("second", "test")])
def test_gray_crops_are_patches_of_their_half_without_colour(half: str, split: str) -> None:
    data, coloured = gray_crops(half, split, each=2, seed=1), patches(split, 42, 32, 1)
    assert data.classes == halves()[half == "second"]
    assert data.labels.bincount().tolist() == [2] * len(data.classes)
    assert len(data) == len(data.images) == 2 * len(data.classes)
    wanted = [i for i in range(42) if coloured.classes[int(coloured.labels[i])] in data.classes]
    for i, (gray, label) in zip(wanted, (data[k] for k in range(len(data))), strict=True):
        assert data.classes[int(label)] == coloured.classes[int(coloured.labels[i])]
        r, g, b = coloured.images[i]
        torch.testing.assert_close(gray[0], 0.299 * r + 0.587 * g + 0.114 * b, rtol=0, atol=1e-6)


def test_refuses_another_half() -> None:
    with pytest.raises(ValueError, match="expected 'first' or 'second'"):
        gray_crops("third")
    with pytest.raises(ValueError, match="expected 'train' or 'test'"):
        gray_crops("first", "all")
