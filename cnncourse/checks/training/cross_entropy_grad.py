"""Exercise `cross_entropy_grad`: the gradient of the mean cross-entropy by the logits."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small
from cnncourse.checks.training.cross_entropy import FORBIDDEN

BASE = """
import torch

def cross_entropy_grad(logits, labels):
    top = logits.max(dim=1, keepdim=True).values
    e = (logits - top).exp()
    p = e / e.sum(dim=1, keepdim=True)
    rows = torch.arange(len(labels))
    grad = p.clone()
    grad[rows, labels] -= 1
    return grad / len(labels)
"""
TOP = "    top = logits.max(dim=1, keepdim=True).values\n"
MINUS = "    grad[rows, labels] -= 1\n"
END = "return grad / len(labels)"

MISTAKES = catalogue(
    "cross_entropy_grad",
    BASE,
    [
        wrong(
            "unstable",
            "exp of a large logit is infinite, and inf / inf is NaN. Subtract the row's largest logit first.",
            (TOP, "    top = 0\n"),
        ),
        wrong(
            "one_shift_for_all",
            "You subtract the largest logit of the whole batch. "
            "Rows far below it become 0 / 0: each row needs its own.",
            (TOP, "    top = logits.max()\n"),
        ),
        wrong(
            "logits_clipped",
            "You clip the logits to keep exp finite, which changes p. Subtract the row's largest logit instead.",
            (TOP, "    logits, top = logits.clamp(-50, 50), 0\n"),
        ),
        wrong(
            "not_divided",
            "The loss is a mean over the batch, so each image's gradient is divided by the number of images.",
            (END, "return grad"),
        ),
        wrong(
            "divided_by_all",
            "You divide by the number of classes as well. The loss is a mean over the images only.",
            (END, "return grad / grad.numel()"),
        ),
        wrong(
            "divided_by_classes",
            "You divide by the number of classes. The loss is a mean over the images: divide by their number.",
            (END, "return grad / logits.shape[1]"),
        ),
        wrong(
            "sign",
            "The sign is wrong: it is p - y. Where p is too large the logit must come down.",
            (END, "return -grad / len(labels)"),
        ),
        wrong(
            "softmax_only",
            "This is p. The 1 at the label is missing: subtract it there.",
            (MINUS, ""),
        ),
        wrong(
            "divided_before",
            "You divide p by the number of images and then subtract 1. The 1 must be divided, too.",
            ("grad = p.clone()", "grad = p / len(labels)"),
            (END, "return grad"),
        ),
        wrong(
            "label_only",
            "Only the label's column is filled in. The other logits have a gradient as well: their p.",
            (MINUS, "    grad = torch.zeros_like(p)\n    grad[rows, labels] = p[rows, labels] - 1\n"),
        ),
        wrong(
            "label_missing",
            "The label's column is zero. Its gradient is p - 1.",
            (MINUS, "    grad[rows, labels] = 0\n"),
        ),
        wrong(
            "by_probability",
            "This is the gradient by the probabilities, -1 / p. Asked is the one by the logits, after softmax.",
            (MINUS, "    grad = torch.zeros_like(p)\n    grad[rows, labels] = -1 / p[rows, labels].clamp(min=1e-30)\n"),
        ),
        wrong(
            "through_sigmoid",
            "You multiply by p (1 - p) once more. With the logarithm in the loss it cancels: p - y is all.",
            (END, "return grad * p * (1 - p) / len(labels)"),
        ),
        wrong(
            "over_the_batch",
            "Your softmax runs over the batch (axis 0). The probabilities of one image's classes add up to 1: axis 1.",
            ("e.sum(dim=1", "e.sum(dim=0"),
            (TOP, "    top = logits.max(dim=0, keepdim=True).values\n"),
        ),
        wrong(
            "labels_from_one",
            "You count classes from 1. Label 0 is the first column.",
            ("grad[rows, labels]", "grad[rows, labels - 1]"),
        ),
        wrong(
            "every_label_everywhere",
            "grad[:, labels] -= 1 subtracts at every image. Pair images and labels: grad[torch.arange(N), labels].",
            ("grad[rows, labels]", "grad[:, labels]"),
        ),
        wrong(
            "most_likely_class",
            "You subtract 1 at the most likely class. It belongs to the class that the label names.",
            ("grad[rows, labels]", "grad[rows, logits.argmax(dim=1)]"),
        ),
        wrong(
            "averaged_over_batch",
            "You average over the batch. Every image keeps its own row of gradients.",
            (END, "return grad.mean(dim=0)"),
        ),
    ],
)


def reference(logits: Tensor, labels: Tensor) -> Tensor:
    """What autograd says."""
    z = logits.detach().clone().requires_grad_()
    torch.nn.functional.cross_entropy(z, labels).backward()  # type: ignore[no-untyped-call]
    assert z.grad is not None
    return z.grad


def public() -> list[Case]:
    """Small logits, then large ones."""
    t = torch.tensor
    return [
        Case("one image, two equal logits", (t([[3.0, 3.0]]), t([0])), weight=0.125),
        Case("three images, four classes", (small(3, 4, seed=223), t([0, 3, 1])), weight=0.25),
        Case("float64", (small(2, 3, seed=224).double() / 4, t([2, 1])), weight=0.25),
        Case("logits of 10,000", (t([[0.0, 1e4, -1e4], [1.0, 3.0, 2.0]]), t([0, 1])), weight=0.25),
        Case("rows far from each other", (t([[1e4, 1e4 - 1, 1e4], [-1e4, -1e4 + 2, -1e4]]), t([1, 2])), weight=0.25),
    ]


EXERCISE = Exercise("cross_entropy_grad", 2.0, reference, public, MISTAKES, FORBIDDEN)
