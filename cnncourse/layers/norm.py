"""Normalisation: by the batch (batch_norm), and by neighbouring channels (local_response_norm).

Both work on a few images at a time, so that the steps of the formula go through the processor's cache.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cnncourse.errors import whole
from cnncourse.layers.autocast import in_single
from cnncourse.layers.pointwise import batches, check_companion, check_input, exact


class _BatchNorm(torch.autograd.Function):
    """y = w * z + b with z = (x - mu) / s, s = sqrt(v + eps): each channel on its own, M = numel / C numbers in it.

    w and b are used by the whole channel: db = sum of dy, dw = sum of dy * z.
    mu and v are constants, unless the batch itself gives them (`training`). Then every x of the channel moves them:
    d mu / dx = 1 / M and dv / dx = 2 (x - mu) / M = 2 s z / M, so that, with dz / dx = 1 / s, dz / dmu = -1 / s and
    dz / dv = -z / (2 s^2),

        dx = w / s * (dy - db / M - z * dw / M);    and as constants: dx = w / s * dy.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, w: Tensor | None, b: Tensor | None, mu: Tensor, v: Tensor, training: bool, eps: float
    ) -> Tensor:
        per_s = (v + eps).rsqrt()
        gain = _wide(per_s if w is None else per_s * w, x)
        shift, centre = _wide(torch.zeros_like(mu) if b is None else b.to(mu.dtype), x), _wide(mu, x)
        y = torch.empty_like(x)
        for n in batches(x):
            if training:
                torch.addcmul(shift, x[n] - centre, gain, out=y[n])
            else:  # all constants, so one multiplication and one addition, as in torch
                torch.addcmul(shift - centre * gain, x[n], gain, out=y[n])
        ctx.save_for_backward(x, w, mu, per_s)
        ctx.training = training
        ctx.b_dtype = None if b is None else b.dtype
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, w, mu, per_s = ctx.saved_tensors
        centre, db, dw = _wide(mu, x), torch.zeros_like(mu), torch.zeros_like(mu)
        for n in batches(x) if ctx.training or any(ctx.needs_input_grad[1:]) else []:
            some = exact(dy[n])
            db += some.sum(dim=_others(x))
            dw += (some * (x[n] - centre)).sum(dim=_others(x))
        dw *= per_s
        gain = per_s if w is None else per_s * w
        dx = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        if dx is not None and ctx.training:
            M = _count(x)
            lean, drop = _wide(-gain * per_s * dw / M, x), _wide(-gain * db / M, x)
            for n in batches(x):  # dx = gain * dy + lean * (x - mu) + drop
                torch.addcmul(torch.addcmul(drop, x[n] - centre, lean), exact(dy[n]), _wide(gain, x), out=dx[n])
        elif dx is not None:
            torch.mul(dy, _wide(gain, x), out=dx)
        return (
            dx,
            dw.to(w.dtype) if ctx.needs_input_grad[1] else None,
            db.to(ctx.b_dtype) if ctx.needs_input_grad[2] else None,
            *(None,) * 4,
        )


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, channel by channel, as `torch.nn.functional.batch_norm`.

    In training, mean and var are those of the batch, var divided by the number M of values in a channel, and the
    running statistics are updated in place with momentum m:

        running_mean <- (1 - m) * running_mean + m * mean
        running_var  <- (1 - m) * running_var  + m * var * M / (M - 1)      (the unbiased variance)

    Otherwise they are running_mean and running_var. Shapes: input (N, C) or (N, C, ...), the other tensors (C).
    Gradients flow to input, weight and bias, once. Raises ValueError for one value a channel in training (its
    variance is 0), and TypeError/ValueError where the arguments do not fit.
    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2.
    """
    what = "batch_norm"
    _check_batch_norm(what, input, running_mean, running_var, weight, bias, training, eps)
    x = input.detach()
    if training:
        mu, v = _moments(x)
        if (M := _count(x)) > 0:
            _follow(running_mean, mu, momentum)
            _follow(running_var, v * (M / (M - 1)), momentum)
    else:
        mu, v = (exact(statistic) for statistic in (running_mean, running_var) if statistic is not None)  # neither is
    y: Tensor = _BatchNorm.apply(input, weight, bias, mu, v, training, float(eps))  # type: ignore[no-untyped-call]
    return y


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each channel: first the mean, then the squares around it, which loses no digits."""
    M = max(1, _count(x))
    mu = torch.zeros(x.shape[1], dtype=exact(x[:0]).dtype, device=x.device)
    v = torch.zeros_like(mu)
    for n in batches(x):
        mu += exact(x[n]).sum(dim=_others(x))
    mu /= M
    for n in batches(x):
        v += (x[n] - _wide(mu, x)).square_().sum(dim=_others(x))
    v /= M
    return mu, v


@torch.no_grad()
def _follow(running: Tensor | None, new: Tensor, m: float) -> None:
    if running is not None:
        running.mul_(1 - m).add_(new, alpha=m)


def _count(x: Tensor) -> int:
    """How many values there are in each channel."""
    return math.prod(x.shape[axis] for axis in _others(x))


def _wide(per_channel: Tensor, x: Tensor) -> Tensor:
    """(C) -> (C, 1, 1, ...), which goes with x (N, C, ...)."""
    return per_channel.reshape(-1, *(1 for _ in x.shape[2:]))


def _others(x: Tensor) -> list[int]:
    return [axis for axis in range(x.dim()) if axis != 1]


def _check_batch_norm(
    what: str,
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    eps: float,
) -> None:
    check_input(what, x)
    if x.dim() < 2:
        raise ValueError(f"{what}: input has shape {tuple(x.shape)}; expected (N, C) or (N, C, ...)")
    named = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, value in named.items():
        check_companion(what, name, value, x, (x.shape[1],))
        if value is not None and value.dtype not in (x.dtype, exact(x[:0]).dtype):
            raise TypeError(
                f"{what}: {name} has dtype {value.dtype}, input {x.dtype}; expected the same, or float32 with an "
                f"input of 16 bits. Convert one, e.g. {name}.to(input.dtype)."
            )
    if not training and (running_mean is None or running_var is None):
        raise ValueError(f"{what}: training is False and running_mean or running_var None; expected both, or training")
    if training and _count(x) == 1:
        raise ValueError(
            f"{what}: input has shape {tuple(x.shape)}, one value a channel, whose variance is 0; expected more in "
            "training. Give a larger batch, or set the layer to eval()."
        )
    if eps < 0 or (training and eps == 0):
        raise ValueError(f"{what}: eps is {eps}; expected a positive number")


class _LocalResponseNorm(torch.autograd.Function):
    """y[c] = x[c] * d[c]^-beta with d[c] = k + alpha / n * sum of x[j]^2 over the window of c, n channels around it.

    x[c] is in its own numerator, and in d[j] of every channel j whose window it lies in, with dd[j] / dx[c] =
    2 alpha / n * x[c]; and dy[j] / dd[j] = -beta * y[j] / d[j]. So

        dx[c] = dy[c] * d[c]^-beta - 2 alpha beta / n * x[c] * sum over these j of dy[j] * y[j] / d[j].
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, n: int, alpha: float, beta: float, k: float) -> Tensor:
        y, d, factor = torch.empty_like(x), torch.empty_like(x), torch.empty_like(x)
        for some in batches(x):
            squares = exact(x[some]).square()
            d[some] = _windows(squares, n // 2, (n - 1) // 2).mul_(alpha / n).add_(k)
            torch.pow(exact(d[some]), -beta, out=factor[some])
            torch.mul(x[some], factor[some], out=y[some])
        ctx.save_for_backward(x, d, factor)
        ctx.options = n, alpha, beta
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None, None, None]:
        x, d, factor = ctx.saved_tensors
        n, alpha, beta = ctx.options
        dx = torch.empty_like(x)
        for some in batches(x):
            own = exact(dy[some]) * factor[some]
            others = _windows(own * x[some] / d[some], (n - 1) // 2, n // 2)  # c lies in j's window: the mirror image
            torch.addcmul(own, others, exact(x[some]), value=-2 * alpha * beta / n, out=dx[some])
        return dx, None, None, None, None


def _windows(x: Tensor, before: int, after: int) -> Tensor:
    """For each channel the sum over it, `before` channels before it and `after` behind; there are zeros beyond."""
    C = x.shape[1]
    total = x.clone()
    for step in range(1, min(before, C - 1) + 1):
        total[:, step:] += x[:, : C - step]
    for step in range(1, min(after, C - 1) + 1):
        total[:, : C - step] += x[:, step:]
    return total


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Divide each number by the strength of the same pixel in `size` neighbouring channels.

        y[n, c] = x[n, c] / (k + alpha / size * sum over j of x[n, j]^2)^beta,
        j from c - size // 2 to c + (size - 1) // 2

    as `torch.nn.functional.local_response_norm`. Channels beyond the first and last count as 0. The paper writes alpha
    for what is alpha / size here: its alpha = 1e-4 with size 5 is alpha = 5e-4. Shapes: input (N, C, ...) with at least
    one axis behind C. Raises TypeError/ValueError for another input and size < 1.
    Source: Krizhevsky et al. 2012, section 3.3, with k = 2, size = 5, beta = 0.75.
    """
    what = "local_response_norm"
    check_input(what, input)
    if input.dim() < 3:
        raise ValueError(f"{what}: input has shape {tuple(input.shape)}; expected (N, C, L) or (N, C, H, W) ...")
    size = whole(f"{what}: size", size, 1)
    (input,) = in_single(what, input)
    y: Tensor = _LocalResponseNorm.apply(input, size, float(alpha), float(beta), float(k))  # type: ignore[no-untyped-call]
    return y
