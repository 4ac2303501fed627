"""Exercise `cross_entropy`: softmax and the mean of -log p of the right class, at logits of any size."""

from __future__ import annotations

import torch

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small

BASE = """
import torch

def cross_entropy(logits, labels):
    top = logits.max(dim=1, keepdim=True).values
    shifted = logits - top
    log_p = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    chosen = log_p[torch.arange(len(labels)), labels]
    return -chosen.mean()
"""
TOP = "    top = logits.max(dim=1, keepdim=True).values\n"
LOG_P = "    log_p = shifted - shifted.exp().sum(dim=1, keepdim=True).log()\n"
CHOSEN = "    chosen = log_p[torch.arange(len(labels)), labels]\n"
END = "-chosen.mean()"

MISTAKES = catalogue(
    "cross_entropy",
    BASE,
    [
        wrong(
            "unstable",
            "exp of a large logit is infinite, and inf / inf is NaN. "
            "Subtract the row's largest logit first: p stays the same.",
            (TOP, "    top = 0\n"),
        ),
        wrong(
            "one_shift_for_all",
            "You subtract the largest logit of the whole batch. "
            "Rows far below it underflow to 0: each row needs its own.",
            (TOP, "    top = logits.max()\n"),
        ),
        wrong(
            "log_of_zero",
            "p itself underflows to 0 before you take its log. "
            "Never compute log(p): use log p = z - log(sum of exp z).",
            (LOG_P, "    e = shifted.exp()\n    log_p = (e / e.sum(dim=1, keepdim=True)).log()\n"),
        ),
        wrong(
            "small_number_in_log",
            "A small number added to p inside the log bounds the loss: it cannot grow beyond about 18. "
            "Use log p = z - log(sum of exp z).",
            (LOG_P, "    e = shifted.exp()\n    log_p = (e / e.sum(dim=1, keepdim=True) + 1e-8).log()\n"),
        ),
        wrong(
            "smaller_number_in_log",
            "A small number added to p inside the log bounds the loss, however small it is: here at about 28. "
            "Use log p = z - log(sum of exp z).",
            (LOG_P, "    e = shifted.exp()\n    log_p = (e / e.sum(dim=1, keepdim=True) + 1e-12).log()\n"),
        ),
        wrong(
            "probability_clipped",
            "You keep p away from 0 before the log, so the loss cannot grow beyond about 16. "
            "Use log p = z - log(sum of exp z).",
            (LOG_P, "    e = shifted.exp()\n    log_p = (e / e.sum(dim=1, keepdim=True)).clamp(min=1e-7).log()\n"),
        ),
        wrong(
            "zero_times_infinity",
            "You multiply by 0 for the wrong classes, and 0 times the log of 0 is NaN. "
            "Pick the label's entry, and never compute log(p).",
            (LOG_P, "    e = shifted.exp()\n    log_p = (e / e.sum(dim=1, keepdim=True)).log()\n"),
            (
                CHOSEN,
                "    one_hot = (labels[:, None] == torch.arange(logits.shape[1])).to(logits.dtype)\n"
                "    chosen = (one_hot * log_p).sum(dim=1)\n",
            ),
        ),
        wrong(
            "logits_clipped",
            "You clip the logits to keep exp finite, which changes the loss. Subtract the row's largest logit instead.",
            (TOP, "    logits = logits.clamp(-50, 50)\n    top = 0\n"),
        ),
        wrong(
            "shift_not_undone",
            "You take log(sum of exp) of the shifted logits, but the logit of the label unshifted. "
            "Use the same for both.",
            (LOG_P, "    log_p = logits - shifted.exp().sum(dim=1, keepdim=True).log()\n"),
        ),
        wrong(
            "sum_over_batch",
            "You add up over the batch. Asked is the mean: divide by the number of images.",
            (END, "-chosen.sum()"),
        ),
        wrong(
            "mean_over_classes",
            "You divide by the number of classes as well. Each image has one loss: "
            "divide by the number of images only.",
            (END, "-chosen.mean() / logits.shape[1]"),
        ),
        wrong(
            "not_averaged",
            "You return one loss for each image. Asked is their mean, one number.",
            (END, "-chosen"),
        ),
        wrong(
            "sign",
            "The sign is wrong. Probabilities lie below 1 and their logs below 0: the loss is -log p.",
            (END, "chosen.mean()"),
        ),
        wrong(
            "over_the_batch",
            "Your softmax runs over the batch (axis 0). The probabilities of one image's classes add up to 1: axis 1.",
            (TOP, "    top = logits.max(dim=0, keepdim=True).values\n"),
            ("exp().sum(dim=1, keepdim=True)", "exp().sum(dim=0, keepdim=True)"),
        ),
        wrong(
            "no_log",
            "You average p itself. The loss is the mean of -log p.",
            (END, "-chosen.exp().mean()"),
        ),
        wrong(
            "log_of_mean",
            "You take the log of the mean probability. First the log for each image, then the mean.",
            (END, "-chosen.exp().mean().log()"),
        ),
        wrong(
            "no_softmax",
            "You average the logits of the labels. Softmax is missing: subtract log(sum of exp) of the row.",
            (LOG_P, "    log_p = logits\n"),
        ),
        wrong(
            "normalised_only_by_top",
            "You subtract the largest logit and stop there. The log of the sum of exp is missing.",
            (LOG_P, "    log_p = shifted\n"),
        ),
        wrong(
            "most_likely_class",
            "You take the class that the network finds most likely. Take the one that the label names.",
            ("len(labels)), labels]", "len(labels)), logits.argmax(dim=1)]"),
        ),
        wrong(
            "labels_from_one",
            "You count classes from 1. Label 0 is the first column.",
            ("len(labels)), labels]", "len(labels)), labels - 1]"),
        ),
        wrong(
            "all_pairs",
            "logits[:, labels] takes every image with every label. Pair them: logits[torch.arange(N), labels].",
            (CHOSEN, "    chosen = log_p[:, labels]\n"),
        ),
        wrong(
            "first_image_only",
            "Only the first image of the batch counts.",
            (END, "-chosen[:1].mean()"),
        ),
        wrong(
            "base_two",
            "You use the logarithm of base 2. Here, as everywhere in training, it is the natural one.",
            (END, "-chosen.mean() / torch.log(torch.tensor(2.0, dtype=logits.dtype))"),
        ),
        wrong(
            "binary",
            "You add -log(1 - p) of the other classes. "
            "That is for yes-or-no questions; softmax needs the right class only.",
            (
                CHOSEN,
                "    rest = (1 - log_p.exp()).clamp(min=1e-300).log()\n"
                "    rest[torch.arange(len(labels)), labels] = 0\n"
                "    chosen = log_p[torch.arange(len(labels)), labels] + rest.sum(dim=1)\n",
            ),
        ),
    ],
)

reference = torch.nn.functional.cross_entropy


def public() -> list[Case]:
    """Small logits, then large ones."""
    t = torch.tensor
    return [
        Case("one image, two equal logits", (t([[3.0, 3.0]]), t([0])), weight=0.125),
        Case("three images, four classes", (small(3, 4, seed=221), t([0, 3, 1])), weight=0.25),
        Case("float64", (small(2, 3, seed=222).double() / 4, t([2, 1])), weight=0.25),
        Case("logits of 10,000, surely wrong", (t([[0.0, 1e4, -1e4], [1.0, 3.0, 2.0]]), t([0, 0])), weight=0.25),
        Case("rows far from each other", (t([[1e4, 1e4 - 1, 1e4], [-1e4, -1e4 + 2, -1e4]]), t([1, 2])), weight=0.25),
    ]


FORBIDDEN = (
    "torch.nn.functional.cross_entropy",
    "torch.nn.functional.nll_loss",
    "torch.nn.functional.log_softmax",
    "torch.nn.CrossEntropyLoss",
    "torch.nn.NLLLoss",
    "torch.nn.LogSoftmax",
    "torch.log_softmax",
    "torch.softmax",
    "torch.nn.functional.softmax",
    "torch.nn.Softmax",
    "torch.logsumexp",
    "cnncourse.layers",
)
EXERCISE = Exercise("cross_entropy", 2.0, reference, public, MISTAKES, FORBIDDEN)
