"""Answers with NaN, which no comparison calls different from anything it forgets to look at."""
# ruff: noqa

OUTCOME = ("wrong",)

import torch
import torch.nn.functional as F


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return torch.full_like(F.conv2d(x, weight, bias, stride, padding), float("nan"))
