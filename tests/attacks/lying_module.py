"""A module that answers every question about itself with what is wanted, or with itself."""
# ruff: noqa

OUTCOME = ("wrong", "error")
ASK = "module"

import torch
from torch import nn


class Always(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 2, 2, 3).as_subclass(Always))

    def __call__(self, *args, **kwargs):
        return self

    def __getattribute__(self, name):
        return object.__getattribute__(self, name) if name.startswith("_") or name in ("weight", "training") else self

    __eq__ = lambda self, other: True
    __hash__ = None
    __iter__ = lambda self: iter(lambda: self, None)


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return Block()
