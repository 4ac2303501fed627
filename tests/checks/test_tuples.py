"""Answers of several parts: each tensor is shown whole, and the part that is named is the one that is wrong."""

from __future__ import annotations

import torch

from cnncourse.checks.values import brief
from cnncourse.checks.where import describe

BOXES = torch.tensor([[0.5, 1.25, 10.75, 20.0], [3.0, 0.0, 4.0, 6.5]])


def test_a_tuple_of_tensors_is_shown_part_by_part_and_whole():
    shown = brief((BOXES, torch.tensor([7, 8])))
    assert "10.75" in shown
    assert "6.5" in shown
    assert shown.splitlines()[0].startswith("1: [2×4]")
    assert shown.splitlines()[-2:] == ["2: [2 int64]", "7 8"]


def test_a_tuple_of_numbers_stays_on_one_line():
    assert brief((1, 2.5)) == "(1, 2.5)"


def test_numbers_in_a_wrong_order_are_not_called_too_large():
    assert "wrong order" in describe((2, 0, 1, 3), (0, 1, 2, 3), (), None, None)
    assert "Value 1 of 3" in describe((2, 0, 0), (0, 1, 2), (), None, None)


def test_a_part_within_the_tolerance_of_the_case_is_not_the_one_that_is_named():
    assert "Value 2 of 2" in describe((0.0, 5.0), (1e-17, 1.0), (), None, 1e-9)
