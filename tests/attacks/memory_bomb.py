"""Takes all the memory, in one piece and in many."""
# ruff: noqa

OUTCOME = (
    "limit",
    "error",
    "crash",
)

import torch

try:
    torch.ones(1 << 40)
    print("LEAK")
except RuntimeError:
    pass
hoard = []


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    while True:
        hoard.append(torch.ones(1 << 22))
