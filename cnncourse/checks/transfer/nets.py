"""Tiny trained networks for the cases of lesson 05: weights of a `small_vgg` with two or three narrow stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from cnncourse.models import small_vgg

State = dict[str, Tensor]
LAYERS = 7  # of a stage: convolution, batch norm, ReLU, the same again, pooling


def weights(channels: Sequence[int], classes: int, seed: int, dtype: torch.dtype = torch.float32) -> State:
    """A state dict as training could have left it: running statistics that are not 0 and 1, positive variances."""
    generator = torch.Generator().manual_seed(seed)
    made: State = {}
    for name, value in small_vgg(classes, channels=channels).state_dict().items():
        if not value.is_floating_point():
            made[name] = torch.tensor(7)
            continue
        numbers = torch.randn(value.shape, generator=generator, dtype=torch.float64)
        if value.dim() == 1 and name.endswith((".weight", ".running_var")):
            numbers = 0.5 + numbers.abs()
        elif value.dim() == 1:
            numbers = 0.3 * numbers
        else:
            numbers = numbers * (2 / value[0].numel()) ** 0.5
        made[name] = numbers.to(dtype)
    return made


def pictures(count: int, height: int, width: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Images (count, 3, height, width) of numbers between 0 and 1; each has its own brightness."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.rand(count, 3, height, width, generator=generator, dtype=torch.float64)
    light = torch.rand(count, 1, 1, 1, generator=generator, dtype=torch.float64)
    return (0.3 * light + 0.7 * numbers).to(dtype)


def listed(names: Iterable[str]) -> str:
    """Names in one line for a table, layer by layer ("8 weight bias, 10 weight"); "nothing" if there is none."""
    layers: dict[str, list[str]] = {}
    for name in names:
        layer, _, kind = name.removeprefix("net.").removeprefix("features.").rpartition(".")
        layers.setdefault(layer, []).append(kind)
    return ", ".join(f"{layer} {' '.join(kinds)}" for layer, kinds in layers.items()) or "nothing"


def changed(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> list[str]:
    """Which tensors differ, apart from the counters of batches."""
    return [
        name
        for name, value in before.items()
        if not name.endswith("num_batches_tracked")
        and (name not in after or value.shape != after[name].shape or not torch.equal(value, after[name]))
    ]


def cotangents(count: int, classes: int, dtype: torch.dtype) -> Tensor:
    """Weights of the logits (count, classes) for a vector–Jacobian product: all different."""
    return torch.arange(1.0, 1 + count * classes, dtype=dtype).reshape(count, classes).sin()
