"""Digits: scikit-learn's own, in order, the last 500 as the test."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from cnncourse.data import digits


def test_raw_pixels_and_labels_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    theirs, ours = load_digits(), digits("all", size=8)
    assert np.array_equal(ours.images[:, 0].numpy() * 16, theirs.images)
    assert np.array_equal(ours.labels.numpy(), theirs.target)


def test_the_split_is_ordered_and_whole() -> None:
    train, test, both = digits("train"), digits("test"), digits("all")
    assert (len(train), len(test)) == (1297, 500)
    assert torch.equal(torch.cat([train.images, test.images]), both.images)
    assert torch.equal(torch.cat([train.labels, test.labels]), both.labels)


@pytest.mark.parametrize("size", [12, 28, 32])
def test_upsampled_in_an_empty_border(size: int) -> None:
    x = digits("test", size=size).images
    assert tuple(x.shape) == (500, 1, size, size)
    inner = torch.zeros(size, size, dtype=torch.bool)
    inner[2:-2, 2:-2] = True
    assert float(x[..., ~inner].abs().max()) == 0
    assert 0.9 < float(x.max()) <= 1
    assert float(x.min()) == 0


def test_upsampling_keeps_the_digit() -> None:
    """Averaging the 28×28 inside back to 8×8 cells (3.5 pixels each) correlates with the original."""
    raw, big = digits("test", size=8).images, digits("test").images[..., 2:-2, 2:-2]
    back = torch.nn.functional.adaptive_avg_pool2d(big, 8)
    correlation = torch.corrcoef(torch.stack([raw.flatten(), back.flatten()]))[0, 1]
    assert correlation > 0.97


def test_a_dataset_for_torch_and_fresh_each_time() -> None:
    data = digits("test")
    x, y = next(iter(DataLoader(data, batch_size=7)))
    assert (tuple(x.shape), tuple(y.shape)) == ((7, 1, 32, 32), (7,))
    data.images.zero_()
    assert float(digits("test").images.max()) > 0
    assert repr(data) == "Digits(500 images of (1, 32, 32))"


@pytest.mark.parametrize("arguments", [{"split": "val"}, {"size": 9}, {"size": 0}, {"size": 32.0}, {"size": True}])
def test_bad_arguments(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"digits: (split|size) is .*; expected"):
        digits(**arguments)  # type: ignore[arg-type]
