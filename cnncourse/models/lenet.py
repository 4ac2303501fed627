"""LeNet-5, the network that read cheques. Source: LeCun, Bottou, Bengio, Haffner 1998, doi:10.1109/5.726791, Fig. 2."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from cnncourse.models._check import check_images
from cnncourse.models.weights import Weights, with_weights

_SIDE = 32
_PAD = "28×28? Pad by 2: torch.nn.functional.pad(x, (2, 2, 2, 2))"


class LeNet5(nn.Module):
    """C1 – S2 – C3 – S4 – C5 – F6 – output: images (N, C_in, 32, 32) → logits (N, num_classes).

    | layer  | what                            | output       | weights and biases (C_in = 1, 10 classes) |
    |--------|---------------------------------|--------------|-------------------------------------------|
    | c1     | 6 filters 5×5, tanh             | 6 × 28 × 28  | 156                                       |
    | s2     | 2×2 average, stride 2           | 6 × 14 × 14  | 0                                         |
    | c3     | 16 filters 5×5, tanh            | 16 × 10 × 10 | 2,416                                     |
    | s4     | 2×2 average, stride 2           | 16 × 5 × 5   | 0                                         |
    | c5     | 120 filters 5×5, tanh           | 120 × 1 × 1  | 48,120                                    |
    | f6     | fully connected, tanh           | 84           | 10,164                                    |
    | output | fully connected                 | 10           | 850                                       |

    61,706 in all. What differs from the paper, which has about 60,000:

    - Subsampling (S2, S4) there multiplies each map's average by a trained coefficient, adds a trained bias and applies
      a sigmoid; here it is the plain average.
    - C3 there connects each of its maps to 3, 4 or 6 of the six maps of S2 (Table I, 1,516 weights and biases); here to
      all six. In 1998 that saved time and broke symmetry.
    - The activation there is 1.7159 tanh(2a/3); here tanh.
    - The output there is ten Euclidean radial basis functions against fixed 7×12 bitmaps, trained with a margin loss;
      here ten logits, trained with cross-entropy.
    - Initialisation there is uniform in ±2.4 / fan-in; here Xavier's, which was made for tanh (Glorot & Bengio 2010).
    - Input there is shifted to background −0.1 and ink 1.175; here pixels in [0, 1] go in as they are.

    Raises ValueError in `forward` for another input shape.
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1) -> None:
        super().__init__()
        for name, value in (("num_classes", num_classes), ("in_channels", in_channels)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"LeNet5: {name} is {value!r}; expected an int ≥ 1")
        self.in_channels = in_channels
        self.c1 = nn.Conv2d(in_channels, 6, kernel_size=5)
        self.s2 = nn.AvgPool2d(2)
        self.c3 = nn.Conv2d(6, 16, kernel_size=5)
        self.s4 = nn.AvgPool2d(2)
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, num_classes)
        self.act1, self.act3, self.act5, self.act6 = nn.Tanh(), nn.Tanh(), nn.Tanh(), nn.Tanh()
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(cast(Tensor, layer.bias))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) for images x (N, C_in, 32, 32)."""
        check_images(x, "LeNet5", self.in_channels, side=_SIDE, hint=_PAD)
        x = self.s2(self.act1(self.c1(x)))  # (N, 6, 14, 14)
        x = self.s4(self.act3(self.c3(x)))  # (N, 16, 5, 5)
        x = self.act5(self.c5(x)).flatten(1)  # (N, 120)
        x = self.act6(self.f6(x))  # (N, 84)
        return cast(Tensor, self.output(x))  # (N, num_classes)


def lenet5(num_classes: int = 10, in_channels: int = 1, *, weights: Weights = None) -> LeNet5:
    """`LeNet5`. weights: None, or the path of a state dict. Seed first (`seed_everything`) for the same again."""
    return with_weights(LeNet5(num_classes, in_channels), "lenet5", weights)
