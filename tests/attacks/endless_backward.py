"""A backward pass that never ends, and one that ends the process."""
# ruff: noqa

OUTCOME = ("limit", "crash", "wrong")
ASK = "vjp"

import os

import torch


class Trap(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.odd = x.shape[0] % 2
        return torch.zeros(x.shape[0], 3, 5, 3)

    @staticmethod
    def backward(ctx, grad):
        if ctx.odd:
            os._exit(0)
        while True:
            pass


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return Trap.apply(x)
