"""Lesson 02 with windows as views of memory; the padding repeats the border or is masked."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import pad


def windows(x, kernel, stride, padding, **how):
    x = pad(x, (padding[1], padding[1], padding[0], padding[0]), **how)
    return x.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1])  # (N, C, i, j, k, l)


def max_pool2d(x, kernel_size, stride, padding=(0, 0)):
    # The padding is at most half the kernel: next to a copy of a border pixel the window holds the pixel itself.
    if len(x) == 0:
        return windows(x, kernel_size, stride, padding)[..., 0, 0]
    return windows(x, kernel_size, stride, padding, mode="replicate").amax(dim=(4, 5))


def max_pool2d_backward(x, grad_output, kernel_size, stride, padding=(0, 0)):
    # Number the pixels, and let every window tell the number of its winner.
    H, W = x.shape[2:]
    number = torch.arange(H * W, dtype=torch.double).reshape(1, 1, H, W)
    values = windows(x, kernel_size, stride, padding, value=-torch.inf).flatten(4)
    numbers = windows(number, kernel_size, stride, padding).flatten(4).expand(values.shape)
    winner = numbers.gather(4, values.argmax(4, keepdim=True))[..., 0].long()
    dx = x.new_zeros(*x.shape[:2], H * W)
    return dx.scatter_add(2, winner.flatten(2), grad_output.flatten(2)).reshape(x.shape)


def counts(size, kernel, stride, padding, count_include_pad, dtype):
    ones = torch.ones(1, 1, *size, dtype=dtype)
    counted = windows(ones, kernel, stride, padding).sum((4, 5))
    return torch.full_like(counted, kernel[0] * kernel[1]) if count_include_pad else counted


def avg_pool2d(x, kernel_size, stride, padding=(0, 0), count_include_pad=True):
    total = windows(x, kernel_size, stride, padding).sum((4, 5))
    return total / counts(x.shape[2:], kernel_size, stride, padding, count_include_pad, x.dtype)


def avg_pool2d_backward(input_size, grad_output, kernel_size, stride, padding=(0, 0), count_include_pad=True):
    share = grad_output / counts(input_size[2:], kernel_size, stride, padding, count_include_pad, grad_output.dtype)
    (N, C, H, W), (P_h, P_w) = input_size, padding
    dx = share.new_zeros(N, C, H + 2 * P_h, W + 2 * P_w)
    rows = torch.arange(share.shape[2]) * stride[0]
    columns = torch.arange(share.shape[3]) * stride[1]
    for k in range(kernel_size[0]):
        for m in range(kernel_size[1]):
            dx[:, :, rows[:, None] + k, columns + m] += share
    return dx[:, :, P_h : P_h + H, P_w : P_w + W]


def global_pool(x, kind):
    flat = x.flatten(2)
    return flat.max(dim=2).values if kind == "max" else flat.mean(-1)


def fc_to_conv(weight, size):
    return weight.unflatten(1, tuple(size))


class ScoreMap(nn.Module):
    """A convolution of torch's with the given values."""

    def __init__(self, weight, bias, size):
        super().__init__()
        C, H, W = size
        self.conv = nn.Conv2d(C, len(weight), (H, W)).to(weight.dtype)
        with torch.no_grad():
            self.conv.weight.copy_(weight.view(-1, C, H, W))
            self.conv.bias.copy_(bias)

    def forward(self, x):
        return self.conv(x)


def layer_shapes(input_size, layers):
    shapes = [np.array(input_size)]
    for kind, first, *rest in layers:
        C, sides = shapes[-1][0], shapes[-1][1:]
        if kind == "conv":
            kernel, stride, padding = rest
            sides = (sides + sum(padding) - kernel) // stride + 1
            shapes.append(np.array([first, *sides]))
        elif kind == "pool":
            shapes.append(np.array([C, *((sides - first) // rest[0] + 1)]))
        else:
            shapes.append(np.array([first]))
    return [tuple(shape.tolist()) for shape in shapes[1:]]


def weights_and_units(input_size, layers, bias=True):
    shapes = [tuple(input_size), *layer_shapes(input_size, layers)]
    units = [int(np.prod(shape)) for shape in shapes]
    weights = []
    for k, (kind, *numbers) in enumerate(layers):
        fan_in = {"conv": lambda k=k, n=numbers: shapes[k][0] * n[1] ** 2, "fc": lambda k=k: units[k]}.get(kind)
        weights.append(numbers[0] * (fan_in() + int(bias)) if fan_in else 0)
    return list(zip(weights, units[1:], strict=True))


def pixels_seen(layers, unit):
    if not layers:
        return unit, unit
    *below, (kernel, stride, padding) = layers
    first = unit * stride - padding
    return pixels_seen(below, first)[0], pixels_seen(below, first + kernel - 1)[1]
