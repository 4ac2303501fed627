"""Lesson 04 step by step: one statement for each thing that is counted or made."""

import torch
import torch.nn.functional as F
from torch import nn


def conv_cost(c_in, c_out, kernel_size, height, width, stride=1, padding=0, bias=True):
    places = 0
    for _ in range(-padding, height + padding - kernel_size + 1, stride):
        for _ in range(-padding, width + padding - kernel_size + 1, stride):
            places += 1
    per_filter = 0
    for _ in range(c_in):
        per_filter += kernel_size**2
    weights = per_filter * c_out
    multiply_adds = places * weights
    if bias is True:
        weights = weights + c_out
    return (weights, multiply_adds)


def stack_of_3x3(field, channels):
    layers = 1
    seen = 3
    while seen < field:
        seen += 2
        layers += 1
    per_layer = channels * channels * 3 * 3
    return [layers, layers * per_layer, channels * field * channels * field]


def vgg_weights(table, in_channels=3, size=224, hidden=(4096, 4096), num_classes=1000):
    first = 0
    before = in_channels
    for stage in table:
        after = stage[0]
        for kernel in stage[1]:
            first += before * after * kernel * kernel
            first += after
            before = after
        if size % 2 == 1:
            size -= 1
        size //= 2
    second = 0
    before = before * size * size
    for after in hidden:
        second += before * after
        second += after
        before = after
    second += before * num_classes
    second += num_classes
    return first, second


class VGG(nn.Module):
    def __init__(self, table, in_channels=3, num_classes=1000, batch_norm=False):
        super().__init__()
        self.features = nn.Sequential()
        number = 0
        before = in_channels
        for after, kernels in table:
            for kernel in kernels:
                if batch_norm:
                    self.features.add_module(str(number), nn.Conv2d(before, after, kernel, 1, "same", bias=False))
                    self.features.add_module(str(number + 1), nn.BatchNorm2d(after))
                    number += 2
                else:
                    self.features.add_module(str(number), nn.Conv2d(before, after, kernel, 1, "same"))
                    number += 1
                self.features.add_module(str(number), nn.ReLU(inplace=True))
                number += 1
                before = after
            self.features.add_module(str(number), nn.MaxPool2d(kernel_size=(2, 2), stride=(2, 2)))
            number += 1
        self.average = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(before, num_classes)

    def forward(self, x):
        x = self.features(x)
        x = self.average(x)
        x = x.reshape(x.shape[0], x.shape[1])
        return self.classifier(x)


def inception_cost(c_in, filters, height, width):
    a = filters[0] * c_in
    b = filters[1] * c_in
    c = filters[2] * filters[1] * 3 * 3
    d = filters[3] * c_in
    e = filters[4] * filters[3] * 5 * 5
    f = filters[5] * c_in
    work = 0
    for _ in range(height):
        work += (a + b + c + d + e + f) * width
    return (filters[0] + filters[2] + filters[4] + filters[5], a + b + c + d + e + f, work)


class Inception(nn.Module):
    def __init__(self, c_in, filters):
        super().__init__()
        relu = nn.ReLU()
        self.branch1 = nn.Sequential(nn.Conv2d(c_in, filters[0], kernel_size=1), relu)
        self.branch2 = nn.Sequential(
            nn.Conv2d(c_in, filters[1], kernel_size=1),
            relu,
            nn.Conv2d(filters[1], filters[2], kernel_size=3, padding="same"),
            relu,
        )
        self.branch3 = nn.Sequential(
            nn.Conv2d(c_in, filters[3], kernel_size=1),
            relu,
            nn.Conv2d(filters[3], filters[4], kernel_size=5, padding="same"),
            relu,
        )
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(c_in, filters[5], kernel_size=1), relu)

    def forward(self, x):
        y = torch.cat((self.branch1(x), self.branch2(x)), dim=1)
        y = torch.cat((y, self.branch3(x)), dim=1)
        return torch.cat((y, self.branch4(x)), dim=1)


def block_weights(kind, c_in, width, stride=1):
    if kind == "basic":
        total = 9 * c_in * width + 2 * width + 9 * width * width + 2 * width
        out = width
    if kind == "bottleneck":
        out = width * 4
        total = c_in * width + 2 * width + 9 * width * width + 2 * width + width * out + 2 * out
    if stride > 1 or out != c_in:
        total += c_in * out
        total += 2 * out
    return total


class BasicBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, (3, 3), (stride, stride), (1, 1), bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(c_out, c_out, (3, 3), (1, 1), (1, 1), bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        if c_in != c_out or stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(c_in, c_out, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(c_out)
            )
        else:
            self.downsample = None

    def forward(self, x):
        identity = x
        out = self.conv1(x)
        out = self.bn1(out)
        out = self.relu(out)
        out = self.conv2(out)
        out = self.bn2(out)
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class Bottleneck(nn.Module):
    def __init__(self, c_in, width, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, width, (1, 1), bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, (3, 3), (stride, stride), (1, 1), bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * 4, (1, 1), bias=False)
        self.bn3 = nn.BatchNorm2d(width * 4)
        self.relu = nn.ReLU(inplace=True)
        self.same = stride == 1 and c_in == 4 * width
        if not self.same:
            self.downsample = nn.Sequential(
                nn.Conv2d(c_in, width * 4, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(width * 4)
            )

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if self.same:
            out += x
        else:
            out += self.downsample(x)
        return self.relu(out)


class DenseBlock(nn.Module):
    def __init__(self, c_in, layers, growth):
        super().__init__()
        self.number = layers
        for k in range(1, layers + 1):
            setattr(self, "denselayer" + str(k), nn.Module())
            layer = getattr(self, "denselayer" + str(k))
            layer.norm1 = nn.BatchNorm2d(c_in)
            layer.conv1 = nn.Conv2d(c_in, growth * 4, 1, bias=False)
            layer.norm2 = nn.BatchNorm2d(growth * 4)
            layer.conv2 = nn.Conv2d(growth * 4, growth, 3, 1, 1, bias=False)
            c_in = c_in + growth

    def forward(self, x):
        seen = [x]
        for k in range(1, self.number + 1):
            layer = getattr(self, "denselayer" + str(k))
            y = F.relu(layer.norm1(torch.cat(seen, 1)))
            y = F.relu(layer.norm2(layer.conv1(y)))
            seen.append(layer.conv2(y))
        return torch.cat(seen, 1)
