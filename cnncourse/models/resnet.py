"""ResNet, and the plain networks it is compared with. Source: He, Zhang, Ren & Sun 2016, doi:10.1109/CVPR.2016.90."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, cast

import torch
from torch import Tensor, nn

from cnncourse.models._check import check_counts, check_images
from cnncourse.models.weights import Weights, refuse_official, with_weights

StrideOn: TypeAlias = Literal["3x3", "1x1"]


class BasicBlock(nn.Module):
    """y = ReLU(F(x) + x), F two 3×3 layers: (N, C_in, H, W) → (N, C_out, H', W'), H' = (H - 1) // stride + 1.

    `downsample` brings x to the shape of F(x) where they differ; None leaves it as it is. Without `shortcut` the
    block is a plain one, y = ReLU(F(x)).
    """

    expansion = 1

    def __init__(
        self, c_in: int, width: int, stride: int = 1, downsample: nn.Module | None = None, shortcut: bool = True
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.downsample = downsample
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """y for x, as in the docstring of the class."""
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.shortcut:
            y = y + (x if self.downsample is None else self.downsample(x))
        return cast(Tensor, self.relu2(y))


class Bottleneck(nn.Module):
    """y = ReLU(F(x) + x), F = 1×1 down to `width` channels, 3×3, 1×1 up to 4 * width.

    Shapes as in `BasicBlock`, with C_out = 4 * width. `stride_on` says which layer moves by `stride`: the 3×3, or the
    first 1×1, which then looks at every other pixel only.
    """

    expansion = 4

    def __init__(
        self,
        c_in: int,
        width: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        stride_on: StrideOn = "3x3",
    ) -> None:
        super().__init__()
        first, second = (stride, 1) if stride_on == "1x1" else (1, stride)
        self.conv1 = nn.Conv2d(c_in, width, kernel_size=1, stride=first, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, stride=second, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(width, self.expansion * width, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(self.expansion * width)
        self.relu3 = nn.ReLU()
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """y for x, as in the docstring of the class."""
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.relu2(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y = y + (x if self.downsample is None else self.downsample(x))
        return cast(Tensor, self.relu3(y))


class ResNet(nn.Module):
    """Images (N, C_in, H, W) → logits (N, num_classes).

    | layer   | what                 | output for 224 | 18, 34             | 50, 101, 152                         |
    |---------|----------------------|----------------|--------------------|--------------------------------------|
    | conv1   | 64 filters 7×7 / 2   | 112 × 112      |                    |                                      |
    | maxpool | 3×3 / 2, pad 1       | 56 × 56        |                    |                                      |
    | layer1  | blocks, 64 wide      | 56 × 56        | 2, 3 × (3×3, 3×3)  | 3, 3, 3 × (1×1, 3×3, 1×1 × 4)        |
    | layer2  | blocks, 128 wide     | 28 × 28        | 2, 4               | 4, 4, 8                              |
    | layer3  | blocks, 256 wide     | 14 × 14        | 2, 6               | 6, 23, 36                            |
    | layer4  | blocks, 512 wide     | 7 × 7          | 2, 3               | 3, 3, 3                              |
    | avgpool | average over the map | 1 × 1          |                    |                                      |
    | fc      | fully connected      | 1000           |                    |                                      |
    | all weights and biases |       |                | 11,689,512, 21,797,672 | 25,557,032, 44,549,160, 60,192,808 |

    Batch normalisation follows every convolution, so they have no biases. The first block of layer2, 3 and 4 halves the
    map; where its input has another shape than its output, a 1×1 convolution with batch normalisation fits it (the
    paper's option B). Weights start by He's rule for outputs, scales of batch normalisation at 1.

    `blocks` are the blocks in each layer, `bottleneck` chooses their kind. `shortcut=False` makes the plain network:
    the same layers, nothing added. What differs from the paper: in a bottleneck the 3×3 moves by 2, as in
    torchvision, whose weights were trained so; the paper's moves by 2 in the first 1×1: `stride_on="1x1"`, fewer
    multiplications, the same weights.

    State dicts interchange with torchvision's. Raises ValueError for an unknown `stride_on`, and in `forward` for
    another input shape.
    """

    def __init__(
        self,
        blocks: Sequence[int],
        bottleneck: bool = False,
        num_classes: int = 1000,
        in_channels: int = 3,
        *,
        stride_on: StrideOn = "3x3",
        shortcut: bool = True,
    ) -> None:
        super().__init__()
        check_counts("ResNet", num_classes=num_classes, in_channels=in_channels)
        if len(blocks) != 4:
            raise ValueError(f"ResNet: blocks is {blocks!r}; expected four numbers, the blocks in layer1 to layer4")
        if stride_on not in ("3x3", "1x1"):
            raise ValueError(f"ResNet: stride_on is {stride_on!r}; expected '3x3' (torchvision) or '1x1' (the paper)")
        if bottleneck and not shortcut:
            raise ValueError("ResNet: a plain network of bottlenecks is not defined; expected bottleneck=False")
        self.in_channels = in_channels
        self.bottleneck, self.stride_on, self.with_shortcut = bottleneck, stride_on, shortcut
        self.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        expansion = Bottleneck.expansion if bottleneck else BasicBlock.expansion
        self.layer1 = self._layer(64, 64, blocks[0], stride=1)
        self.layer2 = self._layer(64 * expansion, 128, blocks[1], stride=2)
        self.layer3 = self._layer(128 * expansion, 256, blocks[2], stride=2)
        self.layer4 = self._layer(256 * expansion, 512, blocks[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * expansion, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def _layer(self, c_in: int, width: int, count: int, stride: int) -> nn.Sequential:
        """`count` blocks; the first one moves by `stride` and fits c_in to what comes out."""
        check_counts("ResNet", blocks=count)
        blocks = [self._block(c_in, width, stride)]
        c_out = width * (Bottleneck.expansion if self.bottleneck else BasicBlock.expansion)
        blocks += [self._block(c_out, width, 1) for _ in range(count - 1)]
        return nn.Sequential(*blocks)

    def _block(self, c_in: int, width: int, stride: int) -> nn.Module:
        c_out = width * (Bottleneck.expansion if self.bottleneck else BasicBlock.expansion)
        downsample = None
        if self.with_shortcut and (stride != 1 or c_in != c_out):
            fit = nn.Conv2d(c_in, c_out, kernel_size=1, stride=stride, bias=False)
            downsample = nn.Sequential(fit, nn.BatchNorm2d(c_out))
        if self.bottleneck:
            return Bottleneck(c_in, width, stride, downsample, self.stride_on)
        return BasicBlock(c_in, width, stride, downsample, self.with_shortcut)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) for images x (N, C_in, H, W)."""
        check_images(x, "ResNet", self.in_channels)
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (N, 64, H/4, W/4)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (N, 512 or 2048, H/32, W/32)
        return cast(Tensor, self.fc(torch.flatten(self.avgpool(x), 1)))


def resnet18(num_classes: int = 1000, in_channels: int = 3, *, weights: Weights = None) -> ResNet:
    """`ResNet` with 18 layers. weights: None, "imagenet", or the path of a state dict."""
    return with_weights(ResNet((2, 2, 2, 2), False, num_classes, in_channels), "resnet18", weights)


def resnet34(num_classes: int = 1000, in_channels: int = 3, *, weights: Weights = None) -> ResNet:
    """`ResNet` with 34 layers. weights: None, "imagenet", or the path of a state dict."""
    return with_weights(ResNet((3, 4, 6, 3), False, num_classes, in_channels), "resnet34", weights)


def plain18(num_classes: int = 1000, in_channels: int = 3, *, weights: Weights = None) -> ResNet:
    """The layers of `resnet18` without shortcuts. weights: None, or the path of a state dict."""
    return with_weights(ResNet((2, 2, 2, 2), False, num_classes, in_channels, shortcut=False), "plain18", weights)


def plain34(num_classes: int = 1000, in_channels: int = 3, *, weights: Weights = None) -> ResNet:
    """The layers of `resnet34` without shortcuts. weights: None, or the path of a state dict."""
    return with_weights(ResNet((3, 4, 6, 3), False, num_classes, in_channels, shortcut=False), "plain34", weights)


def _deep(
    name: str, blocks: Sequence[int], num_classes: int, in_channels: int, stride_on: StrideOn, weights: Weights
) -> ResNet:
    if stride_on == "1x1":
        refuse_official(name, weights, "were trained with the stride in the 3×3; expected stride_on='3x3'")
    return with_weights(ResNet(blocks, True, num_classes, in_channels, stride_on=stride_on), name, weights)


def resnet50(
    num_classes: int = 1000, in_channels: int = 3, *, stride_on: StrideOn = "3x3", weights: Weights = None
) -> ResNet:
    """`ResNet` with 50 layers, in bottlenecks. weights: None, "imagenet", or the path of a state dict."""
    return _deep("resnet50", (3, 4, 6, 3), num_classes, in_channels, stride_on, weights)


def resnet101(
    num_classes: int = 1000, in_channels: int = 3, *, stride_on: StrideOn = "3x3", weights: Weights = None
) -> ResNet:
    """`ResNet` with 101 layers, in bottlenecks. weights: None, "imagenet", or the path of a state dict."""
    return _deep("resnet101", (3, 4, 23, 3), num_classes, in_channels, stride_on, weights)


def resnet152(
    num_classes: int = 1000, in_channels: int = 3, *, stride_on: StrideOn = "3x3", weights: Weights = None
) -> ResNet:
    """`ResNet` with 152 layers, in bottlenecks. weights: None, "imagenet", or the path of a state dict."""
    return _deep("resnet152", (3, 8, 36, 3), num_classes, in_channels, stride_on, weights)
