"""GoogLeNet as published. Source: Szegedy et al. 2015, doi:10.1109/CVPR.2015.7298594, Table 1 and section 5."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from cnncourse.models._check import check_chance, check_counts, check_images
from cnncourse.models.alexnet import response_norm
from cnncourse.models.googlenet import INCEPTION, GoogLeNetOutputs
from cnncourse.models.weights import Weights, with_weights


class ConvReLU(nn.Sequential):
    """Convolution with bias, ReLU: (N, C_in, H, W) → (N, C_out, H', W')."""

    def __init__(self, c_in: int, c_out: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel_size, stride, padding=kernel_size // 2)
        self.relu = nn.ReLU()


class Inception2014(nn.Module):
    """Four branches over one input, stacked as channels: (N, C_in, H, W) → (N, the four together, H, W).

    1×1; 1×1 then 3×3; 1×1 then 5×5; 3×3 max / 1 then 1×1. `filters` is a row of `googlenet.INCEPTION`.
    """

    def __init__(self, c_in: int, filters: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, pool = filters
        self.branch1 = ConvReLU(c_in, one, kernel_size=1)
        self.branch2 = nn.Sequential(ConvReLU(c_in, reduce3, kernel_size=1), ConvReLU(reduce3, three, kernel_size=3))
        self.branch3 = nn.Sequential(ConvReLU(c_in, reduce5, kernel_size=1), ConvReLU(reduce5, five, kernel_size=5))
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1), ConvReLU(c_in, pool, kernel_size=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """The four branches, stacked."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class Aux2014(nn.Module):
    """A second classifier, half way: 5×5 average / 3, 128 filters 1×1, 1024 units, dropout 0.7, num_classes."""

    def __init__(self, c_in: int, num_classes: int) -> None:
        super().__init__()
        self.avgpool = nn.AvgPool2d(kernel_size=5, stride=3)
        self.conv = ConvReLU(c_in, 128, kernel_size=1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) from a map (N, C_in, 14, 14)."""
        x = torch.flatten(self.conv(self.avgpool(x)), 1)  # (N, 2048)
        return cast(Tensor, self.fc2(self.dropout(self.relu(self.fc1(x)))))


class GoogLeNet2014(nn.Module):
    """Images (N, C_in, 224, 224) → logits (N, num_classes); in training `GoogLeNetOutputs`.

    | layer         | what                            | output         | weights | the paper |
    |---------------|---------------------------------|----------------|---------|-----------|
    | conv1         | 64 filters 7×7 / 2              | 64 × 112 × 112 | 9,408   | 2.7K      |
    | pool1, norm1  | 3×3 max / 2, response norm      | 64 × 56 × 56   |         |           |
    | conv2, conv3  | 64 filters 1×1, 192 filters 3×3 | 192 × 56 × 56  | 114,688 | 112K      |
    | norm2, pool2  | response norm, 3×3 max / 2      | 192 × 28 × 28  |         |           |
    | inception3a   |                                 | 256 × 28 × 28  | 163,328 | 159K      |
    | inception3b   |                                 | 480 × 28 × 28  | 388,096 | 380K      |
    | pool3         | 3×3 max / 2                     | 480 × 14 × 14  |         |           |
    | inception4a   | aux1 sees its output            | 512 × 14 × 14  | 375,552 | 364K      |
    | inception4b   |                                 | 512 × 14 × 14  | 448,512 | 437K      |
    | inception4c   |                                 | 512 × 14 × 14  | 509,440 | 463K      |
    | inception4d   | aux2 sees its output            | 528 × 14 × 14  | 604,672 | 580K      |
    | inception4e   |                                 | 832 × 14 × 14  | 867,328 | 840K      |
    | pool4         | 3×3 max / 2                     | 832 × 7 × 7    |         |           |
    | inception5a   |                                 | 832 × 7 × 7    | 1,042,432 | 1072K   |
    | inception5b   |                                 | 1024 × 7 × 7   | 1,442,816 | 1388K   |
    | avgpool, fc   | 7×7 average, dropout 0.4        | 1000           | 1,024,000 | 1000K   |

    6,990,272 weights and 8,280 biases, 6,998,552 in all, without the two auxiliary heads, which run in training only;
    the paper's own column adds up to less, and the ledger of the course compares them row by row. The paper says of
    its loss that each head counts 0.3.

    Chosen here, because the paper does not say: pooling windows may reach over the edge (`ceil_mode`), without which
    the sizes of its table do not come out; the constants of the normalisation are AlexNet's; weights start by
    Xavier's rule, biases at 0.2.

    Raises ValueError in `forward` for another input shape.
    """

    def __init__(
        self, num_classes: int = 1000, aux_logits: bool = True, in_channels: int = 3, dropout: float = 0.4
    ) -> None:
        super().__init__()
        check_counts("GoogLeNet2014", num_classes=num_classes, in_channels=in_channels)
        check_chance("GoogLeNet2014: dropout", dropout)
        self.in_channels = in_channels
        self.conv1 = ConvReLU(in_channels, 64, kernel_size=7, stride=2)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.norm1 = response_norm()
        self.conv2 = ConvReLU(64, 64, kernel_size=1)
        self.conv3 = ConvReLU(64, 192, kernel_size=3)
        self.norm2 = response_norm()
        self.pool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception3a = Inception2014(192, INCEPTION["3a"])
        self.inception3b = Inception2014(256, INCEPTION["3b"])
        self.pool3 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception4a = Inception2014(480, INCEPTION["4a"])
        self.inception4b = Inception2014(512, INCEPTION["4b"])
        self.inception4c = Inception2014(512, INCEPTION["4c"])
        self.inception4d = Inception2014(512, INCEPTION["4d"])
        self.inception4e = Inception2014(528, INCEPTION["4e"])
        self.pool4 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception5a = Inception2014(832, INCEPTION["5a"])
        self.inception5b = Inception2014(832, INCEPTION["5b"])
        self.aux1 = Aux2014(512, num_classes) if aux_logits else None
        self.aux2 = Aux2014(528, num_classes) if aux_logits else None
        self.avgpool = nn.AvgPool2d(kernel_size=7, stride=1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(module.weight)
                nn.init.constant_(cast(Tensor, module.bias), 0.2)

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        """Logits (N, num_classes) for images x (N, C_in, 224, 224); in training with those of the auxiliary heads."""
        check_images(x, "GoogLeNet2014", self.in_channels, side=224)
        x = self.norm1(self.pool1(self.conv1(x)))  # (N, 64, 56, 56)
        x = self.pool2(self.norm2(self.conv3(self.conv2(x))))  # (N, 192, 28, 28)
        x = self.pool3(self.inception3b(self.inception3a(x)))  # (N, 480, 14, 14)
        x = self.inception4a(x)
        aux1 = self.aux1(x) if self.aux1 is not None and self.training else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x) if self.aux2 is not None and self.training else None
        x = self.pool4(self.inception4e(x))  # (N, 832, 7, 7)
        x = self.avgpool(self.inception5b(self.inception5a(x)))  # (N, 1024, 1, 1)
        logits = self.fc(self.dropout(torch.flatten(x, 1)))
        if self.training and self.aux1 is not None:
            return GoogLeNetOutputs(logits, aux2, aux1)
        return cast(Tensor, logits)


def googlenet_2014(
    num_classes: int = 1000,
    aux_logits: bool = True,
    in_channels: int = 3,
    dropout: float = 0.4,
    *,
    weights: Weights = None,
) -> GoogLeNet2014:
    """`GoogLeNet2014`, the paper's form. weights: None, or the path of a state dict."""
    return with_weights(GoogLeNet2014(num_classes, aux_logits, in_channels, dropout), "googlenet_2014", weights)
