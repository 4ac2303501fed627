"""How much slower than torch's the reference convolution is; forward and backward, two threads.

Run by `python -m pytest tests/benchmarks/bench_conv.py`; the numbers in brackets are the ratios. The name keeps it out
of the ordinary tests: a time is no property to assert on a shared machine. Aims: 1.5 on the first layer's size, 3 on
the inner one's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse import layers

SIZES = {
    "first: 32x3x32x32, 32 filters 5x5": ((32, 3, 32, 32), (32, 3, 5, 5), 2),
    "inner: 32x64x28x28, 64 filters 3x3": ((32, 64, 28, 28), (64, 64, 3, 3), 1),
}
CONVOLUTIONS: dict[str, Callable[..., Tensor]] = {
    "torch": F.conv2d, "layers": layers.conv2d, "windows": layers.windows.conv2d,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_forward_and_backward(benchmark: Any, name: str, size: str) -> None:
    x_shape, w_shape, padding = SIZES[size]
    x, w, b = (torch.randn(shape, requires_grad=True) for shape in (x_shape, w_shape, w_shape[:1]))
    dy = torch.randn(x_shape[0], w_shape[0], *x_shape[2:])

    def step() -> None:
        torch.autograd.grad(CONVOLUTIONS[name](x, w, b, padding=padding), (x, w, b), dy)

    benchmark.group = size
    benchmark.pedantic(step, rounds=25, warmup_rounds=3)
