"""Comparing answers: elementwise, without broadcasting, generous where a right answer may differ, never raising."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import torch

from cnncourse.checks.values import Junk, brief, fresh, is_trivial, matches, plain, unchanged


def agree(got, expected, **kwargs):
    return matches(plain(got), plain(expected), **kwargs)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (3, 3),
        (np.int64(3), 3),
        (torch.tensor(3), 3),
        ([3, 4], (3, 4)),
        (torch.Size([3, 4]), (3, 4)),
        ((torch.tensor(3), np.int32(4)), (3, 4)),
        (0.5, torch.tensor(0.5)),
        (np.float32(0.5), 0.5),
        (1, 1.0),
        (float("nan"), float("nan")),
        (torch.nn.Parameter(torch.ones(2)), torch.ones(2)),
        (torch.ones(2, 3).T, torch.ones(3, 2)),
        (torch.tensor([math.nan, math.inf]), torch.tensor([math.nan, math.inf])),
        (torch.zeros(0, 3), torch.zeros(0, 3)),
        (torch.tensor([1.0 + 1e-6]), torch.tensor([1.0])),
        (torch.zeros(2, dtype=torch.int64), torch.zeros(2, dtype=torch.int64)),
    ],
)
def test_right_answers_agree(got, expected):
    assert agree(got, expected)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (3.0, 3),
        (True, 1),
        (4, 3),
        ("3", 3),
        (None, 3),
        ((3,), 3),
        (3, (3,)),
        ((3, 4, 5), (3, 4)),
        (0.0, 1e-9),
        (math.nan, 1.0),
        (math.inf, 1e308),
        (10**400, 1.0),
        (torch.ones(1), torch.ones(2)),
        (torch.ones(2, 1), torch.ones(2)),
        (torch.ones(2).double(), torch.ones(2)),
        (torch.ones(2).long(), torch.ones(2)),
        (torch.ones(2) + 0j, torch.ones(2)),
        (np.ones(2, dtype=np.float32), torch.ones(2)),
        ([1.0, 1.0], torch.ones(2)),
        (torch.tensor([1.0, math.nan]), torch.ones(2)),
        (torch.tensor([math.inf]), torch.tensor([1e30])),
        (torch.tensor([1e-8, 0.0]), torch.tensor([1e-8, 1e-8])),
        (torch.zeros(2), torch.tensor([1e-9, 1e-9])),
        (torch.tensor([1.0, 1.001]), torch.ones(2)),
        ((1.0 + torch.full((1,), 1e-7)).double(), torch.ones(1).double()),
        (torch.tensor([True]), torch.tensor([1.0])),
        (torch.zeros(2).to_sparse(), torch.zeros(2)),
    ],
)
def test_wrong_answers_do_not_agree(got, expected):
    assert not agree(got, expected)


def test_tolerance_is_relative_to_the_largest_value():
    large = torch.tensor([1e6, 1.0])
    assert agree(large + torch.tensor([5.0, 5.0]), large)
    assert not agree(large + torch.tensor([0.0, 50.0]), large)
    assert agree(large + 50, large, rtol=1e-3)


def test_copies_keep_strides_and_share_nothing():
    t = torch.arange(24.0).reshape(2, 3, 4).transpose(0, 2)[1:]
    copy = fresh(t)
    assert copy.stride() == t.stride()
    assert unchanged(t, copy)
    copy += 1
    assert not unchanged(t, copy)
    assert t.flatten()[0] == 1
    nested = fresh([(t, {"a": np.ones(2)}), 3])
    nested[0][1]["a"][0] = 5
    nested[0][0].zero_()
    assert t.sum() > 0


def test_unchanged_notices_resizing_and_nan():
    t = torch.tensor([1.0, math.nan])
    assert unchanged(t, t.clone())
    assert not unchanged(t, torch.tensor([1.0]))
    assert not unchanged([1, 2], [1, 2, 3])
    assert not unchanged({"a": 1}, {})


def test_trivial_cases():
    x = torch.ones(2, 2)
    assert is_trivial(plain(torch.zeros(3)), ())
    assert is_trivial(plain(torch.zeros(0, 3)), ())
    assert is_trivial(0, ())
    assert is_trivial(plain(x), (5, x))
    assert is_trivial((3, 1), ([(3, 1)],))
    assert not is_trivial(plain(x + 1), (5, x))
    assert not is_trivial(7, (5, x))


def test_brief_is_short_and_never_raises():
    assert "5.25" in brief(torch.tensor([[5.25, 1.0]]))
    assert brief(10**5000) == "a number of 16610 bits"
    assert len(brief(tuple(range(1000)))) < 100
    assert brief(((4, 5), (6,))) == "((4, 5), (6,))"
    assert brief(Junk("a cat")) == "a cat"
    assert brief(torch.zeros(100, 100)) == "[100×100 float32]"


def test_junk_is_named():
    assert plain(np.ones(3)) == Junk("a numpy array of shape (3,)")
    assert plain(torch.zeros(1).expand(10**6, 10**6)) == Junk("a tensor of 1000000000000 values")
    assert pickle.loads(pickle.dumps(plain([1, 2]))) == (1, 2)
