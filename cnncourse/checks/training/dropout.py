"""Exercises `dropout` and `dropout_backward`: inverted dropout with a given mask."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, compiled, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small

BASE = """
def dropout(x, mask, p, training):
    if not training:
        return x
    return x * mask / (1 - p)
"""
DROP = "x * mask / (1 - p)"
KEEP = "        return x\n"

MISTAKES = catalogue(
    "dropout",
    BASE,
    [
        wrong(
            "not_scaled",
            "What is kept is not scaled up. Divide by 1 - p, so that the mean stays what it would be without dropout.",
            (DROP, "x * mask"),
        ),
        wrong(
            "divided_by_p",
            "You divide by p. That is the share that is dropped; divide by the share that is kept, 1 - p.",
            (DROP, "x * mask / p"),
        ),
        wrong(
            "multiplied",
            "You multiply by 1 - p. What is kept must grow to make up for what is lost: divide.",
            (DROP, "x * mask * (1 - p)"),
        ),
        wrong(
            "scaled_by_p",
            "You multiply by p. Divide by 1 - p, the share that is kept.",
            (DROP, "x * mask * p"),
        ),
        wrong(
            "mask_reversed",
            "You drop what should be kept: the mask is True where a number stays.",
            ("* mask", "* ~mask"),
        ),
        wrong(
            "by_the_mask",
            "You divide by the share of this mask. That varies from draw to draw: divide by 1 - p.",
            ("(1 - p)", "mask.to(x.dtype).mean()"),
        ),
        wrong(
            "mask_ignored",
            "Nothing is dropped: multiply by the mask.",
            ("x * mask", "x"),
        ),
        wrong(
            "dropped_only_in_evaluation",
            "You drop in evaluation and not in training: it is the other way round.",
            ("if not training", "if training"),
        ),
        wrong(
            "dropped_in_evaluation",
            "You drop in evaluation as well. With training=False, x comes back as it is.",
            ("if not training", "if False"),
        ),
        wrong(
            "scaled_in_evaluation",
            "You scale by 1 - p in evaluation. "
            "That belongs to a dropout which does not divide in training; here x stays.",
            (KEEP, "        return x * (1 - p)\n"),
        ),
        wrong(
            "divided_in_evaluation",
            "You divide by 1 - p in evaluation too. Nothing is dropped there, so nothing needs to be made up for.",
            (KEEP, "        return x / (1 - p)\n"),
        ),
        wrong(
            "masked_in_evaluation",
            "In evaluation you still multiply by the mask. With training=False, x comes back as it is, whole.",
            (KEEP, "        return x * mask\n"),
        ),
        wrong(
            "older_dropout",
            "This is the older dropout: nothing in training, (1 - p) x in evaluation. "
            "Here training divides, evaluation does nothing.",
            (KEEP, "        return x * (1 - p)\n"),
            (DROP, "x * mask"),
        ),
    ],
)

BACKWARD = """
def dropout_backward(grad_output, mask, p, training):
    if not training:
        return grad_output
    return grad_output * mask / (1 - p)
"""
PASSED = "grad_output * mask / (1 - p)"
PLAIN = "        return grad_output\n"

BACKWARD_MISTAKES = catalogue(
    "dropout_backward",
    BACKWARD,
    [
        wrong(
            "mask_ignored",
            "What was dropped gets a gradient. It did not reach the loss: its gradient is zero. Use the mask.",
            ("grad_output * mask", "grad_output"),
        ),
        wrong(
            "straight_through",
            "You pass everything on unchanged. The forward pass multiplied by mask / (1 - p); so does this one.",
            (PASSED, "grad_output"),
        ),
        wrong(
            "not_scaled",
            "The factor 1 / (1 - p) of the forward pass is missing.",
            (PASSED, "grad_output * mask"),
        ),
        wrong(
            "scale_undone",
            "You undo the factor of the forward pass. A derivative has the same factor: divide by 1 - p.",
            (PASSED, "grad_output * mask * (1 - p)"),
        ),
        wrong(
            "divided_by_p",
            "You divide by p, the share that is dropped. The forward pass divided by 1 - p.",
            ("(1 - p)", "p"),
        ),
        wrong(
            "scaled_twice",
            "You divide by 1 - p twice. Each number was scaled once.",
            ("(1 - p)", "(1 - p) ** 2"),
        ),
        wrong(
            "mask_reversed",
            "The gradient goes to what was dropped. The mask is True where a number was kept.",
            ("* mask", "* ~mask"),
        ),
        wrong(
            "masked_in_evaluation",
            "You drop in evaluation as well. Nothing was dropped there: the gradient passes unchanged.",
            ("if not training", "if False"),
        ),
        wrong(
            "masked_only_in_evaluation",
            "You use the mask in evaluation and not in training: it is the other way round.",
            ("if not training", "if training"),
        ),
        wrong(
            "scaled_in_evaluation",
            "You scale by 1 - p in evaluation. The forward pass returned x there, so the gradient passes unchanged.",
            (PLAIN, "        return grad_output * (1 - p)\n"),
        ),
        wrong(
            "no_gradient_in_evaluation",
            "In evaluation your gradient is zero. The forward pass returned x there, so everything passes unchanged.",
            (PLAIN, "        return grad_output * 0\n"),
        ),
    ],
)


def public() -> list[Case]:
    """A row, an image, and both modes."""
    row, mask = small(6, seed=211, low=1), torch.tensor([True, False, True, True, False, True])
    image = small(1, 2, 2, 3, seed=212)
    holes = small(1, 2, 2, 3, seed=213) > 0
    return [
        Case("training, p = 0.25", (row, mask, 0.25, True), weight=0.25),
        Case("evaluation, p = 0.25", (row, mask, 0.25, False), weight=0.25),
        Case("training, p = 0.8, float64", (image.double(), holes, 0.8, True), weight=0.25),
        Case("evaluation, p = 0.8, float64", (image.double(), holes, 0.8, False), weight=0.25),
    ]


def scaled(x: Tensor, mask: Tensor, p: float, training: bool) -> Tensor:
    """Look at the mask number by number."""
    return torch.where(mask, x / (1 - p), torch.zeros_like(x)) if training else x.clone()


FORBIDDEN = ("torch.nn.functional.dropout", "torch.nn.Dropout", "torch.dropout", "cnncourse.layers")
FORWARD_EXERCISE = Exercise("dropout", 1.0, scaled, public, MISTAKES, FORBIDDEN)
BACKWARD_EXERCISE = Exercise(
    "dropout_backward", 1.0, compiled("dropout_backward", BACKWARD), public, BACKWARD_MISTAKES, FORBIDDEN
)
