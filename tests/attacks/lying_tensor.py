"""Answers with a subclass of torch.Tensor whose __torch_function__ says what is wanted."""
# ruff: noqa

OUTCOME = ("error",)

import torch


class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func in (torch.equal, torch.allclose, torch.Tensor.equal):
            return True
        return super().__torch_function__(func, types, args, kwargs or {})


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return torch.zeros(1).as_subclass(Liar)
