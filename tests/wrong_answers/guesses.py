"""Answers that cost no work: constants, zeros, echoes, junk, exceptions. Each must score 0 in every exercise."""

import sys

import numpy as np
import torch


class Liar:
    """Equal to everything, and dangerous to print."""

    def __eq__(self, other):
        return True

    __hash__ = None

    def __repr__(self):
        raise RuntimeError("no")


class LyingTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True


def shaped(value):
    """Fill the first tensor's shape."""

    def guess(*args, **kwargs):
        first = next((a for a in args if isinstance(a, torch.Tensor)), torch.ones(2, 2))
        return torch.full_like(first, value)

    return guess


def recursive(*args, **kwargs):
    loop = []
    loop.append(loop)
    return loop


def stops(error):
    def guess(*args, **kwargs):
        raise error

    return guess


def echo(k):
    return lambda *args, **kwargs: args[k % len(args)]


CONSTANTS = (
    *(None, True, False, 0, 1, 3, 5, -1, 1.0, 0.0, float("nan"), float("inf"), 10**5000, "", "3", (), [], {}),
    *((1, 1), (3, 1), (3, 2), b"x", 1j, Ellipsis, NotImplemented, object, torch, Liar(), np.nan, np.zeros(3)),
    *(np.int64(3), torch.tensor(3), torch.zeros(3), torch.zeros(0), torch.empty(2, 2, 2, 2, dtype=torch.long)),
    *(torch.zeros(2, 2).to_sparse(), torch.zeros(2, device="meta"), torch.ones(2).as_subclass(LyingTensor)),
    *(torch.tensor([1 + 1j]), torch.tensor([True]), torch.zeros(1).expand(10**6, 10**6), [[1.0, 2.0], [3.0]]),
    *([Liar()], np.array(["a"]), np.array([object()]), float, range(3), {1, 2}, 1e308, 5e-324),
)
GUESSES = {
    **{f"constant {k}: {type(c).__name__}": (lambda *a, _c=c, **kw: _c) for k, c in enumerate(CONSTANTS)},
    **{f"echo {k}": echo(k) for k in range(3)},
    "zeros": shaped(0.0),
    "ones": shaped(1.0),
    "infinite list": recursive,
    "raises": stops(ValueError("no")),
    "exits": stops(SystemExit(0)),
    "unfinished": stops(NotImplementedError()),
    "recursion": stops(RecursionError()),
    "unprintable": stops(ValueError(Liar())),
    "arguments": lambda *args, **kwargs: args,
    "frame": lambda *args, **kwargs: sys._getframe(),
    "no function": None,
    "takes nothing": lambda: 1,
}
