"""The pooling explorer's arithmetic equals torch's and the page's; it takes what it promises and refuses the rest."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from cnncourse.widgets import PoolExplorer

Run = Callable[[str, str, Any], Any]


def _cases(number: int) -> list[dict[str, Any]]:
    """Maps of whole numbers with many ties, negative ones too; windows that fit, blurred ones included."""
    draw = random.Random(2)
    cases = []
    while len(cases) < number:
        height, width, k, s = draw.randint(3, 14), draw.randint(3, 14), draw.randint(1, 6), draw.randint(1, 6)
        if k + 2 <= min(height, width):
            x = [[draw.randint(-6, 6) for _ in range(width)] for _ in range(height)]
            cases.append({"x": x, "k": k, "s": s})
    return cases


def _torch_pool(case: dict[str, Any], kind: str) -> torch.Tensor:
    x = torch.tensor(case["x"], dtype=torch.float64)[None, None]
    k, s = case["k"], case["s"]
    if kind == "max":
        return F.max_pool2d(x, k, s)[0, 0]
    if kind == "average":
        return F.avg_pool2d(x, k, s)[0, 0]
    blur = torch.tensor([1.0, 2, 1], dtype=torch.float64)
    return F.conv2d(F.max_pool2d(x, k, 1), torch.outer(blur, blur)[None, None] / 16, stride=s)[0, 0]


@pytest.mark.parametrize("kind", ["max", "average", "blurred"])
def test_pool2d_equals_torch(run: Run, kind: str) -> None:
    cases = _cases(60)
    expression = f"given.map(({{x, k, s}}) => m.pool2d(x, '{kind}', k, s))"
    for case, got in zip(cases, run("_pool_math.js", expression, cases), strict=True):
        torch.testing.assert_close(torch.tensor(got, dtype=torch.float64), _torch_pool(case, kind), rtol=0, atol=1e-6)


def test_blurred_with_a_window_of_two_is_the_pages_chain_of_poolings(run: Run) -> None:
    case = next(case for case in _cases(60) if min(len(case["x"]), len(case["x"][0])) > 5) | {"k": 2, "s": 2}
    x = torch.tensor(case["x"], dtype=torch.float64)[None]
    chain = F.avg_pool2d(F.avg_pool2d(F.max_pool2d(x, 2, 1), 2, 1), 2)[0]
    got = run("_pool_math.js", "m.pool2d(given.x, 'blurred', 2, 2)", case)
    torch.testing.assert_close(torch.tensor(got, dtype=torch.float64), chain, rtol=0, atol=1e-6)


def test_the_first_of_equals_wins_as_in_torch(run: Run) -> None:
    cases = _cases(40)
    expression = (
        "given.map(({x, k, s}) => m.pool2d(x, 'max', k, s).map((row, i) => row.map((_, j) => {"
        "const w = m.winner(x, k, s, i, j); return w.row * x[0].length + w.column; })))"
    )
    for case, got in zip(cases, run("_pool_math.js", expression, cases), strict=True):
        x = torch.tensor(case["x"], dtype=torch.float64)[None, None]
        _, winners = F.max_pool2d(x, case["k"], case["s"], return_indices=True)
        assert got == winners[0, 0].tolist()


def test_counts_and_sizes_of_changes(run: Run) -> None:
    draw = torch.Generator().manual_seed(3)
    pairs = [torch.randint(-3, 4, (2, 5, 7), generator=draw).double() for _ in range(20)]
    given = [[a.tolist(), b.tolist()] for a, b in pairs]
    for (a, b), got in zip(pairs, run("_pool_math.js", "given.map(([a, b]) => m.compare(a, b))", given), strict=True):
        assert (got["changed"], got["total"]) == (int((a != b).sum()), a.numel())
        assert got["size"] == pytest.approx(((a - b).norm() / a.norm()).item(), abs=1e-6)


@pytest.mark.parametrize(("shift", "s"), [((0, 2), 2), ((-4, 2), 2), ((3, -3), 3), ((1, 0), 1)])
def test_a_shift_by_the_stride_only_moves_the_pooled_map(run: Run, shift: tuple[int, int], s: int) -> None:
    photo = np.random.default_rng(4).integers(0, 256, (30, 30)).tolist()
    expression = (
        "(() => { const at = (shift) => m.pool2d(m.view(given.photo, [8, 8], 14, shift), 'max', 3, given.s);"
        "return m.alongGap(at([0, 0]), at(given.shift), given.shift, given.s); })()"
    )
    assert run("_pool_math.js", expression, {"photo": photo, "shift": shift, "s": s}) == 0
    odd = {"photo": photo, "shift": [shift[0] + 1, shift[1]], "s": s}
    assert s == 1 or run("_pool_math.js", expression, odd) is None


def test_arguments() -> None:
    made = PoolExplorer(np.zeros((40, 30)), kernel="laplacian", kind="average", window=3, shift=(2, -1), size=20)
    assert (made.photo_shape, made.size, made.corner) == ([40, 30], 20, [10, 5])
    assert (made.kernel, made.after, made.kind, made.window, made.stride) == ("laplacian", "abs", "average", 3, 3)
    assert made.shift == [2, -1]


@pytest.mark.parametrize(
    ("options", "kind", "complaint"),
    [
        ({"kind": "median"}, ValueError, "expected one of 'max', 'average', 'blurred'"),
        ({"kernel": "sobel"}, ValueError, "kernel='sobel' is unknown"),
        ({"after": "tanh"}, ValueError, "after='tanh'"),
        ({"window": 0}, ValueError, "window=0; expected 1 to 6"),
        ({"stride": 7}, ValueError, "stride=7; expected 1 to 6"),
        ({"shift": (9, 0)}, ValueError, r"shift\[0\]=9; expected -8 to 8"),
        ({"shift": 1}, TypeError, "expected two numbers"),
        ({"shift": (1, 2, 3)}, ValueError, "expected two numbers"),
        ({"shift": (0.5, 0)}, TypeError, "expected a whole number"),
        ({"corner": (90, 0)}, ValueError, r"corner\[0\]=90"),
        ({"size": 5}, ValueError, "size=5; expected 10 to 34"),
    ],
)
def test_refuses_with_a_reason(options: dict[str, Any], kind: type[Exception], complaint: str) -> None:
    with pytest.raises(kind, match=complaint):
        PoolExplorer(**options)
