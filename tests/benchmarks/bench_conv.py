"""How much slower than torch's the reference convolution is; forward and backward."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse import layers

# input, weight, padding, and the largest ratio that we allow ourselves
SIZES = {
    "conv2d, 32×3×32×32, 32 filters 5×5": ((32, 3, 32, 32), (32, 3, 5, 5), 2, 1.5),
    "conv2d, 32×64×28×28, 64 filters 3×3": ((32, 64, 28, 28), (64, 64, 3, 3), 1, 3.0),
    "conv2d, 8×256×14×14, 256 filters 3×3": ((8, 256, 14, 14), (256, 256, 3, 3), 1, 3.0),
}
CONVOLUTIONS: dict[str, Callable[..., Tensor]] = {
    "torch": F.conv2d, "layers": layers.conv2d, "windows": layers.windows.conv2d,
}  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_forward_and_backward(timed: Callable[..., None], device: torch.device, name: str, size: str) -> None:
    x_shape, w_shape, padding, aim = SIZES[size]
    x, w, b = (torch.randn(shape, device=device, requires_grad=True) for shape in (x_shape, w_shape, w_shape[:1]))
    dy = torch.randn(x_shape[0], w_shape[0], *x_shape[2:], device=device)

    def step() -> None:
        torch.autograd.grad(CONVOLUTIONS[name](x, w, b, padding=padding), (x, w, b), dy)

    timed(size, name, step, aim if name == "layers" else None)
