"""Answers with tensors that hold no plain memory: meta, sparse, quantized, nested, of a mode of their own."""
# ruff: noqa

OUTCOME = ("error",)

import torch

kinds = [
    torch.ones(2, device="meta"),
    torch.ones(2, 2).to_sparse(),
    torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
    torch.ones(2).requires_grad_()[torch.tensor([0])].expand(1 << 40),
]


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return kinds.pop()
