"""Exercise `batch_norm_backward`: the three gradients of batch normalisation in training."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small
from cnncourse.checks.training.batch_norm import FORBIDDEN

BASE = """
import torch

def batch_norm_backward(grad_output, x, weight, eps=1e-5):
    axes = (0, 2, 3)
    M = x.shape[0] * x.shape[2] * x.shape[3]
    mean = x.mean(dim=axes, keepdim=True)
    var = x.var(dim=axes, unbiased=False, keepdim=True)
    s = torch.sqrt(var + eps)
    z = (x - mean) / s
    db = grad_output.sum(dim=axes)
    dw = (grad_output * z).sum(dim=axes)
    w = weight[:, None, None]
    by_mean = db[:, None, None] / M
    by_var = z * dw[:, None, None] / M
    dx = w / s * (grad_output - by_mean - by_var)
    return dx, dw, db
"""
DX = "w / s * (grad_output - by_mean - by_var)"
DB = "db = grad_output.sum(dim=axes)"
DW = "dw = (grad_output * z).sum(dim=axes)"
END = "return dx, dw, db"
BY_MEAN, BY_VAR = "by_mean = db[:, None, None] / M", "by_var = z * dw[:, None, None] / M"

MISTAKES = catalogue(
    "batch_norm_backward",
    BASE,
    [
        wrong(
            "constants",
            "You treat mean and variance as constants. They depend on every x of the channel: two terms are missing.",
            (DX, "w / s * grad_output"),
        ),
        wrong(
            "mean_constant",
            "You treat the mean as a constant: the term with the mean of grad_output is missing.",
            (" - by_mean", ""),
        ),
        wrong(
            "variance_constant",
            "You treat the variance as a constant: the term with z is missing.",
            (" - by_var", ""),
        ),
        wrong(
            "terms_added",
            "The two terms of mean and variance have the wrong sign: they are subtracted.",
            (" - by_mean - by_var", " + by_mean + by_var"),
        ),
        wrong(
            "mean_not_divided",
            "In grad_input you subtract the sum of grad_output. It must be its mean: divide by M.",
            (BY_MEAN, "by_mean = db[:, None, None]"),
        ),
        wrong(
            "variance_term_not_divided",
            "The term with z is M times too large: it has the mean of grad_output z, not its sum.",
            (BY_VAR, "by_var = z * dw[:, None, None]"),
        ),
        wrong(
            "neither_divided",
            "Both terms of mean and variance are M times too large: divide both sums by M.",
            (BY_MEAN, "by_mean = db[:, None, None]"),
            (BY_VAR, "by_var = z * dw[:, None, None]"),
        ),
        wrong(
            "z_missing",
            "The term of the variance lacks the factor z: numbers far from the mean move the variance more.",
            (BY_VAR, "by_var = dw[:, None, None] / M"),
        ),
        wrong(
            "centred_for_normalised",
            "The term of the variance has x - mean where z belongs: divide by s.",
            (BY_VAR, "by_var = (x - mean) * dw[:, None, None] / M"),
        ),
        wrong(
            "divided_by_images",
            "You divide by the number of images. A mean was taken over M = N H W numbers.",
            ("M = x.shape[0] * x.shape[2] * x.shape[3]", "M = x.shape[0]"),
        ),
        wrong(
            "divided_by_all",
            "You divide by the number of all entries. A channel has M = N H W of them.",
            ("M = x.shape[0] * x.shape[2] * x.shape[3]", "M = x.numel()"),
        ),
        wrong(
            "unbiased",
            "Your variance is the unbiased one. The forward pass normalises with the biased one: divide by M.",
            ("unbiased=False", "unbiased=True"),
        ),
        wrong(
            "no_root",
            "You divide by the variance where the standard deviation belongs: s = sqrt(var + eps).",
            ("s = torch.sqrt(var + eps)", "s = var + eps"),
        ),
        wrong(
            "not_divided_by_deviation",
            "In grad_input the factor 1 / s is missing.",
            ("w / s *", "w *"),
        ),
        wrong(
            "multiplied_by_deviation",
            "In grad_input you multiply by s. The forward pass divides by it, and so does its derivative.",
            ("w / s *", "w * s *"),
        ),
        wrong(
            "weight_not_in_input",
            "In grad_input the weight is missing.",
            ("w / s *", "1 / s *"),
        ),
        wrong(
            "weight_on_one_term",
            "Only one of the three terms of grad_input has the factor w / s. It stands before the bracket.",
            (DX, "w / s * grad_output - by_mean - by_var"),
        ),
        wrong(
            "eps_missing",
            "eps is not used: s = sqrt(var + eps), as in the forward pass.",
            ("var + eps", "var"),
        ),
        wrong(
            "weight_by_input",
            "In grad_weight you multiply by x. The weight was multiplied by z, the normalised input.",
            (DW, "dw = (grad_output * z).sum(dim=axes)\n    dw_x = (grad_output * x).sum(dim=axes)"),
            (END, "return dx, dw_x, db"),
        ),
        wrong(
            "weight_in_its_own_gradient",
            "In grad_weight you multiply by the weight. y = w z + b, so its derivative by w is z alone.",
            (END, "return dx, dw * weight, db"),
        ),
        wrong(
            "weight_not_divided_by_deviation",
            "In grad_weight you multiply by x - mean. Divide it by s: the weight was multiplied by z.",
            (END, "return dx, (grad_output * (x - mean)).sum(dim=axes), db"),
        ),
        wrong(
            "sums_averaged",
            "You average the gradients of weight and bias. Each was used at M places: add up.",
            (END, "return dx, dw / M, db / M"),
        ),
        wrong(
            "batch_averaged",
            "You divide the gradients of weight and bias by the number of images. Any averaging is done by the loss.",
            (END, "return dx, dw / len(x), db / len(x)"),
        ),
        wrong(
            "exchanged",
            "The gradients of weight and bias have changed places: first the weight's, then the bias's.",
            (END, "return dx, db, dw"),
        ),
        wrong(
            "over_images_only",
            "Your sums run over the images only. They run over the pixels, too: axes 0, 2 and 3.",
            (END, "return dx, (grad_output * z).sum(dim=0), grad_output.sum(dim=0)"),
        ),
        wrong(
            "along_width",
            "The weight is spread along the width. It belongs to the channels: weight[:, None, None].",
            ("w = weight[:, None, None]", "w = weight"),
        ),
    ],
)


def reference(grad_output: Tensor, x: Tensor, weight: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    """What autograd says."""
    leaves = [t.detach().clone().requires_grad_() for t in (x, weight, torch.zeros_like(weight))]
    y = torch.nn.functional.batch_norm(leaves[0], None, None, leaves[1], leaves[2], training=True, eps=eps)
    dx, dw, db = torch.autograd.grad(y, leaves, grad_output)
    return dx, dw, db


def public() -> list[Case]:
    """One channel, then several; an eps that shows."""
    t = torch.tensor
    line = t([[[[0.0, 2.0, 2.0, 0.0]]]]), t([[[[1.0, 3.0, 5.0, 7.0]]]]), t([2.0])
    image = tuple(small(2, 3, 2, 3, seed=k) for k in (261, 262))
    square = tuple(small(2, 2, 3, 2, seed=k).double() for k in (264, 265))
    return [
        Case("one channel, four numbers", line, weight=0.25),
        Case("two images, three channels", (*image, small(3, seed=263, low=2)), weight=0.25),
        Case("eps = 3, float64", (*square, small(2, seed=266, low=2).double(), 3.0), weight=0.25),
    ]


EXERCISE = Exercise("batch_norm_backward", 4.0, reference, public, MISTAKES, FORBIDDEN)
