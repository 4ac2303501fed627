"""Network in Network: 1×1 layers behind every filter, and no fully connected layer.

Source: Lin, Chen & Yan 2013, arXiv:1312.4400.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import cast

import torch
from torch import Tensor, nn

from cnncourse.models._check import check_chance, check_counts, check_images
from cnncourse.models.weights import Weights, with_weights


class NiN(nn.Module):
    """The net for CIFAR: images (N, C_in, H, W), H, W >= 6 (32 in the paper) → logits (N, num_classes).

    | layer        | what                           | output for 32 × 32 | weights and biases |
    |--------------|--------------------------------|--------------------|--------------------|
    | mlpconv1     | 192 filters 5×5, pad 2         | 192 × 32 × 32      | 14,592             |
    | .2, .4       | 160, then 96 filters 1×1       | 96 × 32 × 32       | 46,336             |
    | pool1, drop1 | 3×3 max / 2, dropout           | 96 × 16 × 16       |                    |
    | mlpconv2     | 192 filters 5×5, pad 2         | 192 × 16 × 16      | 460,992            |
    | .2, .4       | 192, then 192 filters 1×1      | 192 × 16 × 16      | 74,112             |
    | pool2, drop2 | 3×3 average / 2, dropout       | 192 × 8 × 8        |                    |
    | mlpconv3     | 192 filters 3×3, pad 1         | 192 × 8 × 8        | 331,968            |
    | .2, .4       | 192, then num_classes 1×1      | 10 × 8 × 8         | 38,986             |
    | gap          | average over the map           | 10                 |                    |

    966,986 in all for 10 classes, the sum of the rows. A ReLU follows every layer with weights, the last one
    included. The paper gives the form (three mlpconv layers, each three deep, pooling and dropout behind the first
    two, a global average in place of the fully connected layers) but not the sizes; these are those that its authors
    published for CIFAR-10, with an average in the second pooling. Weights start normal with deviation 0.05, biases at
    0.

    Raises ValueError in `forward` for another input shape.
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 3, dropout: float = 0.5) -> None:
        super().__init__()
        check_counts("NiN", num_classes=num_classes, in_channels=in_channels)
        check_chance("NiN: dropout", dropout)
        self.in_channels = in_channels
        self.features = nn.Sequential(
            OrderedDict(
                mlpconv1=_mlpconv(in_channels, 192, 160, 96, kernel_size=5),
                pool1=nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),
                drop1=nn.Dropout(dropout),
                mlpconv2=_mlpconv(96, 192, 192, 192, kernel_size=5),
                pool2=nn.AvgPool2d(kernel_size=3, stride=2, ceil_mode=True),
                drop2=nn.Dropout(dropout),
                mlpconv3=_mlpconv(192, 192, 192, num_classes, kernel_size=3),
            )
        )
        self.gap = nn.AdaptiveAvgPool2d(1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.05)
                nn.init.zeros_(cast(Tensor, layer.bias))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) for images x (N, C_in, H, W)."""
        check_images(x, "NiN", self.in_channels, least=6)
        return torch.flatten(self.gap(self.features(x)), 1)


def _mlpconv(c_in: int, first: int, second: int, third: int, kernel_size: int) -> nn.Sequential:
    """A filter followed, at each position, by a small fully connected net: two 1×1 layers."""
    return nn.Sequential(
        nn.Conv2d(c_in, first, kernel_size, padding=kernel_size // 2),
        nn.ReLU(),
        nn.Conv2d(first, second, kernel_size=1),
        nn.ReLU(),
        nn.Conv2d(second, third, kernel_size=1),
        nn.ReLU(),
    )


def nin(num_classes: int = 10, in_channels: int = 3, dropout: float = 0.5, *, weights: Weights = None) -> NiN:
    """`NiN`, Network in Network for small images. weights: None, or the path of a state dict."""
    return with_weights(NiN(num_classes, in_channels, dropout), "nin", weights)
