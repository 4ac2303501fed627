"""Losses, with their backward passes written out: cross-entropy for classes, squared error for numbers."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cnncourse.layers.autocast import in_single
from cnncourse.layers.pointwise import check_companion, check_input
from cnncourse.layers.probabilities import shifted_exp

_REDUCTIONS = ("none", "mean", "sum")


class _CrossEntropy(torch.autograd.Function):
    """L_n = sum over c of q[n, c] * -log p[n, c], p = softmax of x along axis 1, and of these L_n what `scale` makes.

    With R_n = sum over c of q[n, c], d(-log p_c) / dx_i = p_i - [i = c] gives dL_n / dx[n, i] = R_n p[n, i] - q[n, i].

    For class indices t, smoothed by eps, q has two parts, of which only the first differs from class to class:
    q[n, c] = (1 - eps) w[t_n] [c = t_n] + eps / C * w[c], and 0 where t_n is ignored. It is never written out.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, t: Tensor, keep: Tensor, w: Tensor | None, eps: float, reduction: str) -> Tensor:
        logp = _log_softmax(x)
        t = t.masked_fill(~keep, 0)[:, None]  # (N, 1, ...), any class for what is ignored
        own = keep.to(x.dtype) if w is None else w[t.squeeze(1)].masked_fill_(~keep, 0)  # w[t_n], (N, ...)
        loss = (-(1 - eps) * logp.gather(1, t).squeeze(1)).mul_(own)
        if eps:
            loss -= (logp if w is None else logp * _wide(w, x)).sum(dim=1).mul_(eps / x.shape[1])
        loss.masked_fill_(~keep, 0)  # also where log p is -inf
        ctx.save_for_backward(logp, t, keep, own, w)
        ctx.eps, ctx.scale = eps, own.sum().reciprocal() if reduction == "mean" else 1.0
        return _reduced(loss, ctx.scale, reduction)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dL: Tensor) -> tuple[Tensor | None, ...]:
        logp, t, keep, own, w = ctx.saved_tensors
        eps, C = ctx.eps, logp.shape[1]
        g = (dL * ctx.scale).expand(keep.shape).masked_fill(~keep, 0)  # dL_n
        R = (1 - eps) * own + eps * (1.0 if w is None else w.mean())
        dx = logp.exp().mul_((g * R)[:, None])
        dx.scatter_add_(1, t, (g * own).mul_(eps - 1)[:, None])
        if eps:
            dx -= (eps / C * g)[:, None] * (1.0 if w is None else _wide(w, dx))
        return dx, *(None,) * 5


class _SoftCrossEntropy(torch.autograd.Function):
    """The same with q[n, c] = w[c] * ((1 - eps) * t[n, c] + eps / C), for class probabilities t.

    The targets may need a gradient, too: dL_n / dt[n, c] = -(1 - eps) * w[c] * log p[n, c].
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, t: Tensor, w: Tensor | None, eps: float, reduction: str) -> Tensor:
        logp = _log_softmax(x)
        q = t * (1 - eps) + eps / x.shape[1]
        q = q if w is None else q * _wide(w, x)
        loss = (q * logp).sum(dim=1).neg_()
        ctx.save_for_backward(logp, q, w)
        ctx.eps, ctx.scale = eps, _share(loss) if reduction == "mean" else 1.0
        return _reduced(loss, ctx.scale, reduction)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dL: Tensor) -> tuple[Tensor | None, ...]:
        logp, q, w = ctx.saved_tensors
        g = (dL * ctx.scale).expand(logp[:, 0].shape)[:, None]
        dx = dt = None
        if ctx.needs_input_grad[0]:
            dx = logp.exp().mul_(q.sum(dim=1, keepdim=True)).sub_(q).mul_(g)
        if ctx.needs_input_grad[1]:
            dt = (logp * g).mul_(ctx.eps - 1)
            dt = dt if w is None else dt * _wide(w, dt)
        return dx, dt, None, None, None


class _MSE(torch.autograd.Function):
    """L_i = w_i (x_i - t_i)^2, and dx_i = 2 w_i (x_i - t_i) dL_i = -dt_i."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, t: Tensor, w: Tensor | None, reduction: str) -> Tensor:
        difference = x - t
        ctx.save_for_backward(difference, w)
        loss = difference.square() if w is None else difference.square().mul_(w)
        weights = _share(loss) if w is None else w.sum().reciprocal()
        ctx.scale = weights if reduction == "mean" else 1.0
        return _reduced(loss, ctx.scale, reduction)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dL: Tensor) -> tuple[Tensor | None, ...]:
        difference, w = ctx.saved_tensors
        dx = difference * (2 * ctx.scale * dL)
        dx = dx if w is None else dx.mul_(w)
        return dx if ctx.needs_input_grad[0] else None, -dx if ctx.needs_input_grad[1] else None, None, None


def _log_softmax(x: Tensor) -> Tensor:
    _, total, below = shifted_exp(x, 1)
    return below.sub_(total.log_())


def _reduced(loss: Tensor, scale: Tensor | float, reduction: str) -> Tensor:
    return loss if reduction == "none" else loss.sum() * scale


def _share(loss: Tensor) -> float:
    """What each of them counts in their mean; the mean of nothing is NaN, as in torch."""
    return 1 / loss.numel() if loss.numel() else math.nan


def _wide(w: Tensor, x: Tensor) -> Tensor:
    """(C) -> (C, 1, ...), which goes with x (N, C, ...)."""
    return w.reshape(-1, *(1 for _ in x.shape[2:]))


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log p[target] with p = softmax(logits) over the classes: how surprising the right class is, in nats.

    As `torch.nn.functional.cross_entropy`. Shapes: input, the logits, (N, C), (N, C, d1, ...) or (C); target whole
    numbers 0 ... C - 1 of shape (N), (N, d1, ...) or (), or probabilities of the input's shape; weight (C), by which
    each class counts. Targets equal to ignore_index (only whole numbers) count nothing. label_smoothing eps mixes
    the target with the uniform distribution, (1 - eps) * target + eps / C.

    reduction: 'none' gives a loss for each target, 'sum' their sum, 'mean' the sum divided by the sum of the weights
    of the targets; with probabilities, by their number. The mean of nothing is NaN. Gradients flow to input, and to
    target probabilities, once. Raises TypeError/ValueError where the arguments do not fit.
    """
    what = "cross_entropy"
    check_input(what, input)
    check_reduction(what, reduction, size_average, reduce)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{what}: label_smoothing is {label_smoothing}; expected 0 to 1")
    if not isinstance(target, Tensor):
        raise TypeError(f"{what}: target is a {type(target).__name__}; expected a torch.Tensor")
    single = input.dim() == 1
    if single:
        input, target = input[None], target[None]
    if input.dim() < 2 or input.shape[1] == 0:
        raise ValueError(
            f"{what}: input has shape {tuple(input.shape)}; expected (N, C), (N, C, d1, ...) or (C), C > 0"
        )
    _check_weight(what, weight, input, (input.shape[1],))
    input, weight = in_single(what, input, weight)
    if target.is_floating_point():
        check_companion(what, "target", target, input, tuple(input.shape))
        if ignore_index >= 0:
            raise ValueError(f"{what}: ignore_index is {ignore_index}, with probabilities as target; expected none")
        (target,) = in_single(what, target)
        q = target if target.dtype == input.dtype else target.to(input.dtype)
        loss: Tensor = _SoftCrossEntropy.apply(input, q, weight, label_smoothing, reduction)  # type: ignore[no-untyped-call]
    else:
        keep = _check_classes(what, target, input, ignore_index)
        loss = _CrossEntropy.apply(  # type: ignore[no-untyped-call]
            input, target.long(), keep, weight, float(label_smoothing), reduction
        )
    return loss[0] if single and reduction == "none" else loss


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(x - t)^2, its mean or its sum, as `torch.nn.functional.mse_loss`; with a weight the weighted sum or mean.

    Shapes: input, target and weight any, but the same: torch broadcasts with a warning, and the loss is then hardly
    ever the one that was meant. Gradients flow to input and target, once. Raises TypeError/ValueError where the
    arguments do not fit.
    """
    what = "mse_loss"
    check_input(what, input)
    check_reduction(what, reduction, size_average, reduce)
    if not isinstance(target, Tensor):
        raise TypeError(f"{what}: target is a {type(target).__name__}; expected a torch.Tensor")
    if target.shape != input.shape:
        raise ValueError(
            f"{what}: target has shape {tuple(target.shape)}, input {tuple(input.shape)}; expected the same. "
            "Reshape one, e.g. target.view_as(input); to broadcast on purpose, target.expand_as(input)."
        )
    check_companion(what, "target", target, input, tuple(input.shape))
    if not target.is_floating_point():
        raise TypeError(f"{what}: target has dtype {target.dtype}; expected {input.dtype}: target.to(input.dtype)")
    _check_weight(what, weight, input, tuple(input.shape))
    input, target, weight = in_single(what, input, target, weight)
    loss: Tensor = _MSE.apply(input, target, weight, reduction)  # type: ignore[no-untyped-call]
    return loss


def check_reduction(what: str, reduction: str, size_average: bool | None, reduce: bool | None) -> None:
    """ValueError for a reduction that does not exist, and for the two arguments that it took the place of."""
    if size_average is not None or reduce is not None:
        raise ValueError(f"{what}: size_average and reduce were given up long ago; expected reduction='none' or 'sum'")
    if reduction not in _REDUCTIONS:
        raise ValueError(f"{what}: reduction is {reduction!r}; expected 'none', 'mean' or 'sum'")


def _check_weight(what: str, weight: Tensor | None, input: Tensor, shape: tuple[int, ...]) -> None:
    check_companion(what, "weight", weight, input, shape)
    if weight is not None and weight.dtype != input.dtype:
        raise TypeError(f"{what}: weight has dtype {weight.dtype}; expected {input.dtype}: weight.to(input.dtype)")
    if weight is not None and weight.requires_grad:
        raise ValueError(f"{what}: weight needs a gradient, but there is none here; expected weight.detach()")


def _check_classes(what: str, t: Tensor, x: Tensor, ignore_index: int) -> Tensor:
    """Which targets count; raises unless they all are classes of x."""
    shape = (x.shape[0], *x.shape[2:])
    check_companion(what, "target", t, x, shape)
    if t.dtype not in (torch.int64, torch.uint8):
        raise TypeError(f"{what}: target has dtype {t.dtype}; expected class indices: target.long()")
    keep = t != ignore_index
    wrong = t[keep & ((t < 0) | (t >= x.shape[1]))]
    if wrong.numel():
        raise ValueError(
            f"{what}: target has class {wrong[0].item()}; expected 0 to {x.shape[1] - 1}, for {x.shape[1]} logits "
            f"(axis 1 of shape {tuple(x.shape)})" + (f", or ignore_index={ignore_index}" if ignore_index >= 0 else "")
        )
    return keep
