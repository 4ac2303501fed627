"""What the tests of activations, losses, normalisation and linear share: drawn tensors, and torch as the oracle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

# Relative to sums of up to a few hundred terms near 1: rounding in float64 is about 1e-14.
EXACT: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-12}
# How many configurations a family is tested with: some every time, the thousands in `make soak`.
MANY = [250, pytest.param(1500, marks=pytest.mark.soak)]
LAYOUTS = ("contiguous", "transposed", "strided", "channels_last", "expanded")


@dataclass
class Drawn:
    """A tensor to be made: normally distributed numbers of some size, about a tenth of them exactly 0."""

    shape: tuple[int, ...]
    layout: str = "contiguous"
    scale: float = 1.0
    seed: int = 0

    def tensor(self, dtype: torch.dtype = torch.float64, device: Any = "cpu") -> Tensor:
        """A leaf that needs a gradient, laid out in memory as asked."""
        draw = torch.Generator().manual_seed(self.seed)
        value = self.scale * torch.randn(self.shape, generator=draw, dtype=torch.float64)
        value[torch.rand(self.shape, generator=draw) < 0.1] = 0
        return laid_out(value.to(device, dtype), self.layout).detach().requires_grad_()


def laid_out(value: Tensor, layout: str) -> Tensor:
    """The same numbers, elsewhere in memory; a layout that the shape cannot have is left out."""
    if layout == "transposed" and value.dim() > 1:
        return value.mT.contiguous().mT
    if layout == "channels_last" and value.dim() == 4:
        return value.to(memory_format=torch.channels_last)
    if layout == "strided":  # every second number of a larger block
        block = value.new_zeros([2 * n + 1 for n in value.shape])
        view = block[tuple(slice(1, None, 2) for _ in value.shape)]
        return view.copy_(value)
    if layout == "expanded" and value.dim() > 0 and value.shape[0] > 1:
        return value[:1].expand_as(value)  # one row, repeated without a copy
    return value


@st.composite
def drawn(draw: st.DrawFn, least: int = 0, most: int = 4, longest: int = 5, shape: Any = None) -> Drawn:
    """Any shape of `least` to `most` axes, empty ones included."""
    lengths = st.lists(st.integers(0, longest), min_size=least, max_size=most).map(tuple)
    return Drawn(
        draw(lengths) if shape is None else shape, draw(st.sampled_from(LAYOUTS)),
        draw(st.sampled_from([1e-3, 1.0, 1.0, 10.0, 300.0])), draw(st.integers(0, 999)),
    )  # fmt: skip


def upstream(y: Tensor) -> Tensor:
    """A dy of random numbers, so that no two outputs count the same."""
    draw = torch.Generator().manual_seed(1)
    return torch.randn(y.shape, generator=draw, dtype=torch.float64).to(y.device, y.dtype)


def agree(
    ours: Callable[..., Tensor], theirs: Callable[..., Tensor], inputs: Sequence[Tensor], tolerance: Any = EXACT
) -> None:
    """The same value, and the same gradients for all inputs."""
    got, want = (f(*inputs) for f in (ours, theirs))
    assert_close(got, want, equal_nan=True, **tolerance)
    grads = (torch.autograd.grad(y, inputs, upstream(y)) for y in (got, want))
    for got_d, want_d in zip(*grads, strict=True):
        assert_close(got_d, want_d, equal_nan=True, **tolerance)
