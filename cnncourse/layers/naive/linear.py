"""The fully connected layer as the formula reads. Gradients do not flow through it."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor


@torch.no_grad()
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y[n, o] = b[o] + sum over i of x[n, i] * w[o, i], for (N, F_in), (F_out, F_in) and (F_out)."""
    y = input.new_zeros(input.shape[0], weight.shape[0])
    for n, o in product(range(input.shape[0]), range(weight.shape[0])):
        for i in range(input.shape[1]):
            y[n, o] += input[n, i] * weight[o, i]
        if bias is not None:
            y[n, o] += bias[o]
    return y
