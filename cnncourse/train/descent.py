"""One step downhill, and the search for the layer where a number first stopped being finite."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cnncourse.train.measure import Loss, has_classes, hits
from cnncourse.train.sources import each_tensor, say
from cnncourse.train.team import Team

Attack = Callable[[nn.Module, Tensor, Any], Tensor]  # (model, x, labels) -> x_adv
_LOW = (torch.float16, torch.bfloat16)


@dataclass
class Descent:
    """How a step is made: the model, what is minimised, what moves the weights, and in which precision."""

    model: nn.Module
    wrapped: nn.Module  # the model, or what averages its gradients over a team
    loss: Loss
    optimizer: Optimizer
    schedule: LRScheduler | None
    scaler: torch.amp.GradScaler
    low: torch.dtype | None  # the dtype of autocast
    max_grad_norm: float | None
    attack: Attack | None
    channels_last: bool
    team: Team

    def step(self, x: Tensor, y: Any, number: int, seed: int) -> tuple[float, Tensor | int, int]:
        """Forward, loss, gradient, update. Returns the loss of the batch before the update, how many positions of this
        process's share were right, and of how many."""
        (x, y), weight = self.team.share((x, y))
        x, y = x.to(self.team.device), each_tensor(y, lambda t: t.to(self.team.device))
        with self.team.own_randomness(seed, number):
            x = self._attacked(x, y)
            logits = self._forward(self._laid_out(x))
            loss = self.loss(logits, y)
            _check_loss(loss)
        mean = self.team.total(loss * (weight / self.team.size) if self.team.size > 1 else loss)
        if not torch.isfinite(mean):
            raise FloatingPointError(self._explain(mean.item(), number, x, logits))
        self._update(loss * weight if self.team.size > 1 else loss)
        return mean.item(), *_count(logits, y, weight)

    def _laid_out(self, x: Tensor) -> Tensor:
        if not self.channels_last:
            return x
        if x.dim() != 4:
            raise ValueError(f"fit: channels_last needs images (N, C, H, W), got {say(x)}; leave it out")
        return x.contiguous(memory_format=torch.channels_last)

    def _forward(self, x: Tensor) -> Any:
        """The logits; the layers in low precision if asked, the loss always in float32."""
        if self.low is None:
            return self.wrapped(x)
        with torch.autocast(self.team.device.type, self.low):
            logits = self.wrapped(x)
        return each_tensor(logits, lambda t: t.float() if t.dtype in _LOW else t)

    def _update(self, loss: Tensor) -> None:
        """Gradient and step. Where float16 overflowed, the scaler leaves the step out and scales less from then on."""
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if self.max_grad_norm is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.max_grad_norm)
        self.scaler.step(self.optimizer)
        before = self.scaler.get_scale()
        self.scaler.update()
        if self.schedule is not None and self.scaler.get_scale() >= before:
            self.schedule.step()

    def _attacked(self, x: Tensor, labels: Any) -> Tensor:
        """The images that the attack makes of x while the model evaluates; training goes on afterwards."""
        if self.attack is None:
            return x
        # In a team, an attack's own backward must not set off the averaging of the weights' gradients.
        frozen = [w for w in self.model.parameters() if w.requires_grad] if self.team.size > 1 else []
        self.model.eval()
        for w in frozen:
            w.requires_grad_(False)
        try:
            x_adv = self.attack(self.model, x, labels)
        finally:
            self.model.train()
            for w in frozen:
                w.requires_grad_(True)
        if not isinstance(x_adv, Tensor) or x_adv.shape != x.shape:
            raise ValueError(f"fit: attack returned {say(x_adv)} for {say(x)}; expected a tensor of the same shape")
        return x_adv.detach()

    def _explain(self, loss: float, number: int, x: Tensor, logits: Any) -> str:
        rate = self.optimizer.param_groups[0]["lr"]
        cast = torch.autocast(self.team.device.type, self.low) if self.low is not None else nullcontext()
        with cast:
            where = first_nonfinite(self.model, x)
        if where is None:
            where = "every layer's output is finite: look at the loss and the labels"
        return (
            f"fit: the loss is {loss} at step {number}; expected a finite number. Looking for where it began: {where}. "
            f"Usually the learning rate is too high (it is {rate:g}: try {rate / 10:g}, or max_grad_norm=1), or an "
            "input is NaN: check torch.isfinite(images).all()"
        )


def first_nonfinite(model: nn.Module, x: Tensor) -> str | None:
    """Where a number that is not finite first appears when x goes through the model once more; None if nowhere.

    The model's running statistics come back as they were; hooks are removed whatever happens.
    """
    if not torch.isfinite(x).all():
        return f"the input itself has {int((~torch.isfinite(x)).sum())} values that are not finite"
    found: list[str] = []

    def watch(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, _: Any, output: Any) -> None:
            if not found and not _finite(output):
                found.append(_blame(name, module))

        return hook

    buffers = [(b, b.clone()) for b in model.buffers()]
    hooks = [module.register_forward_hook(watch(name)) for name, module in model.named_modules()]
    try:
        with torch.no_grad():
            model(x)
            for buffer, value in buffers:
                buffer.copy_(value)
    finally:
        for handle in hooks:
            handle.remove()
    return found[0] if found else None


def _blame(name: str, module: nn.Module) -> str:
    who = f"layer {name!r} ({type(module).__name__})" if name else f"the model ({type(module).__name__})"
    bad = [key for key, w in module.named_parameters(recurse=False) if not torch.isfinite(w).all()]
    because = f"; its {' and '.join(bad)} already held such values" if bad else ""
    return f"{who} gave the first value that is not finite{because}"


def _finite(output: Any) -> bool:
    good = True

    def look(t: Tensor) -> Tensor:
        nonlocal good
        good = good and bool(torch.isfinite(t).all())
        return t

    each_tensor(output, look)
    return good


def _check_loss(loss: Any) -> None:
    if not isinstance(loss, Tensor) or loss.dim() != 0 or not loss.is_floating_point():
        raise ValueError(f"fit: loss gave {say(loss)}; expected one floating-point number, such as a mean over a batch")


def _count(logits: Any, labels: Any, weight: float) -> tuple[Tensor | int, int]:
    """Right answers (where the logits are, so that a GPU need not wait) and positions; 0, 0 where there are none."""
    if weight == 0 or not has_classes(logits, labels):
        return 0, 0
    return hits(logits, labels), labels.numel()
