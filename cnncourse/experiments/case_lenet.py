"""The experiments of the chapter *LeNet*: what the paper of 1998 had that today's LeNet-5 has not, part by part.

Source: LeCun, Bottou, Bengio, Haffner 1998, doi:10.1109/5.726791: II-B (Fig. 2, Table I), III-B for the data set.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, one_hot
from torch.optim import Adam

from cnncourse.data import digits, glyphs
from cnncourse.data._wheels import wheel_file
from cnncourse.errors import whole
from cnncourse.experiments.making import Experiment
from cnncourse.experiments.training import Training
from cnncourse.train import jitter, one_cycle

Pair = tuple[Tensor, Tensor]
LETTERS = "AEFHJKLMNPRTUVWXY"  # capitals that are no digit's drawing
SURE = 0.9
EPOCHS = 16
_ROWS, _COLUMNS = 12, 7
_SQUASH = {
    "tanh": torch.tanh,
    "scaled tanh": lambda a: 1.7159 * torch.tanh(2 * a / 3),
    "relu": torch.relu,
}
POOLINGS = ("mean", "trained", "max")


def table_one() -> Tensor:
    """Which maps of S2 each map of C3 reads, (16, 6) of 0 and 1: three neighbours, four, four with gaps, all six."""
    rings = [[(first + k) % 6 for k in range(length)] for length in (3, 4) for first in range(6)]
    gaps = [[first % 6, (first + 1) % 6, (first + 3) % 6, (first + 4) % 6] for first in range(3)]
    return torch.stack([one_hot(torch.tensor(read), 6).sum(0) for read in (*rings, *gaps, list(range(6)))])


@cache
def bitmaps() -> Tensor:
    """A picture of 12 × 7 for each digit as (10, 84), ink 1 and paper −1: what F6 is to draw. The paper's were drawn by
    hand; these come from the typeface DejaVu Sans Mono, stretched to the frame."""
    font = ImageFont.truetype(str(wheel_file("matplotlib", "mpl-data/fonts/ttf/DejaVuSansMono-Bold.ttf")), 60)
    codes = []
    for digit in "0123456789":
        left, top, right, bottom = (int(v) for v in font.getbbox(digit))
        drawn = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(drawn).text((-left, -top), digit, fill=255, font=font)
        small = drawn.resize((_COLUMNS, _ROWS), Image.Resampling.BOX)
        codes.append(torch.tensor(list(small.tobytes()), dtype=torch.float32) > 127)
    return torch.stack(codes).float() * 2 - 1


class PaperLeNet5(nn.Module):
    """LeNet-5 with each part either as today or as in the paper: images (N, 1, 32, 32) in [0, 1] → (N, 10) or (N, 11).

    - `c3`: "all" reads all six maps; "table" those of `table_one`.
    - `pooling`: "mean", "max", or "trained": the paper's average · coefficient + bias, one of each a map, squashed.
    - `squash`: "tanh", "relu", or "scaled tanh", 1.7159 tanh(2a/3), with the paper's input from −0.1 to 1.175.
    - `output`: "linear", or "rbf": scores −|f − code_i|² for the vector f of F6 and the ten `bitmaps`, and an eleventh
      score −j, the same for every picture: "none of these". Cross-entropy of them is the paper's loss (9).
    """

    def __init__(
        self, c3: str = "all", pooling: str = "mean", squash: str = "tanh", output: str = "linear", j: float = 42.0
    ) -> None:
        super().__init__()
        for name, value, known in (
            ("c3", c3, ("all", "table")), ("pooling", pooling, POOLINGS), ("squash", squash, tuple(_SQUASH)),
            ("output", output, ("linear", "rbf")),
        ):  # fmt: skip
            if value not in known:
                raise ValueError(f"PaperLeNet5: {name} is {value!r}; expected {', '.join(map(repr, known))}")
        self.pooling, self.squash, self.j = pooling, squash, j
        self.c1, self.c3 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.c5, self.f6 = nn.Conv2d(16, 120, 5), nn.Linear(120, 84)
        self.output = nn.Linear(84, 10) if output == "linear" else None
        reads = table_one() if c3 == "table" else torch.ones(16, 6)
        self.register_buffer("reads", reads[:, :, None, None].float(), persistent=False)
        self.register_buffer("codes", bitmaps(), persistent=False)
        self.coefficients = nn.ParameterList()
        if pooling == "trained":  # coefficient 1 and bias 0 to begin with
            for maps in (6, 16):
                self.coefficients.append(
                    nn.Parameter(torch.stack([torch.ones(maps), torch.zeros(maps)])[..., None, None])
                )
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def codes_of(self, x: Tensor) -> Tensor:
        """The 84 numbers of F6, (N, 84)."""
        act = _SQUASH[self.squash]
        x = x * 1.275 - 0.1 if self.squash == "scaled tanh" else x
        x = self._pool(act(self.c1(x)), 0)  # (N, 6, 14, 14)
        x = self._pool(act(conv2d(x, self.c3.weight * self.get_buffer("reads"), self.c3.bias)), 1)  # (N, 16, 5, 5)
        f: Tensor = act(self.f6(act(self.c5(x)).flatten(1)))
        return f

    def forward(self, x: Tensor) -> Tensor:
        """Scores; with "rbf" the last of eleven is "none of these"."""
        f = self.codes_of(x)
        if self.output is not None:
            scores: Tensor = self.output(f)
            return scores
        squared = (f[:, None] - self.get_buffer("codes")).square().sum(2)  # (N, 10)
        return -torch.cat([squared, torch.full_like(squared[:, :1], self.j)], dim=1)

    def _pool(self, x: Tensor, place: int) -> Tensor:
        if self.pooling == "max":
            return max_pool2d(x, 2)
        if self.pooling == "mean":
            return avg_pool2d(x, 2)
        coefficient, bias = self.coefficients[place]
        return _SQUASH[self.squash](avg_pool2d(x, 2) * coefficient + bias)

    def counted(self) -> int:
        """Trainable numbers, those that the table masks left out: 60,000 for the paper's net."""
        every = sum(p.numel() for p in self.parameters())
        return every - int(25 * (1 - self.get_buffer("reads")).sum())


@cache
def train_digits() -> Pair:
    """The first 1,297 digits, 32×32."""
    data = digits("train")
    return data.images, data.labels


@cache
def held_out_digits() -> Pair:
    """The last 500."""
    data = digits("test")
    return data.images, data.labels


@cache
def letters(count: int = 500) -> Tensor:
    """Capitals that are no digit, from typefaces, bent and turned: (count, 1, 32, 32)."""
    return glyphs("test", whole("letters: count", count, 1), characters=LETTERS).images


def sure(model: nn.Module, images: Tensor) -> float:
    """The share of pictures for which one of the ten digits gets a probability above 0.9."""
    with torch.no_grad():
        probabilities = model(images).softmax(dim=1)[:, :10]
    return float((probabilities.amax(1) > SURE).float().mean())


def doubts(model: nn.Module) -> Mapping[str, float]:
    """How often it is sure of a digit: on held-out digits, and on letters."""
    return {"sure_digits": sure(model, held_out_digits()[0]), "sure_letters": sure(model, letters())}


def _trained(**parts: Any) -> Training:
    return Training(
        build=partial(PaperLeNet5, **parts), train=train_digits, val=held_out_digits, epochs=EPOCHS,
        optimizer=partial(Adam, lr=0.003), schedule=one_cycle, measure=doubts,
    )  # fmt: skip


def _distorted() -> Training:
    return Training(
        build=PaperLeNet5, train=train_digits, val=held_out_digits, epochs=EPOCHS, optimizer=partial(Adam, lr=0.003),
        schedule=one_cycle, measure=doubts, augment=partial(jitter, degrees=10.0, shift=2.0, scale=0.1),
    )  # fmt: skip


_OLD = {"c3": "table", "pooling": "trained", "squash": "scaled tanh", "output": "rbf"}
EXPERIMENTS = (
    Experiment(
        "lenet_parts",
        "LeNet-5 as today, with single parts as the paper of 1998 had them, with all of them, and two later ideas.",
        "scikit-learn's 1,797 handwritten digits as 32×32, in the file's order: the first 1,297 to train, the last 500 "
        "held out; 500 bent capital letters from typefaces to be doubted",
        {
            "as today": _trained(),
            "C3 by the table": _trained(c3="table"),
            "trained subsampling": _trained(pooling="trained"),
            "scaled tanh, shifted input": _trained(squash="scaled tanh"),
            "bitmaps and none-of-these": _trained(output="rbf"),
            "all four, as in 1998": _trained(**_OLD),
            "ReLU and max pooling": _trained(pooling="max", squash="relu"),
            "today, distorted digits": _distorted(),
        },
    ),
)
