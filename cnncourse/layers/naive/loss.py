"""softmax and cross-entropy as the formulas read. Gradients do not flow through them."""

from __future__ import annotations

import math
from itertools import product

import torch
from torch import Tensor


@torch.no_grad()
def softmax(input: Tensor, dim: int) -> Tensor:
    """p_i = e^x_i / sum over j of e^x_j along `dim`; all x are shifted by their largest, so that e^x stays finite."""
    p = torch.empty_like(input)
    x_rows, p_rows = input.movedim(dim, -1), p.movedim(dim, -1)
    for row in product(*map(range, x_rows.shape[:-1])):
        x = x_rows[row].tolist()
        e = [math.exp(x_i - max(x)) for x_i in x]
        p_rows[row] = input.new_tensor([e_i / sum(e) for e_i in e])
    return p


@torch.no_grad()
def cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100) -> Tensor:
    """The mean of w[t] * -log p[n, t] with p = softmax of the logits and t = target[n], over all n but the ignored.

    Shapes: input (N, C), target (N) of class indices, weight (C). The mean is weighted: a sum divided by that of w[t].
    """
    total = counted = 0.0
    for logits, t in zip(input, target.tolist(), strict=True):
        if t == ignore_index:
            continue
        largest = float(logits.max())
        log_sum = largest + math.log(sum(math.exp(x - largest) for x in logits.tolist()))
        w = 1.0 if weight is None else float(weight[t])
        total += w * (log_sum - float(logits[t]))
        counted += w
    return input.new_tensor(total / counted if counted else math.nan)
