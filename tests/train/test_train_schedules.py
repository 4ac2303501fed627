"""Rates step by step against their formulas, and the range test on a problem whose limit is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cnncourse.train import SGD, RateTest, cosine, find_rate, fit, one_cycle, seed_everything, step_decay, warmup

LR = 0.4


def rates(make: Callable[[Optimizer], LRScheduler], steps: int) -> list[float]:
    """The rate of each of `steps` steps."""
    w = nn.Parameter(torch.zeros(1))
    w.grad = torch.zeros(1)
    optimizer = SGD([w], lr=LR)
    schedule, found = make(optimizer), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def down(t: int, steps: int, lowest: float = 0.0) -> float:
    return lowest + (LR - lowest) * (1 + math.cos(math.pi * t / steps)) / 2


CURVES: dict[str, tuple[Callable[[Optimizer], LRScheduler], list[float]]] = {
    "steps": (lambda o: step_decay(o, 3, 0.5), [LR] * 3 + [LR / 2] * 3 + [LR / 4]),
    "milestones": (lambda o: step_decay(o, [2, 5]), [LR] * 2 + [LR / 10] * 3 + [LR / 100] * 2),
    "cosine": (lambda o: cosine(o, 8, 0.1), [down(t, 8, 0.1) for t in range(9)]),
    "warmup": (lambda o: warmup(o, 4, start=0.2), [LR * (0.2 + 0.8 * t / 4) for t in range(5)] + [LR] * 3),
    "warmup then cosine": (
        lambda o: warmup(o, 4, cosine(o, 6), start=0.2),
        [LR * (0.2 + 0.8 * t / 4) for t in range(4)] + [down(t, 6) for t in range(7)],
    ),
    "warmup then steps": (
        lambda o: warmup(o, 2, step_decay(o, 3), start=0.5),
        [LR / 2, LR * 0.75] + [LR] * 3 + [LR / 10] * 3,
    ),
}


@pytest.mark.parametrize("name", CURVES)
def test_rates_are_the_formulas(name: str) -> None:
    make, expected = CURVES[name]
    assert rates(make, len(expected)) == pytest.approx(expected, abs=1e-12)


def test_one_cycle_rises_and_falls() -> None:
    found = rates(lambda o: one_cycle(o, 40, rising=0.25), 40)
    peak = found.index(max(found))
    assert peak == 9
    assert found[0] == pytest.approx(LR / 25)
    assert max(found) == pytest.approx(LR)
    assert found[-1] < LR / 1e5
    assert found[: peak + 1] == sorted(found[: peak + 1])
    assert found[peak:] == sorted(found[peak:], reverse=True)


def test_one_cycle_moves_momentum_against_the_rate() -> None:
    w = nn.Parameter(torch.zeros(1))
    with_momentum = SGD([w], lr=LR, momentum=0.9)
    one_cycle(with_momentum, 10)
    assert with_momentum.param_groups[0]["momentum"] == pytest.approx(0.95)
    plain = SGD([w], lr=LR)
    one_cycle(plain, 10)
    assert plain.param_groups[0]["momentum"] == 0
    adam = torch.optim.Adam([{"params": [w], "lr": 0.1}, {"params": [nn.Parameter(torch.zeros(1))], "lr": 0.2}])
    one_cycle(adam, 10)
    assert [group["lr"] for group in adam.param_groups] == pytest.approx([0.1 / 25, 0.2 / 25])


def line() -> tuple[nn.Module, tuple[torch.Tensor, torch.Tensor]]:
    """Least squares with inputs 1: loss mean (w − y)², curvature 2, so that gradient descent diverges above rate 1."""
    seed_everything(0)
    x = torch.ones(64, 1)
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 3.0)
    return model, (x, x + 0.1 * torch.randn(64, 1))


def test_the_range_test_finds_where_descent_diverges() -> None:
    model, data = line()
    optimizer = SGD(model.parameters(), lr=0.123, momentum=0.0)
    before, random_state = model.weight.detach().clone(), torch.get_rng_state()  # type: ignore[operator]
    model.eval()
    found = find_rate(model, data, lowest=1e-4, highest=1e3, steps=140, batch_size=16, optimizer=optimizer,
                      loss=nn.functional.mse_loss, device="cpu")  # fmt: skip
    assert len(found.rates) < 140
    lowest = found.rates[found.losses.index(min(found.losses))]
    assert 0.3 < lowest < 1.2
    assert 1.0 < found.rates[-1] < 10
    assert found.suggestion < 1
    assert found.rates[1] / found.rates[0] == pytest.approx((1e3 / 1e-4) ** (1 / 139))
    assert torch.equal(model.weight, before)  # type: ignore[arg-type]
    assert torch.equal(torch.get_rng_state(), random_state)
    assert optimizer.param_groups[0]["lr"] == 0.123
    assert not optimizer.state
    assert not model.training
    assert model.weight.grad is None  # type: ignore[union-attr]


def test_the_range_test_draws_its_curve() -> None:
    found = RateTest((1e-3, 1e-2, 1e-1, 1.0), (2.0, 1.5, 0.5, 4.0), (2.0, 1.7, 1.0, 2.5))
    assert found.suggestion == pytest.approx(0.01)
    fig = found.plot()
    (ax,) = fig.axes
    assert ax.get_xscale() == "log"
    assert ax.get_title() == "learning-rate range test: try 0.01"
    fig.canvas.draw()


def test_the_running_mean_is_corrected_for_its_start() -> None:
    model, data = line()
    found = find_rate(model, data, lowest=1e-9, highest=1e-8, steps=20, loss=nn.functional.mse_loss, device="cpu")
    assert found.smooth == pytest.approx([4.0] * 20, rel=0.05)


WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "rates": (lambda: find_rate(*line(), lowest=1.0, highest=0.5), ValueError, "0 < lowest < highest"),
    "steps": (lambda: find_rate(*line(), steps=1), ValueError, "steps is 1"),
    "no number": (
        lambda: find_rate(line()[0], (torch.full((9, 1), math.nan), torch.ones(9, 1)), loss=nn.functional.mse_loss,
                          device="cpu"),
        FloatingPointError, "no finite number at the rate 1e-06",
    ),
    "factor": (lambda: rates(lambda o: step_decay(o, 3, 1.5), 1), ValueError, "factor is 1.5"),
    "cosine": (lambda: rates(lambda o: cosine(o, 0), 1), ValueError, "steps is 0"),
    "start": (lambda: rates(lambda o: warmup(o, 3, start=0), 1), ValueError, "start is 0"),
    "another's": (
        lambda: rates(lambda o: warmup(o, 3, cosine(SGD([nn.Parameter(torch.zeros(1))]), 3)), 1),
        ValueError, "made with another optimizer",
    ),
    "rising": (lambda: rates(lambda o: one_cycle(o, 3, rising=0), 1), ValueError, "rising is 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()


def test_a_chained_schedule_goes_through_a_checkpoint(tmp_path: object) -> None:
    """Schedules made of schedules have state inside each other."""
    losses = []
    for cut in (None, 2):
        seed_everything(3)
        model = nn.Linear(2, 3)
        data = (torch.randn(40, 2, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 3)
        for epochs in (cut, 5) if cut else (5,):
            seed_everything(3)
            model = nn.Linear(2, 3)
            optimizer = SGD(model.parameters(), lr=0.5)
            schedule = warmup(optimizer, 4, cosine(optimizer, 16))
            file = {"checkpoint": f"{tmp_path}/c", "resume": True} if cut else {}
            history = fit(model, data, epochs=epochs, batch_size=10, optimizer=optimizer, schedule=schedule,
                          device="cpu", progress=False, **file)  # type: ignore[arg-type]  # fmt: skip
        losses.append((history.step_losses, history.learning_rates))
    assert losses[0] == losses[1]
