"""What the tests of pooling draw: images with ties, -inf and NaN, in several layouts, and windows that fit them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

# Relative to sums of up to a few hundred numbers near 1: rounding in float64 is about 1e-14.
EXACT: dict[str, float] = {"rtol": 1e-10, "atol": 1e-12}
KINDS = ("normal", "small integers", "with -inf", "with NaN", "with all")
LAYOUTS = ("contiguous", "channels_last", "transposed", "strided", "expanded", "unbatched")


@dataclass
class Pooling:
    """One call of a pooling: an input, and the options by their names."""

    shape: tuple[int, int, int, int]
    options: dict[str, Any] = field(default_factory=dict)
    kind: str = "normal"
    layout: str = "contiguous"
    seed: int = 0

    def input(self, dtype: torch.dtype = torch.float64, device: Any = "cpu") -> Tensor:
        """An input that needs a gradient, laid out in memory as asked."""
        draw = torch.Generator().manual_seed(self.seed)
        x = torch.randn(self.shape, generator=draw, dtype=torch.float64)
        if self.kind != "normal":
            x = (1.5 * x).round()  # -3 ... 3: most windows hold a tie
        if self.kind in ("with -inf", "with all"):
            x[torch.rand(self.shape, generator=draw) < 0.5] = -math.inf
        if self.kind in ("with NaN", "with all"):
            x[torch.rand(self.shape, generator=draw) < 0.2] = math.nan
        return laid_out(x.to(device, dtype), self.layout).detach().requires_grad_()


def laid_out(x: Tensor, layout: str) -> Tensor:
    """The same numbers (but `unbatched`: the first image only) otherwise in memory."""
    if layout == "channels_last":
        return x.contiguous(memory_format=torch.channels_last)
    if layout == "transposed":
        return x.mT.contiguous().mT
    if layout == "strided":
        block = x.new_zeros(*(2 * n + 1 for n in x.shape))
        view = block[:, 1::2][:, :, 1::2, 1::2][: x.shape[0], : x.shape[1]]
        return view.copy_(x)
    if layout == "expanded":
        return x[:1].expand(x.shape)
    return x[0] if layout == "unbatched" else x


def blind(n: int, k: int, s: int, p: int, d: int, ceil_mode: bool) -> bool:
    """Whether some window has no entry on an axis of n pixels, where torch answers -inf and we refuse."""
    reach, i = d * (k - 1) + 1, 0
    end = n + 2 * p + (s - 1 if ceil_mode else 0)
    while i * s + reach <= end and i * s - p < n:
        if all(not 0 <= i * s - p + a * d < n for a in range(k)):
            return True
        i += 1
    return False


@st.composite
def poolings(draw: st.DrawFn, dilated: bool = True, kinds: tuple[str, ...] = KINDS) -> Pooling:
    """Windows that overlap, meet or leave gaps, padding up to K/2, sizes with a remainder, down to one pixel."""
    kernel = tuple(draw(st.integers(1, 4)) for _ in range(2))
    stride = tuple(draw(st.integers(1, 6)) for _ in range(2)) if draw(st.integers(0, 3)) else None
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    dilation = tuple(draw(st.integers(1, 3)) for _ in range(2)) if dilated else (1, 1)
    ceil_mode = draw(st.booleans())
    size = []
    for k, s, p, d in zip(kernel, stride or kernel, padding, dilation, strict=True):
        reach = d * (k - 1) + 1
        least = max(1, reach - 2 * p - (s - 1 if ceil_mode else 0))
        n = least + draw(st.integers(0, 7))
        while blind(n, k, s, p, d, ceil_mode):
            n += 1
        size.append(n)
    layout = draw(st.sampled_from(LAYOUTS))
    N, C = draw(st.integers(0 if layout not in ("expanded", "unbatched") else 1, 3)), draw(st.integers(1, 3))
    options: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    if dilated:
        options["dilation"] = dilation
    kind = draw(st.sampled_from(kinds))
    return Pooling((N, C, size[0], size[1]), options, kind, layout, draw(st.integers(0, 999)))


def vjp(y: Tensor, x: Tensor) -> Tensor:
    """The gradient of a sum with random weights, so that no two outputs count the same."""
    dy = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(y.device, y.dtype)
    return torch.autograd.grad(y, x, dy)[0]


def same(got: Tensor, expected: Tensor) -> None:
    """Exactly equal, NaN where NaN is."""
    assert_close(got, expected, rtol=0, atol=0, equal_nan=True)


def refuses(call: Callable[..., Any], *args: Any, **options: Any) -> bool:
    """Whether a call of torch's raises."""
    try:
        call(*args, **options)
    except (RuntimeError, ValueError, TypeError, NotImplementedError):
        return True
    return False
