"""Hidden cases of lesson 01: shapes whose sides, strides and paddings all differ, random by seed.

Most cases ask for everything at once, so that any single mistake loses most of the points; a few small ones with
little weight look at one image, no image, and no padding.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from autograder.hidden.draw import noise, strided
from cnncourse.checks import Case
from cnncourse.checks.convolution.equivariance_error import pair


def cases(exercise: str, seed: int) -> list[Case]:
    """The hidden cases of `exercise` for `seed`. KeyError if there is no such exercise."""
    return _MAKERS[exercise](random.Random(f"01_convolution/{exercise}/{seed}"))


# One axis


def _output_size(rng: random.Random) -> list[Case]:
    made = []
    for k in range(10):
        kernel, stride = rng.sample(range(4, 8), 2)
        left = 1 if k < 2 else stride - 1 if k == 2 else stride - 2  # what the last window leaves over
        padding = left + rng.randint(1, 2)  # enough to change the answer, like most dilations
        dilation = 2 if k in (2, 3) else left + rng.randint(2, 3)
        reach = dilation * (kernel - 1) + 1
        size = reach + stride * rng.randint(2, 9) + left - 2 * padding
        made.append(Case(f"random {k + 1}", (max(size, 1), kernel, stride, padding, dilation)))
    return made


def _convolve(rng: random.Random) -> list[Case]:
    made = []
    for k in range(7):
        dtype = torch.float64 if k % 2 else torch.float32
        x, w = noise(rng, rng.randint(6, 12), dtype=dtype), noise(rng, rng.randint(3, 5), dtype=dtype)
        x, w = (3 * x + 1, w + 0.5) if k % 3 else (strided(3 * x + 1), w.flip(0))
        made.append(Case(f"random {k + 1}", (x, w)))
    made.append(Case("large values", (noise(rng, 8) + 1e6, noise(rng, 4))))
    made.append(Case("kernel longer than the signal", (noise(rng, 3), noise(rng, rng.randint(5, 8))), weight=0.3))
    made.append(Case("a single tap", (noise(rng, 5), noise(rng, 1) + 2), weight=0.2))
    return made


def _conv_matrix(rng: random.Random) -> list[Case]:
    made = []
    for k in range(8):
        kernel = rng.randint(4, 5)
        stride, padding = rng.choice([(2, 2), (2, 3), (3, 3), (3, 4)] if k < 7 else [(1, 2)])
        w = noise(rng, kernel, dtype=torch.float64 if k % 2 else torch.float32)
        n = kernel + stride * rng.randint(2, 4) + rng.randint(1, stride) - padding
        if k == 7:
            w = strided(w)
        made.append(Case(f"random {k + 1}", (w, n, stride, padding)))
    made.append(Case("no padding", (noise(rng, 3), rng.randint(6, 9), 2, 0), weight=0.3))
    return made


def _receptive_field(rng: random.Random) -> list[Case]:
    made = []
    for k in range(8):
        layers: list[tuple[int, ...]] = [(rng.randint(2, 5), rng.randint(2, 3)) for _ in range(rng.randint(2, 3))]
        layers.insert(rng.randint(0, 1), (rng.randint(2, 5), rng.randint(2, 3), rng.randint(2, 3)))
        layers.append((rng.randint(3, 5), rng.randint(2, 3)))
        layers[0] = (layers[0][0] + 3, *layers[0][1:])
        made.append(Case(f"random {k + 1}", (layers,)))
    made.append(Case("no layer", ([],), weight=0.2))
    made.append(Case("pooling without overlap", ([(2, 2), (3, 1), (2, 2)],), weight=0.3))
    return made


# Two axes


@dataclass(frozen=True)
class _Shape:
    """A convolution in which nothing is square and the last window does not fit."""

    N: int
    C_in: int
    C_out: int
    H: int
    W: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    out: tuple[int, int]


def _shape(rng: random.Random, deep: int | None = None) -> _Shape:
    """Draw until nothing is square. Along axis `deep`, if given, the last window reads all of a padding of 3."""
    while True:
        kernel = (rng.randint(2, 4), rng.randint(2, 4))
        stride = (rng.randint(1, 3), rng.randint(1, 3))
        padding = (rng.choice((0, 2, 3)), rng.choice((0, 2, 3)))
        out = (rng.randint(2, 4), rng.randint(2, 4))
        left = [rng.randint(0, s - 1) for s in stride]
        if deep is not None:
            padding, left[deep] = ((3, 2), (2, 3))[deep], 0
        H, W = (o * s - s + k + r - 2 * p for o, s, k, r, p in zip(out, stride, kernel, left, padding, strict=True))
        differ = all(a != b for a, b in (kernel, stride, padding, out, (H, W)))
        if deep is not None and kernel[deep] < 3:
            continue  # a window of 2 that lost a row would broadcast, and its other row is zeros
        overlap = any(k > s for k, s in zip(kernel, stride, strict=True))
        as_kernel = stride == kernel
        if differ and overlap and not as_kernel and any(left) and min(H, W) >= 2:
            return _Shape(rng.randint(2, 3), 2, 3, H, W, kernel, stride, padding, out)


@dataclass(frozen=True)
class _Layer:
    """A convolution with its tensors."""

    name: str
    shape: _Shape
    x: Tensor
    weight: Tensor
    bias: Tensor
    grad: Tensor
    share: float = 1.0


def _layer(rng: random.Random, name: str, s: _Shape, dtype: torch.dtype, share: float = 1.0) -> _Layer:
    x = noise(rng, s.N, s.C_in, s.H, s.W, dtype=dtype)
    weight = noise(rng, s.C_out, s.C_in, *s.kernel, dtype=dtype)
    bias = 2 * noise(rng, s.C_out, dtype=dtype) + 1
    grad = noise(rng, s.N, s.C_out, *s.out, dtype=dtype)
    return _Layer(name, s, x, weight, bias, grad, share)


def _layers(rng: random.Random) -> list[_Layer]:
    """Eight with everything at once, then one image, no image, one pixel kernels."""
    made = [
        _layer(rng, f"random {k + 1}", _shape(rng, k if k < 2 else None), torch.float64 if k % 2 else torch.float32)
        for k in range(6)
    ]
    a, b = (
        _layer(rng, "not contiguous", _shape(rng), torch.float64),
        _layer(rng, "large values", _shape(rng), torch.float64),
    )
    made.append(_Layer(a.name, a.shape, strided(a.x), strided(a.weight), a.bias, strided(a.grad)))
    made.append(_Layer(b.name, b.shape, b.x + 1e5, b.weight, b.bias, b.grad + 1e4))
    for n, name in ((1, "one image"), (0, "no image")):
        s = _shape(rng)
        few = _Shape(n, s.C_in, s.C_out, s.H, s.W, s.kernel, s.stride, s.padding, s.out)
        made.append(_layer(rng, name, few, torch.float32, share=0.2))
    point = _Shape(2, 3, 2, 4, 3, (1, 1), (1, 1), (0, 0), (4, 3))
    made.append(_layer(rng, "kernel of one pixel", point, torch.float64, share=0.2))
    return made


def _conv2d(rng: random.Random) -> list[Case]:
    return [
        Case(
            v.name,
            (v.x, v.weight, None if v.name == "kernel of one pixel" else v.bias),
            {"stride": v.shape.stride, "padding": v.shape.padding},
            weight=v.share,
        )
        for v in _layers(rng)
    ]


def _conv2d_input(rng: random.Random) -> list[Case]:
    return [
        Case(v.name, (tuple(v.x.shape), v.weight, v.grad, v.shape.stride, v.shape.padding), weight=v.share)
        for v in _layers(rng)
    ]


def _conv2d_weight(rng: random.Random) -> list[Case]:
    return [
        Case(v.name, (v.x, tuple(v.weight.shape), v.grad, v.shape.stride, v.shape.padding), weight=v.share)
        for v in _layers(rng)
    ]


def _conv2d_bias(rng: random.Random) -> list[Case]:
    made = [Case(v.name, (v.grad + 1,), weight=v.share) for v in _layers(rng)]
    return [c for c in made if c.name not in ("large values",)]


_CORNERS = ((1, 0), (0, 1), (0, 0), (1, 1), (0, 1), (1, 0), (1, 1), (0, 0))


def _equivariance_error(rng: random.Random) -> list[Case]:
    made = []
    for k in range(8):
        H, W = rng.sample(range(5, 9), 2)
        y = noise(rng, rng.randint(2, 3), rng.randint(2, 3), H, W, dtype=torch.float64 if k % 2 else torch.float32)
        down, right = rng.sample((1, 2, 3), 2)
        shift = (down, -right) if k % 4 == 0 else (-down, right) if k % 4 == 1 else (-down, -right)
        if k == 3:
            shift = (down, right)
        inside = [range(max(d, 0), min(n, n + d)) for d, n in zip(shift, (H, W), strict=True)]
        corner = [
            r[-1 if end else 0] for r, end in zip(inside, _CORNERS[k], strict=True)
        ]  # a bound off by one misses it
        at = (y.shape[0] - 1, y.shape[1] - 1, *corner)
        case = pair(y, shift, 5 + y.flip(0), (at, (-1) ** (k == 5) * -rng.uniform(0.01, 0.1)))
        noisy = case.args[1] + 0.001 * noise(rng, *y.shape, dtype=y.dtype)
        if k == 6:
            y, noisy = strided(y), strided(noisy)
        made.append(Case(f"random {k + 1}", (y, noisy, shift)))
    y = noise(rng, 1, 2, 4, 5)
    made.append(Case("no shift", (y, y + 0.1 * noise(rng, *y.shape), (0, 0)), weight=0.2))
    return made


_MAKERS: dict[str, Callable[[random.Random], list[Case]]] = {
    "output_size": _output_size,
    "convolve": _convolve,
    "conv2d": _conv2d,
    "conv2d_input": _conv2d_input,
    "conv2d_weight": _conv2d_weight,
    "conv2d_bias": _conv2d_bias,
    "conv_matrix": _conv_matrix,
    "equivariance_error": _equivariance_error,
    "receptive_field": _receptive_field,
}
