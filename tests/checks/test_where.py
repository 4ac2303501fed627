"""Each way of being wrong has its own sentence, and no sentence holds a value."""

from __future__ import annotations

import pytest
import torch

from cnncourse.checks.values import plain
from cnncourse.checks.where import describe, describe_error

E = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
BORDER = torch.ones(4, 5, dtype=torch.float64)
BORDER[1:-1, 1:-1] = 0


def first_only(axis):
    kept = torch.zeros_like(E)
    kept.narrow(axis, 0, 1).copy_(E.narrow(axis, 0, 1))
    return kept + 7 * (kept == 0)


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (None, "return"),
        (5, "a whole number; expected a tensor"),
        ([1, 2], "a tuple or list of 2"),
        (["missing fc.weight", "shape of conv1.weight"], "Its parameters do not fit"),
        (["lost"], "a tuple or list of 1"),
        (E.numpy(), "numpy array"),
        (E[0], "an axis is missing"),
        (E[None], "only axes of size 1"),
        (E[None].repeat(2, 1, 1, 1, 1), "too many axes"),
        (E.transpose(2, 3), "rows and columns are exchanged"),
        (E.transpose(0, 1), "first two axes"),
        (E[..., :-1], "number of columns is wrong, by one"),
        (E.float(), "dtype is float32; expected float64, as the input has. The values are right"),
        (-E.float(), "dtype is float32; expected float64"),
        (E + 0j, "real part"),
        (E / 0 * 0, "NaN"),
        (E / 0, "infinite"),
        (0 * E, "all zeros"),
        (-E, "sign"),
        (E * 3, "too large by one constant factor"),
        (E / 3, "too small by one constant factor"),
        (E + 2, "one constant everywhere"),
        (E + torch.tensor([1.0, 2, 3], dtype=torch.float64)[:, None, None], "bias"),
        (E.flip(2), "rows are in reverse"),
        (E.flip(3), "columns are in reverse"),
        (E.flip(2, 3), "180 degrees"),
        (E.roll(1, 3), "columns are displaced by 1"),
        (E.flip(1), "channels are in another order"),
        (E + 1e-7 * E.flip(0), "digits are lost"),
        (E.trunc(), "cut to whole numbers"),
        (first_only(0), "only the first image is right"),
        (first_only(1), "only the first channel is right"),
        (E + BORDER * E.abs(), "Only the border"),
        (torch.cat([E[:, :, :-1], 9 + E[:, :, -1:].abs()], 2), "Only the last row or column"),
        (E + (E > 1) * E.square(), "% of the values are wrong"),
        (E.square() + 1, "all over"),
    ],
)
def test_tensors(got, words):
    said = describe(plain(got), E, (), None, None)
    assert words in said
    assert str(float(E[0, 0, 0, 0]))[:6] not in said


@pytest.mark.parametrize(("change", "words"), [(3.0, "too large."), (-3.0, "too small.")])
@pytest.mark.parametrize("shape", [(1,), (1, 1, 1, 1)])
def test_one_number_is_off_by_anything(shape, change, words):
    right = torch.full(shape, 2.5, dtype=torch.float64)
    assert describe(plain(right + change), right, (), None, None) == f"The value is {words}"


def test_one_number_a_channel_tells_nothing_of_the_bias():
    right = torch.randn(1, 3, 1, 1, dtype=torch.float64)
    assert "bias" not in describe(plain(right.square() + 1), right, (), None, None)


def test_echo():
    assert "one of the inputs" in describe(E + 1, E, (E + 1,), None, None)


@pytest.mark.parametrize(
    ("got", "expected", "words"),
    [
        (3.0, 3, "int, not float"),
        (4, 3, "too large by one"),
        (2, 3, "too small by one"),
        (9, 3, "too large."),
        (-3, 3, "sign"),
        (0, 3, "zero"),
        (float("nan"), 3.0, "NaN"),
        (float("inf"), 3.0, "infinite"),
        (True, 3, "True or False"),
        ((2, 1), (1, 2), "wrong order"),
        ((1, 3), (1, 2), "Value 2 of 2"),
        (1, (1, 2), "expected 2 values"),
        ((1, 2, 3), (1, 2), "expected 2 values"),
    ],
)
def test_numbers(got, expected, words):
    assert words in describe(got, expected, (), None, None)


def test_errors():
    assert "Not finished" in describe_error("error", "NotImplementedError")
    assert "shapes" in describe_error("error", "RuntimeError")
    assert "OddError" in describe_error("error", "OddError")
    assert "time" in describe_error("limit", "Timeout")
    assert "name" in describe_error("missing", "x")
