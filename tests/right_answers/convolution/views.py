"""Lesson 01 with windows as views of memory, and einsum."""

import math

import numpy as np
import torch


def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    return math.floor((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1)


def convolve(x, w):
    padded = torch.cat([x.new_zeros(len(w) - 1), x, x.new_zeros(len(w) - 1)])
    return padded.unfold(0, len(w), 1) @ w.flip(0)


def conv_matrix(w, n, stride=1, padding=0):
    positions = np.arange(0, n + 2 * padding - len(w) + 1, stride)
    A = np.zeros((len(positions), n + 2 * padding), dtype=w.numpy().dtype)
    A[np.arange(len(positions))[:, None], positions[:, None] + np.arange(len(w))] = w.numpy()
    return torch.from_numpy(A[:, padding : padding + n])


def windows(x, kernel, stride, padding):
    x = torch.nn.functional.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    return x.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1])


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    y = torch.einsum("ncijkl,ockl->noij", windows(x, weight.shape[2:], stride, padding), weight)
    return y if bias is None else y + bias.view(1, -1, 1, 1)


def conv2d_bias(grad_output):
    return torch.einsum("noij->o", grad_output)


def conv2d_weight(input, weight_size, grad_output, stride, padding):
    return torch.einsum("noij,ncijkl->ockl", grad_output, windows(input, weight_size[2:], stride, padding))


def conv2d_input(input_size, weight, grad_output, stride, padding):
    # Spread grad_output out by the stride, surround it with zeros, correlate with the flipped kernel.
    N, _, H, W = input_size
    C_out, _, K_h, K_w = weight.shape
    spread = grad_output.new_zeros(N, C_out, H + 2 * padding[0] + K_h - 1, W + 2 * padding[1] + K_w - 1)
    H_out, W_out = grad_output.shape[2:]
    rows = K_h - 1 + stride[0] * torch.arange(H_out)
    columns = K_w - 1 + stride[1] * torch.arange(W_out)
    spread[:, :, rows[:, None], columns] = grad_output
    dx = conv2d(spread, weight.transpose(0, 1).flip(2, 3))
    return dx[:, :, padding[0] : padding[0] + H, padding[1] : padding[1] + W]


def equivariance_error(y, y_shifted, shift):
    back = torch.roll(y_shifted, (-shift[0], -shift[1]), (2, 3)) - y
    H, W = y.shape[2:]
    rows, columns = torch.arange(H) + shift[0], torch.arange(W) + shift[1]
    inside = ((rows >= 0) & (rows < H))[:, None] & ((columns >= 0) & (columns < W))
    return torch.where(inside, back, 0).abs().amax().item()


def receptive_field(layers):
    strides = np.cumprod([1] + [layer[1] for layer in layers])
    steps = [(layer[0] - 1) * (layer[2] if len(layer) == 3 else 1) for layer in layers]
    return 1 + int(np.dot(steps, strides[:-1])) if layers else 1, strides[-1]
