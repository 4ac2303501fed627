"""ResidualPaths: its arithmetic equals Python's, and what it refuses."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from cnncourse.widgets import ResidualPaths

Run = Callable[[str, str, Any], Any]
MODULE = "_paths_math.js"


def test_paths_are_counted_exactly(run: Run) -> None:
    for n in (0, 1, 2, 7, 54):
        assert run(MODULE, "m.waysToChoose(given)", n) == [math.comb(n, k) for k in range(n + 1)]
    assert run(MODULE, "m.lengthsLeft(6, 2)", 0) == [1, 4, 6, 4, 1, 0, 0]
    assert sum(run(MODULE, "m.lengthsLeft(54, 1)", 0)) == 2**53, "half of them"


@pytest.mark.parametrize("n", [1, 3, 5])
def test_every_path_is_there_once_and_short_ones_first(run: Run, n: int) -> None:
    found = run(MODULE, "m.waysThrough(given)", n)
    assert found == [list(way) for k in range(n + 1) for way in combinations(range(1, n + 1), k)]


@pytest.mark.parametrize("dropped", [[], [2], [1, 4], [1, 2, 3, 4]])
def test_counting_and_looking_at_each_path_agree(run: Run, dropped: list[int]) -> None:
    whole = run(MODULE, "m.waysThrough(4).filter((way) => !m.broken(way, given))", dropped)
    assert whole == [list(way) for k in range(5) for way in combinations(range(1, 5), k) if not set(way) & set(dropped)]
    lengths = [len(way) for way in whole]
    assert run(MODULE, "m.lengthsLeft(4, given)", len(dropped)) == [lengths.count(k) for k in range(5)]


@pytest.mark.parametrize(("kind", "factor"), [("equal", 0.5), ("factor", 0.3), ("factor", 1.0), ("measured", 0.5)])
@pytest.mark.parametrize("lost", [0, 1, 3])
def test_shares_mean_and_range(run: Run, kind: str, factor: float, lost: int) -> None:
    n = 12
    measured = [float(v) for v in np.random.default_rng(0).random(n + 1)]
    given = [n, kind, factor, measured, lost]
    shares = run(MODULE, "m.sharesOf(given[0], given[4], m.strengthsOf(...given.slice(0, 4)))", given)
    k = np.arange(n + 1)
    strength = {"equal": k * 0 + 1.0, "factor": factor**k, "measured": np.array(measured)}[kind]
    all_paths = np.array([math.comb(n, j) for j in k]) * strength
    left = np.array([math.comb(n - lost, j) for j in k]) * strength
    np.testing.assert_allclose(shares, left / all_paths.sum(), atol=1e-12)
    spread = run(MODULE, "m.spreadOf(given)", shares)
    assert spread["total"] == pytest.approx(left.sum() / all_paths.sum(), abs=1e-9)
    assert spread["mean"] == pytest.approx((left * k).sum() / left.sum(), abs=1e-9)
    sums = np.cumsum(left) / left.sum()
    assert [spread["low"], spread["high"]] == [int((sums <= 0.025).sum()), int((sums < 0.975 - 1e-12).sum())]


def test_a_factor_thins_the_long_paths_as_the_binomial_says(run: Run) -> None:
    """Weighted by g^k the mean length of n blocks is n g / (1 + g)."""
    for g in (0.05, 0.3, 1.0):
        mean = run(MODULE, "m.spreadOf(m.sharesOf(54, 0, m.strengthsOf(54, 'factor', given, []))).mean", g)
        assert mean == pytest.approx(54 * g / (1 + g), abs=1e-6)


def test_nothing_left_has_no_length(run: Run) -> None:
    spread = run(MODULE, "Object.values(m.spreadOf(m.sharesOf(2, 2, [0, 1, 1]))).map(String)", 0)
    assert spread == ["0", "NaN", "NaN", "NaN"]


def test_what_it_takes() -> None:
    made = ResidualPaths(4, dropped=(3, 1, 3), factor=1)
    assert (made.blocks, made.dropped, made.weight, made.measured) == (4, [1, 3], "equal", [])
    made = ResidualPaths(2, measured=np.array([1, 0.5, 0.25]))
    assert (made.weight, made.measured) == ("measured", [1.0, 0.5, 0.25])
    assert ResidualPaths(2, measured=[1, 1, 0], weight="factor").weight == "factor"


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"blocks": 0}, ValueError, "blocks=0; expected 1 to 54"),
        ({"blocks": 55}, ValueError, "blocks=55"),
        ({"blocks": 2.0}, TypeError, "blocks=2.0"),
        ({"dropped": (4,)}, ValueError, r"dropped\[0\]=4; expected 1 to 3"),
        ({"dropped": 1}, TypeError, r"such as \(1, 3\)"),
        ({"dropped": "1"}, TypeError, "numbers of blocks"),
        ({"weight": "measured"}, ValueError, "'equal', 'factor'"),
        ({"factor": 0}, ValueError, "0.05 to 1"),
        ({"measured": [1, 1]}, ValueError, r"shape \(2,\).*expected 4 numbers"),
        ({"measured": [1, 1, 1, -1]}, ValueError, "least -1"),
        ({"measured": [0, 0, 0, 0]}, ValueError, "not all of them 0"),
        ({"measured": ["a"]}, TypeError, "rows of numbers"),
    ],
)
def test_refusals_say_what_to_do(arguments: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        ResidualPaths(**arguments)
