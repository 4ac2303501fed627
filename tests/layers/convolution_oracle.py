"""Oracles for convolution that share no code with the package, and the arguments that the tests draw."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import Tensor

TORCH = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def slow_conv(x: Tensor, w: Tensor, b: Tensor | None, stride: Any, padding: Any, dilation: Any, groups: int) -> Tensor:
    """The definition, number by number, in Python's own arithmetic; every option a tuple with one value an axis."""
    axes = x.dim() - 2
    out = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in
           zip(x.shape[2:], w.shape[2:], stride, padding, dilation, strict=True)]  # fmt: skip
    y = torch.zeros(x.shape[0], w.shape[0], *out, dtype=x.dtype)
    per_group = w.shape[0] // groups
    for n, o, *i in product(*map(range, y.shape)):
        total = 0.0 if b is None else b[o].item()
        for c, *a in product(*map(range, w.shape[1:])):
            q = [i[k] * stride[k] + a[k] * dilation[k] - padding[k] for k in range(axes)]
            if all(0 <= q[k] < x.shape[2 + k] for k in range(axes)):
                channel = o // per_group * w.shape[1] + c
                total += w[(o, c, *a)].item() * x[(n, channel, *q)].item()
        y[(n, o, *i)] = total
    return y


@dataclass
class Arguments:
    """One call of a convolution over `axes` axes."""

    axes: int
    x_shape: tuple[int, ...]
    w_shape: tuple[int, ...]
    bias: bool
    options: dict[str, Any] = field(default_factory=dict)
    layout: str = "contiguous"
    seed: int = 0

    def tensors(self, dtype: torch.dtype = torch.float64, device: Any = "cpu") -> tuple[Tensor, Tensor, Tensor | None]:
        """Input, weight and bias that need a gradient, laid out in memory as asked."""
        draw = torch.Generator().manual_seed(self.seed)

        def leaf(*shape: int) -> Tensor:
            value = torch.randn(*shape, generator=draw, dtype=torch.float64).to(device, dtype)
            return _lay_out(value, self.layout).detach().requires_grad_()

        return leaf(*self.x_shape), leaf(*self.w_shape), leaf(self.w_shape[0]) if self.bias else None


def _lay_out(value: Tensor, layout: str) -> Tensor:
    if layout == "transposed" and value.dim() > 1:  # the last two axes swapped in memory
        return value.mT.contiguous().mT
    if layout == "strided":  # every second number of a larger block, from its second row
        block = value.new_zeros(*(2 * n + 1 for n in value.shape))
        view = block[tuple(slice(1, None, 2) for _ in value.shape)]
        view.copy_(value)
        return view
    return value


@st.composite
def arguments(draw: st.DrawFn, axes: int, groups: bool = True, strings: bool = True) -> Arguments:
    """Shapes and options that fit together, edges included: no images, one pixel, padding beyond the kernel ..."""
    most = {1: 9, 2: 6, 3: 4}[axes]

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(axes))

    kernel, stride, dilation = each(1, 4 if axes < 3 else 3), each(1, 3), each(1, 3)
    padding: Any = each(0, 5 if axes < 3 else 2)
    if strings and draw(st.integers(0, 3)) == 0:
        padding = draw(st.sampled_from(["valid", "same"]))
        stride = (1,) * axes if padding == "same" else stride
    span = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    zeros = padding if isinstance(padding, tuple) else [s // 2 if padding == "same" else 0 for s in span]
    size = tuple(max(1, s - 2 * z) + draw(st.integers(0, most)) for s, z in zip(span, zeros, strict=True))
    G = draw(st.sampled_from([1, 1, 2, 3])) if groups else 1
    per_in = draw(st.sampled_from([1, 1, 2, 3]))  # 1: depthwise when there are groups
    n, per_out = draw(st.integers(0, 3)), draw(st.integers(1, 2))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": G}
    return Arguments(
        axes, (n, G * per_in, *size), (G * per_out, per_in, *kernel), draw(st.booleans()), options,
        draw(st.sampled_from(["contiguous", "transposed", "strided"])), draw(st.integers(0, 999)),
    )  # fmt: skip
