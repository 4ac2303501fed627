"""The drawn paths are those of torch.optim.SGD on autograd's gradients; limits of stability are where runs turn."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from cnncourse.widgets.optimizer_explorer import METHODS, SURFACES, OptimizerExplorer

Run = Callable[[str, str, Any], Any]
LOSSES: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "valley": lambda x, y, k: 0.5 * (x**2 + k * y**2),
    "saddle": lambda x, y, k: 0.5 * x**2 - 0.5 * y**2 + 0.25 * y**4,
    "two minima": lambda x, y, k: 0.25 * (x**2 - 2) ** 2 + x / 3 + y**2,
    "himmelblau": lambda x, y, k: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
}
PATHS = "given.map((run) => m.descend(run).map(({x, y, loss}) => [x, y, loss]))"


def _uniform(seed: int) -> Iterator[float]:
    """mulberry32, written anew."""
    a = seed % 2**32
    while True:
        a = (a + 0x6D2B79F5) % 2**32
        t = (a ^ a >> 15) * (1 | a) % 2**32
        t = (t + (t ^ t >> 7) * (61 | t)) % 2**32 ^ t
        yield (t ^ t >> 14) / 2**32


def _noise(seed: int) -> Iterator[tuple[float, float]]:
    numbers = _uniform(seed)
    while True:
        radius = math.sqrt(-2 * math.log(1 - next(numbers)))
        angle = 2 * math.pi * next(numbers)
        yield radius * math.cos(angle), radius * math.sin(angle)


def _torch_path(run: dict[str, Any]) -> list[list[float]]:
    w = torch.tensor(run["start"], dtype=torch.float64, requires_grad=True)
    momentum = 0 if run["method"] == "sgd" else run["momentum"]
    sgd = torch.optim.SGD([w], lr=run["rate"], momentum=momentum, nesterov=run["method"] == "nesterov")
    noise = _noise(run["seed"])
    path = []
    for step in range(run["steps"] + 1):
        loss = LOSSES[run["surface"]](w[0], w[1], run["k"])
        path.append([*w.tolist(), loss.item()])
        if step == run["steps"]:
            break
        sgd.zero_grad()
        loss.backward()
        assert w.grad is not None
        if run["noise"]:
            w.grad += run["noise"] * torch.tensor(next(noise), dtype=torch.float64)
        sgd.step()
    return path


def _drawn(number: int) -> list[dict[str, Any]]:
    draw = random.Random(4)
    runs = []
    for _ in range(number):
        surface = draw.choice(list(SURFACES))
        reach = SURFACES[surface][2]
        runs.append(
            {
                "surface": surface,
                "k": draw.uniform(1, 100),
                "start": [draw.uniform(-side, side) for side in reach],
                "method": draw.choice([m for m in METHODS if m != "nesterov"] + ["nesterov"]),
                "rate": 10 ** draw.uniform(-3.3, -2 if surface == "himmelblau" else -1.5),
                "momentum": draw.uniform(0.05, 0.99),
                "noise": draw.choice([0.0, draw.uniform(0, 5)]),
                "seed": draw.randint(0, 9999),
                "steps": draw.randint(1, 60),
            }
        )
    return runs


def test_paths_equal_torch(run: Run) -> None:
    runs = _drawn(120)
    lengths = []
    for given, got in zip(runs, run("_descent.js", PATHS, runs), strict=True):
        expected = _torch_path(given)
        lengths.append(len(got) / len(expected))
        np.testing.assert_allclose(got, expected[: len(got)], rtol=1e-6, atol=1e-6, err_msg=str(given))
    assert np.mean(np.equal(lengths, 1)) > 0.9  # the rest flew off, and ends where it left the numbers' reach


@pytest.mark.parametrize("surface", SURFACES)
def test_gradients_equal_autograd(run: Run, surface: str) -> None:
    draw = random.Random(5)
    points = [(draw.uniform(-5, 5), draw.uniform(-5, 5), draw.uniform(1, 100)) for _ in range(100)]
    got = run("_descent.js", "given[1].map((p) => m.SURFACES[given[0]].gradient(...p))", [surface, points])
    for (x, y, k), gradient in zip(points, got, strict=True):
        w = torch.tensor([x, y], dtype=torch.float64, requires_grad=True)
        LOSSES[surface](w[0], w[1], k).backward()
        assert w.grad is not None
        assert gradient == pytest.approx(w.grad.tolist(), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("surface", SURFACES)
def test_minima_and_saddles_are_what_they_are_called(run: Run, surface: str) -> None:
    found = run("_descent.js", "({minima: m.SURFACES[given].minima, saddles: m.SURFACES[given].saddles})", surface)
    for kind, points in found.items():
        for point in points:
            w = torch.tensor(point, dtype=torch.float64)
            (gradient,) = torch.autograd.functional.jacobian(lambda v: LOSSES[surface](v[0], v[1], 7.0)[None], w)
            bends = torch.linalg.eigvalsh(
                torch.autograd.functional.hessian(lambda v: LOSSES[surface](v[0], v[1], 7.0), w)
            )
            assert gradient.abs().max() < 1e-6
            assert (bends > 0).tolist() == ([True, True] if kind == "minima" else [False, True])
    assert len(found["minima"]) == {"valley": 1, "saddle": 2, "two minima": 2, "himmelblau": 4}[surface]


def test_largest_rate_is_where_runs_turn(run: Run) -> None:
    draw = random.Random(6)
    cases = [
        (method, draw.uniform(0, 0.95), draw.uniform(1, 100), factor)
        for method in METHODS
        for _ in range(12)
        for factor in (0.98, 1.02)
    ]
    # Only the steep weight counts: along the other the rate is far below its limit.
    ends = run(
        "_descent.js",
        "given.map(([method, momentum, k, factor]) => m.descend({surface: 'valley', k, start: [0, 1], method, momentum,"
        " rate: factor * m.largestRate(method, momentum, k), steps: 3000}).at(-1).loss)",
        cases,
    )
    for (method, momentum, k, factor), end in zip(cases, ends, strict=True):
        assert (end < 1e-3) if factor < 1 else (end > 1e3), (method, momentum, k, factor, end)
    assert run("_descent.js", "m.largestRate('sgd', 0.9, 20)", None) == pytest.approx(2 / 20)


def _ending(run: Run, **given: Any) -> dict[str, Any]:
    base = {"k": 20, "momentum": 0.9, "noise": 0, "seed": 0, "steps": 200}
    own_start, own_rate, _ = SURFACES[given["surface"]]
    whole = {**base, "start": list(own_start), "rate": own_rate, **given}
    found: dict[str, Any] = run("_descent.js", "m.outcome(m.descend(given), given)", whole)
    return found


def test_endings_are_told_apart(run: Run) -> None:
    assert _ending(run, surface="valley", method="sgd", rate=0.11)["kind"] == "diverges"
    assert _ending(run, surface="valley", method="sgd", rate=0.101, steps=30)["kind"] == "diverges"
    assert _ending(run, surface="valley", method="sgd", rate=0.09)["kind"] == "minimum"
    assert _ending(run, surface="saddle", method="sgd") == {"kind": "saddle", "at": [0, 0]}
    assert _ending(run, surface="saddle", method="sgd", start=[-2.5, 0.01])["kind"] == "minimum"
    assert _ending(run, surface="saddle", method="sgd", noise=0.05)["kind"] != "saddle"
    stays, over = (_ending(run, surface="two minima", method=name) for name in ("sgd", "momentum"))
    assert (stays["kind"], stays["lowest"], over["kind"], over["lowest"]) == ("minimum", False, "minimum", True)
    assert _ending(run, surface="himmelblau", method="sgd", steps=3)["kind"] == "under way"


def test_noise_is_standard_normal_and_follows_its_seed(run: Run) -> None:
    draw = "(() => { const next = m.normalPairs(given); return Array.from({length: 4000}, () => next()); })()"
    first, again, other = (np.array(run("_descent.js", draw, seed)) for seed in (7, 7, 8))
    assert (first == again).all()
    assert np.abs(first - other).max() > 1
    assert np.abs(first.mean(0)).max() < 0.06
    assert np.abs(np.cov(first.T) - np.eye(2)).max() < 0.08


def test_contours_lie_on_their_level(run: Run) -> None:
    for surface, (_, _, (rx, ry)) in SURFACES.items():
        view = {"x": [-rx, rx], "y": [-ry, ry]}
        y, x = torch.meshgrid(
            torch.linspace(-ry, ry, 81).double(), torch.linspace(-rx, rx, 101).double(), indexing="ij"
        )
        field = LOSSES[surface](x, y, 20.0).tolist()
        levels = run("_contours.js", "m.heights(given[0], given[1], 5)", [float(np.min(field)), float(np.max(field))])
        assert levels == sorted(levels)
        pieces = run(
            "_contours.js", "given.levels.map((v) => m.contour(given.field, v))", {"field": field, "levels": levels}
        )
        bands = np.diff([np.min(field), *levels, np.max(field)])
        for k, (level, lines) in enumerate(zip(levels, pieces, strict=True)):
            assert lines, (surface, level)
            i, j = np.array(lines).reshape(-1, 2).T
            x = torch.tensor(view["x"][0] + i / 100 * 2 * rx)
            y = torch.tensor(view["y"][0] + j / 80 * 2 * ry)
            off = (LOSSES[surface](x, y, 20.0) - level).abs().max().item()
            assert off < 0.25 * min(bands[k], bands[k + 1]), (surface, level, off)


def test_contours_of_a_plane_lie_exactly_on_it(run: Run) -> None:
    plane = [[0.7 * i - 1.3 * j for i in range(6)] for j in range(5)]
    for level in (-2.11, 0.05, 1.9):
        pieces = run("_contours.js", "m.contour(given[0], given[1])", [plane, level])
        assert pieces
        assert [0.7 * i - 1.3 * j for piece in pieces for i, j in piece] == pytest.approx([level] * 2 * len(pieces))


def test_contours_separate_high_from_low(run: Run) -> None:
    saddle = [[1, 0], [0, 1]]
    assert len(run("_contours.js", "m.contour(given, 0.4)", saddle)) == 2
    assert run("_contours.js", "m.contour(given, 2)", saddle) == []


@pytest.mark.parametrize("surface", SURFACES)
def test_python_and_the_page_begin_alike(run: Run, surface: str) -> None:
    made = OptimizerExplorer(surface)
    page = run(
        "_descent.js", "(({start, rate, view}) => [start, rate, view.x[1], view.y[1]])(m.SURFACES[given])", surface
    )
    assert page == [made.start, made.rate, *SURFACES[surface][2]]
