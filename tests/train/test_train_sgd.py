"""The reference optimiser against torch's: the same bits, whatever the settings."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cnncourse.train import SGD

STEPS = 6


@st.composite
def setting(draw: st.DrawFn) -> dict[str, Any]:
    """One parameter group's settings."""
    momentum = draw(st.sampled_from([0.0, 0.5, 0.9, 1.0]) | st.floats(0, 1))
    nesterov = momentum > 0 and draw(st.booleans())
    return {
        "lr": draw(st.sampled_from([0.0, 0.1]) | st.floats(1e-6, 2)),
        "momentum": momentum,
        "nesterov": nesterov,
        "dampening": 0.0 if nesterov else draw(st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1)),
        "weight_decay": draw(st.sampled_from([0.0, 1e-4]) | st.floats(0, 0.5)),
        "maximize": draw(st.booleans()),
    }


SHAPES = st.lists(st.integers(0, 4), max_size=3)


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[list[int]], torch.dtype, int]:
    """Settings and shapes of up to three groups, a dtype and a seed."""
    groups = draw(st.lists(setting(), min_size=1, max_size=3))
    shapes = [draw(SHAPES) for _ in groups]
    return groups, shapes, draw(st.sampled_from([torch.float32, torch.float64])), draw(st.integers(0, 10**6))


def run(cls: type[torch.optim.Optimizer], groups: list[dict[str, Any]], shapes: list[list[int]], dtype: torch.dtype,
        seed: int) -> list[Tensor]:  # fmt: skip
    """The weights after each of a few steps with random gradients; now and then a weight has no gradient."""
    draw = torch.Generator().manual_seed(seed)
    weights = [torch.randn(shape, generator=draw, dtype=dtype).requires_grad_() for shape in shapes]
    optimizer = cls([{"params": [w], **group} for w, group in zip(weights, groups, strict=True)])
    after = []
    for _ in range(STEPS):
        for w in weights:
            present = torch.rand((), generator=draw) < 0.8
            w.grad = torch.randn(w.shape, generator=draw, dtype=dtype) if present else None
        optimizer.step()
        after += [w.detach().clone() for w in weights]
    return after


@given(problems())
@settings(max_examples=300)
def test_it_is_torchs_to_the_last_bit(problem: tuple[Any, ...]) -> None:
    for ours, theirs in zip(run(SGD, *problem), run(torch.optim.SGD, *problem), strict=True):
        assert torch.equal(ours, theirs)


def test_by_hand() -> None:
    """lr 0.5, momentum 0.9, gradient 1 each time: v = 1, 1.9, 2.71, so w = 0, -0.5, -1.45, -2.805."""
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = SGD([w], lr=0.5, momentum=0.9)
    places = []
    for _ in range(3):
        w.grad = torch.ones(1, dtype=torch.float64)
        optimizer.step()
        places.append(w.item())
    assert places == pytest.approx([-0.5, -1.45, -2.805])


def test_states_go_to_torch_and_back() -> None:
    for first, second in ((SGD, torch.optim.SGD), (torch.optim.SGD, SGD)):
        w = torch.ones(3, requires_grad=True)
        one: torch.optim.Optimizer = first([w], lr=0.1, momentum=0.9)
        w.grad = torch.arange(3.0)
        one.step()
        other = w.detach().clone().requires_grad_()
        two: torch.optim.Optimizer = second([other], lr=1.0)
        two.load_state_dict(copy.deepcopy(one.state_dict()))
        other.grad = w.grad = torch.ones(3)
        one.step()
        two.step()
        assert torch.equal(w, other)
        assert float(w[0].detach()) == pytest.approx(1 - 0.1)


def test_closure_and_missing_gradients() -> None:
    w, unused = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    optimizer = SGD([w, unused], lr=0.5)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (w**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 2
    assert torch.equal(w.detach(), torch.zeros(2))
    assert torch.equal(unused.detach(), torch.ones(2))


def test_the_velocity_is_not_the_gradients_own_memory() -> None:
    """Gradients that are zeroed and added to in place must leave it alone: v = 1, then 0.9 · 1 + 1."""
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = SGD([w], lr=1.0, momentum=0.9)
    for _ in range(2):
        optimizer.zero_grad(set_to_none=False)
        w.sum().backward()
        optimizer.step()
    assert w.item() == pytest.approx(-1 - 1.9)


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "negative rate": ({"lr": -1}, ValueError, "lr is -1; expected a number ≥ 0"),
    "rate no number": ({"lr": "fast"}, TypeError, "lr is 'fast'"),
    "rate nan": ({"lr": float("nan")}, ValueError, "lr is nan"),
    "negative momentum": ({"momentum": -0.1}, ValueError, "momentum is -0.1"),
    "negative decay": ({"weight_decay": -0.1}, ValueError, "weight_decay is -0.1"),
    "nesterov alone": ({"nesterov": True}, ValueError, "nesterov=True with momentum=0.0.*expected momentum > 0"),
    "nesterov dampened": ({"nesterov": True, "momentum": 0.9, "dampening": 0.1}, ValueError, "dampening 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings_are_explained(name: str) -> None:
    settings, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        SGD([torch.ones(1, requires_grad=True)], **settings)
    with pytest.raises(error, match=message):
        SGD([{"params": [torch.ones(1, requires_grad=True)], **settings}])


def test_sparse_gradients_are_refused() -> None:
    table = torch.nn.Embedding(4, 2, sparse=True)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(TypeError, match="sparse; expected dense"):
        SGD(table.parameters(), lr=1.0).step()
