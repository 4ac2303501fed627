"""Learning rates that change while training: torch's schedulers under the names of what they do, and the range test.

Each takes the optimizer, whose rate is the base rate, and gives a scheduler for `fit(…, schedule=…)`. `fit` steps it
after every batch, so lengths are in steps: `epochs * ceil(images / batch_size)` for a whole training.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim import lr_scheduler as torchs
from torch.optim.lr_scheduler import LRScheduler

from cnncourse.device import pick_device
from cnncourse.errors import whole
from cnncourse.train.measure import Loss
from cnncourse.train.sources import Batch, Data, Source, each_tensor, source

_MEMORY = 0.9  # of the running mean of the losses
_TOO_HIGH = 4.0


def step_decay(optimizer: Optimizer, steps: int | Iterable[int], factor: float = 0.1) -> LRScheduler:
    """The rate times `factor` after every `steps` steps, or after each step of a list (He et al. 2015)."""
    _check_between("step_decay: factor", factor, 0, 1)
    if isinstance(steps, Iterable):
        return torchs.MultiStepLR(optimizer, [whole("step_decay: steps", n, 1) for n in steps], gamma=factor)
    return torchs.StepLR(optimizer, whole("step_decay: steps", steps, 1), gamma=factor)


def cosine(optimizer: Optimizer, steps: int, lowest: float = 0.0) -> LRScheduler:
    """Half a cosine from the rate down to `lowest`: lowest + (lr − lowest)(1 + cos(π t / steps)) / 2.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983 (without restarts).
    """
    return torchs.CosineAnnealingLR(optimizer, whole("cosine: steps", steps, 1), eta_min=lowest)


def warmup(optimizer: Optimizer, steps: int, then: LRScheduler | None = None, start: float = 0.01) -> LRScheduler:
    """From `start` times the rate straight up to the rate in `steps` steps, and on with `then`, counted from there.

    `then` is a scheduler made with the same optimizer. Source: Goyal et al. 2017, arXiv:1706.02677.
    """
    steps = whole("warmup: steps", steps, 1)
    _check_between("warmup: start", start, 0, 1)
    if then is not None and then.optimizer is not optimizer:
        raise ValueError("warmup: `then` was made with another optimizer; expected the same one")
    rising = torchs.LinearLR(optimizer, start_factor=start, total_iters=steps)
    if then is None:
        return rising
    return torchs.SequentialLR(optimizer, [rising, then], milestones=[steps])


def one_cycle(optimizer: Optimizer, steps: int, rising: float = 0.3) -> LRScheduler:
    """Up from 1/25 of the rate to the rate in the share `rising` of the steps, then down to almost nothing; momentum
    moves the other way. Source: Smith & Topin 2018, arXiv:1708.07120."""
    steps = whole("one_cycle: steps", steps, 1)
    _check_between("one_cycle: rising", rising, 0, 1)
    peaks = [group["lr"] for group in optimizer.param_groups]
    momentum = any("betas" in group or group.get("momentum", 0) > 0 for group in optimizer.param_groups)
    return torchs.OneCycleLR(optimizer, peaks, total_steps=steps, pct_start=rising, cycle_momentum=momentum)


@dataclass(frozen=True)
class RateTest:
    """The loss at each tried rate, and its running mean."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smooth: tuple[float, ...]

    @property
    def suggestion(self) -> float:
        """A tenth of the rate with the lowest running mean: a rule of thumb, to be tried."""
        return self.rates[min(range(len(self.smooth)), key=self.smooth.__getitem__)] / 10

    def plot(self) -> Any:
        """Loss against rate as a Figure; the suggested rate is marked."""
        from cnncourse.plot import show_curves

        curves = {"one batch": (self.rates, self.losses), "running mean": (self.rates, self.smooth)}
        fig = show_curves(curves, "learning rate", "loss", logx=True)
        ax = fig.axes[0]
        ax.axvline(self.suggestion, color="0.4", linewidth=1, linestyle=":")
        ax.set_title(f"learning-rate range test: try {self.suggestion:.1g}")
        low, start = min(self.losses), self.smooth[0]
        ax.set_ylim(low - 0.1 * abs(start - low), start + 0.5 * abs(start - low) + 1e-6)  # what blew up stays outside
        return fig


def find_rate(
    model: nn.Module,
    train: Data,
    *,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 100,
    batch_size: int = 64,
    optimizer: Optimizer | None = None,
    loss: Loss | None = None,
    device: str | torch.device = "auto",
    seed: int = 0,
) -> RateTest:
    """The learning-rate range test: train `steps` batches while the rate grows geometrically from lowest to highest.

    It ends early where the running mean of the loss is four times its lowest, or no number. `optimizer` (default Adam)
    holds the model's parameters. Model, optimizer and torch's random numbers are as before afterwards.

    Source: Smith 2017, arXiv:1506.01186.
    """
    if not 0 < lowest < highest:
        raise ValueError(f"find_rate: rates from {lowest!r} to {highest!r}; expected 0 < lowest < highest")
    steps, batch_size = whole("find_rate: steps", steps, 2), whole("find_rate: batch_size", batch_size, 1)
    examples, where = source(train, "train", classes=loss is None), pick_device(device)
    optimizer = optimizer or torch.optim.Adam(model.to(where).parameters())
    rates = [lowest * (highest / lowest) ** (k / (steps - 1)) for k in range(steps)]
    losses: list[float] = []
    with _undone(model.to(where), optimizer, where):
        torch.manual_seed(seed)
        for rate, (x, y) in zip(rates, _endless(examples, batch_size), strict=False):
            here = x.to(where), each_tensor(y, lambda t: t.to(where))
            losses.append(_try(model, *here, optimizer, rate, loss or cross_entropy))
            smooth = _running_mean(losses)
            if not smooth[-1] < _TOO_HIGH * max(min(smooth), 1e-12):
                break
    return _result(rates, losses)


@contextmanager
def _undone(model: nn.Module, optimizer: Optimizer, where: torch.device) -> Iterator[None]:
    """Inside the block the model trains; behind it weights, optimizer, mode and random numbers are as before."""
    before, state, mode = deepcopy(model.state_dict()), deepcopy(optimizer.state_dict()), model.training
    with torch.random.fork_rng([where] if where.type == "cuda" else []):
        try:
            model.train()
            yield
        finally:
            model.load_state_dict(before)
            optimizer.load_state_dict(state)
            optimizer.zero_grad()
            model.train(mode)


def _endless(examples: Source, batch_size: int) -> Iterator[Batch]:
    while True:
        yield from examples.shuffled(batch_size)


def _try(model: nn.Module, x: Tensor, y: Any, optimizer: Optimizer, rate: float, loss: Loss) -> float:
    """The loss of a batch, after which a step at `rate` is made."""
    value = loss(model(x), y)
    optimizer.zero_grad()
    value.backward()  # type: ignore[no-untyped-call]
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    return value.item()


def _result(rates: list[float], losses: list[float]) -> RateTest:
    """The finite losses and their running mean."""
    kept = [loss for loss in losses if math.isfinite(loss)]
    if len(kept) < 2:
        raise FloatingPointError(
            f"find_rate: the loss was no finite number at the rate {rates[len(kept)]:g} already; expected at least "
            "two that are. Give a smaller `lowest`, and check torch.isfinite(images).all()"
        )
    return RateTest(tuple(rates[: len(kept)]), tuple(kept), tuple(_running_mean(kept)))


def _running_mean(losses: list[float]) -> list[float]:
    """Exponential, corrected for its start at 0 (Kingma & Ba 2015, arXiv:1412.6980)."""
    smooth, mean = [], 0.0
    for n, loss in enumerate(losses, 1):
        mean = _MEMORY * mean + (1 - _MEMORY) * loss
        smooth.append(mean / (1 - _MEMORY**n))
    return smooth


def _check_between(what: str, value: float, low: float, high: float) -> None:
    if not low < value <= high:
        raise ValueError(f"{what} is {value!r}; expected a number > {low:g}, at most {high:g}")
