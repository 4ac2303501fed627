"""Small networks in the manner of VGG, AlexNet and ResNet for 64×64 images, trained and shipped with the course.

The ideas are those of the large ones (Simonyan & Zisserman 2015, arXiv:1409.1556; Krizhevsky et al. 2012; He et al.
2016, doi:10.1109/CVPR.2016.90), the sizes such that a laptop trains them in minutes. Pixels go in as they are, in
[0, 1]; the first step centres them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from cnncourse.errors import whole
from cnncourse.models._check import check_images
from cnncourse.models.resnet import BasicBlock


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


def small_vgg(
    num_classes: int = 21,
    batch_norm: bool = True,
    *,
    channels: Sequence[int] = (24, 48, 96, 128),
    in_channels: int = 3,
) -> SmallNet:
    """3×3 convolutions in pairs, a pair for each of `channels`, 2×2 max pooling after each pair.

    | stage | output at 64×64 | weights of its convolutions |
    |-------|-----------------|-----------------------------|
    | 1     | 24 × 32 × 32    | 648 + 5,184                 |
    | 2     | 48 × 16 × 16    | 10,368 + 20,736             |
    | 3     | 96 × 8 × 8      | 41,472 + 82,944             |
    | 4     | 128 × 4 × 4     | 110,592 + 147,456           |

    `in_channels` is 1 for grey images. Raises ValueError for a count below 1 or without any channels.
    """
    num_classes = whole("small_vgg: num_classes", num_classes, 1)
    if not channels:
        raise ValueError("small_vgg: channels is empty; expected a count for each pair, such as (24, 48, 96, 128)")
    layers: list[nn.Module] = []
    c_in = whole("small_vgg: in_channels", in_channels, 1)
    for c in channels:
        c_out = whole("small_vgg: channels", c, 1)
        layers += [*_block(c_in, c_out, 3, batch_norm), *_block(c_out, c_out, 3, batch_norm), nn.MaxPool2d(2)]
        c_in = c_out
    return SmallNet(nn.Sequential(*layers), c_in, num_classes)


def small_vgg_from(state: Mapping[str, Tensor]) -> SmallNet:
    """The `small_vgg` that a state dict belongs to, of its widths and dtype, with these weights; in training mode.

    Raises ValueError for a state dict of another network.
    """
    batch_norm = "features.1.running_mean" in state
    stage = 7 if batch_norm else 5  # the layers of a stage
    firsts = [state[name] for k in range(len(state)) if (name := f"features.{stage * k}.weight") in state]
    head = state.get("classifier.weight")
    if not firsts or head is None or any(w.dim() != 4 for w in firsts) or head.dim() != 2:
        raise ValueError(
            f"small_vgg_from: the state holds {', '.join(list(state)[:3]) or 'nothing'}, ...; expected that of a "
            f"small_vgg, from features.0.weight to classifier.bias"
        )
    channels = [w.shape[0] for w in firsts]
    net = small_vgg(head.shape[0], batch_norm, channels=channels, in_channels=firsts[0].shape[1]).to(head.dtype)
    try:
        net.load_state_dict(dict(state))
    except RuntimeError as error:
        raise ValueError(f"small_vgg_from: this is no state of a small_vgg: {error}") from None
    return net


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


class SmallResNet(nn.Module):
    """Images (N, 3, H, W) with pixels in [0, 1] → logits (N, num_classes).

    | layer   | what                                | output at 64×64 | weights of its convolutions |
    |---------|-------------------------------------|-----------------|-----------------------------|
    | conv1   | 24 filters 5×5 / 2, pad 2           | 24 × 32 × 32    | 1,800                       |
    | layer1  | 2 basic blocks, 24 wide             | 24 × 32 × 32    | 20,736                      |
    | layer2  | 2 basic blocks, 48 wide, the first / 2 | 48 × 16 × 16 | 72,576 + 1,152              |
    | layer3  | 2 basic blocks, 96 wide, the first / 2 | 96 × 8 × 8   | 290,304 + 4,608             |
    | avgpool | average over the map                | 96              |                             |
    | fc      | fully connected                     | num_classes     |                             |

    Batch normalisation follows every convolution. The second numbers are those of the 1×1 convolutions that fit the
    shortcuts of layer2 and layer3. Keys of the state dict are named as in torchvision's ResNet: conv1, bn1,
    layer1.0.conv1, layer1.0.bn1, …, layer2.0.downsample.0, …, fc. What differs from a large ResNet: a smaller first
    filter, no pooling behind it, three stages.

    Raises ValueError in `forward` for another input shape.
    """

    def __init__(self, num_classes: int = 21) -> None:
        super().__init__()
        self.centre = Centre()
        self.conv1 = nn.Conv2d(3, 24, kernel_size=5, stride=2, padding=2, bias=False)
        self.bn1 = nn.BatchNorm2d(24)
        self.relu = nn.ReLU()
        self.layer1 = _two_blocks(24, 24)
        self.layer2 = _two_blocks(24, 48)
        self.layer3 = _two_blocks(48, 96)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(96, num_classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) for images x (N, 3, H, W) with pixels in [0, 1]."""
        check_images(x, "SmallResNet", 3)
        x = self.relu(self.bn1(self.conv1(self.centre(x))))  # (N, 24, H/2, W/2)
        x = self.layer3(self.layer2(self.layer1(x)))  # (N, 96, H/8, W/8)
        return cast(Tensor, self.fc(torch.flatten(self.avgpool(x), 1)))


def _two_blocks(c_in: int, width: int) -> nn.Sequential:
    """Two basic blocks; where the width changes, the first halves the map and its shortcut has a 1×1 convolution."""
    stride, fit = 1, None
    if c_in != width:
        stride = 2
        fit = nn.Sequential(nn.Conv2d(c_in, width, kernel_size=1, stride=2, bias=False), nn.BatchNorm2d(width))
    return nn.Sequential(BasicBlock(c_in, width, stride, fit), BasicBlock(width, width))


def small_resnet(num_classes: int = 21) -> SmallResNet:
    """`SmallResNet`: six basic blocks in three stages of 24, 48 and 96 channels, 14 layers with weights."""
    return SmallResNet(whole("small_resnet: num_classes", num_classes, 1))
