"""DenseNet: every layer sees all layers before it. Source: Huang et al. 2017, doi:10.1109/CVPR.2017.243, Table 1."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from cnncourse.models._check import check_chance, check_counts, check_images
from cnncourse.models.weights import Weights, with_weights

_BOTTLENECK = 4  # a 1×1 layer first brings what comes in to 4 * growth channels


class DenseLayer(nn.Sequential):
    """`growth` new channels from all C_in before: batch norm, ReLU, 1×1 to 4 * growth, batch norm, ReLU, 3×3.

    (N, C_in, H, W) → (N, growth, H, W).
    """

    def __init__(self, c_in: int, growth: int, drop_rate: float) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(c_in)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(c_in, _BOTTLENECK * growth, kernel_size=1, bias=False)
        self.norm2 = nn.BatchNorm2d(_BOTTLENECK * growth)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(_BOTTLENECK * growth, growth, kernel_size=3, padding=1, bias=False)
        if drop_rate > 0:
            self.drop = nn.Dropout(drop_rate)


class DenseBlock(nn.Module):
    """`count` layers; each gets its input and the output of all before it, stacked as channels.

    (N, C_in, H, W) → (N, C_in + count * growth, H, W).
    """

    def __init__(self, c_in: int, count: int, growth: int, drop_rate: float) -> None:
        super().__init__()
        for i in range(count):
            self.add_module(f"denselayer{i + 1}", DenseLayer(c_in + i * growth, growth, drop_rate))

    def forward(self, x: Tensor) -> Tensor:
        """x with the new channels of every layer behind it."""
        for layer in self.children():
            x = torch.cat([x, layer(x)], dim=1)
        return x


class Transition(nn.Sequential):
    """Between blocks: batch norm, ReLU, 1×1 to half the channels, 2×2 average / 2.

    (N, C, H, W) → (N, C/2, H/2, W/2).
    """

    def __init__(self, c_in: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(c_in)
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(c_in, c_in // 2, kernel_size=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(nn.Module):
    """Images (N, C_in, H, W), H, W >= 29 → logits (N, num_classes).

    | layer                | what                           | output for 224 | 121 | 161 | 169 | 201 |
    |----------------------|--------------------------------|----------------|-----|-----|-----|-----|
    | conv0, pool0         | 7×7 / 2; 3×3 max / 2           | 56 × 56        | 64  | 96  | 64  | 64  |
    | denseblock1          | layers of 1×1, 3×3             | 56 × 56        | 6   | 6   | 6   | 6   |
    | transition1          | 1×1 to half, 2×2 average / 2   | 28 × 28        |     |     |     |     |
    | denseblock2          | layers                         | 28 × 28        | 12  | 12  | 12  | 12  |
    | transition2          |                                | 14 × 14        |     |     |     |     |
    | denseblock3          | layers                         | 14 × 14        | 24  | 36  | 32  | 48  |
    | transition3          |                                | 7 × 7          |     |     |     |     |
    | denseblock4, norm5   | layers, batch norm, ReLU       | 7 × 7          | 16  | 24  | 32  | 32  |
    | avgpool              | average over the map           | 1 × 1          |     |     |     |     |
    | classifier           | fully connected                | 1000           |     |     |     |     |
    | growth               | new channels a layer           |                | 32  | 48  | 32  | 32  |

    Weights and biases: 7,978,856 (121), 28,681,000 (161), 14,149,480 (169) and 20,013,928 (201). The numbers in the
    rows of the blocks are those of their layers. This is the paper's DenseNet-BC: bottlenecks, and half the channels
    between blocks. Weights start by He's rule, scales of batch normalisation at 1, biases at 0. State dicts
    interchange with torchvision's (the weights published in 2017 name some entries differently:
    `cnncourse.models.weights` renames them).

    Raises ValueError in `forward` for another input shape.
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        num_classes: int = 1000,
        in_channels: int = 3,
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__()
        check_counts("DenseNet", growth_rate=growth_rate, num_init_features=num_init_features)
        check_counts("DenseNet", num_classes=num_classes, in_channels=in_channels)
        check_chance("DenseNet: drop_rate", drop_rate)
        self.in_channels = in_channels
        steps: OrderedDict[str, nn.Module] = OrderedDict(
            conv0=nn.Conv2d(in_channels, num_init_features, kernel_size=7, stride=2, padding=3, bias=False),
            norm0=nn.BatchNorm2d(num_init_features),
            relu0=nn.ReLU(),
            pool0=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        c = num_init_features
        for i, count in enumerate(block_config, start=1):
            check_counts("DenseNet", block_config=count)
            steps[f"denseblock{i}"] = DenseBlock(c, count, growth_rate, drop_rate)
            c += count * growth_rate
            if i < len(block_config):
                steps[f"transition{i}"] = Transition(c)
                c //= 2
        steps[f"norm{len(block_config) + 1}"] = nn.BatchNorm2d(c)
        self.features = nn.Sequential(steps)
        self.relu = nn.ReLU()
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.classifier = nn.Linear(c, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) for images x (N, C_in, H, W)."""
        check_images(x, "DenseNet", self.in_channels, least=29)
        x = self.avgpool(self.relu(self.features(x)))  # (N, C, 1, 1)
        return cast(Tensor, self.classifier(torch.flatten(x, 1)))


def _densenet(name: str, weights: Weights, growth: int, blocks: Sequence[int], first: int, **options: Any) -> DenseNet:
    return with_weights(DenseNet(growth, blocks, first, **options), name, weights)


def densenet121(num_classes: int = 1000, in_channels: int = 3, *, weights: Weights = None) -> DenseNet:
    """`DenseNet` with 121 layers, growth 32. weights: None, "imagenet", or the path of a state dict."""
    sizes: tuple[int, tuple[int, ...], int] = (32, (6, 12, 24, 16), 64)
    return _densenet("densenet121", weights, *sizes, num_classes=num_classes, in_channels=in_channels)


def densenet161(num_classes: int = 1000, in_channels: int = 3, *, weights: Weights = None) -> DenseNet:
    """`DenseNet` with 161 layers, growth 48. weights: None, "imagenet", or the path of a state dict."""
    sizes: tuple[int, tuple[int, ...], int] = (48, (6, 12, 36, 24), 96)
    return _densenet("densenet161", weights, *sizes, num_classes=num_classes, in_channels=in_channels)


def densenet169(num_classes: int = 1000, in_channels: int = 3, *, weights: Weights = None) -> DenseNet:
    """`DenseNet` with 169 layers, growth 32. weights: None, "imagenet", or the path of a state dict."""
    sizes: tuple[int, tuple[int, ...], int] = (32, (6, 12, 32, 32), 64)
    return _densenet("densenet169", weights, *sizes, num_classes=num_classes, in_channels=in_channels)


def densenet201(num_classes: int = 1000, in_channels: int = 3, *, weights: Weights = None) -> DenseNet:
    """`DenseNet` with 201 layers, growth 32. weights: None, "imagenet", or the path of a state dict."""
    sizes: tuple[int, tuple[int, ...], int] = (32, (6, 12, 48, 32), 64)
    return _densenet("densenet201", weights, *sizes, num_classes=num_classes, in_channels=in_channels)
