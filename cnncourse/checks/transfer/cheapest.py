"""Exercise `cheapest`: of several ways to train, the cheapest that is not clearly worse than the best."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.subject import Subject

BASE = """
import torch

def cheapest(scores):
    means = scores.mean(dim=1)
    errors = scores.std(dim=1, unbiased=True) / scores.shape[1] ** 0.5
    best = int(means.argmax())
    enough = means >= means[best] - errors[best]
    return int(enough.int().argmax())
"""
MEANS = "means = scores.mean(dim=1)"
ERRORS = "errors = scores.std(dim=1, unbiased=True) / scores.shape[1] ** 0.5"
BEST = "    best = int(means.argmax())\n"
ENOUGH = "enough = means >= means[best] - errors[best]"
END = "int(enough.int().argmax())"

MISTAKES = catalogue(
    "cheapest",
    BASE,
    [
        wrong(
            "the_best",
            "You take the highest mean. A cheaper way that is as good, within the error, is preferred.",
            (END, "best"),
        ),
        wrong(
            "deviation",
            "You allow a standard deviation. The error of a mean is smaller: divide by the root of the number of runs.",
            (ERRORS, "errors = scores.std(dim=1, unbiased=True)"),
        ),
        wrong(
            "divided_by_runs",
            "You divide the deviation by the number of runs. Divide by its root.",
            (ERRORS, ERRORS.replace(" ** 0.5", "")),
        ),
        wrong(
            "variance",
            "You use the variance. The error is the standard deviation, divided by the root of the number of runs.",
            (ERRORS, ERRORS.replace("std", "var")),
        ),
        wrong(
            "biased",
            "Your deviation divides by n. With few runs it must be n - 1: unbiased=True, torch's default.",
            (ERRORS, ERRORS.replace("True", "False")),
        ),
        wrong(
            "corrected_twice",
            "You divide by the root of n - 1. The deviation holds the n - 1; the error divides by the root of n.",
            (ERRORS, ERRORS.replace("scores.shape[1]", "(scores.shape[1] - 1)")),
        ),
        wrong(
            "own_error",
            "You use each way's own error. The bar is the same for all: the best mean less the error of the best.",
            (ENOUGH, ENOUGH.replace("errors[best]", "errors")),
        ),
        wrong(
            "largest_error",
            "You use the largest of the errors. Use that of the best way.",
            (ENOUGH, ENOUGH.replace("errors[best]", "errors.max()")),
        ),
        wrong(
            "both_errors",
            "You add both errors. The bar is the best mean less the error of the best, no more.",
            (ENOUGH, ENOUGH.replace("errors[best]", "errors[best] - errors")),
        ),
        wrong(
            "luckiest_run",
            "You compare the best runs. One lucky run says little: compare the means.",
            (MEANS, "means = scores.max(dim=1).values"),
        ),
        wrong(
            "luckiest_is_best",
            "You take the way with the single best run for the best. The best is the one with the highest mean.",
            (BEST, "    best = int(scores.max(dim=1).values.argmax())\n"),
        ),
        wrong(
            "median",
            "You compare medians. Compare the means.",
            (MEANS, "means = scores.median(dim=1).values"),
        ),
        wrong(
            "two_errors",
            "You allow two standard errors. The rule here allows one.",
            (ENOUGH, ENOUGH.replace("errors[best]", "2 * errors[best]")),
        ),
        wrong(
            "above_the_bar",
            "The bar lies above the best. It lies one error below it.",
            (ENOUGH, ENOUGH.replace("- errors[best]", "+ errors[best]")),
        ),
        wrong(
            "dearest",
            "You take the last way that is good enough. The ways stand in order of cost: take the first.",
            (END, "int(enough.nonzero().max())"),
        ),
        wrong(
            "how_many",
            "You return how many ways are good enough. Return the row of the cheapest of them.",
            (END, "int(enough.sum())"),
        ),
        wrong(
            "rows_from_one",
            "You number the rows from 1. The first row is row 0.",
            (END, "int(enough.int().argmax()) + 1"),
        ),
    ],
)  # fmt: skip


def reference(scores: Tensor) -> int:
    """In plain numbers."""
    rows = scores.tolist()
    means = [sum(row) / len(row) for row in rows]
    best = max(range(len(rows)), key=lambda k: means[k])
    squares = sum((value - means[best]) ** 2 for value in rows[best])
    bar = means[best] - math.sqrt(squares / (len(rows[best]) - 1) / len(rows[best]))
    return next(k for k, mean in enumerate(means) if mean >= bar)


def several_tables(cheapest: Subject, tables: list[Tensor]) -> Any:
    """One row for each table: nobody is right by always saying the same."""
    return tuple(cheapest(scores) for scores in tables)


def public() -> list[Case]:
    """Percentages of digits read correctly."""
    four = [[63, 62, 58], [62, 60, 57], [62, 65, 60], [68, 65, 61]]
    lucky = [[70, 69, 66], [70, 67, 67], [73, 74, 75], [78, 73, 74], [76, 72, 77], [73, 80, 74]]
    late = [[63, 62, 63], [66, 62, 65], [63, 66, 62], [64, 65, 68], [68, 62, 70], [69, 66, 69]]
    five = [[68, 69, 66, 62, 66], [65, 60, 62, 63, 63], [64, 65, 61, 59, 65]]
    five += [[70, 69, 64, 67, 67], [69, 66, 67, 68, 71], [66, 68, 65, 67, 71]]
    pairs = {"four ways, and six with a lucky run": (four, lucky), "three runs each, and five runs": (late, five)}
    return [
        Case(name, ([torch.tensor(rows, dtype=torch.float32) for rows in pair],), weight=0.3, use=several_tables)
        for name, pair in pairs.items()
    ]


EXERCISE = Exercise("cheapest", 2.0, reference, public, MISTAKES)
