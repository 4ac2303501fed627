"""VGG: only 3×3 filters, and more of them. Source: Simonyan & Zisserman 2014, arXiv:1409.1556, Table 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from cnncourse.models._check import check_chance, check_counts, check_images
from cnncourse.models.alexnet import response_norm
from cnncourse.models.weights import Weights, with_weights

_WIDTHS = (64, 128, 256, 512, 512)
# Kernel sides of the layers in each of the five stages, by the paper's letter. Behind each stage the map is halved.
_STAGES: dict[str, Sequence[Sequence[int]]] = {
    "A": [(3,), (3,), (3, 3), (3, 3), (3, 3)],
    "B": [(3, 3), (3, 3), (3, 3), (3, 3), (3, 3)],
    "C": [(3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)],
    "D": [(3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)],
    "E": [(3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)],
}


class VGG(nn.Module):
    """Images (N, C_in, H, W), H, W >= 32 → logits (N, num_classes). `config` is the paper's letter.

    | stage, output for 224   | A (11)  | B (13)  | C (16)       | D (16)  | E (19)  |
    |-------------------------|---------|---------|--------------|---------|---------|
    | 1: 64 × 224 × 224       | 1 × 3×3 | 2 × 3×3 | 2 × 3×3      | 2 × 3×3 | 2 × 3×3 |
    | 2: 128 × 112 × 112      | 1 × 3×3 | 2 × 3×3 | 2 × 3×3      | 2 × 3×3 | 2 × 3×3 |
    | 3: 256 × 56 × 56        | 2 × 3×3 | 2 × 3×3 | 2 × 3×3, 1×1 | 3 × 3×3 | 4 × 3×3 |
    | 4: 512 × 28 × 28        | 2 × 3×3 | 2 × 3×3 | 2 × 3×3, 1×1 | 3 × 3×3 | 4 × 3×3 |
    | 5: 512 × 14 × 14        | 2 × 3×3 | 2 × 3×3 | 2 × 3×3, 1×1 | 3 × 3×3 | 4 × 3×3 |
    | weights and biases      | 132,863,336 | 133,047,848 | 133,638,952 | 138,357,544 | 143,667,240 |
    | the paper, in millions  | 133     | 133     | 134          | 138     | 144     |

    Every layer pads so that the map keeps its size and is followed by a ReLU; 2×2 max pooling with stride 2 ends each
    stage; then 4096, 4096 (each with ReLU and dropout) and num_classes units, fully connected. `local_norm` puts local
    response normalisation behind the first layer (the paper's A-LRN; no parameters). `batch_norm` puts batch
    normalisation between each convolution and its ReLU: it is younger than the paper.

    What differs from the paper: the last map is averaged to 7×7, so that other input sizes work (for 224 this changes
    nothing). Weights start as in torchvision, convolutions by He's rule for outputs, fully connected layers normal with
    deviation 0.01, biases 0; the paper started the deep nets from a trained A, whose weights began normal with
    deviation 0.1.

    State dicts of A, B, D, E, with and without batch norm, interchange with torchvision's. Raises ValueError for an
    unknown letter, and in `forward` for another input shape.
    """

    def __init__(
        self,
        config: str,
        num_classes: int = 1000,
        in_channels: int = 3,
        dropout: float = 0.5,
        *,
        batch_norm: bool = False,
        local_norm: bool = False,
    ) -> None:
        super().__init__()
        check_counts("VGG", num_classes=num_classes, in_channels=in_channels)
        check_chance("VGG: dropout", dropout)
        if config not in _STAGES:
            raise ValueError(
                f"VGG: config is {config!r}; expected one of {', '.join(_STAGES)}, as in the paper's Table 1"
            )
        self.in_channels = in_channels
        self.features = nn.Sequential(*_layers(_STAGES[config], in_channels, batch_norm, local_norm))
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(cast(Tensor, layer.bias))
            elif isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) for images x (N, C_in, H, W)."""
        check_images(x, "VGG", self.in_channels, least=32)
        x = self.avgpool(self.features(x))  # (N, 512, 7, 7)
        return cast(Tensor, self.classifier(torch.flatten(x, 1)))


def _layers(
    stages: Sequence[Sequence[int]], in_channels: int, batch_norm: bool, local_norm: bool
) -> Iterator[nn.Module]:
    """The convolutional part, layer by layer."""
    for width, kernels in zip(_WIDTHS, stages, strict=True):
        for kernel in kernels:
            yield nn.Conv2d(in_channels, width, kernel, padding=kernel // 2)
            if batch_norm:
                yield nn.BatchNorm2d(width)
            yield nn.ReLU()
            if local_norm:
                yield response_norm()
                local_norm = False  # behind the first layer only
            in_channels = width
        yield nn.MaxPool2d(kernel_size=2, stride=2)


def _vgg(name: str, config: str, weights: Weights, *arguments: Any, **options: bool) -> VGG:
    return with_weights(VGG(config, *arguments, **options), name, weights)


def vgg11(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, *, weights: Weights = None) -> VGG:
    """`VGG` A: 11 layers with weights. weights: None, "imagenet", or the path of a state dict."""
    return _vgg("vgg11", "A", weights, num_classes, in_channels, dropout)


def vgg11_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, *, weights: Weights = None) -> VGG:
    """`VGG` A with batch normalisation. weights: None, "imagenet", or the path of a state dict."""
    return _vgg("vgg11_bn", "A", weights, num_classes, in_channels, dropout, batch_norm=True)


def vgg11_lrn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, *, weights: Weights = None) -> VGG:
    """`VGG` A-LRN: local response normalisation behind the first layer. weights: None, or the path of a state dict."""
    return _vgg("vgg11_lrn", "A", weights, num_classes, in_channels, dropout, local_norm=True)


def vgg13(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, *, weights: Weights = None) -> VGG:
    """`VGG` B: 13 layers with weights. weights: None, "imagenet", or the path of a state dict."""
    return _vgg("vgg13", "B", weights, num_classes, in_channels, dropout)


def vgg13_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, *, weights: Weights = None) -> VGG:
    """`VGG` B with batch normalisation. weights: None, "imagenet", or the path of a state dict."""
    return _vgg("vgg13_bn", "B", weights, num_classes, in_channels, dropout, batch_norm=True)


def vgg16(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, *, weights: Weights = None) -> VGG:
    """`VGG` D: 16 layers with weights, all 3×3. weights: None, "imagenet", or the path of a state dict."""
    return _vgg("vgg16", "D", weights, num_classes, in_channels, dropout)


def vgg16_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, *, weights: Weights = None) -> VGG:
    """`VGG` D with batch normalisation. weights: None, "imagenet", or the path of a state dict."""
    return _vgg("vgg16_bn", "D", weights, num_classes, in_channels, dropout, batch_norm=True)


def vgg16_1x1(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, *, weights: Weights = None) -> VGG:
    """`VGG` C: as D, but the third layer of stages 3, 4 and 5 is 1×1. weights: None, or the path of a state dict."""
    return _vgg("vgg16_1x1", "C", weights, num_classes, in_channels, dropout)


def vgg19(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, *, weights: Weights = None) -> VGG:
    """`VGG` E: 19 layers with weights. weights: None, "imagenet", or the path of a state dict."""
    return _vgg("vgg19", "E", weights, num_classes, in_channels, dropout)


def vgg19_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, *, weights: Weights = None) -> VGG:
    """`VGG` E with batch normalisation. weights: None, "imagenet", or the path of a state dict."""
    return _vgg("vgg19_bn", "E", weights, num_classes, in_channels, dropout, batch_norm=True)
