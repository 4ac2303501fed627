"""Normalisation as the formulas read. Gradients do not flow through these functions."""

from __future__ import annotations

import math
from itertools import product

import torch
from torch import Tensor


@torch.no_grad()
def batch_norm(input: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    """w[c] * (x - mean) / sqrt(var + eps) + b[c], mean and var over all values of channel c in the batch.

    Shapes: input (N, C, ...), weight and bias (C). Training only: running statistics stand in `layers.batch_norm`.
    """
    y = torch.empty_like(input)
    for c in range(input.shape[1]):
        values = input[:, c].flatten().tolist()
        mean = sum(values) / len(values)
        var = sum((x - mean) ** 2 for x in values) / len(values)
        w = 1.0 if weight is None else float(weight[c])
        b = 0.0 if bias is None else float(bias[c])
        normalised = [w * (x - mean) / math.sqrt(var + eps) + b for x in values]
        y[:, c] = input.new_tensor(normalised).reshape(y[:, c].shape)
    return y


@torch.no_grad()
def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x[n, c] / (k + alpha / size * sum over j of x[n, j]^2)^beta, j from c - size // 2 to c + (size - 1) // 2.

    Shapes: input (N, C, ...). Channels that are not there count as 0.
    """
    y = torch.empty_like(input)
    for n, c in product(range(input.shape[0]), range(input.shape[1])):
        total = torch.zeros_like(input[n, c])
        for j in range(c - size // 2, c + (size - 1) // 2 + 1):
            if 0 <= j < input.shape[1]:
                total += input[n, j] ** 2
        y[n, c] = input[n, c] / (k + alpha / size * total) ** beta
    return y
