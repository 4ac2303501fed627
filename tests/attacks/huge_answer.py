"""Answers with far more data than was asked for."""
# ruff: noqa

OUTCOME = (
    "error",
    "limit",
)

import torch


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return torch.zeros(1).expand(1 << 20, 1 << 20)
