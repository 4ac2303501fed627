"""Hidden cases of lesson 02: windows that overlap, ties, padding of both kinds, nothing square, random by seed.

Where an argument has two settings (count_include_pad, the kind of global pooling, bias) one case asks for both, so that
an answer which ignores it is never half right.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from autograder.hidden.draw import noise, strided
from cnncourse.checks import Case
from cnncourse.checks.pooling.avg_pool2d import both_counts
from cnncourse.checks.pooling.global_pool import both_kinds
from cnncourse.checks.pooling.pixels_seen import two_units
from cnncourse.checks.pooling.score_map import scores, training
from cnncourse.checks.pooling.weights_and_units import with_and_without_bias


def cases(exercise: str, seed: int) -> list[Case]:
    """The hidden cases of `exercise` for `seed`. KeyError if there is no such exercise."""
    return _MAKERS[exercise](random.Random(f"02_pooling/{exercise}/{seed}"))


def _whole(rng: random.Random, *shape: int, low: int, high: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(rng.getrandbits(40))
    return torch.randint(low, high + 1, shape, generator=generator).to(dtype)


# Windows


@dataclass(frozen=True)
class _Window:
    """A pooling in which nothing is square, windows overlap, and the last one leaves pixels over."""

    H: int
    W: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    out: tuple[int, int]


def _window(rng: random.Random, deep: int, depth: int = 2) -> _Window:
    """Draw until nothing is square and every edge shows. Along axis `deep` the padding is `depth`."""
    while True:
        kernel = (rng.randint(2, 2 * depth + 1), rng.randint(2, 2 * depth + 1))
        stride = (rng.randint(1, 3), rng.randint(1, 3))
        padding = (rng.randint(0, kernel[0] // 2), rng.randint(0, kernel[1] // 2))
        out = (rng.randint(2, 4), rng.randint(2, 4))
        left = [rng.randint(0, s - 1) for s in stride]
        H, W = (o * s - s + k + r - 2 * p for o, s, k, r, p in zip(out, stride, kernel, left, padding, strict=True))
        differ = all(a != b for a, b in (kernel, stride, padding, out, (H, W)))
        overlap = all(k > s for k, s in zip(kernel, stride, strict=True))
        largest = max(kernel)  # so that an exchanged kernel still has a place
        room = min(H + 2 * padding[0], W + 2 * padding[1]) >= largest and min(H, W) >= 3
        fits = [n == 0 for n in left]  # one axis has pixels left over, on the other the last window just fits
        if differ and overlap and any(fits) and not all(fits) and padding[deep] == depth and room:
            return _Window(H, W, kernel, stride, padding, out)


@dataclass(frozen=True)
class _Pooling:
    """A window with what goes in and the gradient that comes back."""

    name: str
    window: _Window
    x: Tensor
    grad: Tensor
    share: float = 1.0

    @property
    def how(self) -> tuple[tuple[int, int], ...]:
        return self.window.kernel, self.window.stride, self.window.padding


def _pooling(rng: random.Random, name: str, w: _Window, x: Tensor, share: float = 1.0) -> _Pooling:
    grad = noise(rng, *x.shape[:2], *w.out, dtype=x.dtype) + 0.5
    return _Pooling(name, w, x, grad, share)


def _poolings(rng: random.Random, values: Callable[..., Tensor]) -> list[_Pooling]:
    """Eight with everything at once, then one image, no image, windows with gaps, a window of one pixel."""
    made = []
    for k in range(8):
        w, dtype = _window(rng, k % 2, 3 if k < 2 else 2), torch.float64 if k % 2 else torch.float32
        x = values(rng, rng.randint(2, 3), rng.randint(2, 3), w.H, w.W, dtype=dtype)
        made.append(_pooling(rng, f"random {k + 1}", w, strided(x) if k == 6 else x))
    for n, name in ((1, "one image"), (0, "no image")):
        w = _window(rng, n)
        made.append(_pooling(rng, name, w, values(rng, n, 2, w.H, w.W, dtype=torch.float32), 0.2))
    gaps = _Window(7, 9, (2, 2), (3, 4), (0, 1), (2, 3))
    made.append(_pooling(rng, "windows with gaps", gaps, values(rng, 2, 1, 7, 9, dtype=torch.float64), 0.2))
    point = _Window(3, 4, (1, 1), (1, 1), (0, 0), (3, 4))
    made.append(_pooling(rng, "windows of one pixel", point, values(rng, 2, 2, 3, 4, dtype=torch.float64), 0.2))
    return made


def _negative(rng: random.Random, *shape: int, dtype: torch.dtype) -> Tensor:
    """Mostly below zero, so that a zero in the padding wins."""
    return noise(rng, *shape, dtype=dtype) - 2.5


def _ties(rng: random.Random, *shape: int, dtype: torch.dtype) -> Tensor:
    """Few different values, all below zero: hardly a window has a single winner."""
    return _whole(rng, *shape, low=-3, high=-1, dtype=dtype)


def _rectified(rng: random.Random, *shape: int, dtype: torch.dtype) -> Tensor:
    """As behind a ReLU: about a third are exactly zero, and count."""
    return (noise(rng, *shape, dtype=dtype) + 0.4).relu()


def _max_pool2d(rng: random.Random) -> list[Case]:
    made = [Case(v.name, (v.x, *v.how), weight=v.share) for v in _poolings(rng, _negative)]
    w = _window(rng, 1)
    large = noise(rng, 2, 2, w.H, w.W) * 1e5 - 1e7
    return [*made, Case("large values", (large, w.kernel, w.stride, w.padding))]


def _max_pool2d_backward(rng: random.Random) -> list[Case]:
    made = [Case(v.name, (v.x, v.grad, *v.how), weight=v.share) for v in _poolings(rng, _ties)]
    w = _window(rng, 0)
    x = _whole(rng, 2, 3, w.H, w.W, low=-4, high=1).relu() - 1e6
    pooling = _pooling(rng, "large values", w, x)
    return [*made, Case(pooling.name, (x, pooling.grad, *pooling.how))]


def _asks(v: _Pooling) -> Callable[..., Any] | None:
    """Both counts, but for windows of one pixel, whose answer is the input: a pair of it would not be seen as that."""
    return None if v.window.kernel == (1, 1) else both_counts


def _avg_pool2d(rng: random.Random) -> list[Case]:
    made = [Case(v.name, (v.x, *v.how), weight=v.share, use=_asks(v)) for v in _poolings(rng, _rectified)]
    w = _window(rng, 1)
    large = _rectified(rng, 2, 2, w.H, w.W, dtype=torch.float64) * 1e6
    return [*made, Case("large values", (large, w.kernel, w.stride, w.padding), use=both_counts)]


def _avg_pool2d_backward(rng: random.Random) -> list[Case]:
    return [
        Case(v.name, (tuple(v.x.shape), v.grad, *v.how), weight=v.share, use=_asks(v))
        for v in _poolings(rng, _negative)
    ]


def _global_pool(rng: random.Random) -> list[Case]:
    made = []
    for k in range(7):
        H, W = rng.sample(range(2, 6), 2)
        x = noise(rng, rng.randint(2, 3), rng.choice((2, 4)), H, W, dtype=torch.float64 if k % 2 else torch.float32)
        x = 2 * x - 3 if k < 6 else strided(1e4 * x - 1e6)
        x[-1, -1] = -x[-1, -1].abs() - 0.5  # a map without a single positive pixel
        made.append(Case(f"random {k + 1}", (x,), use=both_kinds))
    for n, name in ((1, "one image"), (0, "no image")):
        made.append(Case(name, (noise(rng, n, 3, 3, 2),), weight=0.2, use=both_kinds))
    made.append(Case("maps of one pixel", (noise(rng, 2, 3, 1, 1),), weight=0.2, use=both_kinds))
    return made


# A fully connected layer as a convolution


def _linear(rng: random.Random, dtype: torch.dtype) -> tuple[Tensor, Tensor, tuple[int, int, int]]:
    """Weights (F, C*H*W), bias (F,), and (C, H, W), no two of which agree."""
    H, W, C = rng.sample(range(2, 5), 3)
    F = rng.choice([n for n in (2, 3, 5) if n not in (C, H, W)])
    return noise(rng, F, C * H * W, dtype=dtype), 2 * noise(rng, F, dtype=dtype) + 1, (C, H, W)


def _fc_to_conv(rng: random.Random) -> list[Case]:
    made = []
    for k in range(6):
        weight, _, size = _linear(rng, torch.float64 if k % 2 else torch.float32)
        made.append(Case(f"random {k + 1}", (weight if k < 5 else strided(weight), size)))
    made.append(Case("maps of one pixel", (noise(rng, 4, 3), (3, 1, 1)), weight=0.2))
    return made


def _score_map(rng: random.Random) -> list[Case]:
    made = []
    for k in range(7):
        dtype = torch.float64 if k % 2 else torch.float32
        weight, bias, (C, H, W) = _linear(rng, dtype)
        rows, columns = rng.sample(range(1, 5), 2)
        x = noise(rng, rng.randint(2, 3), C, H + rows, W + columns, dtype=dtype)
        made.append(Case(f"random {k + 1}", (weight, bias, (C, H, W), x if k < 6 else strided(x)), use=training))
    weight, bias, (C, H, W) = _linear(rng, torch.float64)
    for n, name in ((1, "one image of the very size"), (0, "no image")):
        x = noise(rng, n, C, H + (1 - n), W + 2 * (1 - n))
        made.append(Case(name, (weight, bias, (C, H, W), x), weight=0.2, use=scores))
    return made


# Counting


def _padding(rng: random.Random) -> tuple[int, int]:
    before = rng.randint(1, 3)
    return before, before + rng.choice((-1, 1, 2))


def _network(rng: random.Random) -> tuple[tuple[int, int, int], list[tuple[Any, ...]]]:
    """An image and two convolutions, a pooling that overlaps, two fc layers; every stride leaves pixels over."""
    while True:
        C, *filters = rng.sample(range(2, 9), 3)
        size = (C, rng.randint(36, 60), rng.randint(36, 60))
        first = ("conv", filters[0], rng.randint(4, 6), 2, _padding(rng))
        pool = ("pool", *rng.choice(((4, 2), (5, 2), (5, 3))))
        second = ("conv", filters[1], rng.randint(3, 5), rng.randint(1, 2), _padding(rng))
        layers: list[tuple[Any, ...]] = [first, pool, second, ("fc", rng.randint(9, 20)), ("fc", rng.randint(3, 8))]
        if _telling(size, layers[:3]):
            return size, layers


def _telling(size: tuple[int, int, int], layers: list[tuple[Any, ...]]) -> bool:
    """Whether H and W stay different, a window at each layer is left over, and enough is left at the end."""
    sides = list(size[1:])
    for kind, *numbers in layers:
        kernel, stride = numbers[-2:] if kind == "pool" else numbers[1:3]
        spare = [n + (sum(numbers[3]) if kind == "conv" else 0) - kernel for n in sides]
        if stride > 1 and not any(s % stride for s in spare):
            return False
        if kind == "pool" and any(s // stride + 1 == n // stride for s, n in zip(spare, sides, strict=True)):
            return False  # as if the kernel did not count
        sides = [s // stride + 1 for s in spare]
        if sides[0] == sides[1]:
            return False
    return min(sides) >= 3


def _layer_shapes(rng: random.Random) -> list[Case]:
    made = [Case(f"random {k + 1}", _network(rng)) for k in range(8)]
    size, _ = _network(rng)
    return [*made, Case("fully connected only", (size, [("fc", 7), ("fc", 4)]), weight=0.2)]


def _weights_and_units(rng: random.Random) -> list[Case]:
    made = [Case(f"random {k + 1}", _network(rng), use=with_and_without_bias) for k in range(8)]
    size, _ = _network(rng)
    return [*made, Case("pooling only", (size, [("pool", 3, 2), ("pool", 2, 2)]), weight=0.2)]


def _pixels_seen(rng: random.Random) -> list[Case]:
    made = []
    for k in range(8):
        layers = [(rng.choice((2, 4, 6)), rng.randint(2, 3), rng.randint(1, 2)) for _ in range(rng.randint(3, 4))]
        layers[0] = (rng.choice((3, 5, 7)), layers[0][1] + 2, layers[0][2])  # no stack reads the same backwards
        made.append(Case(f"random {k + 1}", (layers, rng.randint(1, 9)), use=two_units))
    made.append(Case("no layer", ([], rng.randint(2, 9)), weight=0.2))
    return made


_MAKERS: dict[str, Callable[[random.Random], list[Case]]] = {
    "max_pool2d": _max_pool2d,
    "max_pool2d_backward": _max_pool2d_backward,
    "avg_pool2d": _avg_pool2d,
    "avg_pool2d_backward": _avg_pool2d_backward,
    "global_pool": _global_pool,
    "fc_to_conv": _fc_to_conv,
    "ScoreMap": _score_map,
    "layer_shapes": _layer_shapes,
    "weights_and_units": _weights_and_units,
    "pixels_seen": _pixels_seen,
}
