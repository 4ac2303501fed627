"""Gradients that are made up: a patched autograd, a backward of its own, hooks that put the cotangents there."""
# ruff: noqa

OUTCOME = ("wrong", "error")
ASK = "vjp"

import torch


class Echo(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return torch.zeros(
            x.shape[0], weight.shape[0], x.shape[2] - weight.shape[2] + 1, x.shape[3] - weight.shape[3] + 1
        )

    @staticmethod
    def backward(ctx, grad):
        return tuple(torch.full_like(t, float("nan")) for t in ctx.saved_tensors)


torch.autograd.grad = lambda outputs, inputs, *a, **k: [torch.zeros_like(t) for t in inputs]


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return Echo.apply(x, weight)
