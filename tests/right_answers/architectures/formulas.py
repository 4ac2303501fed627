"""Lesson 04 with closed formulas, and forward passes written with torch.nn.functional on parameters of their own."""

from itertools import pairwise
from math import prod

import torch
import torch.nn.functional as F
from torch import nn


def conv_cost(c_in, c_out, kernel_size, height, width, stride=1, padding=0, bias=True):
    sides = [(side + 2 * padding - kernel_size + stride) // stride for side in (height, width)]
    products = c_in * c_out * kernel_size**2
    return products + c_out * int(bias), products * prod(sides)


def stack_of_3x3(field, channels):
    layers = field // 2
    return layers, 9 * layers * channels**2, (field * channels) ** 2


def vgg_weights(table, in_channels=3, size=224, hidden=(4096, 4096), num_classes=1000):
    kernels = [(filters, kernel) for filters, stage in table for kernel in stage]
    inputs = [in_channels, *(filters for filters, _ in kernels)]
    first = sum((c * k * k + 1) * f for c, (f, k) in zip(inputs, kernels, strict=False))
    units = [inputs[-1] * (size >> len(table)) ** 2, *hidden, num_classes]
    return first, sum((a + 1) * b for a, b in pairwise(units))


class VGG(nn.Module):
    def __init__(self, table, in_channels=3, num_classes=1000, batch_norm=False):
        super().__init__()
        self.features = nn.ModuleDict()
        self.ends = []
        place, c = 0, in_channels
        for filters, kernels in table:
            for kernel in kernels:
                self.features[str(place)] = nn.Conv2d(c, filters, kernel, padding=kernel // 2, bias=not batch_norm)
                if batch_norm:
                    self.features[str(place + 1)] = nn.BatchNorm2d(filters)
                place, c = place + 2 + batch_norm, filters
            self.ends.append(place)
            place += 1
        self.classifier = nn.Linear(c, num_classes)

    def forward(self, x):
        for place in range(self.ends[-1] + 1):
            if place in self.ends:
                x = F.max_pool2d(x, 2)
            elif str(place) in self.features:
                x = self.features[str(place)](x)
            else:
                x = F.relu(x)
        return F.linear(x.mean((-2, -1)), self.classifier.weight, self.classifier.bias)


def inception_cost(c_in, filters, height, width):
    one, reduce3, three, reduce5, five, pool = filters
    weights = c_in * (one + reduce3 + reduce5 + pool) + 9 * reduce3 * three + 25 * reduce5 * five
    return sum(filters) - reduce3 - reduce5, weights, height * width * weights


class Inception(nn.Module):
    def __init__(self, c_in, filters):
        super().__init__()
        one, reduce3, three, reduce5, five, pool = filters
        nothing = nn.Identity()
        self.branch1 = nn.ModuleList([nn.Conv2d(c_in, one, 1)])
        self.branch2 = nn.ModuleList([nn.Conv2d(c_in, reduce3, 1), nothing, nn.Conv2d(reduce3, three, 3)])
        self.branch3 = nn.ModuleList([nn.Conv2d(c_in, reduce5, 1), nothing, nn.Conv2d(reduce5, five, 5)])
        self.branch4 = nn.ModuleList([nothing, nn.Conv2d(c_in, pool, 1)])

    def forward(self, x):
        low = F.pad(x, (1, 1, 1, 1), value=-float("inf"))
        parts = [
            self.branch1[0](x),
            F.conv2d(F.relu(self.branch2[0](x)), self.branch2[2].weight, self.branch2[2].bias, padding=1),
            F.conv2d(F.relu(self.branch3[0](x)), self.branch3[2].weight, self.branch3[2].bias, padding=2),
            self.branch4[1](F.max_pool2d(low, 3, 1)),
        ]
        return F.relu(torch.cat(parts, 1))


def block_weights(kind, c_in, width, stride=1):
    basic = kind == "basic"
    c_out = width if basic else 4 * width
    if basic:
        inside = 9 * width * (c_in + width) + 4 * width
    else:
        inside = width * (c_in + 9 * width + c_out) + 2 * (width + width + c_out)
    fits = c_in == c_out and stride == 1
    return inside + (0 if fits else c_out * (c_in + 2))


class BasicBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        projected = (c_in, 1) != (c_out, stride)
        self.downsample = nn.ModuleList()
        if projected:
            self.downsample.extend([nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out)])
        self.stride = stride

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if len(self.downsample):
            x = x[:, :, :: self.stride, :: self.stride]  # a 1×1 filter that moves by S sees only these
            for step in self.downsample:
                x = step(x)
        return F.relu(x + y)


class Bottleneck(nn.Module):
    def __init__(self, c_in, width, stride=1):
        super().__init__()
        out = 4 * width
        for name, made in {
            "conv1": nn.Conv2d(c_in, width, 1, bias=False),
            "bn1": nn.BatchNorm2d(width),
            "conv2": nn.Conv2d(width, width, 3, stride, 1, bias=False),
            "bn2": nn.BatchNorm2d(width),
            "conv3": nn.Conv2d(width, out, 1, bias=False),
            "bn3": nn.BatchNorm2d(out),
        }.items():
            setattr(self, name, made)
        need = stride != 1 or c_in != out
        fit = [nn.Conv2d(c_in, out, 1, stride, bias=False), nn.BatchNorm2d(out)] if need else []
        self.downsample = nn.Sequential(*fit)  # an empty one gives its input back

    def forward(self, x):
        y = F.relu(self.bn1(F.conv2d(x, self.conv1.weight)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(F.conv2d(y, self.conv3.weight))
        return F.relu(y + self.downsample(x))


class DenseBlock(nn.ModuleDict):
    def __init__(self, c_in, layers, growth):
        super().__init__()
        for i in range(layers):
            seen, narrow = c_in + i * growth, 4 * growth
            self[f"denselayer{i + 1}"] = nn.ModuleDict(
                {
                    "norm1": nn.BatchNorm2d(seen),
                    "conv1": nn.Conv2d(seen, narrow, 1, bias=False),
                    "norm2": nn.BatchNorm2d(narrow),
                    "conv2": nn.Conv2d(narrow, growth, 3, padding=1, bias=False),
                }
            )

    def forward(self, x):
        n, c, height, width = x.shape
        growth = [part["conv2"].out_channels for part in self.values()]
        held = x.new_zeros(n, c + sum(growth), height, width)
        held = torch.cat([x, held[:, c:]], dim=1)
        for part, more in zip(self.values(), growth, strict=True):
            y = part["conv1"](part["norm1"](held[:, :c]).relu())
            new = part["conv2"](part["norm2"](y).relu())
            held = torch.cat([held[:, :c], new, held[:, c + more :]], dim=1)
            c += more
        return held
