"""FGSM and PGD: inside the box and the ball, the optimum where it is known, and nothing of the model is touched."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from cnncourse.fooling import fgsm, pgd
from cnncourse.models import small_vgg


def net(channels: int = 3, dtype: torch.dtype = torch.float32) -> nn.Sequential:
    """A small net with batch norm and dropout, whose modes matter."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 6, 3), nn.BatchNorm2d(6), nn.Tanh(), nn.Dropout(0.5), nn.Flatten(), nn.LazyLinear(4)
    ).to(dtype)  # fmt: skip


def linear(weights: Tensor) -> nn.Sequential:
    """Two classes; the difference of their logits is weights · x."""
    layer = nn.Linear(weights.numel(), 2, bias=False, dtype=weights.dtype)
    with torch.no_grad():
        layer.weight.copy_(torch.stack([weights / 2, -weights / 2]))
    return nn.Sequential(nn.Flatten(), layer)


@given(
    norm=st.sampled_from(["linf", "l2"]),
    eps=st.sampled_from([0.0, 1e-3, 0.03, 0.5, 3.0, 100.0]),
    steps=st.integers(0, 4),
    step_size=st.sampled_from([None, 0.01, 7.0]),
    start=st.booleans(),
    targeted=st.booleans(),
    shape=st.sampled_from([(0, 3, 6, 5), (1, 3, 6, 5), (3, 3, 4, 7)]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
@settings(max_examples=150)
def test_pixels_stay_in_the_box_and_the_ball(
    norm: str, eps: float, steps: int, step_size: float | None, start: bool, targeted: bool, shape: Any, dtype: Any
) -> None:
    x = torch.rand(shape, dtype=dtype).mul(1.4).sub(0.2).clamp(0, 1)  # some pixels at the very edge
    y = torch.randint(4, shape[:1])
    x_adv = pgd(
        net(dtype=dtype), x, y, eps, norm=norm, steps=steps, step_size=step_size, random_start=start, targeted=targeted
    )
    assert x_adv.shape == x.shape
    assert x_adv.dtype == x.dtype
    assert bool(((x_adv >= 0) & (x_adv <= 1)).all())
    change = (x_adv - x).double()
    size = change.abs().flatten(1).amax(1) if norm == "linf" else change.flatten(1).norm(dim=1)
    # x itself is rounded: subtracting it from x_adv can add half a unit in the last place of 1.
    assert bool((size <= eps + torch.finfo(dtype).eps).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_on_a_linear_model_the_answer_is_known(dtype: torch.dtype, device: torch.device) -> None:
    """logit difference falls most along -sign(w) (linf) and -w (l2); x is so far inside that no pixel is cut."""
    w = torch.randn(12, dtype=dtype, device=device)
    model = linear(w).to(device)
    x = torch.full((2, 3, 2, 2), 0.5, dtype=dtype, device=device)
    y = torch.zeros(2, dtype=torch.long, device=device)  # so the loss rises as w · x falls
    step = w.reshape(3, 2, 2)
    close = {"rtol": 1e-5, "atol": 2e-6}
    assert_close(fgsm(model, x, y, 0.1), x - 0.1 * step.sign(), **close)
    assert_close(fgsm(model, x, y, 0.1, targeted=True), x + 0.1 * step.sign(), **close)
    for norm, best in (("linf", -0.1 * step.sign()), ("l2", -0.1 * step / step.norm())):
        assert_close(pgd(model, x, y, 0.1, norm=norm, steps=20, step_size=1.0), x + best, **close)
        assert_close(pgd(model, x, y, 0.1, norm=norm, steps=20, step_size=1.0, targeted=True), x - best, **close)


def test_where_the_box_cuts_the_linear_answer_is_its_corner() -> None:
    w = torch.tensor([3.0, -2.0, 1.0])
    x = torch.tensor([[0.05, 0.98, 0.5]])
    x_adv = pgd(linear(w), x, torch.zeros(1, dtype=torch.long), 0.2, steps=10)
    assert_close(x_adv, torch.tensor([[0.0, 1.0, 0.3]]), rtol=0, atol=1e-6)


def test_more_steps_raise_the_loss_further() -> None:
    model = small_vgg(num_classes=5).eval()
    x, y = torch.rand(6, 3, 16, 16), torch.randint(5, (6,))

    def loss(x: Tensor) -> float:
        return cross_entropy(model(x), y).item()

    one, many = fgsm(model, x, y, 0.03), pgd(model, x, y, 0.03, steps=10, random_start=False)
    assert loss(x) < loss(one) < loss(many)
    assert loss(pgd(model, x, y, 0.03, steps=10, targeted=True)) < loss(x)


def test_an_image_does_not_depend_on_its_neighbours_in_the_batch() -> None:
    model = net(dtype=torch.float64)
    x, y = torch.rand(4, 3, 6, 6, dtype=torch.float64), torch.tensor([0, 1, 2, 3])
    for norm in ("linf", "l2"):
        together = pgd(model, x, y, 0.1, norm=norm, random_start=False)
        alone = torch.cat(
            [pgd(model, x[i : i + 1], y[i : i + 1], 0.1, norm=norm, random_start=False) for i in range(4)]
        )
        assert_close(together, alone, rtol=1e-9, atol=1e-12)


def test_nothing_of_the_model_or_the_input_changes() -> None:
    model = net()
    x, y = torch.rand(2, 3, 6, 6), torch.tensor([0, 1])
    model(x)  # makes the lazy layer
    model.train()
    model[3].eval()
    before, kept = {k: v.clone() for k, v in model.state_dict().items()}, x.clone()
    x_adv = pgd(model, x, y, 0.1)
    assert [m.training for m in model] == [True, True, True, False, True, True]
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert torch.equal(x, kept)
    assert not x.requires_grad
    assert not x_adv.requires_grad


def test_modes_come_back_after_a_failure() -> None:
    model = nn.Sequential(nn.Dropout(), nn.Flatten(), nn.Linear(5, 2)).train()
    with pytest.raises(RuntimeError):
        pgd(model, torch.rand(2, 3, 6, 6), torch.tensor([0, 1]), 0.1)
    assert all(m.training for m in model.modules())


def test_it_works_where_gradients_are_switched_off_and_from_frozen_weights() -> None:
    model = small_vgg(num_classes=3).eval().requires_grad_(False)
    x, y = torch.rand(2, 3, 16, 16), torch.tensor([0, 1])
    with torch.no_grad():
        assert not torch.equal(fgsm(model, x, y, 0.1), x)


def test_the_generator_fixes_the_start() -> None:
    model, x, y = net(), torch.rand(2, 3, 6, 6), torch.tensor([0, 1])
    for norm in ("linf", "l2"):
        draws = [
            pgd(model, x, y, 0.5, norm=norm, steps=0, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)
        ]
        assert torch.equal(draws[0], draws[1])
        assert not torch.equal(draws[0], draws[2])
        assert torch.equal(pgd(model, x, y, 0.5, norm=norm, steps=0, random_start=False), x)


def test_the_random_start_fills_the_ball() -> None:
    """In three dimensions half the radius holds 1/8 of the ball's volume, half the edge 1/8 of the cube's."""
    x = torch.full((4000, 3), 0.5)
    for norm in ("l2", "linf"):
        change = pgd(linear(torch.ones(3)), x, torch.zeros(4000, dtype=torch.long), 0.4, norm=norm, steps=0) - x
        size = change.norm(dim=1) if norm == "l2" else change.abs().amax(1)
        assert size.max().item() == pytest.approx(0.4, rel=0.02)
        # 4,000 draws: the share's standard deviation is sqrt(1/8 * 7/8 / 4000) = 0.005
        assert (size < 0.2).float().mean().item() == pytest.approx(1 / 8, abs=0.02)


def test_a_flat_loss_moves_nothing() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3, 2))
    nn.init.zeros_(model[1].weight)
    x = torch.rand(2, 3)
    for norm in ("linf", "l2"):
        assert torch.equal(pgd(model, x, torch.tensor([0, 1]), 0.1, norm=norm, random_start=False), x)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": 3}, r"model is a int; expected a torch.nn.Module"),
        ({"x": [1.0]}, r"x is a list"),
        ({"x": torch.rand(3)}, r"x is \(3,\).*One image\? Pass x\[None\]"),
        ({"y": torch.tensor([1, 2])}, r"y \(2,\); expected floating images"),
        ({"x": torch.zeros(1, 3, dtype=torch.long)}, r"torch.int64"),
        ({"x": torch.full((1, 3), 1.5)}, r"1\.5 … 1\.5; expected \[0, 1\]. Let the model normalise"),
        ({"x": torch.full((1, 3), math.nan)}, r"nan … nan; expected \[0, 1\]"),
        ({"norm": "l1"}, r"norm is 'l1'; expected 'linf' or 'l2'"),
        ({"eps": -0.1}, r"eps is -0.1; expected a finite number >= 0"),
        ({"eps": math.nan}, r"eps is nan"),
        ({"steps": -1}, r"steps is -1; expected a whole number >= 0"),
        ({"step_size": -1.0}, r"step_size is -1.0"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "model": linear(torch.ones(3)), "x": torch.rand(1, 3), "y": torch.tensor([0]), "eps": 0.1, **change
    }  # fmt: skip
    with pytest.raises((TypeError, ValueError), match=message):
        pgd(**arguments)
