"""Lesson 02 by columns (unfold and fold), gradients from autograd, and torch's own layers where they only count."""

import math

import torch
from torch import nn
from torch.nn.functional import fold, unfold


def sizes(size, kernel, stride, padding):
    return [(n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, kernel, stride, padding, strict=True)]


def columns(x, kernel, stride, padding):
    """Windows as columns: (N, C, K_h * K_w, places)."""
    return unfold(x, tuple(kernel), padding=tuple(padding), stride=tuple(stride)).unflatten(1, (x.shape[1], -1))


def max_pool2d(x, kernel_size, stride, padding=(0, 0)):
    out = sizes(x.shape[2:], kernel_size, stride, padding)
    if len(x) == 0:
        return x.new_zeros(0, x.shape[1], *out)
    ones = columns(torch.ones_like(x), kernel_size, stride, padding)
    values = columns(x, kernel_size, stride, padding).masked_fill(ones == 0, -math.inf)
    return values.max(dim=2).values.unflatten(2, out)


def max_pool2d_backward(x, grad_output, kernel_size, stride, padding=(0, 0)):
    if len(x) == 0:
        return torch.zeros_like(x)
    x = x.detach().clone().requires_grad_()
    max_pool2d(x, kernel_size, stride, padding).backward(grad_output)  # max(dim) remembers a single index
    return x.grad


def divisor(x_size, kernel, stride, padding, count_include_pad):
    if count_include_pad:
        return math.prod(kernel)
    return columns(torch.ones(1, 1, *x_size[2:]).double(), kernel, stride, padding).sum(2)


def avg_pool2d(x, kernel_size, stride, padding=(0, 0), count_include_pad=True):
    out = sizes(x.shape[2:], kernel_size, stride, padding)
    if len(x) == 0:
        return x.new_zeros(0, x.shape[1], *out)
    total = columns(x, kernel_size, stride, padding).sum(2)
    mean = total / divisor(x.shape, kernel_size, stride, padding, count_include_pad)
    return mean.to(x.dtype).unflatten(2, out)


def avg_pool2d_backward(input_size, grad_output, kernel_size, stride, padding=(0, 0), count_include_pad=True):
    if input_size[0] == 0:
        return grad_output.new_zeros(input_size)
    share = grad_output.flatten(2) / divisor(input_size, kernel_size, stride, padding, count_include_pad)
    spread = share.to(grad_output.dtype)[:, :, None].expand(-1, -1, math.prod(kernel_size), -1).flatten(1, 2)
    return fold(spread, tuple(input_size[2:]), tuple(kernel_size), padding=tuple(padding), stride=tuple(stride))


def global_pool(x, kind):
    return {"max": torch.amax, "avg": torch.mean}[kind](x, dim=(-1, -2))


def fc_to_conv(weight, size):
    # What unit f makes of a map with a single 1 in it is the weight that belongs there.
    C, H, W = size
    basis = torch.eye(C * H * W, dtype=weight.dtype).reshape(-1, C, H, W)
    return (basis.flatten(1) @ weight.T).T.reshape(-1, C, H, W)


class ScoreMap(nn.Conv2d):
    """Itself a convolution of torch's."""

    def __init__(self, weight, bias, size):
        super().__init__(size[0], weight.shape[0], tuple(size[1:]), dtype=weight.dtype)
        self.load_state_dict({"weight": fc_to_conv(weight, size), "bias": bias})


def modules(input_size, layers, bias):
    """The network itself, without memory: torch says the shapes and the counts."""
    x, made = torch.zeros(1, *input_size, device="meta"), []
    for kind, *n in layers:
        if kind == "conv":
            net = nn.Sequential(
                nn.ZeroPad2d((*n[3], *n[3])), nn.Conv2d(x.shape[1], n[0], n[1], n[2], bias=bias, device="meta")
            )
        elif kind == "pool":
            net = nn.Sequential(nn.Conv2d(x.shape[1], x.shape[1], n[0], n[1], bias=False, device="meta"))
            net.requires_grad_(False)  # only its windows are of use
        else:
            x = x.flatten(1)
            net = nn.Linear(x.shape[1], n[0], bias=bias, device="meta")
        x = net(x)
        made.append((sum(p.numel() for p in net.parameters() if p.requires_grad), x))
    return made


def layer_shapes(input_size, layers):
    return [tuple(x.shape[1:]) for _, x in modules(input_size, layers, False)]


def weights_and_units(input_size, layers, bias=True):
    return [(weights, x.numel()) for weights, x in modules(input_size, layers, bias)]


def pixels_seen(layers, unit):
    # Upwards: the field of unit 0 begins at `start`, and the next unit's a `jump` further.
    size, jump, start = 1, 1, 0
    for kernel, stride, padding in layers:
        size, start, jump = size + (kernel - 1) * jump, start - padding * jump, jump * stride
    return start + unit * jump, start + unit * jump + size - 1
