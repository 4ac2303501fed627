"""Rounding is torch's fake quantisation; a code book has the nearest centres and learns the sum of gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from cnncourse.compress import dequantize, kmeans, prune, quantize, rounded, share, shared, weighted


@settings(max_examples=60, deadline=None)
@given(bits=st.integers(2, 16), seed=st.integers(0, 999), size=st.sampled_from([1e-3, 1.0, 50.0]))
def test_quantize_is_torchs_fake_quantisation(bits: int, seed: int, size: float) -> None:
    torch.manual_seed(seed)
    x, most = torch.randn(3, 4, 2) * size, 2 ** (bits - 1) - 1
    codes, scale = quantize(x, bits)
    assert codes.dtype == (torch.int8 if bits <= 8 else torch.int16)
    assert int(codes.abs().max()) == most
    expected = torch.fake_quantize_per_tensor_affine(x, scale.item(), 0, -most, most)
    assert ((dequantize(codes, scale) - expected).abs() < 1e-5 * size).float().mean() > 0.9  # ties may round both ways
    assert (dequantize(codes, scale) - x).abs().max() <= scale.item() / 2 * 1.0001


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_a_scale_for_each_slice(dim: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 3, 5) * torch.logspace(-2, 2, 5)
    codes, scale = quantize(x, 6, dim)
    slices = zip(x.unbind(dim), dequantize(codes, scale).unbind(dim), strict=True)
    for part, got in slices:
        torch.testing.assert_close(got, dequantize(*quantize(part, 6)))


def test_zero_stays_zero_and_nothing_but_zeros_is_no_error() -> None:
    codes, scale = quantize(torch.tensor([[0.0, 0.0], [0.0, 3.0]]), 4, 0)
    assert codes.tolist() == [[0, 0], [0, 7]]
    assert torch.isfinite(scale).all()


def test_integers_multiply_to_the_same_product() -> None:
    torch.manual_seed(2)
    w, x = torch.randn(5, 8, dtype=torch.float64), torch.randn(3, 8, dtype=torch.float64)
    (cw, sw), (cx, sx) = quantize(w, 8, 0), quantize(x, 8)
    whole = cx.int() @ cw.int().T
    torch.testing.assert_close(whole * sx * sw.T, dequantize(cx, sx) @ dequantize(cw, sw).T, rtol=1e-12, atol=0)


def test_rounded_is_a_copy_whose_layers_have_few_values() -> None:
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 4))
    before = {key: value.clone() for key, value in net.state_dict().items()}
    small = rounded(net, 3, None)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert list(small.state_dict()) == list(before)
    for layer, _ in weighted(small):
        assert len(torch.unique(layer.weight)) <= 7  # type: ignore[arg-type]
    assert torch.equal(small[3].bias, net[3].bias)  # type: ignore[index]
    assert isinstance(small[0].weight, nn.Parameter)  # type: ignore[index]


@settings(max_examples=40, deadline=None)
@given(k=st.integers(1, 9), seed=st.integers(0, 999), n=st.integers(1, 60), ties=st.booleans())
def test_kmeans_gives_nearest_centres_that_are_means(k: int, seed: int, n: int, ties: bool) -> None:
    torch.manual_seed(seed)
    values = torch.randint(-3, 4, (n,)).double() if ties else torch.randn(n, dtype=torch.float64)
    centres, numbers = kmeans(values, k, iterations=500)
    assert centres.shape == (k,)
    assert torch.equal(centres, centres.sort().values)
    gaps = (values[:, None] - centres).abs()
    torch.testing.assert_close(gaps.gather(1, numbers[:, None])[:, 0], gaps.min(1).values, rtol=0, atol=1e-12)
    for c in numbers.unique():
        torch.testing.assert_close(values[numbers == c].mean(), centres[c], rtol=0, atol=1e-9)


def test_kmeans_is_exact_where_it_can_be() -> None:
    values = torch.tensor([[1.0, 5.0], [1.0, -2.0]])
    centres, numbers = kmeans(values, 3)
    assert numbers.shape == (2, 2)
    assert torch.equal(centres[numbers], values)


def test_shared_weights_learn_the_sum_of_their_gradients() -> None:
    torch.manual_seed(4)
    layer = nn.Linear(6, 5)
    share(layer, "weight", 2)
    weight = layer.weight.detach().clone().requires_grad_()
    x = torch.randn(7, 6)
    layer(x).square().sum().backward()
    (x @ weight.T + layer.bias.detach()).square().sum().backward()
    book = layer.parametrizations.weight  # type: ignore[union-attr]
    codes: Tensor = book[0].codes  # type: ignore[index,assignment]
    assert book.original.shape == (4,)  # type: ignore[union-attr]
    expected = torch.stack([weight.grad[codes == c].sum() for c in range(4)])  # type: ignore[index]
    torch.testing.assert_close(book.original.grad, expected, rtol=1e-4, atol=1e-4)  # type: ignore[union-attr]


@pytest.mark.parametrize("bits", [1, 3])
def test_sharing_takes_a_mask_over(bits: int) -> None:
    torch.manual_seed(5)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(16, 3))
    prune.global_unstructured(weighted(net), 0.6)
    small = shared(net, bits)
    for (old, _), (new, _) in zip(weighted(net), weighted(small), strict=True):
        was, now = old.weight, new.weight
        assert isinstance(was, Tensor)
        assert isinstance(now, Tensor)
        assert torch.equal(was == 0, now == 0)
        assert len(torch.unique(now)) <= 2**bits
    sgd = torch.optim.SGD(small.parameters(), lr=0.1)
    small(torch.randn(2, 2, 4, 4)).sum().backward()
    sgd.step()
    assert all(int((layer.weight == 0).sum()) > 0 for layer, _ in weighted(small))  # type: ignore[union-attr,misc]


@pytest.mark.parametrize(
    ("act", "complaint"),
    [
        (lambda: quantize(torch.ones(3), 1), "bits"),
        (lambda: quantize(torch.ones(3), 17), "bits is 17; expected 2 to 16"),
        (lambda: quantize(torch.ones(0), 4), "at least one number"),
        (lambda: kmeans(torch.ones(0), 2), "at least one"),
        (lambda: kmeans(torch.ones(3), 0), "kmeans: k"),
        (lambda: share(nn.Linear(2, 2), "weight", 9), "bits is 9; expected 1 to 8"),
        (lambda: share(nn.ReLU(), "weight", 2), "ReLU has no tensor 'weight'; it has no parameter"),
    ],
)
def test_refuses_with_a_reason(act: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        act()
