"""The fully connected layer, with its backward pass written out."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cnncourse.layers.geometry import in_autocast
from cnncourse.layers.pointwise import check_companion, check_input


class _Linear(torch.autograd.Function):
    """Y = X W^T + b on rows: X (M, F_in), W (F_out, F_in), b (F_out) or None.

    Y[m, o] = b[o] + sum over i of X[m, i] * W[o, i], so W[o, i] carries dY[m, o] back to X[m, i], and X[m, i] carries
    it to W[o, i], once for each row: dX = dY W, dW = dY^T X, db = sum of the rows of dY.
    """

    @staticmethod
    def forward(ctx: Any, X: Tensor, W: Tensor, b: Tensor | None) -> Tensor:
        ctx.save_for_backward(X, W)
        return X @ W.T if b is None else torch.addmm(b, X, W.T)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dY: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        X, W = ctx.saved_tensors
        need_X, need_W, need_b = ctx.needs_input_grad
        return dY @ W if need_X else None, dY.T @ X if need_W else None, dY.sum(dim=0) if need_b else None


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + b along the last axis, as `torch.nn.functional.linear`.

        y[..., o] = b[o] + sum over i of x[..., i] * w[o, i]

    Shapes: input (..., F_in) with any leading axes, or none, weight (F_out, F_in), bias (F_out) -> (..., F_out).
    Gradients flow to input, weight and bias, once. Raises TypeError/ValueError where they do not fit.
    """
    input, weight, bias = in_autocast(input, weight, bias)
    check_input("linear", input)
    _check(input, weight, bias)
    rows = input.reshape(math.prod(input.shape[:-1]), input.shape[-1])
    Y: Tensor = _Linear.apply(rows, weight, bias)  # type: ignore[no-untyped-call]
    return Y.reshape(*input.shape[:-1], weight.shape[0])


def _check(x: Tensor, w: Tensor, b: Tensor | None) -> None:
    if not isinstance(w, Tensor):
        raise TypeError(f"linear: weight is a {type(w).__name__}; expected a torch.Tensor")
    if w.dim() != 2 or x.dim() == 0 or x.shape[-1] != w.shape[1]:
        raise ValueError(
            f"linear: input has shape {tuple(x.shape)}, weight {tuple(w.shape)}; expected (..., F_in) and "
            "(F_out, F_in). Images? Flatten them first: x.flatten(1)."
        )
    check_companion("linear", "weight", w, x, tuple(w.shape))
    check_companion("linear", "bias", b, x, (w.shape[0],))
    for name, value in (("weight", w), ("bias", b)):
        if value is not None and value.dtype != x.dtype:
            raise TypeError(
                f"linear: {name} has dtype {value.dtype}, input {x.dtype}; expected the same. "
                f"Convert one, e.g. {name}.to(input.dtype)."
            )
