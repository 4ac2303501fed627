"""ZFNet: AlexNet after a look inside. Source: Zeiler & Fergus 2014, doi:10.1007/978-3-319-10590-1_53, Fig. 3."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from cnncourse.errors import whole
from cnncourse.models._check import check_chance, check_counts, check_images
from cnncourse.models.alexnet import response_norm
from cnncourse.models.weights import Weights, with_weights


class ZFNet(nn.Module):
    """Images (N, C_in, 224, 224) → logits (N, num_classes).

    | layer | what                         | output        | weights and biases |
    |-------|------------------------------|---------------|--------------------|
    | conv1 | 96 filters 7×7 / 2, pad 1    | 96 × 110 × 110| 14,208             |
    | pool1 | 3×3 max / 2                  | 96 × 55 × 55  |                    |
    | norm1 | local response normalisation | 96 × 55 × 55  |                    |
    | conv2 | 256 filters 5×5 / 2          | 256 × 26 × 26 | 614,656            |
    | pool2 | 3×3 max / 2                  | 256 × 13 × 13 |                    |
    | norm2 | local response normalisation | 256 × 13 × 13 |                    |
    | conv3 | 384 filters 3×3, pad 1       | 384 × 13 × 13 | 885,120            |
    | conv4 | 384 filters 3×3, pad 1       | 384 × 13 × 13 | 1,327,488          |
    | conv5 | 256 filters 3×3, pad 1       | 256 × 13 × 13 | 884,992            |
    | pool5 | 3×3 max / 2                  | 256 × 6 × 6   |                    |
    | fc6   | fully connected, dropout     | 4096          | 37,752,832         |
    | fc7   | fully connected, dropout     | 4096          | 16,781,312         |
    | fc8   | fully connected              | 1000          | 4,097,000          |

    62,357,608 in all, the sum of the rows; the paper states none. A ReLU follows every layer with weights but fc8.
    Against AlexNet the first filters are smaller (7 for 11) and closer (2 for 4), because the authors saw few filters
    of middle frequency in AlexNet's first layer and aliasing in its second; conv2 moves by 2, and there are no
    groups.

    `maps` are the filters of conv3, 4 and 5. The paper's Fig. 3 has (384, 384, 256); its Table 2 also has a variant
    with (512, 1024, 512).

    Chosen here, because the paper does not say: pooling windows may reach over the edge (`ceil_mode`), without which
    the sizes of Fig. 3 do not come out; the constants of the normalisation are AlexNet's. Weights start at 0.01 in
    the paper, all alike as it is printed; here normal with deviation 0.01. Biases start at 0 in both.

    Raises ValueError in `forward` for another input shape.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        maps: Sequence[int] = (384, 384, 256),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_counts("ZFNet", num_classes=num_classes, in_channels=in_channels)
        check_chance("ZFNet: dropout", dropout)
        if not isinstance(maps, Sequence) or len(maps) != 3:
            raise ValueError(f"ZFNet: maps is {maps!r}; expected three numbers, the filters of conv3, conv4 and conv5")
        c3, c4, c5 = (whole("ZFNet: maps", count, 1) for count in maps)
        self.in_channels = in_channels
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(in_channels, 96, kernel_size=7, stride=2, padding=1),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),
                norm1=response_norm(),
                conv2=nn.Conv2d(96, 256, kernel_size=5, stride=2),
                relu2=nn.ReLU(),
                pool2=nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),
                norm2=response_norm(),
                conv3=nn.Conv2d(256, c3, kernel_size=3, padding=1),
                relu3=nn.ReLU(),
                conv4=nn.Conv2d(c3, c4, kernel_size=3, padding=1),
                relu4=nn.ReLU(),
                conv5=nn.Conv2d(c4, c5, kernel_size=3, padding=1),
                relu5=nn.ReLU(),
                pool5=nn.MaxPool2d(kernel_size=3, stride=2),
            )
        )
        self.classifier = nn.Sequential(
            OrderedDict(
                fc6=nn.Linear(c5 * 6 * 6, 4096),
                relu6=nn.ReLU(),
                drop6=nn.Dropout(dropout),
                fc7=nn.Linear(4096, 4096),
                relu7=nn.ReLU(),
                drop7=nn.Dropout(dropout),
                fc8=nn.Linear(4096, num_classes),
            )
        )
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(cast(Tensor, layer.bias))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) for images x (N, C_in, 224, 224)."""
        check_images(x, "ZFNet", self.in_channels, side=224)
        return cast(Tensor, self.classifier(torch.flatten(self.features(x), 1)))


def zfnet(
    num_classes: int = 1000,
    in_channels: int = 3,
    maps: Sequence[int] = (384, 384, 256),
    dropout: float = 0.5,
    *,
    weights: Weights = None,
) -> ZFNet:
    """`ZFNet`; `maps=(512, 1024, 512)` for the paper's wider variant. weights: None, or the path of a state dict."""
    return with_weights(ZFNet(num_classes, in_channels, maps, dropout), "zfnet", weights)
