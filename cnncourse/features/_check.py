"""What every feature asks of its input."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def as_batch(who: str, images: Any, channels: int | None = None) -> tuple[Tensor, bool]:
    """(N, C, H, W), and whether the batch axis was there. TypeError or ValueError for anything else."""
    shape = "(N, C, H, W) or (C, H, W)" if channels is None else f"(N, {channels}, H, W) or ({channels}, H, W)"
    if not isinstance(images, Tensor):
        raise TypeError(f"{who}: images is a {type(images).__name__}; expected a tensor {shape}: torch.from_numpy(…)")
    if not images.is_floating_point():
        raise TypeError(f"{who}: images are {images.dtype}; expected a floating type: images.float() / 255")
    if images.ndim not in (3, 4):
        raise ValueError(f"{who}: images has shape {tuple(images.shape)}; expected {shape}: add axes with images[None]")
    if channels is not None and images.shape[-3] != channels:
        raise ValueError(f"{who}: images has {images.shape[-3]} channels (axis −3); expected {shape}")
    if images.shape[-3] == 0:
        raise ValueError(f"{who}: images has shape {tuple(images.shape)}, without channels; expected at least one")
    return (images if images.ndim == 4 else images[None]), images.ndim == 4


def need_maps(who: str, name: str, maps: Any, depth: int | None = None) -> Tensor:
    """`maps` if it is a floating tensor (N, D, H, W), D as said. TypeError or ValueError otherwise."""
    d = "D" if depth is None else str(depth)
    if not isinstance(maps, Tensor) or not maps.is_floating_point():
        got = f"{maps.dtype} tensor" if isinstance(maps, Tensor) else type(maps).__name__
        raise TypeError(f"{who}: {name} is a {got}; expected a floating tensor (N, {d}, H, W)")
    if maps.ndim != 4 or (depth is not None and maps.shape[1] != depth):
        raise ValueError(f"{who}: {name} has shape {tuple(maps.shape)}; expected (N, {d}, H, W)")
    return maps


def not_negative(who: str, name: str, value: Any) -> float:
    """`value` as a finite float ≥ 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{who}: {name} is {value!r} ({type(value).__name__}); expected a number >= 0")
    if not 0 <= value < float("inf"):
        raise ValueError(f"{who}: {name} is {value}; expected a finite number >= 0")
    return float(value)


def length(v: Tensor, axis: int) -> Tensor:
    """√Σv² along an axis, kept, with gradient 0 (not NaN) where it is 0."""
    squares = v.square().sum(axis, keepdim=True)
    zero = squares == 0
    return torch.where(zero, torch.ones_like(squares), squares).sqrt().masked_fill(zero, 0.0)
