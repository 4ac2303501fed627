"""Exercise `running_statistics`: what batch normalisation remembers of the batches for evaluation."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small
from cnncourse.checks.training.batch_norm import FORBIDDEN

BASE = """
import torch

def running_statistics(x, running_mean, running_var, momentum=0.1):
    mean = x.mean(dim=(0, 2, 3))
    var = x.var(dim=(0, 2, 3), unbiased=True)
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * var
    return new_mean, new_var
"""
NEW_MEAN = "    new_mean = (1 - momentum) * running_mean + momentum * mean\n"
NEW_VAR = "    new_var = (1 - momentum) * running_var + momentum * var\n"
MEAN = "    mean = x.mean(dim=(0, 2, 3))\n"
VAR = "    var = x.var(dim=(0, 2, 3), unbiased=True)\n"

MISTAKES = catalogue(
    "running_statistics",
    BASE,
    [
        wrong(
            "biased",
            "Your running variance divides by M. What is remembered is the unbiased one: M - 1 (normalising uses M).",
            ("unbiased=True", "unbiased=False"),
        ),
        wrong(
            "momentum_reversed",
            "You keep `momentum` of the old and take 1 - momentum of the new. Here it is the share of the new batch.",
            (
                NEW_MEAN,
                NEW_MEAN.replace("(1 - momentum)", "m")
                .replace("momentum", "(1 - momentum)")
                .replace("m *", "momentum *"),
            ),
            (
                NEW_VAR,
                NEW_VAR.replace("(1 - momentum)", "m")
                .replace("momentum", "(1 - momentum)")
                .replace("m *", "momentum *"),
            ),
        ),
        wrong(
            "old_not_shrunk",
            "You add to the old statistics without shrinking them, so they grow. Multiply them by 1 - momentum.",
            (NEW_MEAN, "    new_mean = running_mean + momentum * mean\n"),
            (NEW_VAR, "    new_var = running_var + momentum * var\n"),
        ),
        wrong(
            "new_not_scaled",
            "The new statistics enter whole. Multiply them by the momentum.",
            (NEW_MEAN, "    new_mean = (1 - momentum) * running_mean + mean\n"),
            (NEW_VAR, "    new_var = (1 - momentum) * running_var + var\n"),
        ),
        wrong(
            "as_velocity",
            "You use momentum as in SGD: m * old + new. Here the result is an average: (1 - m) * old + m * new.",
            (NEW_MEAN, "    new_mean = momentum * running_mean + mean\n"),
            (NEW_VAR, "    new_var = momentum * running_var + var\n"),
        ),
        wrong(
            "batch_only",
            "You return the batch's own statistics. They move the old ones a little: (1 - m) * old + m * new.",
            (NEW_MEAN, "    new_mean = mean\n"),
            (NEW_VAR, "    new_var = var\n"),
        ),
        wrong(
            "mean_not_updated",
            "The running mean stays as it was. Update it like the variance.",
            (NEW_MEAN, "    new_mean = running_mean\n"),
        ),
        wrong(
            "variance_not_updated",
            "The running variance stays as it was. Update it like the mean.",
            (NEW_VAR, "    new_var = running_var\n"),
        ),
        wrong(
            "deviation",
            "You remember the standard deviation. Remember the variance, without a root.",
            (VAR, "    var = x.std(dim=(0, 2, 3), unbiased=True)\n"),
        ),
        wrong(
            "around_the_running_mean",
            "You take the squares around the running mean. Take them around the batch's own mean.",
            (
                VAR,
                "    M = x.numel() // x.shape[1]\n"
                "    var = (x - running_mean[:, None, None]).square().sum(dim=(0, 2, 3)) / (M - 1)\n",
            ),
        ),
        wrong(
            "minus_one_image",
            "You correct by N / (N - 1) with N the images. The numbers of a channel are M = N H W: use M / (M - 1).",
            (VAR, "    N = x.shape[0]\n    var = x.var(dim=(0, 2, 3), unbiased=False) * N / (N - 1)\n"),
        ),
        wrong(
            "corrected_twice",
            "You multiply by M / (M - 1), but torch's var has done that already. Once is enough.",
            (VAR, VAR + "    var = var * x[:, 0].numel() / (x[:, 0].numel() - 1)\n"),
        ),
        wrong(
            "corrected_the_wrong_way",
            "You multiply by (M - 1) / M. The unbiased variance is the larger one: M / (M - 1).",
            (VAR, VAR.replace("True", "False") + "    var = var * (x[:, 0].numel() - 1) / x[:, 0].numel()\n"),
        ),
        wrong(
            "one_for_all",
            "You compute one mean and variance for everything. Each channel has its own: keep axis 1.",
            (MEAN, "    mean = x.mean().expand(x.shape[1])\n"),
            (VAR, "    var = x.var().expand(x.shape[1])\n"),
        ),
        wrong(
            "variance_per_image",
            "You average the variances of single images. "
            "What differs between the images is lost: take all M numbers at once.",
            (VAR, "    var = x.var(dim=(2, 3), unbiased=True).mean(dim=0)\n"),
        ),
        wrong(
            "images_not_averaged",
            "You have statistics for each image. All images of the batch belong together: axis 0 as well.",
            (MEAN, "    mean = x.mean(dim=(2, 3))\n"),
            (VAR, "    var = x.var(dim=(2, 3), unbiased=True)\n"),
        ),
        wrong(
            "first_image_only",
            "Only the first image of the batch counts.",
            (MEAN, "    x = x[:1]\n" + MEAN),
        ),
        wrong(
            "exchanged",
            "The two results have changed places: first the mean, then the variance.",
            ("return new_mean, new_var", "return new_var, new_mean"),
        ),
        wrong(
            "axes_kept",
            "Your results keep axes of size 1. Each has one axis, the channels.",
            ("return new_mean, new_var", "return new_mean[:, None, None], new_var[:, None, None]"),
        ),
        wrong(
            "momentum_fixed",
            "You use a momentum of 0.1 whatever it is.",
            (MEAN, "    momentum = 0.1\n" + MEAN),
        ),
    ],
)


def reference(x: Tensor, running_mean: Tensor, running_var: Tensor, momentum: float = 0.1) -> tuple[Tensor, Tensor]:
    """What the library leaves behind."""
    mean, var = running_mean.clone(), running_var.clone()
    torch.nn.functional.batch_norm(x, mean, var, training=True, momentum=momentum)
    return mean, var


def public() -> list[Case]:
    """One channel, then several."""
    images, tall = small(2, 3, 2, 3, seed=251), small(3, 2, 3, 1, seed=252).double()
    fresh = torch.tensor([[[[1.0, 3.0, 5.0, 7.0]]], [[[2.0, 0.0, -2.0, 8.0]]]])
    return [
        Case("from (0, 1), momentum 0.5", (fresh, torch.zeros(1), torch.ones(1), 0.5), weight=0.25),
        Case("two images, three channels", (images, small(3, seed=253), small(3, seed=254, low=1)), weight=0.25),
        Case(
            "three images, float64, momentum 0.75",
            (tall, small(2, seed=255).double(), small(2, seed=256, low=2, high=6).double(), 0.75),
            weight=0.25,
        ),
    ]


EXERCISE = Exercise("running_statistics", 2.0, reference, public, MISTAKES, FORBIDDEN)
