"""Exercises `rank_for` and `break_even`: how small a rank is good enough, and from which on it does not pay."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small
from cnncourse.checks.subject import Subject

RANK = """
import torch

def rank_for(weight, share):
    squares = torch.linalg.svdvals(weight.flatten(1)) ** 2
    kept = squares.cumsum(0) / squares.sum()
    return int((kept < share).sum()) + 1
"""
SQUARES = "    squares = torch.linalg.svdvals(weight.flatten(1)) ** 2\n"
KEPT = "    kept = squares.cumsum(0) / squares.sum()\n"
RANK_END = "    return int((kept < share).sum()) + 1\n"

RANK_MISTAKES = catalogue(
    "rank_for",
    RANK,
    [
        wrong(
            "not_squared",
            "You add up the singular values. What adds up to the sum of all squared weights are their squares.",
            (SQUARES, SQUARES.replace(" ** 2", "")),
        ),
        wrong(
            "fourth_powers",
            "You add up fourth powers: these are squares of squares already.",
            (SQUARES, SQUARES.replace("** 2", "** 4")),
        ),
        wrong(
            "one_less",
            "Your rank is the last that is not enough. Take the next one, the first that reaches the share.",
            (RANK_END, RANK_END.replace(" + 1", "")),
        ),
        wrong(
            "one_more",
            "Your rank is one larger than needed.",
            (RANK_END, RANK_END.replace("+ 1", "+ 2")),
        ),
        wrong(
            "share_left_out",
            "You ask for the share that may be lost. It is the share that is kept.",
            (RANK_END, RANK_END.replace("share", "1 - share")),
        ),
        wrong(
            "from_the_smallest",
            "You add up from the smallest singular value. The largest come first.",
            (SQUARES, SQUARES.replace("weight.flatten(1)) ** 2", "weight.flatten(1)).flip(0) ** 2")),
        ),
        wrong(
            "how_many_stay_out",
            "You count the ranks that are enough. Count those that are not, and take the next.",
            (RANK_END, "    return int((kept >= share).sum())\n"),
        ),
        wrong(
            "each_alone",
            "You look at each value beside the largest. The sum of the first ones has to reach the share.",
            (KEPT, "    kept = 1 - squares / squares[0]\n"),
        ),
        wrong(
            "share_of_the_rank",
            "You take that share of the number of values. What counts is how large they are.",
            (RANK_END, "    return int(share * len(squares)) + 1\n"),
        ),
        wrong(
            "share_of_the_length",
            "You compare with the root of the sum of squares. The share is one of the squares themselves.",
            (KEPT, "    kept = (squares.cumsum(0) / squares.sum()).sqrt()\n"),
        ),
        wrong(
            "axes_of_the_image",
            "You decompose each filter by itself. One row a filter: weight.flatten(1).",
            (SQUARES, "    squares = torch.linalg.svdvals(weight).flatten() ** 2\n"),
        ),
        wrong(
            "by_input_channel",
            "Your matrix has a row for each input channel. It has one for each filter: weight.flatten(1).",
            (SQUARES, "    squares = torch.linalg.svdvals(weight.transpose(0, 1).flatten(1)) ** 2\n"),
        ),
    ],
)  # fmt: skip


def rank_reference(weight: Tensor, share: float) -> int:
    """By the eigenvalues of W Wᵀ, one after the other."""
    matrix = weight.flatten(1).double()
    values = sorted(torch.linalg.eigvalsh(matrix @ matrix.T).tolist(), reverse=True)
    rank, reached = 0, 0.0
    while reached < share * sum(values):
        reached += values[rank]
        rank += 1
    return rank


def several_shares(rank_for: Subject, weight: Tensor, shares: list[float]) -> Any:
    """One rank for each share."""
    return tuple(rank_for(weight, share) for share in shares)


def rank_public() -> list[Case]:
    """A layer whose singular values are 5, 4, 3, 2, 1, 1, and one of small numbers."""
    diagonal = torch.diag(torch.tensor([3.0, 5.0, 1.0, 2.0, 4.0, 1.0])).reshape(6, 6, 1, 1)
    bank = small(5, 2, 2, 3, seed=551).double()
    shares = [0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
    return [
        Case(
            "singular values 5, 4, 3, 2, 1, 1: keep 0.7, 0.95, 0.4",
            (diagonal, [0.7, 0.95, 0.4]),
            weight=0.3,
            use=several_shares,
        ),
        Case("five filters, nine shares", (bank, shares), weight=0.2, use=several_shares),
    ]


RANK_EXERCISE = Exercise("rank_for", 2.0, rank_reference, rank_public, RANK_MISTAKES, ("cnncourse.compress",))

EVEN = """
def break_even(C_in, C_out, K):
    whole = C_out * C_in * K * K
    each = C_in * K * K + C_out
    return (whole - 1) // each
"""
WHOLE = "whole = C_out * C_in * K * K"
EACH = "each = C_in * K * K + C_out"
EVEN_END = "(whole - 1) // each"

EVEN_MISTAKES = catalogue(
    "break_even",
    EVEN,
    [
        wrong(
            "not_fewer",
            "At your rank the two layers have just as many weights as the one. Fewer is asked.",
            (EVEN_END, "whole // each"),
        ),
        wrong(
            "one_too_many",
            "At your rank the two layers already have more weights, or as many. It is the first that does not pay.",
            (EVEN_END, "(whole - 1) // each + 1"),
        ),
        wrong("one_too_few", "The next rank would still pay.", (EVEN_END, "(whole - 1) // each - 1")),
        wrong(
            "both_k_by_k",
            "You give the second layer K × K filters, too. It is a 1×1 convolution: C_out weights for each rank.",
            (EACH, "each = (C_in + C_out) * K * K"),
        ),
        wrong(
            "first_only",
            "The weights of the second layer are missing: C_out for each rank.",
            (EACH, "each = C_in * K * K"),
        ),
        wrong(
            "side_for_area",
            "A filter of side K has K × K weights a channel, not K.",
            (WHOLE, "whole = C_out * C_in * K"),
            (EACH, "each = C_in * K + C_out"),
        ),
        wrong(
            "ends_exchanged",
            "Your K × K filters see C_out channels. The first layer sees the C_in channels of the input.",
            (EACH, "each = C_out * K * K + C_in"),
        ),
        wrong(
            "full_rank",
            "This is the largest rank that the weights can have. Long before that the two layers have more weights.",
            (EVEN_END, "min(C_out, C_in * K * K)"),
        ),
        wrong("not_whole", "A rank is a whole number.", (EVEN_END, "(whole - 1) / each")),
    ],
)


def even_reference(C_in: int, C_out: int, K: int) -> int:
    """By trying."""
    rank = 0
    while (rank + 1) * C_in * K**2 + C_out * (rank + 1) < C_in * C_out * K**2:
        rank += 1
    return rank


def even_public() -> list[Case]:
    """Two that divide without rest, two that do not."""
    sizes = [(4, 12, 1), (5, 45, 3), (48, 96, 3), (128, 64, 5)]
    return [Case(f"C_in = {a}, C_out = {b}, K = {k}", (a, b, k), weight=0.25) for a, b, k in sizes]


EVEN_EXERCISE = Exercise("break_even", 1.0, even_reference, even_public, EVEN_MISTAKES)
