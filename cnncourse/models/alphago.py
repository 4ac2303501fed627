"""The policy network of AlphaGo: convolutions without pooling, because on a board every point counts.

Source: Silver et al. 2016, doi:10.1038/nature16961, Methods, "Neural network architecture".
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from cnncourse.errors import whole
from cnncourse.models._check import check_counts, check_images
from cnncourse.models.weights import Weights, with_weights


class AlphaGoPolicy(nn.Module):
    """Boards (N, planes, board, board) → logits (N, board * board), one for each point, row by row.

    | layer        | what                        | output         | weights and biases as published |
    |--------------|-----------------------------|----------------|---------------------------------|
    | conv1        | 192 filters 5×5, pad 2      | 192 × 19 × 19  | 230,592                         |
    | conv2 … 12   | 192 filters 3×3, pad 1      | 192 × 19 × 19  | 331,968 each                    |
    | conv13       | 1 filter 1×1                | 1 × 19 × 19    | 192                             |
    | bias         | one number for each point   | 361            | 361                             |

    3,882,793 in all, the sum of the rows. A ReLU follows conv1 to conv12. The paper gives these layers with
    `channels` of 128, 192 (as it played), 256 and 384, and 48 planes that describe the position. The bias of its own
    for each point is all that tells the net, beside the edge, where on the board it is.

    What differs from the paper: it ends in a softmax, here come logits, so that `cross_entropy` applies. It does not
    say how weights start; here by He's rule, and biases at 0. `board`, `planes`, `channels` and `layers`
    (convolutions with a ReLU) may be smaller.

    Raises ValueError in `forward` for another input shape.
    """

    def __init__(self, board: int = 19, planes: int = 48, channels: int = 192, layers: int = 12) -> None:
        super().__init__()
        check_counts("AlphaGoPolicy", board=board, planes=planes, channels=channels)
        whole("AlphaGoPolicy: layers", layers, 1)
        self.board, self.planes = board, planes
        steps: OrderedDict[str, nn.Module] = OrderedDict()
        for i in range(1, layers + 1):
            kernel = 5 if i == 1 else 3
            steps[f"conv{i}"] = nn.Conv2d(planes if i == 1 else channels, channels, kernel, padding=kernel // 2)
            steps[f"relu{i}"] = nn.ReLU()
        steps[f"conv{layers + 1}"] = nn.Conv2d(channels, 1, kernel_size=1, bias=False)
        self.features = nn.Sequential(steps)
        self.bias = nn.Parameter(torch.zeros(board * board))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, board * board) for positions x (N, planes, board, board)."""
        check_images(x, "AlphaGoPolicy", self.planes, side=self.board)
        return torch.flatten(self.features(x), 1) + self.bias


def alphago_policy(
    board: int = 19, planes: int = 48, channels: int = 192, layers: int = 12, *, weights: Weights = None
) -> AlphaGoPolicy:
    """`AlphaGoPolicy`; as published by default. weights: None, or the path of a state dict."""
    return with_weights(AlphaGoPolicy(board, planes, channels, layers), "alphago_policy", weights)
