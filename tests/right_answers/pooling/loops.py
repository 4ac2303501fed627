"""Lesson 02 as the formulas read: one Python loop for every index, and nothing padded."""

import torch
from torch import nn


def places(size, kernel, stride, padding):
    return [range(-p, n + p - k + 1, s) for n, k, s, p in zip(size, kernel, stride, padding, strict=True)]


def pixels(size, kernel, top, left):
    """The window's pixels that lie on the image, row by row."""
    return [
        (r, c)
        for r in range(top, top + kernel[0])
        for c in range(left, left + kernel[1])
        if 0 <= r < size[0] and 0 <= c < size[1]
    ]


def max_pool2d(x, kernel_size, stride, padding=(0, 0)):
    rows, columns = places(x.shape[2:], kernel_size, stride, padding)
    y = torch.zeros((*x.shape[:2], len(rows), len(columns)), dtype=x.dtype)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            for i, top in enumerate(rows):
                for j, left in enumerate(columns):
                    y[n, c, i, j] = max(float(x[n, c, r, s]) for r, s in pixels(x.shape[2:], kernel_size, top, left))
    return y


def max_pool2d_backward(x, grad_output, kernel_size, stride, padding=(0, 0)):
    rows, columns = places(x.shape[2:], kernel_size, stride, padding)
    dx = torch.zeros(x.shape, dtype=x.dtype)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            for i, top in enumerate(rows):
                for j, left in enumerate(columns):
                    seen = pixels(x.shape[2:], kernel_size, top, left)
                    best = seen[0]
                    for place in seen[1:]:
                        if x[n, c, place[0], place[1]] > x[n, c, best[0], best[1]]:
                            best = place
                    dx[n, c, best[0], best[1]] += grad_output[n, c, i, j]
    return dx


def avg_pool2d(x, kernel_size, stride, padding=(0, 0), count_include_pad=True):
    rows, columns = places(x.shape[2:], kernel_size, stride, padding)
    y = torch.zeros((*x.shape[:2], len(rows), len(columns)), dtype=x.dtype)
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            seen = pixels(x.shape[2:], kernel_size, top, left)
            for r, c in seen:
                y[:, :, i, j] += x[:, :, r, c]
            y[:, :, i, j] /= kernel_size[0] * kernel_size[1] if count_include_pad else len(seen)
    return y


def avg_pool2d_backward(input_size, grad_output, kernel_size, stride, padding=(0, 0), count_include_pad=True):
    rows, columns = places(input_size[2:], kernel_size, stride, padding)
    dx = torch.zeros(tuple(input_size), dtype=grad_output.dtype)
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            seen = pixels(input_size[2:], kernel_size, top, left)
            count = kernel_size[0] * kernel_size[1] if count_include_pad else len(seen)
            for r, c in seen:
                dx[:, :, r, c] += grad_output[:, :, i, j] / count
    return dx


def global_pool(x, kind):
    y = torch.zeros(x.shape[:2], dtype=x.dtype)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            values = x[n, c].flatten().tolist()
            y[n, c] = max(values) if kind == "max" else sum(values) / len(values)
    return y


def fc_to_conv(weight, size):
    C, H, W = size
    kernels = torch.zeros((weight.shape[0], C, H, W), dtype=weight.dtype)
    for c in range(C):
        for i in range(H):
            for j in range(W):
                kernels[:, c, i, j] = weight[:, c * H * W + i * W + j]
    return kernels


class ScoreMap(nn.Module):
    """The fully connected layer at each place, one by one; its weights are kept as they came."""

    def __init__(self, weight, bias, size):
        super().__init__()
        self.w, self.b, self.size = nn.Parameter(weight), nn.Parameter(bias), size

    def forward(self, x):
        _, H, W = self.size
        rows, columns = range(x.shape[2] - H + 1), range(x.shape[3] - W + 1)
        cut = [[x[:, :, i : i + H, j : j + W].flatten(1) for j in columns] for i in rows]
        return torch.stack([torch.stack([c @ self.w.T + self.b for c in row], -1) for row in cut], -2)


def layer_shapes(input_size, layers):
    shape, made = list(input_size), []
    for layer in layers:
        if layer[0] == "fc":
            shape = [layer[1]]
        else:
            kernel, stride = layer[-3:-1] if layer[0] == "conv" else layer[1:]
            before, after = layer[-1] if layer[0] == "conv" else (0, 0)
            for axis in (1, 2):
                count, at = 0, -before
                while at + kernel <= shape[axis] + after:
                    count, at = count + 1, at + stride
                shape[axis] = count
            if layer[0] == "conv":
                shape[0] = layer[1]
        made.append(list(shape))
    return made


def weights_and_units(input_size, layers, bias=True):
    made, before = [], list(input_size)
    for layer, shape in zip(layers, layer_shapes(input_size, layers), strict=True):
        weights = 0
        if layer[0] == "conv":
            for _ in range(layer[1]):
                weights += before[0] * layer[2] ** 2 + (1 if bias else 0)
        elif layer[0] == "fc":
            inputs = 1
            for n in before:
                inputs *= n
            weights = layer[1] * (inputs + 1) if bias else layer[1] * inputs
        units = 1
        for n in shape:
            units *= n
        made.append([weights, units])
        before = shape
    return made


def pixels_seen(layers, unit):
    seen = {unit}
    for kernel, stride, padding in layers[::-1]:
        seen = {i * stride - padding + k for i in seen for k in range(kernel)}
    return [min(seen), max(seen)]
