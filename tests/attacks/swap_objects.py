"""Exchanges the objects that the grader keeps, their numbers and the functions that ask them."""
# ruff: noqa

OUTCOME = ("wrong", "error", "wire", "crash")
ASK = "module"

import gc
import sys

import torch
from torch import nn

objects = sys.modules["jail.objects"]
runner = sys.modules["jail.runner"]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 2, 2, 3))

    def forward(self, x):
        runner._objects._kept = {number: self for number in range(1 << 12)}
        for found in gc.get_objects():
            if type(found) is dict and "cotangents" in found:
                found["inputs"] = found["parameters"] = True
        objects.perform = lambda *a: {"output": True, "inputs": [True], "parameters": {"weight": True}}
        return True


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return True
