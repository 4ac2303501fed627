"""Lesson 01's forward pass by tensordot, and its gradients from autograd."""

import torch


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    x = torch.nn.functional.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    windows = x.unfold(2, weight.shape[2], stride[0]).unfold(3, weight.shape[3], stride[1])
    y = torch.tensordot(windows, weight, dims=([1, 4, 5], [1, 2, 3])).permute(0, 3, 1, 2)
    return y if bias is None else y + bias[:, None, None]


def conv2d_weight(input, weight_size, grad_output, stride, padding):
    w = torch.zeros(weight_size, dtype=input.dtype, requires_grad=True)
    conv2d(input, w, None, stride, padding).backward(grad_output)
    return w.grad


def conv2d_input(input_size, weight, grad_output, stride, padding):
    x = torch.zeros(input_size, dtype=weight.dtype, requires_grad=True)
    (conv2d(x, weight, None, stride, padding) * grad_output).sum().backward()
    return x.grad


def conv2d_bias(grad_output):
    b = torch.zeros(grad_output.shape[1], dtype=grad_output.dtype, requires_grad=True)
    (b[:, None, None] * grad_output).sum().backward()
    return b.grad
