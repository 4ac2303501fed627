"""Lesson 04 with torch doing the counting: each cost is that of a layer that is really made."""

from collections import OrderedDict

import torch
from torch import nn


def learned(*modules):
    return sum(p.numel() for m in modules for p in m.parameters())


def conv_cost(c_in, c_out, kernel_size, height, width, stride=1, padding=0, bias=True):
    with torch.device("meta"):
        layer = nn.Conv2d(c_in, c_out, kernel_size, stride, padding, bias=bias)
        y = layer(torch.empty(1, c_in, height, width))
    return learned(layer), y[0, 0].numel() * layer.weight.numel()


def stack_of_3x3(field, channels):
    with torch.device("meta"):
        stack, seen = nn.Sequential(), torch.empty(1, channels, field, field)
        while seen.shape[-1] > 1:
            stack.append(nn.Conv2d(channels, channels, 3, bias=False))
            seen = stack[-1](seen)
        single = nn.Conv2d(channels, channels, field, bias=False)
    return len(stack), learned(stack), learned(single)


def vgg_weights(table, in_channels=3, size=224, hidden=(4096, 4096), num_classes=1000):
    with torch.device("meta"):
        x, convolutions = torch.empty(1, in_channels, size, size), []
        for filters, kernels in table:
            for kernel in kernels:
                convolutions.append(nn.Conv2d(x.shape[1], filters, kernel, padding="same"))
                x = convolutions[-1](x)
            x = nn.functional.max_pool2d(x, 2)
        x, connected = x.flatten(1), []
        for units in (*hidden, num_classes):
            connected.append(nn.Linear(x.shape[1], units))
            x = connected[-1](x)
    return learned(*convolutions), learned(*connected)


class VGG(nn.Module):
    def __init__(self, table, in_channels=3, num_classes=1000, batch_norm=False):
        super().__init__()

        def step(before, after, kernel):
            yield nn.Conv2d(before, after, kernel, padding=(kernel - 1) // 2, bias=not batch_norm)
            if batch_norm:
                yield nn.BatchNorm2d(after)
            yield nn.ReLU()

        layers = []
        channels = [in_channels] + [filters for filters, _ in table]
        for stage, (filters, kernels) in enumerate(table):
            for k, kernel in enumerate(kernels):
                layers.extend(step(filters if k else channels[stage], filters, kernel))
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels[-1], num_classes)

    def forward(self, x):
        y = self.features(x)
        return self.classifier(y.flatten(2).sum(2) / (y.shape[2] * y.shape[3]))


def conv(c_in, c_out, kernel):
    return nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=False)


def inception_cost(c_in, filters, height, width):
    one, reduce3, three, reduce5, five, pool = filters
    with torch.device("meta"):
        branches = [
            nn.Sequential(conv(c_in, one, 1)),
            nn.Sequential(conv(c_in, reduce3, 1), conv(reduce3, three, 3)),
            nn.Sequential(conv(c_in, reduce5, 1), conv(reduce5, five, 5)),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(c_in, pool, 1)),
        ]
        x = torch.empty(1, c_in, height, width)
        channels = sum(branch(x).shape[1] for branch in branches)
    return channels, learned(*branches), learned(*branches) * height * width


class Inception(nn.ModuleDict):
    def __init__(self, c_in, filters):
        chains = [[(1, 0)], [(1, 1), (3, 2)], [(1, 3), (5, 4)], [(1, 5)]]
        made = {}
        for number, chain in enumerate(chains, start=1):
            layers, before = [], c_in
            if number == 4:
                layers.append(nn.MaxPool2d(3, stride=1, padding=1))
            for kernel, which in chain:
                layers += [nn.Conv2d(before, filters[which], kernel, padding=kernel // 2), nn.ReLU()]
                before = filters[which]
            made[f"branch{number}"] = nn.Sequential(*layers)
        super().__init__(made)

    def forward(self, x):
        return torch.cat([self[f"branch{number}"](x) for number in (1, 2, 3, 4)], dim=-3)


def block_weights(kind, c_in, width, stride=1):
    made = BasicBlock(c_in, width, stride) if kind == "basic" else Bottleneck(c_in, width, stride)
    return learned(made)


class Residual(nn.Module):
    """Any chain of (channels out, side, stride), each with batch norm, and a shortcut around it."""

    def __init__(self, c_in, chain):
        super().__init__()
        before, moves = c_in, 1
        for k, (after, kernel, stride) in enumerate(chain, start=1):
            step = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
            self.add_module(f"conv{k}", step)
            self.add_module(f"bn{k}", nn.BatchNorm2d(after))
            before, moves = after, moves * stride
        self.count = len(chain)
        if (before, moves) != (c_in, 1):
            fit = nn.Conv2d(c_in, before, 1, moves, bias=False)
            self.downsample = nn.Sequential(OrderedDict([("0", fit), ("1", nn.BatchNorm2d(before))]))

    def forward(self, x):
        y = x
        for k in range(1, self.count + 1):
            y = self.get_submodule(f"bn{k}")(self.get_submodule(f"conv{k}")(y))
            if k < self.count:
                y = y.clamp(min=0)
        fit = dict(self.named_children()).get("downsample")
        return (y + (fit(x) if fit is not None else x)).clamp(min=0)


class BasicBlock(Residual):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__(c_in, [(c_out, 3, stride), (c_out, 3, 1)])


class Bottleneck(Residual):
    def __init__(self, c_in, width, stride=1):
        super().__init__(c_in, [(width, 1, 1), (width, 3, stride), (4 * width, 1, 1)])


class DenseBlock(nn.Sequential):
    def __init__(self, c_in, layers, growth):
        def layer(seen):
            return nn.Sequential(
                OrderedDict(
                    norm1=nn.BatchNorm2d(seen),
                    r1=nn.ReLU(),
                    conv1=nn.Conv2d(seen, 4 * growth, 1, bias=False),
                    norm2=nn.BatchNorm2d(4 * growth),
                    r2=nn.ReLU(),
                    conv2=nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
                )
            )

        super().__init__(OrderedDict((f"denselayer{i + 1}", layer(c_in + i * growth)) for i in range(layers)))

    def forward(self, x):
        for part in self:
            x = torch.hstack((x, part(x)))
        return x
