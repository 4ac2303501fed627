"""Exercise `ScoreMap`: a fully connected layer as a convolution, which gives a map of scores for a larger input."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small
from cnncourse.checks.subject import Subject

BASE = """
import torch
from torch import nn

class ScoreMap(nn.Module):
    def __init__(self, weight, bias, size):
        super().__init__()
        C, H, W = size
        kernels = weight.reshape(len(weight), C, H, W)
        self.weight = nn.Parameter(kernels.clone())
        self.bias = nn.Parameter(bias.clone())

    def forward(self, x):
        F, C, H, W = self.weight.shape
        y = nn.functional.conv2d(x, self.weight, self.bias)
        return y
"""
CUT = "weight.reshape(len(weight), C, H, W)"
LAYER = "nn.functional.conv2d(x, self.weight, self.bias)"
RETURN = "return y"

MISTAKES = catalogue(
    "ScoreMap",
    BASE,
    [
        wrong(
            "windows_side_by_side",
            "Your windows lie side by side. The layer moves one pixel at a time: stride 1.",
            (LAYER, LAYER.replace("self.bias", "self.bias, stride=(H, W)")),
        ),
        wrong(
            "padded",
            "You pad, so that windows stick out of the map. The layer needs H × W real pixels: no padding.",
            (LAYER, LAYER.replace("self.bias", "self.bias, padding=(H // 2, W // 2)")),
        ),
        wrong(
            "first_window_only",
            "You give the scores of the first window only. A larger map has more places: give them all.",
            (RETURN, "return y[:, :, :1, :1]"),
        ),
        wrong(
            "averaged",
            "You average the scores over the places. Give the map, one score for each place.",
            (RETURN, "return y.mean(dim=(2, 3))"),
        ),
        wrong(
            "largest_score",
            "You keep the largest score of each class. Give the map, one score for each place.",
            (RETURN, "return y.amax(dim=(2, 3))"),
        ),
        wrong(
            "map_flattened",
            "You flatten the map. Keep its four axes: (N, F, rows, columns).",
            (RETURN, "return y.flatten(1)"),
        ),
        wrong(
            "softmax",
            "You turn the scores into probabilities. Give the scores as the fully connected layer would.",
            (RETURN, "return y.softmax(dim=1)"),
        ),
        wrong(
            "relu",
            "You cut off negative scores. Give the scores as the fully connected layer would.",
            (RETURN, "return y.relu()"),
        ),
        wrong(
            "bias_missing",
            "The bias is not added.",
            (LAYER, "nn.functional.conv2d(x, self.weight) + 0 * self.bias.sum()"),
        ),
        wrong(
            "channels_last",
            "You cut the weights as if the channel changed fastest. flatten writes channel by channel: (C, H, W).",
            (CUT, "weight.reshape(len(weight), H, W, C).permute(0, 3, 1, 2)"),
        ),
        wrong(
            "columns_first",
            "You cut the weights as if columns were written one below the other. flatten writes row by row.",
            (CUT, "weight.reshape(len(weight), C, W, H).transpose(2, 3)"),
        ),
        wrong(
            "kernel_flipped",
            "Your kernels are flipped. A convolutional layer does not flip, so the weights stay in place.",
            (CUT, f"{CUT}.flip(2, 3)"),
        ),
        wrong(
            "weight_no_parameter",
            "The scores are right, but the weights are no parameter, so nothing would train them: use nn.Parameter.",
            ("nn.Parameter(kernels.clone())", "kernels.clone()"),
        ),
        wrong(
            "bias_no_parameter",
            "The scores are right, but the bias is no parameter, so nothing would train it: use nn.Parameter.",
            ("nn.Parameter(bias.clone())", "bias.clone()"),
        ),
        wrong(
            "no_parameters",
            "The scores are right, but weights and bias are no parameters, so nothing would train them: nn.Parameter.",
            ("nn.Parameter(kernels.clone())", "kernels.clone()"),
            ("nn.Parameter(bias.clone())", "bias.clone()"),
        ),
        wrong(
            "no_gradient",
            "The scores are right, but no gradient flows back through them: leave out no_grad and detach.",
            (RETURN, "return y.detach()"),
        ),
        wrong(
            "weights_of_its_own",
            "Your layer starts from weights of its own. It must hold the ones that it is given.",
            ("nn.Parameter(kernels.clone())", "nn.Parameter(torch.full_like(kernels, 0.5))"),
        ),
    ],
)


class Reference(nn.Module):
    """The fully connected layer itself, on every window cut out by itself."""

    def __init__(self, weight: Tensor, bias: Tensor, size: tuple[int, int, int]) -> None:
        super().__init__()
        self.fc = nn.Linear(weight.shape[1], len(weight), dtype=weight.dtype)
        self.fc.load_state_dict({"weight": weight, "bias": bias})
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, rows, columns) -> (N, F, rows - H + 1, columns - W + 1)."""
        _, H, W = self.size
        windows = x.unfold(2, H, 1).unfold(3, W, 1).permute(0, 2, 3, 1, 4, 5)  # (N, i, j, C, H, W)
        scores: Tensor = self.fc(windows.flatten(3))
        return scores.permute(0, 3, 1, 2)


def by_axes(tensors: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    """The parameters as the weights of a fully connected layer and its bias, whatever they are called."""
    found = sorted(tensors.values(), key=lambda t: -t.dim())
    return tuple(t.flatten(1) if t.dim() > 1 else t for t in found)


def scores(layer: Subject, weight: Tensor, bias: Tensor, size: tuple[int, int, int], x: Tensor) -> object:
    """The map of scores."""
    return layer.make(weight, bias, size)(x)


def training(layer: Subject, weight: Tensor, bias: Tensor, size: tuple[int, int, int], x: Tensor) -> object:
    """The map of scores, then the gradients of the parameters and of the map that went in."""
    _, H, W = size
    shape = (len(x), len(weight), x.shape[2] - H + 1, x.shape[3] - W + 1)
    upstream = torch.arange(1.0, 1 + torch.Size(shape).numel()).reshape(shape).remainder(7).sub(2).to(x.dtype)
    found = layer.make(weight, bias, size).vjp([x], upstream)
    return found.output, by_axes(found.parameters), found.inputs


def public() -> list[Case]:
    """A wider map, one of the very size, two images, and what training would see."""
    weight, bias = small(2, 4, seed=261), torch.tensor([10.0, -20.0])
    wide = small(1, 1, 2, 4, seed=262)
    deep, two = small(2, 12, seed=263), small(2, 2, 4, 4, seed=264)
    tall = small(3, 12, seed=265).double()
    return [
        Case("a wider map", (weight, bias, (1, 2, 2), wide), weight=0.3, use=scores),
        Case("a map of the very size", (weight, bias, (1, 2, 2), wide[..., :2]), weight=0.3, use=scores),
        Case("two images, two channels", (deep, bias, (2, 2, 3), two), weight=0.3, use=scores),
        Case(
            "in float64",
            (tall, torch.tensor([0.5, 1.5, -2.5]).double(), (2, 3, 2), small(1, 2, 4, 5, seed=266).double()),
            weight=0.3,
            use=scores,
        ),
        Case("scores, parameters and gradients", (deep, bias, (2, 2, 3), two), weight=0.3, use=training),
    ]


FORBIDDEN = ("cnncourse.layers",)
EXERCISE = Exercise("ScoreMap", 3.0, Reference, public, MISTAKES, FORBIDDEN)
