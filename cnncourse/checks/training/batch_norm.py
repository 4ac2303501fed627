"""Exercise `batch_norm`: batch normalisation of NCHW, in training and in evaluation."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small

BASE = """
import torch

def batch_norm(x, weight, bias, running_mean, running_var, training, eps=1e-5):
    if training:
        mean = x.mean(dim=(0, 2, 3), keepdim=True)
        var = x.var(dim=(0, 2, 3), unbiased=False, keepdim=True)
    else:
        mean = running_mean[:, None, None]
        var = running_var[:, None, None]
    z = (x - mean) / torch.sqrt(var + eps)
    w, b = weight[:, None, None], bias[:, None, None]
    return w * z + b
"""
MEAN = "        mean = x.mean(dim=(0, 2, 3), keepdim=True)\n"
VAR = "        var = x.var(dim=(0, 2, 3), unbiased=False, keepdim=True)\n"
RUNNING = "        mean = running_mean[:, None, None]\n        var = running_var[:, None, None]\n"
Z = "(x - mean) / torch.sqrt(var + eps)"


def over(axes: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Statistics over other axes."""
    return (MEAN, MEAN.replace("(0, 2, 3)", axes)), (VAR, VAR.replace("(0, 2, 3)", axes))


MISTAKES = catalogue(
    "batch_norm",
    BASE,
    [
        wrong(
            "unbiased",
            "You divide the squares by M - 1 to normalise (torch's default). Here it is M: unbiased=False.",
            (VAR, VAR.replace("False", "True")),
        ),
        wrong(
            "each_image_by_itself",
            "You normalise each image by itself (instance norm). "
            "Mean and variance are taken over the images, too: axis 0.",
            *over("(2, 3)"),
        ),
        wrong(
            "over_channels",
            "You normalise each image over its channels and pixels (layer norm). "
            "Each channel has its own mean: keep axis 1.",
            *over("(1, 2, 3)"),
        ),
        wrong(
            "one_mean_for_all",
            "You use one mean and variance for everything. Each channel has its own: keep axis 1.",
            *over("(0, 1, 2, 3)"),
        ),
        wrong(
            "each_pixel_by_itself",
            "You average over the images only, as for a fully connected layer. "
            "The pixels of a channel belong together.",
            *over("(0,)"),
        ),
        wrong(
            "rows_not_averaged",
            "You average over images and columns, but not over rows: take the axes 0, 2 and 3.",
            *over("(0, 3)"),
        ),
        wrong(
            "no_root",
            "You divide by the variance. Divide by its square root, the standard deviation.",
            ("torch.sqrt(var + eps)", "(var + eps)"),
        ),
        wrong(
            "eps_outside",
            "eps stands outside of the root. It is added to the variance, inside.",
            ("torch.sqrt(var + eps)", "(torch.sqrt(var) + eps)"),
        ),
        wrong(
            "deviation_plus_eps",
            "You divide by torch's std plus eps. That is the unbiased one, and eps belongs inside: "
            "sqrt(biased var + eps).",
            (VAR, VAR.replace("False", "True")),
            ("torch.sqrt(var + eps)", "(torch.sqrt(var) + eps)"),
        ),
        wrong(
            "eps_only_in_training",
            "In evaluation eps is missing: add it to running_var before the root, as in training.",
            ("        var = running_var[:, None, None]\n", "        var = running_var[:, None, None] - eps\n"),
        ),
        wrong(
            "eps_missing",
            "eps is not used: add it to the variance before the root.",
            ("torch.sqrt(var + eps)", "torch.sqrt(var)"),
        ),
        wrong(
            "eps_fixed",
            "You use 1e-5 whatever eps is.",
            ("var + eps", "var + 1e-5"),
        ),
        wrong(
            "mean_stays",
            "The mean is not subtracted.",
            ("(x - mean)", "x"),
        ),
        wrong(
            "mean_of_squares",
            "Your variance is the mean of the squares of x itself. Subtract the mean first.",
            (VAR, "        var = x.square().mean(dim=(0, 2, 3), keepdim=True)\n"),
        ),
        wrong(
            "mean_not_squared",
            "Your variance is the mean of x² minus the mean. It is the mean of x² minus the mean's square.",
            (VAR, "        var = x.square().mean(dim=(0, 2, 3), keepdim=True) - mean\n"),
        ),
        wrong(
            "weight_missing",
            "The weight is not used: multiply channel c by weight[c].",
            ("return w * z", "return z"),
        ),
        wrong("bias_missing", "The bias is not added: add bias[c] to channel c.", (" * z + b", " * z")),
        wrong(
            "bias_scaled",
            "You add the bias before you multiply by the weight. First the weight, then the bias.",
            ("w * z + b", "w * (z + b)"),
        ),
        wrong(
            "along_width",
            "Weight and bias are spread along the width. They belong to the channels: weight[:, None, None].",
            ("w, b = weight[:, None, None], bias[:, None, None]", "w, b = weight, bias"),
        ),
        wrong(
            "weight_and_bias_exchanged",
            "Weight and bias have changed places: y = weight z + bias.",
            ("w, b = weight", "b, w = weight"),
        ),
        wrong(
            "weight_and_bias_in_training_only",
            "In evaluation weight and bias are missing. They are used in both modes.",
            ("    w, b = ", "    if not training:\n        return z\n    w, b = "),
        ),
        wrong(
            "batch_in_evaluation",
            "In evaluation you still use the mean and variance of the batch. Use running_mean and running_var.",
            (RUNNING, MEAN + VAR),
        ),
        wrong(
            "running_in_training",
            "In training you use the running statistics. Use the mean and variance of the batch.",
            (MEAN + VAR, RUNNING),
        ),
        wrong(
            "modes_exchanged",
            "Training and evaluation have changed places.",
            ("if training", "if not training"),
        ),
        wrong(
            "running_var_is_deviation",
            "In evaluation you divide by running_var as if it were a standard deviation. "
            "It is a variance: take the root.",
            ("        var = running_var[:, None, None]\n", "        var = running_var[:, None, None] ** 2 - eps\n"),
        ),
        wrong(
            "running_mean_only",
            "In evaluation you use the running mean, but the batch's variance. Use running_var.",
            (
                "        var = running_var[:, None, None]\n",
                VAR,
            ),
        ),
    ],
)


def reference(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    training: bool,
    eps: float = 1e-5,
) -> Tensor:
    """The library's, on copies of the running statistics."""
    kept = running_mean.clone(), running_var.clone()
    return torch.nn.functional.batch_norm(x, *kept, weight, bias, training=training, eps=eps)


def layer(*shape: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Input, weight, bias and running statistics, of small whole numbers."""
    C = shape[1]
    numbers = small(*shape, seed=seed), small(C, seed=seed + 1, low=2), small(C, seed=seed + 2), small(C, seed=seed + 3)
    return (*numbers, small(C, seed=seed + 4, low=1, high=9))


def public() -> list[Case]:
    """Both modes, at the same weight."""
    line, image, square = layer(1, 1, 1, 4, seed=231), layer(2, 3, 2, 3, seed=236), layer(2, 2, 3, 2, seed=241)
    line = (torch.tensor([[[[1.0, 3.0, 5.0, 7.0]]]]), torch.ones(1), torch.zeros(1), *line[3:])
    return [
        Case("training: one channel, four numbers", (*line, True), weight=0.125),
        Case("training: two images, three channels", (*image, True), weight=0.25),
        Case("training: eps = 3, float64", (*(t.double() for t in square), True, 3.0), weight=0.25),
        Case("evaluation: one channel, four numbers", (*line, False), weight=0.125),
        Case("evaluation: two images, three channels", (*image, False), weight=0.25),
        Case("evaluation: eps = 3, float64", (*(t.double() for t in square), False, 3.0), weight=0.25),
    ]


FORBIDDEN = (
    "torch.nn.functional.batch_norm",
    "torch.nn.functional.instance_norm",
    "torch.nn.BatchNorm1d",
    "torch.nn.BatchNorm2d",
    "torch.batch_norm",
    "torch.native_batch_norm",
    "cnncourse.layers",
)
EXERCISE = Exercise("batch_norm", 3.0, reference, public, MISTAKES, FORBIDDEN)
