"""Lesson 01 by matrix products (im2col), Fourier transforms, and linearity."""

import math

import torch
from torch.nn.functional import fold, unfold


def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    return torch.arange(-padding, size + padding - dilation * (kernel_size - 1), stride).numel()


def convolve(x, w):
    n = len(x) + len(w) - 1
    exact = torch.fft.irfft(torch.fft.rfft(x.double(), n) * torch.fft.rfft(w.double(), n), n)
    return exact.to(x.dtype)


def conv_matrix(w, n, stride=1, padding=0):
    K = len(w)
    rows = torch.arange(0, n + 2 * padding - K + 1, stride)[:, None]
    k = torch.arange(n)[None] - rows + padding
    return torch.where((k >= 0) & (k < K), w[k.clamp(0, K - 1)], torch.zeros((), dtype=w.dtype))


def sizes(x_size, kernel, stride, padding):
    return [(n + 2 * p - k) // s + 1 for n, k, s, p in zip(x_size, kernel, stride, padding, strict=True)]


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    H_out, W_out = sizes(x.shape[2:], weight.shape[2:], stride, padding)
    if len(x) == 0:
        return x.new_zeros(0, len(weight), H_out, W_out)
    columns = unfold(x, tuple(weight.shape[2:]), padding=padding, stride=stride)  # (N, C_in * K * K, places)
    y = weight.flatten(1) @ columns
    if bias is not None:
        y = y + bias[:, None]
    return y.reshape(len(x), len(weight), H_out, W_out)


def conv2d_bias(grad_output):
    return torch.ones(grad_output.shape[0], dtype=grad_output.dtype) @ grad_output.sum((-1, -2))


def conv2d_weight(input, weight_size, grad_output, stride, padding):
    if len(input) == 0:
        return input.new_zeros(weight_size)
    columns = unfold(input, tuple(weight_size[2:]), padding=padding, stride=stride)
    dw = (grad_output.flatten(2) @ columns.transpose(1, 2)).sum(0)
    return dw.reshape(weight_size)


def conv2d_input(input_size, weight, grad_output, stride, padding):
    if input_size[0] == 0:
        return weight.new_zeros(input_size)
    columns = weight.flatten(1).T @ grad_output.flatten(2)
    return fold(columns, tuple(input_size[2:]), tuple(weight.shape[2:]), padding=padding, stride=stride)


def equivariance_error(y, y_shifted, shift):
    for axis, d in ((2, shift[0]), (3, shift[1])):
        n = y.shape[axis] - abs(d)
        y, y_shifted = y.narrow(axis, max(-d, 0), n), y_shifted.narrow(axis, max(d, 0), n)
    return torch.linalg.vector_norm(y_shifted - y, math.inf)


def receptive_field(layers):
    if not layers:
        return 1, 1
    *before, (kernel, stride, *rest) = layers
    size, jump = receptive_field(before)
    return size + (rest[0] if rest else 1) * (kernel - 1) * jump, jump * stride
