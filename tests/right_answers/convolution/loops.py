"""Lesson 01 as the formulas read: one Python loop for every index."""

import math

import torch


def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    places, left = 0, -padding
    while left + dilation * (kernel_size - 1) < size + padding:
        places += 1
        left += stride
    return places


def convolve(x, w):
    y = torch.zeros(len(x) + len(w) - 1, dtype=x.dtype)
    for n in range(len(y)):
        for k in range(len(w)):
            if 0 <= n - k < len(x):
                y[n] += w[k] * x[n - k]
    return y


def conv_matrix(w, n, stride=1, padding=0):
    rows = []
    start = -padding
    while start + len(w) <= n + padding:
        rows.append([float(w[i - start]) if 0 <= i - start < len(w) else 0.0 for i in range(n)])
        start += stride
    return torch.tensor(rows, dtype=w.dtype)


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    x = torch.nn.functional.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    N, _, H, W = x.shape
    C_out, _, K_h, K_w = weight.shape
    rows = range(0, H - K_h + 1, stride[0])
    columns = range(0, W - K_w + 1, stride[1])
    y = torch.zeros((N, C_out, len(rows), len(columns)), dtype=x.dtype)
    for n in range(N):
        for o in range(C_out):
            for i, top in enumerate(rows):
                for j, left in enumerate(columns):
                    window = x[n, :, top : top + K_h, left : left + K_w]
                    y[n, o, i, j] = (window * weight[o]).sum()
                    if bias is not None:
                        y[n, o, i, j] += bias[o]
    return y


def conv2d_bias(grad_output):
    db = [math.fsum(grad_output[:, o].flatten().tolist()) for o in range(grad_output.shape[1])]
    return torch.tensor(db, dtype=grad_output.dtype)


def conv2d_weight(input, weight_size, grad_output, stride, padding):
    x = torch.nn.functional.pad(input, (padding[1], padding[1], padding[0], padding[0]))
    dw = torch.zeros(tuple(weight_size), dtype=input.dtype)
    for i in range(grad_output.shape[2]):
        for j in range(grad_output.shape[3]):
            for k in range(weight_size[2]):
                for l in range(weight_size[3]):
                    pixels = x[:, :, i * stride[0] + k, j * stride[1] + l]
                    dw[:, :, k, l] += grad_output[:, :, i, j].T @ pixels
    return dw


def conv2d_input(input_size, weight, grad_output, stride, padding):
    N, C_in, H, W = input_size
    dx = torch.zeros((N, C_in, H, W), dtype=weight.dtype)
    for i in range(grad_output.shape[2]):
        for j in range(grad_output.shape[3]):
            for k in range(weight.shape[2]):
                for l in range(weight.shape[3]):
                    row, column = i * stride[0] + k - padding[0], j * stride[1] + l - padding[1]
                    if 0 <= row < H and 0 <= column < W:
                        dx[:, :, row, column] += grad_output[:, :, i, j] @ weight[:, :, k, l]
    return dx


def equivariance_error(y, y_shifted, shift):
    worst = 0.0
    H, W = y.shape[-2:]
    for i in range(H):
        for j in range(W):
            if 0 <= i + shift[0] < H and 0 <= j + shift[1] < W:
                difference = y_shifted[:, :, i + shift[0], j + shift[1]] - y[:, :, i, j]
                worst = max(worst, float(difference.abs().max()))
    return worst


def receptive_field(layers):
    # From the last layer to the first: r outputs of a layer cover (r - 1) * S + D * (K - 1) + 1 of its inputs.
    size, jump = 1, 1
    for kernel, stride, *rest in reversed(layers):
        dilation = rest[0] if rest else 1
        size = (size - 1) * stride + dilation * (kernel - 1) + 1
        jump *= stride
    return [size, jump]
