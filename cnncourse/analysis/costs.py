"""What one tensor operation costs, in multiply-adds.

One multiply-add for each use of a weight: a filter of n weights at p positions costs n * p, positions over the padding
included, and a product of an m x k and a k x n matrix costs m * k * n. Biases, activations, pooling, normalisation and
sums of branches count 0: they are a few operations for each value, where a convolution has hundreds. Published figures
count so: He et al. 2016 (arXiv:1512.03385, "multiply-adds") and Netscope's "macc". A multiply-add is two "FLOPs".
"""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor

_aten = torch.ops.aten
_PRODUCTS = {
    **dict.fromkeys((_aten.mm, _aten.bmm, _aten.mv, _aten.dot, _aten.vdot), 0),
    **dict.fromkeys((_aten.addmm, _aten.baddbmm, _aten.addbmm, _aten.addmv), 1),  # argument 0 is what is added
}
_CONVOLUTIONS = {_aten.convolution, _aten._convolution}
_ATTENTIONS = {
    _aten._scaled_dot_product_flash_attention, _aten._scaled_dot_product_flash_attention_for_cpu,
    _aten._scaled_dot_product_efficient_attention, _aten._scaled_dot_product_cudnn_attention,
}  # fmt: skip


def multiply_adds(op: Any, args: tuple[Any, ...], out: Any) -> int:
    """Multiply-adds of one call of a torch operation (an `OpOverload`), 0 for any that is no product of weights."""
    kind = op.overloadpacket
    if kind in _PRODUCTS:
        first = _PRODUCTS[kind]
        return _product(args[first], args[first + 1])
    if kind in _CONVOLUTIONS:
        transposed = bool(args[6])
        return _convolution(args[0] if transposed else out, args[1])
    if kind in _ATTENTIONS:
        q, k, v = args[:3]  # scores (L, S) from E numbers each, then S * E_v numbers weighted by them
        return int(q.numel() * k.shape[-2] + q.numel() // q.shape[-1] * k.shape[-2] * v.shape[-1])
    return 0


def _product(a: Tensor, b: Tensor) -> int:
    """(..., m, k) by (..., k, n), or by a vector of k: every number of `a` is used once for each column of `b`."""
    return a.numel() * (b.shape[-1] if b.dim() > 1 else 1)


def _convolution(map_: Tensor, weight: Tensor) -> int:
    """Every weight is used at each position of each image: of the output, or of the input where that is spread out."""
    return int(map_.shape[0] * prod(map_.shape[2:]) * weight.numel())
