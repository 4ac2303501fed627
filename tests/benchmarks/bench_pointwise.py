"""How much slower than torch's the reference activations, normalisations and losses are; forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse import layers

AIM = 2.0
MAP = (32, 64, 56, 56)
# What, its function, the input, the shapes of what else needs a gradient, other arguments.
LAYERS: dict[str, tuple[str, tuple[int, ...], tuple[tuple[int, ...], ...], dict[str, Any]]] = {
    **{
        f"{name}, 32×64×56×56": (name, MAP, (), {})
        for name in ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh")
    },
    "prelu, 32×64×56×56": ("prelu", MAP, ((64,),), {}),
    "batch_norm in training, 32×64×56×56": ("batch_norm", MAP, ((64,), (64,)), {"training": True}),
    "batch_norm in evaluation, 32×64×56×56": ("batch_norm", MAP, ((64,), (64,)), {}),
    "local_response_norm, 5 channels, 32×64×56×56": ("local_response_norm", MAP, (), {"size": 5}),
    "dropout, 32×64×56×56": ("dropout", MAP, (), {}),
    "softmax, 1024×1000": ("softmax", (1024, 1000), (), {"dim": 1}),
    "log_softmax, 1024×1000": ("log_softmax", (1024, 1000), (), {"dim": 1}),
    "cross_entropy, 1024×1000": ("cross_entropy", (1024, 1000), (), {"target": torch.arange(1024) % 1000}),
    "linear, 256×1024 to 1000": ("linear", (256, 1024), ((1000, 1024), (1000,)), {}),
}


@pytest.mark.parametrize("what", LAYERS)
@pytest.mark.parametrize("name", ["torch", "layers"])
def test_layer(timed: Callable[..., None], device: torch.device, name: str, what: str) -> None:
    function, shape, parameters, options = LAYERS[what]
    options = {key: value.to(device) if isinstance(value, Tensor) else value for key, value in options.items()}
    if function == "batch_norm":
        options |= {"running_mean": torch.zeros(64, device=device), "running_var": torch.ones(64, device=device)}
    source = layers if name == "layers" else torch if function in ("sigmoid", "tanh") else F
    layer: Callable[..., Tensor] = getattr(source, function)
    inputs = [torch.randn(s, device=device, requires_grad=True) for s in (shape, *parameters)]
    if function == "batch_norm":
        options |= dict(zip(("weight", "bias"), inputs[1:], strict=True))
    given = inputs[:1] if function == "batch_norm" else inputs
    dy = torch.randn_like(layer(*given, **options))
    timed(
        what, name, lambda: torch.autograd.grad(layer(*given, **options), inputs, dy), AIM if name == "layers" else None
    )
