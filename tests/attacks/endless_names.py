"""A module with endlessly many parameters, whose names are endless and full of escape sequences."""
# ruff: noqa

OUTCOME = ("limit", "error", "crash")
ASK = "module"

import itertools

from torch import nn


class Endless(dict):
    def items(self):
        return ((f"\x1b[2J\u202e{k}" * 99, None) for k in itertools.count())

    keys = values = __iter__ = items


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.__dict__["_parameters"] = self.__dict__["_buffers"] = Endless()

    def forward(self, x):
        return (x for _ in itertools.count())


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return (x for _ in itertools.count())
