"""A factorised layer is the best of its rank, and at full rank the layer itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnncourse.compress import factorize_conv2d, factorize_linear, singular_values

WINDOWS = st.tuples(*[st.tuples(st.integers(1, 3), st.integers(1, 3)) for _ in range(3)])


@settings(max_examples=40, deadline=None)
@given(
    windows=WINDOWS,
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
@pytest.mark.parametrize("scheme", ["channel", "spatial"])
def test_at_full_rank_nothing_changes(scheme: str, windows: Any, padding: Any, bias: bool, seed: int) -> None:
    torch.manual_seed(seed)
    (kernel, stride, dilation), x = windows, torch.randn(2, 4, 11, 9, dtype=torch.float64)
    conv = nn.Conv2d(4, 3, kernel, stride, padding, dilation, bias=bias, dtype=torch.float64)
    pair = factorize_conv2d(conv, len(singular_values(conv.weight, scheme)), scheme)
    torch.testing.assert_close(pair(x), conv(x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("rank", [1, 3, 5])
@pytest.mark.parametrize("scheme", ["channel", "spatial"])
def test_what_is_lost_is_what_was_dropped(scheme: str, rank: int) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(6, 8, (3, 5), padding=(1, 2), bias=False, dtype=torch.float64)
    pair = factorize_conv2d(conv, rank, scheme)
    spike = torch.zeros(6, 6, 3, 5, dtype=torch.float64)
    spike[range(6), range(6), 1, 2] = 1  # the answer to one bright pixel in one channel is the filter, turned round
    lost = (pair(spike) - conv(spike)).square().sum()
    dropped = singular_values(conv.weight, scheme)[rank:].square().sum()
    torch.testing.assert_close(lost, dropped, rtol=1e-9, atol=0)
    weights = sum(p.numel() for p in pair.parameters())
    assert weights == (rank * (6 * 15 + 8) if scheme == "channel" else rank * (6 * 3 + 8 * 5))


def test_linear() -> None:
    torch.manual_seed(1)
    layer = nn.Linear(9, 5, dtype=torch.float64)
    x = torch.randn(4, 9, dtype=torch.float64)
    torch.testing.assert_close(factorize_linear(layer, 5)(x), layer(x), rtol=0, atol=1e-12)
    pair = factorize_linear(layer, 2)
    assert [tuple(p.shape) for p in pair.parameters()] == [(2, 9), (5, 2), (5,)]
    lost = (pair[1].weight @ pair[0].weight - layer.weight).square().sum()
    torch.testing.assert_close(lost, singular_values(layer.weight)[2:].square().sum())
    torch.testing.assert_close(pair[0].weight.norm(), pair[1].weight.norm())
    assert factorize_linear(nn.Linear(3, 3, bias=False), 1)[1].bias is None


@pytest.mark.parametrize(
    ("act", "kind", "complaint"),
    [
        (lambda: factorize_linear(nn.Linear(4, 3), 4), ValueError, r"rank is 4; the matrix is \(3, 4\): at most 3"),
        (lambda: factorize_linear(nn.Linear(4, 3), 0), ValueError, "rank"),
        (lambda: factorize_linear(nn.ReLU(), 1), TypeError, "got a ReLU; expected a torch.nn.Linear"),  # type: ignore[arg-type]
        (lambda: factorize_conv2d(nn.Linear(2, 2), 1), TypeError, "expected a torch.nn.Conv2d"),  # type: ignore[arg-type]
        (lambda: factorize_conv2d(nn.Conv2d(4, 4, 3, groups=2), 1), ValueError, "groups=2"),
        (lambda: factorize_conv2d(nn.Conv2d(4, 4, 3, padding="same"), 1), ValueError, "padding='same'"),
        (lambda: factorize_conv2d(nn.Conv2d(4, 4, 3), 1, "tucker"), ValueError, "expected one of 'channel', 'spatial'"),
        (lambda: singular_values(torch.ones(3)), ValueError, r"shape \(3,\)"),
    ],
)
def test_refuses_with_a_reason(act: Any, kind: type[Exception], complaint: str) -> None:
    with pytest.raises(kind, match=complaint):
        act()
