"""The thin ResNets for 32×32 images. Source: He, Zhang, Ren & Sun 2016, doi:10.1109/CVPR.2016.90, section 4.2."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from cnncourse.errors import whole
from cnncourse.models._check import check_counts, check_images
from cnncourse.models.resnet import BasicBlock
from cnncourse.models.weights import Weights, with_weights


class PadChannels(nn.Module):
    """The paper's option A for a shortcut: every other pixel, and as many channels of zeros again; no parameters.

    (N, C, H, W) → (N, 2C, H', W') with H' = (H - 1) // 2 + 1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.every_other = nn.AvgPool2d(kernel_size=1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """x at every other pixel, above zeros."""
        x = self.every_other(x)
        return torch.cat([x, 0 * x], dim=1)


class CifarResNet(nn.Module):
    """Images (N, C_in, H, W), 32 × 32 in the paper → logits (N, num_classes). depth = 6n + 2.

    | layer   | what                       | output for 32  |
    |---------|----------------------------|----------------|
    | conv1   | 16 filters 3×3, pad 1      | 16 × 32 × 32   |
    | layer1  | n blocks of two 3×3        | 16 × 32 × 32   |
    | layer2  | n blocks, the first / 2    | 32 × 16 × 16   |
    | layer3  | n blocks, the first / 2    | 64 × 8 × 8     |
    | avgpool | average over the map       | 64             |
    | fc      | fully connected            | 10             |

    | depth (n)                  | 20 (3)  | 32 (5)  | 44 (7)  | 56 (9)  | 110 (18)  |
    |----------------------------|---------|---------|---------|---------|-----------|
    | weights and biases         | 269,722 | 464,154 | 658,586 | 853,018 | 1,727,962 |
    | the paper's, in millions   | 0.27    | 0.46    | 0.66    | 0.85    | 1.7       |

    Batch normalisation follows every convolution. Shortcuts have no parameters, so the plain net (`shortcut=False`) has
    exactly as many. Weights start by He's rule for inputs. Nothing is known to differ from the paper.

    Raises ValueError for a depth that is not 6n + 2, and in `forward` for another input shape.
    """

    def __init__(self, depth: int = 20, num_classes: int = 10, in_channels: int = 3, *, shortcut: bool = True) -> None:
        super().__init__()
        check_counts("CifarResNet", num_classes=num_classes, in_channels=in_channels)
        n, rest = divmod(whole("CifarResNet: depth", depth, 8) - 2, 6)
        if rest:
            raise ValueError(
                f"CifarResNet: depth is {depth}; expected 6n + 2: 8, 14, 20, 26, 32, 38, 44, 50, 56, ... "
                f"The nearest below is {6 * n + 2}."
            )
        self.in_channels = in_channels
        self.conv1 = nn.Conv2d(in_channels, 16, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.layer1 = nn.Sequential(*(BasicBlock(16, 16, shortcut=shortcut) for _ in range(n)))
        self.layer2 = _layer(16, n, shortcut)
        self.layer3 = _layer(32, n, shortcut)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(64, num_classes)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) for images x (N, C_in, H, W)."""
        check_images(x, "CifarResNet", self.in_channels)
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 16, H, W)
        x = self.layer3(self.layer2(self.layer1(x)))  # (N, 64, H/4, W/4)
        return cast(Tensor, self.fc(torch.flatten(self.avgpool(x), 1)))


def _layer(c_in: int, n: int, shortcut: bool) -> nn.Sequential:
    """n blocks; the first one halves the map and doubles the channels."""
    first = BasicBlock(c_in, 2 * c_in, stride=2, downsample=PadChannels() if shortcut else None, shortcut=shortcut)
    return nn.Sequential(first, *(BasicBlock(2 * c_in, 2 * c_in, shortcut=shortcut) for _ in range(n - 1)))


def cifar_resnet(
    depth: int = 20, num_classes: int = 10, in_channels: int = 3, *, weights: Weights = None
) -> CifarResNet:
    """`CifarResNet` of depth 6n + 2: 20, 32, 44, 56, 110 in the paper. weights: None, or the path of a state dict."""
    return with_weights(CifarResNet(depth, num_classes, in_channels), f"cifar_resnet({depth})", weights)


def cifar_plain(
    depth: int = 20, num_classes: int = 10, in_channels: int = 3, *, weights: Weights = None
) -> CifarResNet:
    """The layers of `cifar_resnet` without shortcuts. weights: None, or the path of a state dict."""
    net = CifarResNet(depth, num_classes, in_channels, shortcut=False)
    return with_weights(net, f"cifar_plain({depth})", weights)
