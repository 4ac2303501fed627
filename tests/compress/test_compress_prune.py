"""Pruning cuts what torch's does, stays while training goes on, and can be made permanent."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import prune as torchs

from cnncourse.compress import plain, plain_state, prune, rounded, shared, sparsity, weighted

AMOUNTS = st.one_of(st.floats(0, 1), st.integers(0, 20))


def layer(seed: int, kind: str = "conv") -> nn.Module:
    """Normal weights: no two are the same size."""
    torch.manual_seed(seed)
    return nn.Conv2d(3, 5, (2, 3)) if kind == "conv" else nn.Linear(7, 6)


def weight_of(module: nn.Module) -> Tensor:
    value = module.weight
    assert isinstance(value, Tensor)
    return value.detach()


@settings(max_examples=40, deadline=None)
@given(kind=st.sampled_from(["conv", "linear"]), seed=st.integers(0, 99), first=AMOUNTS, second=AMOUNTS)
def test_l1_unstructured_is_torchs_also_the_second_time(kind: str, seed: int, first: float, second: float) -> None:
    ours, theirs = layer(seed, kind), layer(seed, kind)
    for amount in (first, second):
        try:
            torchs.l1_unstructured(theirs, "weight", amount)
        except ValueError:  # more than are left
            with pytest.raises(ValueError, match="are left"):
                prune.l1_unstructured(ours, "weight", amount)
            return
        assert prune.l1_unstructured(ours, "weight", amount) is ours
        torch.testing.assert_close(weight_of(ours), weight_of(theirs), rtol=0, atol=0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 99), share=st.floats(0, 1), n=st.sampled_from([1, 2]), dim=st.sampled_from([0, 1, -1]))
def test_ln_structured_is_torchs(seed: int, share: float, n: int, dim: int) -> None:
    ours, theirs = layer(seed), layer(seed)
    torchs.ln_structured(theirs, "weight", share, n, dim)
    prune.ln_structured(ours, "weight", share, n, dim)
    torch.testing.assert_close(weight_of(ours), weight_of(theirs), rtol=0, atol=0)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), share=st.floats(0, 1))
def test_global_unstructured_is_torchs(seed: int, share: float) -> None:
    ours, theirs = (nn.Sequential(layer(seed), layer(seed + 1, "linear")) for _ in range(2))
    torchs.global_unstructured([(m, "weight") for m in theirs], torchs.L1Unstructured, amount=share)
    prune.global_unstructured(weighted(ours), share)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(weight_of(mine), weight_of(other), rtol=0, atol=0)


def test_a_second_structured_cut_takes_of_what_is_left() -> None:
    module = layer(0)
    prune.ln_structured(module, "weight", 2, 2, 0)
    prune.ln_structured(module, "weight", 2, 2, 0)
    assert int((weight_of(module).flatten(1).norm(dim=1) > 0).sum()) == 1


def test_what_was_cut_stays_zero_in_training_and_the_rest_moves() -> None:
    module = layer(1, "linear")
    prune.l1_unstructured(module, "weight", 0.5)
    before = weight_of(module).clone()
    sgd = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    for _ in range(3):
        sgd.zero_grad()
        module(torch.randn(4, 7)).square().sum().backward()
        sgd.step()
    after = weight_of(module)
    assert torch.equal(after == 0, before == 0)
    assert int((after == 0).sum()) == 21
    assert (after != before)[before != 0].all()


def test_remove_leaves_an_ordinary_layer() -> None:
    module = layer(2)
    keys = list(module.state_dict())
    prune.l1_unstructured(module, "weight", 10)
    assert prune.is_pruned(module)
    assert prune.is_pruned(nn.Sequential(module))
    cut = weight_of(module).clone()
    prune.remove(module, "weight")
    assert not prune.is_pruned(module)
    assert list(module.state_dict()) == keys
    assert torch.equal(weight_of(module), cut)
    assert type(module) is nn.Conv2d


def test_a_copy_and_its_original_lead_lives_of_their_own() -> None:
    net = nn.Sequential(layer(3), nn.Flatten())
    prune.global_unstructured(weighted(net), 0.5)
    twin, cut = copy.deepcopy(net), weight_of(net[0]).clone()
    prune.remove(twin[0], "weight")
    for other in (plain(net), shared(net, 2), rounded(net, 4)):
        assert sparsity(other) == pytest.approx(0.5, abs=0.02)
    assert torch.equal(weight_of(net[0]), cut)
    assert torch.equal(plain_state(net)["0.weight"], cut)
    assert prune.is_pruned(net)
    prune.l1_unstructured(net[0], "weight", 1.0)
    assert torch.equal(weight_of(twin[0]), cut)


def test_sparsity_counts_weights_only() -> None:
    net = nn.Sequential(layer(4), nn.BatchNorm2d(5), layer(4, "linear"))
    assert sparsity(net) == 0
    prune.l1_unstructured(net[2], "weight", 1.0)
    assert sparsity(net) == pytest.approx(42 / (42 + 90))


@pytest.mark.parametrize(
    ("act", "complaint"),
    [
        (lambda m: prune.l1_unstructured(m, "wait", 0.5), "no tensor 'wait'; it has 'weight', 'bias'"),
        (lambda m: prune.l1_unstructured(m, "weight", 1.5), "amount is 1.5; expected a share from 0.0 to 1.0"),
        (lambda m: prune.l1_unstructured(m, "weight", 91), "amount is 91, but only 90 are left"),
        (lambda m: prune.l1_unstructured(m, "weight", -1), "expected a whole number >= 0"),
        (lambda m: prune.ln_structured(m, "weight", 1, 2, 4), "dim is 4; the weight has 4 dimensions"),
        (lambda m: prune.global_unstructured([], 0.5), "got no parameters"),
        (lambda m: prune.remove(m, "weight"), "'weight' of Conv2d is not pruned"),
        (lambda m: sparsity(nn.ReLU()), "no convolution and no linear layer"),
    ],
)
def test_refuses_with_a_reason(act: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        act(layer(5))
