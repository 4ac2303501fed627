"""Answers with tensors that share the input's memory, and changes that memory while the answer is being sent."""
# ruff: noqa

OUTCOME = ("wrong", "error")

import threading

import torch


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    answer = torch.zeros(1 << 20)

    def churn():
        while True:
            answer.add_(1)

    threading.Thread(target=churn, daemon=True).start()
    return [x, x.view(-1), x.T if x.dim() == 2 else x, answer]
