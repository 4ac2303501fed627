"""Small networks in the manner of VGG and AlexNet for 64×64 images, trained and shipped with the course.

The ideas are those of the large ones (Simonyan & Zisserman 2015, arXiv:1409.1556; Krizhevsky et al. 2012), the sizes
such that a laptop trains them in minutes. Pixels go in as they are, in [0, 1]; the first step centres them.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from cnncourse.errors import whole


class Centre(nn.Module):
    """(x - 0.5) / 0.25: pixels in [0, 1] become numbers in [-2, 2] around 0. No weights."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, same shape."""
        return (x - 0.5) / 0.25


class SmallNet(nn.Module):
    """`features` (convolutions), then the average over each map, then one linear layer to the logits.

    The average over positions makes it fit any input that survives the pooling; it was trained on 64×64.
    """

    def __init__(self, features: nn.Sequential, channels: int, num_classes: int) -> None:
        super().__init__()
        self.centre = Centre()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) for images x (N, 3, H, W) with pixels in [0, 1]."""
        x = self.features(self.centre(x))  # (N, C, H', W')
        return cast(Tensor, self.classifier(torch.flatten(self.avgpool(x), 1)))


def _block(c_in: int, c_out: int, kernel_size: int, batch_norm: bool, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(c_in, c_out, kernel_size, stride, kernel_size // 2, bias=not batch_norm)
    return [conv, *([nn.BatchNorm2d(c_out)] if batch_norm else []), nn.ReLU()]


def _pool() -> nn.Module:
    return nn.MaxPool2d(3, stride=2, padding=1)


def small_vgg(num_classes: int = 21, batch_norm: bool = True) -> SmallNet:
    """Eight 3×3 convolutions in four pairs, 24-24-48-48-96-96-128-128 channels, 2×2 max pooling after each pair.

    | stage | output at 64×64 | weights of its convolutions |
    |-------|-----------------|-----------------------------|
    | 1     | 24 × 32 × 32    | 648 + 5,184                 |
    | 2     | 48 × 16 × 16    | 10,368 + 20,736             |
    | 3     | 96 × 8 × 8      | 41,472 + 82,944             |
    | 4     | 128 × 4 × 4     | 110,592 + 147,456           |
    """
    num_classes = whole("small_vgg: num_classes", num_classes, 1)
    layers: list[nn.Module] = []
    c_in = 3
    for c_out in (24, 48, 96, 128):
        layers += [*_block(c_in, c_out, 3, batch_norm), *_block(c_out, c_out, 3, batch_norm), nn.MaxPool2d(2)]
        c_in = c_out
    return SmallNet(nn.Sequential(*layers), c_in, num_classes)


def small_alexnet(num_classes: int = 21) -> SmallNet:
    """Five convolutions as in AlexNet: 40 filters of 9×9 at stride 2, then 5×5, then three of 3×3; with batch norm.

    Large first filters are there to be looked at; overlapping 3×3/2 max pooling after layers 1, 2 and 5.
    """
    num_classes = whole("small_alexnet: num_classes", num_classes, 1)
    layers = [
        *_block(3, 40, 9, True, stride=2), _pool(), *_block(40, 96, 5, True), _pool(),
        *_block(96, 144, 3, True), *_block(144, 144, 3, True), *_block(144, 128, 3, True), _pool(),
    ]  # fmt: skip
    net = SmallNet(nn.Sequential(*layers), 128, num_classes)
    # Batch norm hides how large a filter is, so noise that starts large stays to be seen among the first filters. This
    # small, as in the paper, it is soon outweighed by what is learned.
    nn.init.normal_(net.features[0].weight, std=0.01)  # type: ignore[arg-type]
    return net
