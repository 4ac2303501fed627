"""softmax and log_softmax, with their backward passes written out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cnncourse.layers.autocast import in_single
from cnncourse.layers.pointwise import batches, check_input, exact


class _Softmax(torch.autograd.Function):
    """p_i = e^x_i / sum over j of e^x_j, along `dim`.

    dp_j / dx_i = p_j ([i = j] - p_i), so dx_i = sum over j of dp_j * that = p_i * (dp_i - sum over j of dp_j * p_j).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, dim: int) -> Tensor:
        p = torch.empty_like(x)
        for some in _rows(x, dim):
            e, total, _ = shifted_exp(exact(x[some]), dim)
            torch.div(e, total, out=p[some])
        ctx.save_for_backward(p)
        ctx.dim = dim
        return p

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dp: Tensor) -> tuple[Tensor, None]:
        (p,) = ctx.saved_tensors
        dx = torch.empty_like(p)
        for some in _rows(p, ctx.dim):
            share = dp[some] * exact(p[some])
            torch.addcmul(share, exact(p[some]), share.sum(dim=ctx.dim, keepdim=True), value=-1, out=dx[some])
        return dx, None


class _LogSoftmax(torch.autograd.Function):
    """l_i = x_i - log of the sum over j of e^x_j, along `dim`.

    dl_j / dx_i = [i = j] - p_i with p = e^l, so dx_i = dl_i - p_i * sum over j of dl_j.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, dim: int) -> Tensor:
        logp = torch.empty_like(x)
        for some in _rows(x, dim):
            _, total, below = shifted_exp(exact(x[some]), dim)
            torch.sub(below, total.log_(), out=logp[some])
        ctx.save_for_backward(logp)
        ctx.dim = dim
        return logp

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dl: Tensor) -> tuple[Tensor, None]:
        (logp,) = ctx.saved_tensors
        dx = torch.empty_like(logp)
        for some in _rows(logp, ctx.dim):
            total = exact(dl[some]).sum(dim=ctx.dim, keepdim=True)
            torch.addcmul(exact(dl[some]), exact(logp[some]).exp(), total, value=-1, out=dx[some])
        return dx, None


def shifted_exp(x: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """e^(x - max), their sum along `dim`, and x - max: a common factor cancels, and this one lets nothing overflow."""
    below = x - x.amax(dim=dim, keepdim=True)
    e = below.exp()
    return e, e.sum(dim=dim, keepdim=True), below


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: torch.dtype | None = None) -> Tensor:
    """p_i = e^x_i / sum over j of e^x_j along `dim`: positive, with sum 1. As `torch.nn.functional.softmax`.

    Any x may be shifted by a number of its row without changing p, so large logits do no harm; -inf gives 0, and a row
    of nothing but -inf, or with +inf, gives NaN. `dtype` converts the input first; `_stacklevel` has no meaning here.
    Shapes: any. Raises TypeError without a dim (torch guesses one, and warns), ValueError for one that is not there.
    """
    x, dim = _checked("softmax", input, dim, dtype)
    p: Tensor = _Softmax.apply(x, dim) if x.numel() else x.clone()  # type: ignore[no-untyped-call]
    return p


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: torch.dtype | None = None
) -> Tensor:
    """log of `softmax`, as x_i - log of the sum over j of e^x_j: exact where p is too small for a number.

    Arguments, shapes and errors as `softmax`.
    """
    x, dim = _checked("log_softmax", input, dim, dtype)
    logp: Tensor = _LogSoftmax.apply(x, dim) if x.numel() else x.clone()  # type: ignore[no-untyped-call]
    return logp


def _checked(what: str, input: Tensor, dim: int | None, dtype: torch.dtype | None) -> tuple[Tensor, int]:
    if isinstance(input, Tensor) and dtype is not None:
        input = input.to(dtype)
    else:
        (input,) = in_single(what, input)
    check_input(what, input)
    if isinstance(dim, bool) or not isinstance(dim, int):
        raise TypeError(f"{what}: dim is {dim!r}; expected the axis of the classes, e.g. dim=1 for (N, C)")
    axes = max(1, input.dim())
    if not -axes <= dim < axes:
        raise ValueError(f"{what}: dim is {dim}, input has shape {tuple(input.shape)}; expected {-axes} to {axes - 1}")
    return input, dim % axes


def _rows(x: Tensor, dim: int) -> list[Any]:
    """A few rows along `dim` at a time: slices of the first other axis."""
    if x.dim() < 2:
        return [...]
    return batches(x) if dim != 0 else [(slice(None), some) for some in batches(x, axis=1)]
