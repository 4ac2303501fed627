"""Exercise `conv_matrix`: a one-dimensional cross-correlation as a matrix."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise

BASE = """
def conv_matrix(w, n, stride=1, padding=0):
    K = len(w)
    L_out = (n + 2 * padding - K) // stride + 1
    A = w.new_zeros(L_out, n)
    for row in range(L_out):
        for k in range(K):
            column = row * stride + k - padding
            if 0 <= column < n:
                A[row, column] = w[k]
    return A
"""

MISTAKES = catalogue(
    "conv_matrix",
    BASE,
    [
        wrong(
            "kernel_flipped",
            "The kernel stands backwards in the rows. In cross-correlation it stands in reading order.",
            ("= w[k]", "= w[K - 1 - k]"),
        ),
        wrong(
            "transposed",
            "This is the transposed matrix. It must have a row for every output and a column for every input.",
            ("return A", "return A.T"),
        ),
        wrong(
            "stride_ignored",
            "The number of rows is right, but from one row to the next the kernel moves by 1 and not by the stride.",
            ("row * stride", "row"),
        ),
        wrong(
            "stride_not_used",
            "The stride is not used: with stride S only every S-th row of your matrix is wanted.",
            ("    K = len(w)", "    K = len(w)\n    stride = 1"),
        ),
        wrong(
            "kernel_as_stride",
            "From one row to the next the kernel moves by its own length. It moves by the stride.",
            ("row * stride", "row * K"),
        ),
        wrong(
            "padding_not_shifted",
            "The number of rows is right, but the first row must start on the padding, outside of the matrix.",
            ("+ k - padding", "+ k"),
        ),
        wrong(
            "padding_not_used",
            "The padding is not used: there are rows whose kernel hangs over the ends of the input.",
            ("    K = len(w)", "    K = len(w)\n    padding = 0"),
        ),
        wrong(
            "padding_once",
            "You count the padding once. It lies on both sides of the input, so there are more rows.",
            ("n + 2 * padding", "n + padding"),
        ),
        wrong(
            "padding_shifted_wrong_way",
            "The kernel is moved to the right by the padding. The first window starts before the input: move it left.",
            ("+ k - padding", "+ k + padding"),
        ),
        wrong(
            "padding_columns_kept",
            "You have columns for the padding. The matrix multiplies the n inputs only; zeros need no column.",
            ("w.new_zeros(L_out, n)", "w.new_zeros(L_out, n + 2 * padding)"),
            ("+ k - padding", "+ k"),
            ("0 <= column < n", "True"),
        ),
        wrong(
            "wraps_around",
            "What hangs over one end comes in at the other. Outside of the input there are zeros, it is not a ring.",
            ("if 0 <= column < n:", "if True:"),
            ("A[row, column]", "A[row, column % n]"),
        ),
        wrong(
            "negative_column",
            "A negative column number counts from the right in Python, so part of the kernel lands at the far end.",
            ("0 <= column < n", "column < n"),
        ),
        wrong(
            "first_column_empty",
            "The first column is always zero: column 0 is a column too.",
            ("0 <= column", "0 < column"),
        ),
        wrong(
            "last_column_empty",
            "The last column is always zero: the last column has number n - 1.",
            ("column < n", "column < n - 1"),
        ),
        wrong(
            "last_row_missing",
            "The last row is missing: count the positions of the window, not the steps between them.",
            ("// stride + 1", "// stride"),
        ),
        wrong(
            "last_tap_missing",
            "The last entry of the kernel is never used: a range stops before its end.",
            ("range(K)", "range(K - 1)"),
        ),
    ],
)


def reference(w: Tensor, n: int, stride: int = 1, padding: int = 0) -> Tensor:
    """Column i is what the library's cross-correlation makes of a single 1 at position i."""
    pulses = torch.eye(n, dtype=w.dtype)[:, None]
    return torch.nn.functional.conv1d(pulses, w[None, None], stride=stride, padding=padding)[:, 0].T.contiguous()


def public() -> list[Case]:
    """Matrices that fit on a line or two."""
    w = torch.tensor([1.0, 2.0, 3.0])
    return [
        Case("kernel (1, 2, 3), 5 inputs", (w, 5), weight=0.3),
        Case("stride 2, one input left over", (w, 6), {"stride": 2}, weight=0.3),
        Case("padding 2", (w, 4), {"padding": 2}, weight=0.3),
        Case("stride 2, padding 1", (torch.tensor([1.0, -2.0, 4.0, 5.0]), 7), {"stride": 2, "padding": 1}, weight=0.3),
    ]


EXERCISE = Exercise(
    "conv_matrix",
    2.0,
    reference,
    public,
    MISTAKES,
    forbidden=("torch.nn.functional.conv1d", "torch.conv1d", "cnncourse.layers", "scipy.linalg.toeplitz"),
)
