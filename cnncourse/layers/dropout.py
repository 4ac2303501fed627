"""Dropout, with its backward pass written out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cnncourse.layers.pointwise import check_input


class _Dropout(torch.autograd.Function):
    """y = x * m / (1 - p), each m drawn as 1 with probability 1 - p, else 0. So dx = dy * m / (1 - p), the same m."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float, inplace: bool) -> Tensor:
        kept = torch.empty_like(x).bernoulli_(1 - p) if p < 1 else torch.zeros_like(x)
        ctx.scale = 1 / (1 - p) if p < 1 else 0.0
        ctx.save_for_backward(kept.bool())  # one byte each
        factor = kept.mul_(ctx.scale)
        if inplace:
            ctx.mark_dirty(x.mul_(factor))
            return x
        return factor.mul_(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None]:
        (kept,) = ctx.saved_tensors
        return (dy * kept).mul_(ctx.scale), None, None


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training each number becomes 0 with probability p, and the others are divided by 1 - p; otherwise nothing is.

    The expected value stays what it was, so that nothing needs to be scaled at test time ("inverted" dropout). Any
    shape; the draws come from torch's generator, on a CPU the very ones that `torch.nn.functional.dropout` takes.
    With `inplace` the result is written over the input. Raises TypeError/ValueError for another input and p outside
    [0, 1]. Source: Srivastava et al. 2014, jmlr.org/papers/v15/srivastava14a.html.
    """
    check_input("dropout", input)
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p is {p}; expected a probability, from 0 to 1")
    if not training or p == 0 or input.numel() == 0:
        return input
    y: Tensor = _Dropout.apply(input, float(p), inplace)  # type: ignore[no-untyped-call]
    return y
