"""TransferExplorer: its arithmetic equals Python's, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnncourse import experiments
from cnncourse.widgets import TransferExplorer

Run = Callable[[str, str, Any], Any]
MODULE = "_seeds_math.js"
ROWS = [[0.5, 0.7, 0.6], [0.9, 0.8, 0.85], None, [0.82, 0.7, 0.75], [0.1]]
SCORES = {"shapes": {5: {"one": [0.2, 0.4], "other": [0.5, 0.6]}, 20: {"one": [0.7], "other": [0.65]}}}


def test_summaries(run: Run) -> None:
    for scores in (row for row in ROWS if row):
        found = run(MODULE, "m.seedSummary(given)", scores)
        assert found == pytest.approx({"mean": np.mean(scores), "least": min(scores), "most": max(scores)}, abs=1e-6)


def test_the_highest_mean_comes_first_and_what_was_not_trained_nowhere(run: Run) -> None:
    assert run(MODULE, "m.byMean(given)", ROWS) == [1, 3, 0, 4]
    assert run(MODULE, "m.byMean(given)", [[0.5], [0.5]]) == [0, 1]


def test_seeds_tell_two_apart_only_if_their_ranges_are(run: Run) -> None:
    pairs = [([0.1, 0.3], [0.2, 0.4]), ([0.1, 0.2], [0.3]), ([0.3], [0.1, 0.2]), ([0.1, 0.9], [0.5]), ([0.2], [0.2])]
    assert [run(MODULE, "m.rangesMeet(...given)", pair) for pair in pairs] == [True, False, False, True, True]
    assert [run(MODULE, "m.verdictOn(given, 1)", ROWS), run(MODULE, "m.verdictOn(given, 3)", ROWS)] == ["best", "level"]
    assert [run(MODULE, "m.verdictOn(given, 0)", ROWS), run(MODULE, "m.verdictOn(given, 4)", ROWS)] == ["behind"] * 2


def test_it_shows_the_stored_scores_of_every_seed() -> None:
    made, result = TransferExplorer(), experiments.load("transfer_labels")
    assert len(made.table) == len(made.tasks) * len(made.counts) == 8
    assert {len(entry["ways"]) for entry in made.table} == {4, 5}, "with few labels fewer ways were trained"
    entry = next(e for e in made.table if e["task"] == "photographs" and e["labels"] == "20")
    ways = dict(entry["ways"])
    assert ways["from photographs, all layers"] == list(result.scores("photographs, 20: like, all layers"))
    assert ways["from letters, last layer"] == list(result.scores("photographs, 20: unlike, last layer"))
    assert ways["from nothing"] == list(result.scores("photographs, 20: from nothing"))


def test_scores_of_ones_own() -> None:
    made = TransferExplorer(SCORES, labels=20, guessing=False)
    assert (made.tasks, made.counts, made.task, made.labels) == (["shapes"], ["5", "20"], "shapes", "20")
    assert made.table[1] == {"task": "shapes", "labels": "20", "ways": [["one", [0.7]], ["other", [0.65]]]}


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"task": "cats"}, ValueError, "expected one of 'shapes'"),
        ({"labels": 7}, ValueError, "expected one of '5', '20'"),
        ({"scores": {}}, ValueError, "expected at least one task"),
        ({"scores": [0.5]}, TypeError, "expected; give"),
        ({"scores": {"a": {1: {"one": [1.2]}}}}, ValueError, r"scores\['a'\]\[1\]\['one'\]"),
        ({"scores": {"a": {1: {"one": []}}}}, ValueError, "one for each seed"),
        ({"scores": {"a": {1: {"one": "high"}}}}, TypeError, "array of numbers"),
        ({"scores": {"a": {1: {"one": [0.1]}}, "b": {2: {"one": [0.1]}}}}, ValueError, "different counts"),
        ({"scores": {"a": {1: {str(k): [0.1] for k in range(13)}}}}, ValueError, "at most 12"),
    ],
)
def test_refuses_the_rest_with_a_reason(options: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        TransferExplorer(**{"scores": SCORES, **options})
