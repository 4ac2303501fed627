"""Adversarial images by the sign or the direction of the gradient, in one step (FGSM) or many (PGD).

Sources: Goodfellow, Shlens & Szegedy 2015, arXiv:1412.6572 (FGSM); Kurakin et al. 2017, arXiv:1607.02533 (iterated);
Madry et al. 2018, arXiv:1706.06083 (PGD: random start, projection).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from cnncourse.errors import whole

NORMS = ("linf", "l2")
# Rounding must not carry an image out of the ball: in float32 a length of eps may come out a few parts in 10^7 larger.
_INSIDE = 1 - 1e-6


def fgsm(model: nn.Module, x: Tensor, y: Tensor, eps: float, *, targeted: bool = False) -> Tensor:
    """One step of length eps for every pixel along the sign of the gradient, clipped to [0, 1].

        x_adv = clip(x + eps * sign(dL/dx), 0, 1),   L = cross-entropy of model(x) and y

    `pgd` with norm="linf", one step of size eps, from x itself; arguments and errors as there.
    """
    return pgd(model, x, y, eps, norm="linf", steps=1, step_size=eps, random_start=False, targeted=targeted)


def pgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    *,
    norm: str = "linf",
    steps: int = 10,
    step_size: float | None = None,
    random_start: bool = True,
    targeted: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Projected gradient ascent of the loss around x: images (N, …) no further than eps from x, pixels in [0, 1].

        x_adv <- project(x_adv + step_size * direction(dL/dx_adv)),   L = cross-entropy of model(x_adv) and y

    norm="linf": no pixel moves by more than eps; direction is the sign. norm="l2": the change of an image has a length
    (root of the sum of squares) of at most eps; direction is the gradient divided by its length. `project` cuts the
    change back to the ball, then the pixels to [0, 1], which shortens it further. `step_size` is 2.5 * eps / steps by
    default, which can reach the edge from any start. `random_start`: begin at a point uniform in the ball (for l2: in
    direction and volume) drawn from `generator`, else at x. `targeted`: y is what the model shall say, and L falls.

    x (N, …) in [0, 1] and labels y (N,) must be on the model's device. The model works in eval mode, so its batch
    statistics neither change nor depend on the batch, and its modes and gradients are left as they were. An image whose
    gradient is zero stays where it is.

    Raises TypeError/ValueError for labels that do not fit, pixels outside [0, 1], eps < 0, an unknown norm.
    """
    _check(model, x, y, eps, norm)
    steps = whole("pgd: steps", steps, 0)
    step = 2.5 * eps / max(steps, 1) if step_size is None else float(step_size)
    if step < 0:
        raise ValueError(f"pgd: step_size is {step_size}; expected a number >= 0 in units of pixel values, or None")
    x = x.detach()
    change = _random_change(x, eps, norm, generator) if random_start else torch.zeros_like(x)
    x_adv = _inside(x, change, eps, norm)
    with _evaluating(model):
        for _ in range(steps):
            d = _gradient(model, x_adv, y)
            x_adv = _inside(x, x_adv - x + (-step if targeted else step) * _direction(d, norm), eps, norm)
    return x_adv


def _gradient(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """dL/dx of the summed loss: each image's own gradient, whatever else is in the batch."""
    with torch.enable_grad():
        x = x.requires_grad_(True)
        loss = cross_entropy(model(x), y, reduction="sum")
        (d,) = torch.autograd.grad(loss, x)
    x.requires_grad_(False)
    gradient: Tensor = d
    return gradient


def _direction(d: Tensor, norm: str) -> Tensor:
    if norm == "linf":
        return d.sign()
    length = _length(d)
    return torch.where(length > 0, d / length, 0.0)


def _inside(x: Tensor, change: Tensor, eps: float, norm: str) -> Tensor:
    """x + change, with the change cut back to the ball of eps, and the pixels to [0, 1]."""
    if norm == "linf":
        # The bounds are cut to [0, 1] themselves, so that the one cut is to an edge that both allow.
        edge = eps * _INSIDE
        return torch.clamp(x + change, (x - edge).clamp(min=0.0), (x + edge).clamp(max=1.0))
    length = _length(change)
    scale = torch.where(length > eps * _INSIDE, eps * _INSIDE / length.clamp(min=torch.finfo(x.dtype).tiny), 1.0)
    return (x + change * scale).clamp(0.0, 1.0)


def _length(change: Tensor) -> Tensor:
    """Root of the sum of squares of each image, shaped to divide it: (N, 1, 1, …)."""
    length: Tensor = change.flatten(1).norm(dim=1)
    return length.reshape(-1, *(1 for _ in change.shape[1:]))


def _random_change(x: Tensor, eps: float, norm: str, generator: torch.Generator | None) -> Tensor:
    def draw(of: Any, *shape: int) -> Tensor:
        where = generator.device if generator is not None else x.device
        numbers: Tensor = of(shape, generator=generator, device=where, dtype=x.dtype)
        return numbers.to(x.device)

    if norm == "linf":
        return (draw(torch.rand, *x.shape) * 2 - 1) * eps
    direction = draw(torch.randn, *x.shape)
    pixels = max(1, x[0].numel() if len(x) else 1)
    radius = draw(torch.rand, len(x), *(1 for _ in x.shape[1:])) ** (1 / pixels)  # the volume grows as radius ** pixels
    return eps * radius * _direction(direction, norm)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """The model in eval mode; afterwards each module in the mode that it had."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _check(model: nn.Module, x: Tensor, y: Tensor, eps: float, norm: str) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"pgd: model is a {type(model).__name__}; expected a torch.nn.Module that gives logits")
    if not isinstance(x, Tensor) or not isinstance(y, Tensor):
        raise TypeError(
            f"pgd: x is a {type(x).__name__}, y a {type(y).__name__}; expected tensors: images (N, …), labels (N,)"
        )
    if not x.is_floating_point() or x.dim() < 2 or y.shape != x.shape[:1]:
        raise ValueError(
            f"pgd: x is {tuple(x.shape)} {x.dtype}, y {tuple(y.shape)}; expected floating images (N, …) and as many "
            "labels (N,). One image? Pass x[None] and torch.tensor([label])"
        )
    if x.numel() and not (float(x.min()) >= 0 and float(x.max()) <= 1):
        raise ValueError(
            f"pgd: pixels lie in {float(x.min()):g} … {float(x.max()):g}; expected [0, 1]. Let the model normalise "
            "its input, so that eps stays in units of pixels"
        )
    if norm not in NORMS:
        raise ValueError(f"pgd: norm is {norm!r}; expected {' or '.join(map(repr, NORMS))}")
    if not 0 <= eps < float("inf"):
        raise ValueError(f"pgd: eps is {eps!r}; expected a finite number >= 0, such as 8 / 255 for linf, 1.0 for l2")
