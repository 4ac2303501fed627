"""Kernels with a name, as the filters of the explorers."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnncourse.widgets._base import as_array, one_of

Rows = list[list[float]]


def _scaled(rows: list[list[int]], below: int) -> Rows:
    return [[value / below for value in row] for row in rows]


KERNELS: dict[str, Rows] = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "shift right": [[0, 0, 0], [1, 0, 0], [0, 0, 0]],
    "box blur": _scaled([[1, 1, 1], [1, 1, 1], [1, 1, 1]], 9),
    "gaussian blur": _scaled([[1, 2, 1], [2, 4, 2], [1, 2, 1]], 16),
    "sobel x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "sobel y": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "diagonal edge": [[0, 1, 2], [-1, 0, 1], [-2, -1, 0]],
    "laplacian": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
    "gaussian blur 5": _scaled([[a * b for b in (1, 4, 6, 4, 1)] for a in (1, 4, 6, 4, 1)], 256),
    "dark spot 5": [[1, 1, 1, 1, 1], [1, 0, -2, 0, 1], [1, -2, -8, -2, 1], [1, 0, -2, 0, 1], [1, 1, 1, 1, 1]],
}


def kernel_rows(who: str, kernel: Any) -> Rows:
    """A kernel by name or as 2-D numbers, 1 to 7 a side, as rows of plain floats."""
    if isinstance(kernel, str):
        return [list(row) for row in KERNELS[one_of(who, "kernel", kernel.replace("_", " "), KERNELS)]]
    array = as_array(who, "kernel", kernel)
    if array.ndim != 2 or not (array.size and max(array.shape) <= 7):
        raise ValueError(
            f"{who}: kernel has shape {array.shape}; expected (K, K) with 1 to 7 weights a side. "
            f"Of a Conv2d weight (C_out, C_in, K, K) take one slice, weight[0, 0]."
        )
    return [[int(v) if float(v).is_integer() else float(v) for v in row] for row in np.asarray(array).tolist()]
