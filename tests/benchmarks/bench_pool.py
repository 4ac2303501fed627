"""How much slower than torch's the reference poolings and transposed convolutions are; forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse import layers

MAP = (32, 64, 56, 56)
# what, its function, the input, its other arguments; the largest ratio that we allow ourselves is 2 for all
POOLINGS: dict[str, tuple[str, tuple[int, ...], tuple[Any, ...]]] = {
    "max_pool2d, 32×64×56×56, 2×2": ("max_pool2d", MAP, (2,)),
    "max_pool2d, 32×64×56×56, 3×3, stride 2, padding 1": ("max_pool2d", MAP, (3, 2, 1)),
    "avg_pool2d, 32×64×56×56, 2×2": ("avg_pool2d", MAP, (2,)),
    "avg_pool2d, 32×64×56×56, 3×3, stride 2, padding 1": ("avg_pool2d", MAP, (3, 2, 1)),
    "adaptive_avg_pool2d, 32×512×7×7 to 1×1": ("adaptive_avg_pool2d", (32, 512, 7, 7), (1,)),
    "adaptive_avg_pool2d, 32×256×13×13 to 6×6": ("adaptive_avg_pool2d", (32, 256, 13, 13), (6,)),
}
UNPOOLED = "max_unpool2d, 32×64×28×28, 2×2"
TRANSPOSED = "conv_transpose2d, 32×64×14×14, 64 filters 4×4, stride 2"
AIM = 2.0


@pytest.mark.parametrize("what", POOLINGS)
@pytest.mark.parametrize("name", ["torch", "layers"])
def test_pooling(timed: Callable[..., None], device: torch.device, name: str, what: str) -> None:
    function, shape, arguments = POOLINGS[what]
    pool: Callable[..., Tensor] = getattr(F if name == "torch" else layers, function)
    x = torch.randn(shape, device=device, requires_grad=True)
    dy = torch.randn_like(pool(x, *arguments))

    def step() -> None:
        torch.autograd.grad(pool(x, *arguments), x, dy)

    timed(what, name, step, AIM if name == "layers" else None)


@pytest.mark.parametrize("name", ["torch", "layers"])
def test_unpooling(timed: Callable[..., None], device: torch.device, name: str) -> None:
    x, index = F.max_pool2d(torch.randn(MAP, device=device), 2, return_indices=True)
    x.requires_grad_()
    dy = torch.randn(MAP, device=device)
    unpool: Callable[..., Tensor] = F.max_unpool2d if name == "torch" else layers.max_unpool2d
    timed(UNPOOLED, name, lambda: torch.autograd.grad(unpool(x, index, 2), x, dy), AIM if name == "layers" else None)


@pytest.mark.parametrize("name", ["torch", "layers"])
def test_transposed_convolution(timed: Callable[..., None], device: torch.device, name: str) -> None:
    x = torch.randn(32, 64, 14, 14, device=device, requires_grad=True)
    w = torch.randn(64, 64, 4, 4, device=device, requires_grad=True)
    spread: Callable[..., Tensor] = F.conv_transpose2d if name == "torch" else layers.conv_transpose2d
    dy = torch.randn(32, 64, 28, 28, device=device)

    def step() -> None:
        torch.autograd.grad(spread(x, w, stride=2, padding=1), (x, w), dy)

    timed(TRANSPOSED, name, step, 3.0 if name == "layers" else None)  # as the convolutions of inner layers
