"""The arithmetic in the page equals torch's and the package's."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnncourse.widgets import FILTERS, KERNELS, SizeExplorer
from cnncourse.widgets.size_explorer import PRESETS

Run = Callable[[str, str, Any], Any]


def _conv_cases(number: int) -> list[dict[str, Any]]:
    draw = random.Random(1)
    cases = []
    while len(cases) < number:
        size, shape = [draw.randint(3, 14) for _ in "HW"], [draw.randint(1, 7) for _ in "HW"]
        options = {"stride": draw.randint(1, 5), "padding": draw.randint(0, 5), "dilation": draw.randint(1, 4)}
        room = [size[k] + 2 * options["padding"] - options["dilation"] * (shape[k] - 1) - 1 for k in range(2)]
        if min(room) < 0:
            continue
        x = [[draw.randint(0, 255) for _ in range(size[1])] for _ in range(size[0])]
        w = [[draw.uniform(-3, 3) for _ in range(shape[1])] for _ in range(shape[0])]
        cases.append({"x": x, "w": w, "options": options})
    return cases


def _torch_conv(case: dict[str, Any], *, flip: bool) -> torch.Tensor:
    w = torch.tensor(case["w"], dtype=torch.float64)
    x = torch.tensor(case["x"], dtype=torch.float64)
    return F.conv2d(x[None, None], (w.flip(0, 1) if flip else w)[None, None], **case["options"])[0, 0]


@pytest.mark.parametrize("flip", [False, True])
def test_conv2d_equals_torch(run: Run, flip: bool) -> None:
    cases = _conv_cases(60)
    expression = f"given.map(({{x, w, options}}) => m.conv2d(x, w, {{...options, flip: {str(flip).lower()}}}))"
    for case, got in zip(cases, run("_math.js", expression, cases), strict=True):
        torch.testing.assert_close(
            torch.tensor(got, dtype=torch.float64), _torch_conv(case, flip=flip), rtol=0, atol=1e-6
        )


def test_products_of_the_window_sum_to_the_output(run: Run) -> None:
    cases = _conv_cases(20)
    expression = (
        "given.map(({x, w, options}) => m.windowAt(x, [w.length, w[0].length], 0, 0, options)"
        ".reduce((sum, t) => sum + t.value * w[t.a][t.b], 0))"
    )
    for case, got in zip(cases, run("_math.js", expression, cases), strict=True):
        assert got == pytest.approx(_torch_conv(case, flip=False)[0, 0].item(), abs=1e-6)


def test_output_size_equals_the_package(run: Run) -> None:
    from cnncourse.layers import output_size

    cases = [
        (n, k, s, p, d) for n in (1, 4, 7, 12) for k in (1, 2, 3, 7) for s in (1, 2, 5) for p in (0, 3) for d in (1, 3)
    ]
    for case, got in zip(cases, run("_math.js", "given.map((c) => m.outputSize(...c))", cases), strict=True):
        try:
            expected = output_size(*case)
        except ValueError:
            expected = 0
        assert got == expected, case


def _stacks() -> list[list[dict[str, Any]]]:
    draw = random.Random(2)
    ranges = {"kernel": (1, 7), "stride": (1, 3), "padding": (0, 3), "dilation": (1, 3)}
    own = [[{k: draw.randint(*r) for k, r in ranges.items()} for _ in range(draw.randint(1, 5))] for _ in range(30)]
    return [preset["layers"] for preset in PRESETS.values()] + own


def test_receptive_field_equals_the_package(run: Run) -> None:
    from cnncourse import receptive_field

    stacks = _stacks()
    walked = run("_math.js", "given.map((layers) => m.walkLayers(256, layers).at(-1))", stacks)
    for stack, got in zip(stacks, walked, strict=True):
        convs = [nn.Conv1d(1, 1, c["kernel"], c["stride"], c["padding"], c["dilation"]) for c in stack]
        assert (got["field"], got["jump"], got["start"]) == tuple(receptive_field(nn.Sequential(*convs))), stack


def _nonzero_gradient(stack: list[dict[str, Any]], size: int, unit: int) -> set[int]:
    """Input units that a unit of the last layer uses: where its gradient is not zero, all weights being positive."""
    x = torch.ones(1, 1, size, dtype=torch.float64, requires_grad=True)
    y = x
    for layer in stack:
        conv = nn.Conv1d(
            1, 1, layer["kernel"], layer["stride"], layer["padding"], layer["dilation"], dtype=torch.float64
        )
        nn.init.ones_(conv.weight)
        y = conv(y)
    y[0, 0, unit].backward()
    assert x.grad is not None
    return set(torch.nonzero(x.grad[0, 0]).flatten().tolist())


@pytest.mark.parametrize("name", PRESETS)
def test_lit_units_are_those_with_a_gradient(run: Run, name: str) -> None:
    layers, size = PRESETS[name]["layers"], PRESETS[name]["input_size"]
    rows = run("_math.js", "m.walkLayers(...given)", [size, layers])
    sizes = [row["size"] for row in rows]
    for unit in {0, sizes[-1] // 2, sizes[-1] - 1}:
        path = run("_math.js", "m.tracePath(...given)[0]", [sizes, layers, len(layers), unit])
        inside = {k for k in path if 0 <= k < size}
        assert inside == _nonzero_gradient(layers, size, unit)
        first = rows[-1]["start"] + rows[-1]["jump"] * unit
        assert first <= min(path)
        assert max(path) < first + rows[-1]["field"]


@pytest.mark.parametrize("name", FILTERS)
def test_filtering_a_photograph_equals_torch(run: Run, name: str) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (17, 23))
    weights = torch.tensor(FILTERS[name], dtype=torch.float64)
    got = run(
        "_image_math.js",
        "Array.from(m.filterImage(given.x, 17, 23, given.w))",
        {"x": image.flatten().tolist(), "w": weights.tolist()},
    )
    half = weights.shape[0] // 2
    padded = F.pad(torch.from_numpy(image).double()[None, None], (half,) * 4, mode="replicate")
    expected = F.conv2d(padded, weights[None, None])[0, 0]
    torch.testing.assert_close(torch.tensor(got, dtype=torch.float64).view(17, 23), expected, rtol=0, atol=1e-6)


def test_weights_are_read_as_written(run: Run) -> None:
    texts = ["1", "-2", "\u22121", "1/9", "-3/4", " 0.5 ", "1,5", "", "a", "1/0", "--1"]
    got = run("_math.js", "given.map((t) => { const v = m.parseWeight(t); return Number.isNaN(v) ? null : v; })", texts)
    assert got == [1, -2, -1, 1 / 9, -0.75, 0.5, 1.5, None, None, None, None]


def test_shown_weights_read_back_as_the_same_number(run: Run) -> None:
    weights = [v for rows in KERNELS.values() for row in rows for v in row]
    back = run("_math.js", "given.map((v) => m.parseWeight(m.formatWeight(v)))", weights)
    assert back == pytest.approx(weights, abs=0.0006)


def test_presets_fit() -> None:
    for name in PRESETS:
        assert SizeExplorer(name).layers == PRESETS[name]["layers"]
