"""Uniform quantisation: whole numbers of a few bits, times a scale."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnncourse.compress.weights import plain, weighted
from cnncourse.errors import whole


def quantize(x: Tensor, bits: int, dim: int | None = None) -> tuple[Tensor, Tensor]:
    """Symmetric codes round(x / s) from −q to q with q = 2^(bits−1) − 1, and the scale s = max |x| / q.

    With `dim` each slice along it (0: each filter) has a scale of its own, shaped so that codes · s broadcasts.
    Codes are int8 up to 8 bits, int16 up to 16. Zero stays zero; an all-zero slice gets scale 1.
    Source: Krishnamoorthi 2018, arXiv:1806.08342. Raises ValueError for bits outside 2 … 16 and for an empty tensor.
    """
    if whole("quantize: bits", bits, 2) > 16:
        raise ValueError(f"quantize: bits is {bits}; expected 2 to 16")
    if x.numel() == 0:
        raise ValueError(f"quantize: x has shape {tuple(x.shape)}; expected at least one number")
    most = 2 ** (bits - 1) - 1
    other = list(range(x.dim())) if dim is None else [axis for axis in range(x.dim()) if axis != dim % x.dim()]
    top = x.detach().abs().amax(dim=other, keepdim=True) if other else x.detach().abs()
    scale = torch.where(top > 0, top / most, torch.ones_like(top))
    codes = (x.detach() / scale).round().clamp(-most, most)
    return codes.to(torch.int8 if bits <= 8 else torch.int16), scale


def dequantize(codes: Tensor, scale: Tensor) -> Tensor:
    """codes · scale, in the dtype of the scale."""
    return codes.to(scale.dtype) * scale


def rounded(model: nn.Module, bits: int, dim: int | None = 0) -> nn.Module:
    """A copy of the model whose convolutions and linear layers have weights that `quantize` leaves: codes · scale.

    Biases and batch norm stay as they are. Pruned weights stay 0; masks and code books are written into the weights.
    """
    model = plain(model)
    with torch.no_grad():
        for layer, name in weighted(model):
            weight = getattr(layer, name)
            weight.copy_(dequantize(*quantize(weight, bits, dim)))
    return model
