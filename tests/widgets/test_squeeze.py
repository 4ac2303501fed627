"""The compression explorer's arithmetic is that of cnncourse.compress, and what it stores was measured."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from cnncourse import zoo
from cnncourse.compress import dequantize, plain, prune, quantize, rounded, weighted
from cnncourse.data import digits
from cnncourse.widgets._compression import BITS, CUTS, measured
from cnncourse.widgets.compression_explorer import CompressionExplorer

Run = Callable[[str, str, Any], Any]
MATH = "_compression_math.js"


def test_rounding_is_the_packages(run: Run) -> None:
    torch.manual_seed(0)
    cases = [(torch.randn(40, dtype=torch.float64), bits) for bits in (2, 3, 4, 5, 6, 8)]
    cases.append((torch.zeros(3, dtype=torch.float64), 4))
    given = [[weights.tolist(), bits] for weights, bits in cases]
    for (weights, bits), got in zip(cases, run(MATH, "given.map(([w, b]) => m.roundTo(w, b))", given), strict=True):
        expected = dequantize(*quantize(weights, bits))
        torch.testing.assert_close(torch.tensor(got, dtype=torch.float64), expected, rtol=0, atol=1e-6)
    assert run(MATH, "m.roundTo(given, 32)", [0.1, -0.25]) == [0.1, -0.25]


def test_halves_go_to_even_as_in_torch(run: Run) -> None:
    given = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49, -3.2, 7.0]
    assert run(MATH, "given.map((v) => m.roundEven(v) + 0)", given) == torch.tensor(given).round().tolist()


def test_the_smallest_that_is_good_enough(run: Run) -> None:
    accuracy, size = [[0.9, 0.9, 0.2], [0.9, 0.85, 0.7]], [[100, 60, 10], [50, 30, 5]]
    for least, expected in ((0.95, [0, 0]), (0.9, [1, 0]), (0.8, [1, 1]), (0.5, [1, 2])):
        assert run(MATH, "m.smallestWith(...given)", [accuracy, size, least]) == expected


def cut_net(cut: float) -> nn.Module:
    net = copy.deepcopy(zoo.load("lenet_digits"))
    prune.global_unstructured(weighted(net), cut)
    return plain(net)


@pytest.mark.parametrize(("cut", "bits"), [(0.0, 3), (0.7, 32), (0.8, 4), (0.95, 8)])
def test_the_filters_drawn_are_those_of_the_net(run: Run, cut: float, bits: int) -> None:
    grid = CompressionExplorer().grid
    net = cut_net(cut)
    net = net if bits == 32 else rounded(net, bits, None)
    given = [grid["filters"], grid["threshold"][CUTS.index(cut)], bits]
    got = run(MATH, "m.roundTo(m.cutBelow(given[0], given[1]), given[2])", given)
    first = weighted(net)[0][0].weight.detach().flatten()
    torch.testing.assert_close(torch.tensor(got), first, rtol=0, atol=1e-6)
    assert run(MATH, "m.distinct(given)", got) == len(first.unique())


def test_what_is_stored_was_measured() -> None:
    grid = CompressionExplorer().grid
    assert (grid["cuts"], grid["bits"], grid["images"]) == (list(CUTS), list(BITS), 500)
    again = measured(zoo.load("lenet_digits"), digits("test"), (0.0, 0.9), (32, 3))
    for i, cut in enumerate((0.0, 0.9)):
        for j, bits in enumerate((32, 3)):
            row, column = CUTS.index(cut), BITS.index(bits)
            assert again["accuracy"][i][j] == pytest.approx(grid["accuracy"][row][column], abs=0.004)
            assert again["bytes"][i][j] == pytest.approx(grid["bytes"][row][column], rel=0.01)
            assert again["deflated"][i][j] == pytest.approx(grid["deflated"][row][column], rel=0.02)
            assert again["bars"][i][j] == grid["bars"][row][column]
    assert again["layers"] == grid["layers"]
    assert again["filters"] == grid["filters"]


def test_every_histogram_holds_every_weight() -> None:
    grid = CompressionExplorer().grid
    for i, cut in enumerate(CUTS):
        zeros = 0
        for j in range(len(BITS)):
            for layer, bars in zip(grid["layers"], grid["bars"][i][j], strict=True):
                assert sum(count for _, count in bars) == layer["counts"]
        for bars in grid["bars"][i][BITS.index(4)]:
            zeros += sum(count for value, count in bars if value == 0)
        assert zeros >= cut * sum(layer["counts"] for layer in grid["layers"]) - 1


def test_a_model_of_ones_own() -> None:
    torch.manual_seed(1)
    data = digits("test")
    net = nn.Sequential(nn.Conv2d(1, 2, 5, 5), nn.Flatten(), nn.Linear(72, 10))
    made = CompressionExplorer(net, type(data)(data.images[:20], data.labels[:20]), cut=0.5, bits=4)
    assert (made.cut, made.bits, made.grid["shape"]) == (0.5, 4, [2, 1, 5, 5])
    assert [layer["counts"] for layer in made.grid["layers"]] == [50, 720]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"cut": 0.6}, "cut=0.6 is unknown; expected one of 0.0, 0.5"),
        ({"bits": 7}, "bits=7 is unknown; expected one of 32, 8"),
        ({"model": nn.Linear(2, 2)}, "got a model or data alone"),
    ],
)
def test_refuses_with_a_reason(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        CompressionExplorer(**options)
