"""PixelShuffle: its arithmetic equals Python's, and what it refuses."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from cnncourse.data import digits
from cnncourse.widgets import PixelShuffle

Run = Callable[[str, Any], Any]
MODULE = "_shuffle_math.js"


def draw_order(n: int, seed: int) -> list[int]:
    """As the page draws it."""
    order, s = list(range(n)), seed % 2**32
    for k in range(n - 1, 0, -1):
        s = (1664525 * s + 1013904223) % 2**32
        other = int(s / 2**32 * (k + 1))
        order[k], order[other] = order[other], order[k]
    return order


def test_orders_are_what_the_formula_says(run: Callable[[str, str, Any], Any]) -> None:
    cases = [[n, seed] for n in (1, 2, 9, 64, 256) for seed in (0, 1, 7, 2**31 - 1)]
    found = run(MODULE, "given.map(([n, seed]) => m.drawOrder(n, seed))", cases)
    assert found == [draw_order(n, seed) for n, seed in cases]
    assert all(sorted(order) == list(range(n)) for order, (n, _) in zip(found, cases, strict=True))


@pytest.mark.parametrize("moved", [0, 1, 2, 5, 64])
def test_a_ring_moves_as_many_as_it_is_told(run: Callable[[str, str, Any], Any], moved: int) -> None:
    order = draw_order(64, 3)
    found = run(MODULE, "m.ring(given[0], given[1])", [order, moved])
    assert sorted(found) == list(range(64))
    stayed = [k for k, source in enumerate(found) if k == source]
    assert len(stayed) == 64 - (moved if moved > 1 else 0)
    assert set(order[moved:]) <= set(stayed)
    if moved > 1:
        place, steps = found[order[0]], 1
        while place != order[0]:
            place, steps = found[place], steps + 1
        assert steps == moved, "one ring through all of them"
    assert run(MODULE, "m.reorder(given[0], given[1])", [list(range(100, 164)), found]) == [100 + k for k in found]


def test_scores_roughness_and_the_surest(run: Callable[[str, str, Any], Any]) -> None:
    draw = random.Random(0)
    side = 7
    x = torch.tensor([draw.random() for _ in range(side**2)], dtype=torch.float64)
    w = torch.tensor([[draw.gauss(0, 1) for _ in range(side**2)] for _ in range(5)], dtype=torch.float64)
    b = torch.tensor([draw.gauss(0, 1) for _ in range(5)], dtype=torch.float64)
    given = [x.tolist(), w.tolist(), b.tolist()]
    scores = run(MODULE, "m.answersOf(given[0], given[1], given[2])", given)
    assert scores == pytest.approx((w @ x + b).tolist(), abs=1e-6)
    assert run(MODULE, "m.surest(given)", scores) == int((w @ x + b).argmax())
    assert run(MODULE, "m.surest(given)", [1, 3, 3]) == 1
    square = x.reshape(side, side)
    steps = torch.cat([square.diff(dim=0).flatten(), square.diff(dim=1).flatten()]).abs().mean()
    assert run(MODULE, "m.roughness(given[0], 7)", given) == pytest.approx(steps.item(), abs=1e-6)


def test_moved_together_no_score_changes(run: Callable[[str, str, Any], Any]) -> None:
    made = PixelShuffle()
    expression = """given.images.map((x) => {
      const from = m.ring(m.drawOrder(64, 5), 64);
      const w = given.weights.map((row) => m.reorder(row, from));
      return m.answersOf(m.reorder(x, from), w, given.bias);
    })"""
    given = {"images": made.images, "weights": made.weights, "bias": made.bias}
    x, w, b = (torch.tensor(given[name], dtype=torch.float64) for name in ("images", "weights", "bias"))
    torch.testing.assert_close(torch.tensor(run(MODULE, expression, given), dtype=torch.float64), x @ w.T + b)


def test_without_arguments_the_nearest_mean_of_real_digits() -> None:
    made = PixelShuffle()
    train, test = digits("train", size=8), digits("test", size=8)
    means = torch.stack([train.images[train.labels == k].mean(0).flatten() for k in range(10)])
    x = torch.tensor(made.images)
    assert torch.allclose(torch.tensor(made.weights), means, atol=1e-5)
    assert [int(test.labels[(test.images.flatten(1) == row).all(1)][0]) for row in x] == list(range(10))
    scores = x @ torch.tensor(made.weights).T + torch.tensor(made.bias)
    assert torch.equal(scores.argmax(1), torch.cdist(x, means).argmin(1))


def test_ones_own_pictures_and_units() -> None:
    made = PixelShuffle(np.eye(3)[None], torch.ones(1, 3, 3), bias=[0.5], names=["cross"], moved=9, together=False)
    assert (made.side, made.images, made.weights) == (3, [np.eye(3).ravel().tolist()], [[1.0] * 9])
    assert (made.bias, made.names, made.moved, made.together) == ([0.5], ["cross"], 9, False)


ONE = np.zeros((1, 4, 4))


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"images": ONE}, TypeError, "weights is a NoneType"),
        ({"images": ONE[0], "weights": ONE[0]}, ValueError, r"expected \(N, S, S\)"),
        ({"images": np.zeros((1, 4, 5)), "weights": ONE}, ValueError, r"shape \(1, 4, 5\)"),
        ({"images": np.zeros((13, 4, 4)), "weights": ONE}, ValueError, "N from 1 to 12"),
        ({"images": np.zeros((1, 17, 17)), "weights": ONE}, ValueError, "S from 3 to 16"),
        ({"images": ONE, "weights": np.zeros((2, 4, 4))}, ValueError, "expected the same"),
        ({"images": ONE + 2, "weights": ONE}, ValueError, "images / 255"),
        ({"images": ONE, "weights": ONE, "bias": [1, 2]}, ValueError, r"expected \(1,\)"),
        ({"images": ONE, "weights": ONE, "names": "a"}, ValueError, "1 texts"),
        ({"picture": 10}, ValueError, "picture=10; expected 0 to 9"),
        ({"moved": 65}, ValueError, "moved=65; expected 0 to 64"),
        ({"together": 1}, TypeError, "together=1"),
        ({"seed": -1}, ValueError, "seed=-1"),
    ],
)
def test_refusals_say_what_to_do(arguments: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        PixelShuffle(**arguments)
