"""What `torch.autocast` does to the layers that are no convolutions: which of them it works out in float32."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# As torch's own: sums of many terms and powers lose too much in 16 bits. Its lists for CPU and GPU differ.
_SINGLE = {
    "cpu": {"cross_entropy", "mse_loss", "local_response_norm"},
    "cuda": {"cross_entropy", "mse_loss", "local_response_norm", "softmax", "log_softmax", "softplus"},
}


def in_single(layer: str, *tensors: Any) -> list[Any]:
    """The tensors, those of 16 bits in float32 if autocast is on and works `layer` out in float32."""
    kinds = {t.device.type for t in tensors if isinstance(t, Tensor)}
    if not any(layer in _SINGLE.get(kind, ()) and torch.is_autocast_enabled(kind) for kind in kinds):
        return list(tensors)
    return [t.float() if isinstance(t, Tensor) and t.is_floating_point() and t.itemsize < 4 else t for t in tensors]
