"""One training step of whole networks: as they are, and on the reference layers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cnncourse import models, to_reference

NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], float | None]] = {
    "training step, LeNet-5, 64×1×32×32": (models.lenet5, (64, 1, 32, 32), None),
    "training step, ResNet-18, 16×3×64×64": (models.resnet18, (16, 3, 64, 64), 2.5),
}


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("name", ["torch", "layers"])
def test_training_step(timed: Callable[..., None], device: torch.device, name: str, net: str) -> None:
    build, shape, aim = NETS[net]
    model = build().to(device).train()
    if name == "layers":
        model = to_reference(model)
    x, y = torch.rand(shape, device=device), torch.randint(10, shape[:1], device=device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    timed(net, name, step, aim if name == "layers" else None, rounds=10)
