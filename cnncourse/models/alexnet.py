"""AlexNet twice: the form whose weights are published today, and the network of 2012.

Sources: Krizhevsky, Sutskever & Hinton 2012, doi:10.1145/3065386 (the network); Krizhevsky 2014, arXiv:1404.5997 (the
one-GPU form).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import cast

import torch
from torch import Tensor, nn

from cnncourse.models._check import check_chance, check_counts, check_images
from cnncourse.models.weights import Weights, with_weights


class AlexNet(nn.Module):
    """The one-GPU AlexNet as torchvision has it: images (N, C_in, H, W), H, W >= 63 → logits (N, num_classes).

    | layer       | what                             | output for 224 × 224 | weights and biases |
    |-------------|----------------------------------|----------------------|--------------------|
    | features.0  | 64 filters 11×11 / 4, pad 2      | 64 × 55 × 55         | 23,296             |
    | features.2  | 3×3 max / 2                      | 64 × 27 × 27         |                    |
    | features.3  | 192 filters 5×5, pad 2           | 192 × 27 × 27        | 307,392            |
    | features.5  | 3×3 max / 2                      | 192 × 13 × 13        |                    |
    | features.6  | 384 filters 3×3, pad 1           | 384 × 13 × 13        | 663,936            |
    | features.8  | 256 filters 3×3, pad 1           | 256 × 13 × 13        | 884,992            |
    | features.10 | 256 filters 3×3, pad 1           | 256 × 13 × 13        | 590,080            |
    | features.12 | 3×3 max / 2                      | 256 × 6 × 6          |                    |
    | avgpool     | average to 6×6, whatever the map | 256 × 6 × 6          |                    |
    | classifier  | dropout, 4096, dropout, 4096     | 4096                 | 54,534,144         |
    | .6          | fully connected                  | 1000                 | 4,097,000          |

    61,100,840 in all. A ReLU stands behind every layer with weights but the last. It differs from the network of 2012
    (`AlexNet2012`) in the numbers of filters (64, 192, 384, 256, 256), in having no groups and no local response
    normalisation, in its padding, and in its initial values, which are torch's own.

    State dicts interchange with torchvision's. Raises ValueError in `forward` for another input shape.
    """

    def __init__(self, num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> None:
        super().__init__()
        check_counts("AlexNet", num_classes=num_classes, in_channels=in_channels)
        check_chance("AlexNet: dropout", dropout)
        self.in_channels = in_channels
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 64, kernel_size=11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(64, 192, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(192, 384, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) for images x (N, C_in, H, W)."""
        check_images(x, "AlexNet", self.in_channels, least=63)
        x = self.avgpool(self.features(x))  # (N, 256, 6, 6)
        return cast(Tensor, self.classifier(torch.flatten(x, 1)))


class AlexNet2012(nn.Module):
    """The paper's AlexNet: images (N, C_in, 227, 227) → logits (N, num_classes).

    | layer | what                              | output        | weights and biases, 2 groups (1 group) |
    |-------|-----------------------------------|---------------|----------------------------------------|
    | conv1 | 96 filters 11×11 / 4              | 96 × 55 × 55  | 34,944                                 |
    | norm1 | local response normalisation      | 96 × 55 × 55  |                                        |
    | pool1 | 3×3 max / 2                       | 96 × 27 × 27  |                                        |
    | conv2 | 256 filters 5×5, pad 2, in groups | 256 × 27 × 27 | 307,456 (614,656)                      |
    | norm2 | local response normalisation      | 256 × 27 × 27 |                                        |
    | pool2 | 3×3 max / 2                       | 256 × 13 × 13 |                                        |
    | conv3 | 384 filters 3×3, pad 1            | 384 × 13 × 13 | 885,120                                |
    | conv4 | 384 filters 3×3, pad 1, in groups | 384 × 13 × 13 | 663,936 (1,327,488)                    |
    | conv5 | 256 filters 3×3, pad 1, in groups | 256 × 13 × 13 | 442,624 (884,992)                      |
    | pool5 | 3×3 max / 2                       | 256 × 6 × 6   |                                        |
    | fc6   | fully connected, dropout          | 4096          | 37,752,832                             |
    | fc7   | fully connected, dropout          | 4096          | 16,781,312                             |
    | fc8   | fully connected                   | 1000          | 4,097,000                              |

    60,965,224 in all (62,378,344); the paper says 60 million. A ReLU follows every layer with weights but fc8. The
    groups are the two graphics cards: a map of conv2, 4 and 5 sees the maps on its own card only; conv3 sees all.

    Local response normalisation divides each value by (2 + 1e-4 * the sum of the squares of 5 neighbouring channels) to
    the power 0.75. Weights start normal with deviation 0.01; the biases of conv2, 4, 5, fc6 and fc7 start at 1, so that
    their ReLUs begin switched on, the others at 0.

    What differs from the paper: it says 224 × 224, from which a stride of 4 does not give its 55 × 55 without
    padding; 227 does. Its maps lie on two cards, here they are one tensor.

    Raises ValueError for groups other than 1 and 2, and in `forward` for another input shape.
    """

    def __init__(self, groups: int = 2, num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> None:
        super().__init__()
        check_counts("AlexNet2012", num_classes=num_classes, in_channels=in_channels)
        check_chance("AlexNet2012: dropout", dropout)
        if groups not in (1, 2):
            raise ValueError(
                f"AlexNet2012: groups is {groups!r}; expected 2 as published, or 1: every map sees all maps"
            )
        self.in_channels = in_channels
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(in_channels, 96, kernel_size=11, stride=4),
                relu1=nn.ReLU(),
                norm1=response_norm(),
                pool1=nn.MaxPool2d(kernel_size=3, stride=2),
                conv2=nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=groups),
                relu2=nn.ReLU(),
                norm2=response_norm(),
                pool2=nn.MaxPool2d(kernel_size=3, stride=2),
                conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),
                relu3=nn.ReLU(),
                conv4=nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=groups),
                relu4=nn.ReLU(),
                conv5=nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=groups),
                relu5=nn.ReLU(),
                pool5=nn.MaxPool2d(kernel_size=3, stride=2),
            )
        )
        self.classifier = nn.Sequential(
            OrderedDict(
                fc6=nn.Linear(256 * 6 * 6, 4096),
                relu6=nn.ReLU(),
                drop6=nn.Dropout(dropout),
                fc7=nn.Linear(4096, 4096),
                relu7=nn.ReLU(),
                drop7=nn.Dropout(dropout),
                fc8=nn.Linear(4096, num_classes),
            )
        )
        for name, layer in self.named_modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(layer.weight, std=0.01)
                ones = name.rpartition(".")[2] in ("conv2", "conv4", "conv5", "fc6", "fc7")
                nn.init.constant_(cast(Tensor, layer.bias), float(ones))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) for images x (N, C_in, 227, 227)."""
        check_images(x, "AlexNet2012", self.in_channels, side=227)
        return cast(Tensor, self.classifier(torch.flatten(self.features(x), 1)))


def response_norm() -> nn.LocalResponseNorm:
    """Local response normalisation with the constants of 2012: n = 5, k = 2, alpha = 1e-4, beta = 0.75.

    torch divides alpha by n, the paper does not: so n times the paper's alpha goes in.
    """
    return nn.LocalResponseNorm(size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)


def alexnet(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, *, weights: Weights = None) -> AlexNet:
    """`AlexNet`, the form that torchvision has. weights: None, "imagenet", or the path of a state dict."""
    return with_weights(AlexNet(num_classes, in_channels, dropout), "alexnet", weights)


def alexnet_2012(
    groups: int = 2,
    num_classes: int = 1000,
    in_channels: int = 3,
    dropout: float = 0.5,
    *,
    weights: Weights = None,
) -> AlexNet2012:
    """`AlexNet2012`, the paper's form. weights: None, or the path of a state dict."""
    return with_weights(AlexNet2012(groups, num_classes, in_channels, dropout), "alexnet_2012", weights)
