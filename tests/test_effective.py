"""The effective receptive field: exact for uniform weights, a bell whose width grows with the root of the depth."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cnncourse import effective_receptive_field, models


def uniform(n: int, kernel: int = 3, channels: int = 1, axes: int = 2) -> nn.Sequential:
    """n convolutions whose weights are all the same."""
    conv: Any = {1: nn.Conv1d, 2: nn.Conv2d}[axes]
    net = nn.Sequential(*(conv(channels, channels, kernel, padding=kernel // 2, bias=False) for _ in range(n)))
    for p in net.parameters():
        nn.init.constant_(p, 1 / p[0].numel())
    return net.double()


def repeated(n: int, kernel: int = 3) -> np.ndarray:
    """A box convolved with itself: the influence that n uniform layers give each pixel of one axis."""
    out = np.ones(1)
    for _ in range(n):
        out = np.convolve(out, np.ones(kernel) / kernel)
    return out


@pytest.mark.parametrize(("n", "kernel"), [(1, 3), (4, 3), (9, 3), (3, 5)])
def test_uniform_layers_give_a_repeated_convolution(n: int, kernel: int) -> None:
    found = effective_receptive_field(uniform(n, kernel), str(n - 1), samples=3)
    line = repeated(n, kernel)
    (top, bottom), (left, right) = found.box
    assert (bottom - top + 1, right - left + 1) == line.shape * 2 == (n * (kernel - 1) + 1,) * 2
    inside = found.map[top : bottom + 1, left : right + 1]
    np.testing.assert_allclose(inside.numpy(), np.outer(line, line), rtol=1e-10)
    assert found.theoretical == found.box
    assert found.std == pytest.approx([math.sqrt(n * (kernel**2 - 1) / 12)] * 2, rel=1e-10)
    middle = (top + bottom) / 2, (left + right) / 2
    assert found.mean == pytest.approx(middle)
    assert float(found.map.sum()) == pytest.approx(1)


def test_width_grows_with_the_root_of_the_depth() -> None:
    widths = [effective_receptive_field(uniform(n), str(n - 1), samples=1).std[0] for n in (4, 8, 16, 32)]
    assert [b / a for a, b in pairwise(widths)] == pytest.approx([math.sqrt(2)] * 3, rel=1e-9)


def test_share_and_size_are_those_of_a_bell() -> None:
    found = effective_receptive_field(uniform(30), "29", samples=1)
    reach, line = int(2 * found.std[0]), repeated(30)
    assert found.share == pytest.approx(line[30 - reach : 31 + reach].sum() ** 2)
    assert found.share == pytest.approx(0.9545**2, abs=0.03)  # pixels are coarse
    # pixels above 4.55 % of the largest: a disc of radius std * sqrt(2 ln(1 / 0.0455))
    radius = found.std[0] * math.sqrt(2 * math.log(1 / (1 - 0.9545)))
    assert found.size == pytest.approx(math.sqrt(math.pi) * radius, rel=0.01)


def test_random_weights_come_near_the_bell() -> None:
    """Gradients of random weights have mean 0, their variance is the bell; |gradient| follows its root, √2 as wide."""
    net = nn.Sequential(*(nn.Conv2d(1 if not i else 12, 12, 3, padding=1, bias=False) for i in range(8)))
    for p in net.parameters():
        nn.init.normal_(p)
    found = effective_receptive_field(net, "7", samples=8)
    bell, at = np.sqrt(repeated(8)), np.arange(17) - 8
    assert found.std == pytest.approx([math.sqrt((bell * at**2).sum() / bell.sum())] * 2, rel=0.05)


def test_channels_strides_and_the_border() -> None:
    net = nn.Sequential(nn.Conv2d(2, 3, (3, 5), stride=2, bias=False), nn.ReLU(), nn.Conv2d(3, 2, 3, padding=1))
    x = torch.randn(3, 2, 17, 23)
    found = effective_receptive_field(net, "0", x, unit=(2, 4))
    assert found.box == found.theoretical == ((4, 6), (8, 12))
    corner = effective_receptive_field(net, "2", x, unit=(0, 0))
    assert corner.theoretical == ((0, 4), (0, 6))
    assert all(a >= b and c <= d for (a, c), (b, d) in zip(corner.box, corner.theoretical, strict=True))
    line = effective_receptive_field(uniform(4, axes=1), "3", samples=2)
    assert line.map.dim() == 1
    assert line.std == pytest.approx([math.sqrt(8 / 3)])


def test_the_map_is_the_mean_of_gradients() -> None:
    net, x = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh()).double(), torch.randn(4, 2, 5, 5, dtype=torch.float64)
    found = effective_receptive_field(net, "1", x, seed=5)
    generator, total = torch.Generator().manual_seed(5), torch.zeros(5, 5, dtype=torch.float64)
    for image in x:
        r = torch.randn(3, generator=generator, dtype=torch.float64)
        start = image.clone().requires_grad_(True)
        (net(start[None])[0, :, 1, 1] * r).sum().backward()
        total += start.grad.abs().sum(0)  # type: ignore[union-attr]
    torch.testing.assert_close(found.map, total / total.sum())


def test_a_seed_makes_the_same_map_and_leaves_everything_alone() -> None:
    model = models.lenet5().train()
    x, state = torch.randn(2, 1, 32, 32), torch.random.get_rng_state()
    one, same, other = (effective_receptive_field(model, "c3", x, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.map, same.map)
    assert not torch.equal(one.map, other.map)
    assert torch.equal(torch.random.get_rng_state(), state)
    with pytest.raises(ValueError, match="axes"):
        effective_receptive_field(model, "f6", x)
    assert model.training
    assert not any(m._forward_hooks for m in model.modules())
    assert all(p.grad is None for p in model.parameters())
    assert x.grad is None


def test_the_picture_shows_map_boxes_and_profile() -> None:
    found = effective_receptive_field(uniform(5), "4", samples=1)
    picture, profile = found.plot().axes
    np.testing.assert_allclose(np.asarray(picture.get_images()[0].get_array()), found.map.numpy())
    labels = picture.get_legend_handles_labels()[1]
    assert labels == ["by the formula", "any influence", "± 2 std"]
    assert picture.patches[0].get_bbox().width == 11
    assert "11 pixels" in profile.get_title()
    assert len(effective_receptive_field(uniform(3, axes=1), "2", samples=1).plot().axes) == 1
    assert "size=" in repr(found)


class Path(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) if x.sum() > 1e9 else self.conv(x) * 2


def test_a_model_that_the_formula_cannot_follow_is_measured() -> None:
    found = effective_receptive_field(Path(), "conv", torch.randn(2, 1, 7, 7))
    assert (found.theoretical, found.box) == (None, ((2, 4), (2, 4)))
    found.plot()


NET = uniform(2)
X = torch.randn(1, 1, 9, 9, dtype=torch.float64)
DEAD = nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU())
nn.init.constant_(DEAD[0].bias, -1e3)  # type: ignore[arg-type]
WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "no model": (lambda: effective_receptive_field([], "0"), TypeError, "got a list"),
    "no tensor": (lambda: effective_receptive_field(NET, "0", [1]), TypeError, "x a list"),
    "layer": (lambda: effective_receptive_field(NET, "c"), ValueError, "no layer 'c' in this model; it has 0, 1"),
    "no batch": (lambda: effective_receptive_field(NET, "0", X[0, 0]), ValueError, "expected .N, C"),
    "empty": (lambda: effective_receptive_field(NET, "0", X[:0]), ValueError, "N >= 1"),
    "unit": (lambda: effective_receptive_field(NET, "0", X, unit=(9, 0)), ValueError, r"unit is \(9, 0\)"),
    "samples": (lambda: effective_receptive_field(NET, "0", samples=0), ValueError, "samples is 0"),
    "dead": (lambda: effective_receptive_field(DEAD, "1", X.float()), ValueError, "dead ReLU"),
    "too large": (lambda: effective_receptive_field(uniform(2, 601), "1"), ValueError, "sees 1203 pixels"),
    "no conv": (lambda: effective_receptive_field(nn.Sequential(nn.MaxPool2d(2)), "0"), ValueError, "channels its"),
    "unknown field": (lambda: effective_receptive_field(Path(), "conv"), ValueError, "cannot follow"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()
