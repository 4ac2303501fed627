"""GoogLeNet with batch normalisation, as torchvision has it; `googlenet_2014` is the paper's.

Sources: Szegedy et al. 2015, doi:10.1109/CVPR.2015.7298594 (the network); Ioffe & Szegedy 2015, arXiv:1502.03167 (batch
normalisation).
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from cnncourse.models._check import check_chance, check_counts, check_images
from cnncourse.models.weights import Weights, with_weights

# The numbers of filters of each inception module: 1×1; 1×1 and 3×3; 1×1 and the larger filter; 1×1 behind the pool.
# The paper's Table 1, both forms.
INCEPTION: dict[str, tuple[int, int, int, int, int, int]] = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


class GoogLeNetOutputs(NamedTuple):
    """What a GoogLeNet gives in training: logits of the net and of its two auxiliary heads, each (N, num_classes)."""

    logits: Tensor
    aux_logits2: Tensor | None
    aux_logits1: Tensor | None


class BasicConv2d(nn.Module):
    """Convolution, batch normalisation, ReLU: (N, C_in, H, W) → (N, C_out, H', W')."""

    def __init__(self, c_in: int, c_out: int, kernel_size: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel_size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(c_out, eps=0.001)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """ReLU(BN(conv(x)))."""
        return cast(Tensor, self.relu(self.bn(self.conv(x))))


class Inception(nn.Module):
    """Four branches over one input, stacked as channels: (N, C_in, H, W) → (N, the four together, H, W).

    1×1; 1×1 then 3×3; 1×1 then 3×3 (5×5 in the paper); 3×3 max / 1 then 1×1. `filters` is a row of `INCEPTION`.
    """

    def __init__(self, c_in: int, filters: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, pool = filters
        self.branch1 = BasicConv2d(c_in, one, kernel_size=1)
        self.branch2 = nn.Sequential(
            BasicConv2d(c_in, reduce3, kernel_size=1), BasicConv2d(reduce3, three, kernel_size=3, padding=1)
        )
        self.branch3 = nn.Sequential(
            BasicConv2d(c_in, reduce5, kernel_size=1), BasicConv2d(reduce5, five, kernel_size=3, padding=1)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1), BasicConv2d(c_in, pool, kernel_size=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """The four branches, stacked."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class InceptionAux(nn.Module):
    """A second classifier, half way: average to 4×4, 128 filters 1×1, 1024 units, dropout, num_classes."""

    def __init__(self, c_in: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d((4, 4))
        self.conv = BasicConv2d(c_in, 128, kernel_size=1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) from a map (N, C_in, H, W)."""
        x = torch.flatten(self.conv(self.avgpool(x)), 1)  # (N, 2048)
        return cast(Tensor, self.fc2(self.dropout(self.relu(self.fc1(x)))))


class GoogLeNet(nn.Module):
    """Images (N, C_in, H, W), H, W >= 15 → logits (N, num_classes); in training `GoogLeNetOutputs`.

    | layer         | what                              | output for 224   |
    |---------------|-----------------------------------|------------------|
    | conv1         | 64 filters 7×7 / 2, pad 3         | 64 × 112 × 112   |
    | maxpool1      | 3×3 / 2                           | 64 × 56 × 56     |
    | conv2, conv3  | 64 filters 1×1, 192 filters 3×3   | 192 × 56 × 56    |
    | maxpool2      | 3×3 / 2                           | 192 × 28 × 28    |
    | inception3a,b | modules as in `INCEPTION`         | 480 × 28 × 28    |
    | maxpool3      | 3×3 / 2                           | 480 × 14 × 14    |
    | inception4a–e | aux1 sees 4a, aux2 sees 4d        | 832 × 14 × 14    |
    | maxpool4      | 2×2 / 2                           | 832 × 7 × 7      |
    | inception5a,b |                                   | 1024 × 7 × 7     |
    | avgpool, fc   | average over the map, dropout 0.2 | 1000             |

    6,624,904 weights and biases, 13,004,888 with both auxiliary heads (`aux_logits`), which run in training only.

    What differs from the paper (and is as in `GoogLeNet2014`): there no batch normalisation but biases and local
    response normalisation, 5×5 where the third branch has 3×3 here, a last pooling of 3×3, 5×5 / 3 average in the
    heads, dropout of 0.4 behind the average. Weights start normal with deviation 0.01, cut at ±2.

    `transform_input` expects images normalised by ImageNet's mean and deviation and brings them to (x - 0.5) / 0.5,
    as the published weights want it. State dicts interchange with torchvision's. Raises ValueError in `forward` for
    another input shape.
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        check_counts("GoogLeNet", num_classes=num_classes, in_channels=in_channels)
        check_chance("GoogLeNet: dropout", dropout)
        check_chance("GoogLeNet: dropout_aux", dropout_aux)
        if transform_input and in_channels != 3:
            raise ValueError(f"GoogLeNet: transform_input is for RGB images; got in_channels={in_channels}, expected 3")
        self.in_channels = in_channels
        self.transform_input = transform_input
        mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        self.register_buffer("scale", (deviation / 0.5).view(3, 1, 1), persistent=False)
        self.register_buffer("shift", ((mean - 0.5) / 0.5).view(3, 1, 1), persistent=False)
        self.conv1 = BasicConv2d(in_channels, 64, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.conv2 = BasicConv2d(64, 64, kernel_size=1)
        self.conv3 = BasicConv2d(64, 192, kernel_size=3, padding=1)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception3a = Inception(192, INCEPTION["3a"])
        self.inception3b = Inception(256, INCEPTION["3b"])
        self.maxpool3 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception4a = Inception(480, INCEPTION["4a"])
        self.inception4b = Inception(512, INCEPTION["4b"])
        self.inception4c = Inception(512, INCEPTION["4c"])
        self.inception4d = Inception(512, INCEPTION["4d"])
        self.inception4e = Inception(528, INCEPTION["4e"])
        self.maxpool4 = nn.MaxPool2d(kernel_size=2, stride=2, ceil_mode=True)
        self.inception5a = Inception(832, INCEPTION["5a"])
        self.inception5b = Inception(832, INCEPTION["5b"])
        self.aux1 = InceptionAux(512, num_classes, dropout_aux) if aux_logits else None
        self.aux2 = InceptionAux(528, num_classes, dropout_aux) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.01, a=-2, b=2)

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        """Logits (N, num_classes) for images x (N, C_in, H, W); in training with those of the auxiliary heads."""
        check_images(x, "GoogLeNet", self.in_channels, least=15)
        if self.transform_input:
            x = x * self.scale + self.shift
        x = self.maxpool1(self.conv1(x))  # (N, 64, H/4, W/4)
        x = self.maxpool2(self.conv3(self.conv2(x)))  # (N, 192, H/8, W/8)
        x = self.maxpool3(self.inception3b(self.inception3a(x)))  # (N, 480, H/16, W/16)
        x = self.inception4a(x)
        aux1 = self.aux1(x) if self.aux1 is not None and self.training else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x) if self.aux2 is not None and self.training else None
        x = self.maxpool4(self.inception4e(x))  # (N, 832, H/32, W/32)
        x = self.inception5b(self.inception5a(x))
        logits = self.fc(self.dropout(torch.flatten(self.avgpool(x), 1)))
        if self.training and self.aux1 is not None:
            return GoogLeNetOutputs(logits, aux2, aux1)
        return cast(Tensor, logits)


def googlenet(
    num_classes: int = 1000,
    aux_logits: bool = True,
    transform_input: bool | None = None,
    dropout: float = 0.2,
    dropout_aux: float = 0.7,
    in_channels: int = 3,
    *,
    weights: Weights = None,
) -> GoogLeNet:
    """`GoogLeNet` as torchvision has it. weights: None, "imagenet", or the path of a state dict.

    `transform_input` is by default on with weights="imagenet", which were trained so, and off without.
    """
    if transform_input is None:
        transform_input = weights == "imagenet"
    net = GoogLeNet(num_classes, aux_logits, transform_input, dropout, dropout_aux, in_channels)
    return with_weights(net, "googlenet", weights)
