"""Exercise `low_rank`: a convolution as two thinner ones, by the singular value decomposition."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small
from cnncourse.checks.subject import Subject
from cnncourse.checks.values import plain

BASE = """
import torch

def low_rank(weight, rank):
    matrix = weight.flatten(1)
    U, S, V = torch.linalg.svd(matrix, full_matrices=False)
    first = V[:rank].reshape(rank, *weight.shape[1:])
    second = (U[:, :rank] * S[:rank])[:, :, None, None]
    return first, second
"""
MATRIX = "    matrix = weight.flatten(1)\n"
SVD = "    U, S, V = torch.linalg.svd(matrix, full_matrices=False)\n"
FIRST = "    first = V[:rank].reshape(rank, *weight.shape[1:])\n"
SECOND = "    second = (U[:, :rank] * S[:rank])[:, :, None, None]\n"
END = "    return first, second\n"

MISTAKES = catalogue(
    "low_rank",
    BASE,
    [
        wrong(
            "smallest_kept",
            "You keep the smallest singular values. The largest say most: take the first ones.",
            (FIRST, FIRST.replace("V[:rank]", "V[-rank:]")),
            (SECOND, SECOND.replace("[:rank]", "[-rank:]").replace("U[:, :rank]", "U[:, -rank:]")),
        ),
        wrong(
            "values_missing",
            "The singular values are missing: multiply each column of U, or each row of V, by its own.",
            (SECOND, SECOND.replace(" * S[:rank]", "")),
        ),
        wrong(
            "values_twice",
            "The singular values are in both parts. Put them into one, or their roots into both.",
            (FIRST, FIRST.replace("V[:rank]", "(S[:rank, None] * V[:rank])")),
        ),
        wrong(
            "one_root",
            "One part has the roots of the singular values, the other nothing: both need the roots, or one the whole.",
            (SECOND, SECOND.replace("S[:rank]", "S[:rank] ** 0.5")),
        ),
        wrong(
            "right_vectors_as_columns",
            "torch.linalg.svd gives V transposed already: its rows are the filters, not its columns.",
            (
                FIRST,
                "    first = torch.linalg.svd(matrix).Vh.T[:rank].reshape(rank, *weight.shape[1:])\n",
            ),
        ),
        wrong(
            "rows_of_u",
            "You take the first rows of U. Its columns belong to the singular values.",
            (
                SECOND,
                "    columns = torch.linalg.svd(matrix).U[:rank].T\n"
                "    second = (columns * S[:rank])[:, :, None, None]\n",
            ),
        ),
        wrong(
            "no_decomposition",
            "You keep the first filters and leave the other maps zero. A decomposition serves all maps at once.",
            (FIRST, "    first = weight[:rank]\n"),
            (SECOND, "    second = torch.eye(len(weight), dtype=weight.dtype)[:, :rank, None, None]\n"),
        ),
        wrong(
            "best_filters_only",
            "Your first filters are right, but the second layer hands them on as they are. It must mix them: U S.",
            (SECOND, "    second = torch.eye(len(weight), dtype=weight.dtype)[:, :rank, None, None]\n"),
        ),
        wrong(
            "orthogonal_only",
            "This is a QR decomposition, cut off. Only the singular value decomposition gives the best of a rank.",
            (SVD, "    U, V = torch.linalg.qr(matrix)\n    S = torch.ones(len(V), dtype=weight.dtype)\n"),
        ),
        wrong(
            "mean_subtracted",
            "You subtract the mean filter, as for principal components, and never add it again. Decompose the weights.",
            (MATRIX, "    matrix = weight.flatten(1) - weight.flatten(1).mean(dim=0)\n"),
        ),
        wrong(
            "channels_last",
            "The numbers of each filter come back in another order. Undo the flattening as you did it.",
            (
                FIRST,
                "    _, C, H, W = weight.shape\n"
                "    first = V[:rank].reshape(rank, H, W, C).permute(0, 3, 1, 2)\n",
            ),
        ),
        wrong(
            "rows_and_columns",
            "Rows and columns of the filters have changed places.",
            (END, "    return first.transpose(2, 3), second\n"),
        ),
        wrong(
            "flipped",
            "Your first filters are turned by 180 degrees. Nothing is to be flipped here.",
            (END, "    return first.flip(2, 3), second\n"),
        ),
        wrong(
            "exchanged",
            "The two results have changed places: first the layer that sees the image.",
            (END, "    return second, first\n"),
        ),
        wrong(
            "not_a_convolution",
            "The second weight has two axes. As a 1×1 convolution it has four: (C_out, rank, 1, 1).",
            (SECOND, SECOND.replace("[:, :, None, None]", "")),
        ),
        wrong(
            "second_transposed",
            "The second weight is transposed: outputs come first, (C_out, rank, 1, 1).",
            (END, "    return first, second.transpose(0, 1)\n"),
        ),
        wrong(
            "one_more",
            "You keep one singular value too many.",
            (MATRIX, MATRIX + "    rank = rank + 1\n"),
        ),
        wrong(
            "all_kept",
            "All singular values are kept, whatever the rank: nothing has become smaller.",
            (MATRIX, MATRIX + "    rank = min(matrix.shape)\n"),
        ),
        wrong(
            "rest_only",
            "You keep what should be left out.",
            (FIRST, FIRST.replace("V[:rank].reshape(rank,", "V[rank:].reshape(-1,")),
            (SECOND, SECOND.replace("U[:, :rank] * S[:rank]", "U[:, rank:] * S[rank:]")),
        ),
    ],
)  # fmt: skip


def reference(weight: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """By the eigenvectors of W Wᵀ: the second layer is orthogonal, the first holds the lengths."""
    matrix = weight.flatten(1)
    vectors = torch.linalg.eigh(matrix @ matrix.T).eigenvectors.flip(1)[:, :rank]
    return (vectors.T @ matrix).reshape(rank, *weight.shape[1:]), vectors[:, :, None, None]


def one_after_the_other(low_rank: Subject, weight: Tensor, rank: int) -> Any:
    """The shapes of the two weights, and the one convolution that both together are: it does not depend on signs."""
    answer = plain(low_rank(weight, rank))
    if not isinstance(answer, tuple) or len(answer) != 2:
        return answer
    first, second = answer
    if not isinstance(first, Tensor) or not isinstance(second, Tensor):
        return answer
    shapes = ", ".join("×".join(map(str, part.shape)) for part in (first, second))
    fits = first.dim() == 4 and second.dim() == 4 and second.shape[1:] == (len(first), 1, 1)
    if not fits or first.dtype != second.dtype:
        return f"shapes: {shapes}", 0.0
    return f"shapes: {shapes}", torch.einsum("or,rcij->ocij", second[:, :, 0, 0], first)


def public() -> list[Case]:
    """Small banks of filters; the second has rank 1 already."""
    one = torch.tensor([[[[1.0, 2.0]], [[0.0, -1.0]]], [[[2.0, 4.0]], [[0.0, -2.0]]], [[[3.0, 6.0]], [[0.0, -3.0]]]])
    noisy = one + 0.1 * small(3, 2, 1, 2, seed=542)
    bank = small(4, 2, 2, 3, seed=541).double()
    return [
        Case("three filters 1×2, rank 1", (noisy, 1), weight=0.2, rtol=1e-4, use=one_after_the_other),
        Case("four filters 2×3, rank 2", (bank, 2), weight=0.3, use=one_after_the_other, rtol=1e-7),
        Case("the same, rank 3", (bank, 3), weight=0.3, use=one_after_the_other, rtol=1e-7),
    ]


EXERCISE = Exercise("low_rank", 3.0, reference, public, MISTAKES, ("cnncourse.compress",))
