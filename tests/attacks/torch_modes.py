"""Pushes modes of torch that stay on after the call: another device, another dtype, every function answered by a lie."""
# ruff: noqa

OUTCOME = ("wrong", "error", "crash", "wire", "limit")  # what the modes make torch import can outlast the limit

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


class Lies(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return True if "equal" in str(func) or "close" in str(func) else func(*args, **(kwargs or {}))


class Silence(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return torch.zeros(())


torch.set_default_dtype(torch.float64)
torch.set_default_device("meta")
Lies().__enter__()


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    Silence().__enter__()
    return torch.ones(1)
