"""What holds for every rendered data set: repeatable, empty if asked, splits and seeds differ, clear errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from cnncourse.data import clips, glyphs, go_positions, scenes, sentences, vowels
from cnncourse.data._rendered import interval, random_numbers

Make = Callable[..., Any]
SETS: dict[str, Make] = {
    "scenes": scenes,
    "glyphs": glyphs,
    "go_positions": go_positions,
    "sentences": sentences,
    "vowels": vowels,
    "clips": clips,
}
every = pytest.mark.parametrize("name", SETS)


def inputs(data: Any) -> Tensor:
    found = data.images
    assert isinstance(found, Tensor)
    return found


@every
def test_the_same_again_and_fresh(name: str) -> None:
    first, second = SETS[name]("test", count=20, seed=3), SETS[name]("test", count=20, seed=3)
    assert torch.equal(inputs(first), inputs(second))
    inputs(first).zero_()
    assert float(inputs(second).float().abs().max()) > 0
    assert torch.equal(inputs(SETS[name]("test", count=20, seed=3)), inputs(second))


@every
def test_splits_and_seeds_give_others(name: str) -> None:
    one = inputs(SETS[name]("train", count=10, seed=3))
    for split, seed in (("test", 3), ("train", 4)):
        other = inputs(SETS[name](split, count=10, seed=seed))
        assert one.shape == other.shape
        assert not any(torch.equal(a, b) for a in one for b in other)


@every
def test_the_global_generators_play_no_part_and_stay_as_they_are(name: str) -> None:
    torch.manual_seed(1)
    first, state = inputs(SETS[name](count=5)), torch.get_rng_state()
    torch.manual_seed(2)
    assert torch.equal(inputs(SETS[name](count=5)), first)
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)


@every
def test_none_is_a_count(name: str) -> None:
    data = SETS[name](count=0)
    assert len(data) == 0
    assert inputs(data).shape[1:] == inputs(SETS[name](count=1)).shape[1:]
    assert data.labels.shape == (0,)
    assert data.labels.dtype == torch.int64


@every
def test_a_dataset_for_torch(name: str) -> None:
    data = SETS[name](count=5, **({"max_objects": 1} if name == "scenes" else {}))
    assert data.labels.shape == (5,)
    assert repr(data).startswith(type(data).__name__ + "(5 ")
    if name == "scenes":
        return
    x, y = next(iter(DataLoader(data, batch_size=4)))
    assert torch.equal(x, inputs(data)[:4])
    assert torch.equal(y, data.labels[:4])


@every
@pytest.mark.parametrize(
    ("options", "error", "complaint"),
    [
        ({"split": "val"}, ValueError, r"split is 'val'; expected 'train' or 'test'"),
        ({"split": 0}, ValueError, "split is 0"),
        ({"count": -1}, ValueError, "count is -1; expected a whole number >= 0"),
        ({"count": 1.5}, TypeError, "count is 1.5"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"seed": "a"}, TypeError, "seed is 'a'"),
    ],
)
def test_bad_arguments(name: str, options: dict[str, Any], error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=f"{name}: {complaint}"):
        SETS[name](**options)


def test_generators_are_told_apart_by_every_number() -> None:
    keys = [("a",), ("b",), ("a", 0), ("a", 1), ("a", 0, 1), ("a", 1, 0)]
    drawn = {random_numbers(*key).integers(1 << 60) for key in keys}  # type: ignore[arg-type]
    assert len(drawn) == len(keys)


def test_interval() -> None:
    assert interval("f: x", [1, 2], 0, 3) == (1.0, 2.0)
    for value in ((2, 1), (-1, 1), (1, 4), (float("nan"), 1)):
        with pytest.raises(ValueError, match="expected 0 <= low <= high <= 3"):
            interval("f: x", value, 0, 3)
