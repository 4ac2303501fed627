"""Exercise `convolve`: the true one-dimensional convolution, at full length."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise

BASE = """
import torch

def convolve(x, w):
    N, K = len(x), len(w)
    y = x.new_zeros(N + K - 1)
    for k in range(K):
        y[k : k + N] += w[k] * x
    return y
"""
ADD = "y[k : k + N] += w[k] * x"
END = "    return y\n"

MISTAKES = catalogue(
    "convolve",
    BASE,
    [
        wrong(
            "kernel_not_flipped",
            "This is cross-correlation: the kernel slides as it stands. A convolution reads it backwards, w[0] first.",
            ("w[k] * x", "w[K - 1 - k] * x"),
        ),
        wrong(
            "reversed",
            "Your result is right but runs backwards: entry n belongs to position n of x, counted from its start.",
            (END, "    return y.flip(0)\n"),
        ),
        wrong(
            "signal_flipped",
            "You flip x. Only the kernel runs backwards; the order of the signal stays.",
            ("w[k] * x", "w[k] * x.flip(0)"),
        ),
        wrong(
            "valid_only",
            "You keep only the positions where the kernel lies wholly inside x. "
            "The full result has len(x) + len(w) - 1 entries.",
            (END, "    return y[min(N, K) - 1 : max(N, K)]\n"),
        ),
        wrong(
            "same_length",
            "You cut the result to the length of x. The full result has len(x) + len(w) - 1 entries.",
            (END, "    return y[(K - 1) // 2 : (K - 1) // 2 + N]\n"),
        ),
        wrong(
            "tail_cut",
            "You keep the first len(x) entries. The kernel still touches the end of x for len(w) - 1 more positions.",
            (END, "    return y[:N]\n"),
        ),
        wrong(
            "one_too_long",
            "Your result is one entry too long: two signals of length 1 give a result of length 1.",
            ("N + K - 1", "N + K"),
        ),
        wrong(
            "overwritten",
            "Each pass replaces what the passes before it wrote. Where the products overlap they add up.",
            ("+=", "="),
        ),
        wrong(
            "wraps_around",
            "What runs out at the end comes in again at the start. Outside of x there are zeros, it is not a ring.",
            ("    for k", "    y = x.new_zeros(N)\n    for k"),
            (ADD, "y += w[k] * x.roll(k)"),
            (END, "    return torch.cat([y, x.new_zeros(K - 1)])\n"),
        ),
        wrong(
            "averaged",
            "You divide by the kernel's length. A convolution is a sum of products; any averaging lies in w itself.",
            (END, "    return y / K\n"),
        ),
        wrong(
            "normalised",
            "You divide by the sum of the kernel. A convolution uses w as it is, also when its sum is not 1.",
            (END, "    return y / w.sum()\n"),
        ),
        wrong(
            "last_tap_missing",
            "The last entry of the kernel is never used: a range stops before its end.",
            ("range(K)", "range(K - 1)"),
        ),
        wrong(
            "first_tap_missing",
            "The first entry of the kernel is never used: in Python the first index is 0.",
            ("range(K)", "range(1, K)"),
        ),
        wrong(
            "whole_numbers",
            "The result is cut to whole numbers: the tensor that you write into has an integer dtype. Use x's.",
            ("x.new_zeros(N + K - 1)", "torch.zeros(N + K - 1, dtype=torch.long)"),
            (ADD, "y[k : k + N] += (w[k] * x).long()"),
            (END, "    return y.to(x.dtype)\n"),
        ),
    ],
)


def reference(x: Tensor, w: Tensor) -> Tensor:
    """The library's cross-correlation of the padded signal with the reversed kernel."""
    K = len(w)
    return torch.nn.functional.conv1d(x[None, None], w.flip(0)[None, None], padding=K - 1)[0, 0]


def public() -> list[Case]:
    """Signals short enough to work out on paper."""
    t = torch.tensor
    return [
        Case("one pulse, kernel (1, 2, 3)", (t([0.0, 1.0, 0.0, 0.0]), t([1.0, 2.0, 3.0])), weight=0.5),
        Case("a step, smoothed unevenly", (t([0.0, 0.0, 4.0, 4.0]), t([0.75, 0.25])), weight=0.5),
        Case(
            "a kernel that overlaps, in float64",
            (t([1.0, 2.0, 3.0, 5.0]).double(), t([2.0, -1.0, 0.5]).double()),
            weight=0.5,
        ),
        Case("a kernel longer than the signal", (t([1.0, -2.0]), t([3.0, 1.0, 0.5, 2.0])), weight=0.5),
    ]


EXERCISE = Exercise(
    "convolve",
    2.0,
    reference,
    public,
    MISTAKES,
    forbidden=("torch.nn.functional.conv1d", "torch.conv1d", "numpy.convolve", "scipy.signal.convolve"),
)
