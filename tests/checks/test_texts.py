"""Where a check puts an answer into words, a wrong one is not called a wrong kind of thing."""

from __future__ import annotations

import torch

from cnncourse.checks.transfer.nets import changed, listed
from cnncourse.checks.where import describe


def test_a_wrong_text_is_to_be_compared() -> None:
    assert "compare the two lines" in describe("moving: 1", "moving: nothing", (), None, None)
    assert "a text; expected a whole number" in describe("1", 1, (), None, None)


def test_names_are_listed_layer_by_layer() -> None:
    names = ["net.features.8.weight", "net.features.8.bias", "features.10.weight", "net.classifier.bias"]
    assert listed(names) == "8 weight bias, 10 weight, classifier bias"
    assert listed([]) == "nothing"


def test_what_changed_includes_what_is_missing_but_no_counters() -> None:
    before = {"a": torch.ones(2), "b": torch.ones(2), "c": torch.ones(2), "d.num_batches_tracked": torch.tensor(1)}
    after = {"a": torch.ones(2), "b": torch.tensor([1.0, 2.0]), "d.num_batches_tracked": torch.tensor(2)}
    assert changed(before, after) == ["b", "c"]
