"""Convolution written as a matrix: what the layer does to the flattened input, zeros and repetitions included."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

from torch import Tensor

from cnncourse.errors import whole
from cnncourse.layers.geometry import AXES, Size, geometry


def conv_matrix(weight: Tensor, input_size: int | Sequence[int], stride: Size = 1, padding: Size = 0) -> Tensor:
    """The matrix T with conv(x, weight, stride, padding).flatten() == T @ x.flatten(), for one example x (C, *lengths).

    One filter over one axis gives a Toeplitz matrix (with stride 1): each row is the filter, one step further right;
    where the filter reaches over the border its entries are cut off. T.T is the transposed convolution.

    Shapes: weight (C_out, C, *K) over one to three axes, input_size the lengths (L, (H, W) or (T, H, W)) ->
    (C_out * prod(out), C * prod(lengths)). It is dense: C_out * C * prod(out) * prod(lengths) numbers.
    Raises ValueError/TypeError where the arguments do not fit.
    Source: Dumoulin & Visin 2016, arXiv:1603.07285, section 4.1.
    """
    if not isinstance(weight, Tensor) or not 3 <= weight.dim() <= 5:
        got = f"of shape {tuple(weight.shape)}" if isinstance(weight, Tensor) else f"a {type(weight).__name__}"
        raise ValueError(
            f"conv_matrix: weight is {got}; expected a tensor (C_out, C, *K) over one to three axes. "
            "One filter w (K,)? Pass w[None, None]."
        )
    axes = weight.dim() - 2
    lengths = tuple(input_size) if isinstance(input_size, Sequence) else (input_size,)
    if len(lengths) != axes:
        raise ValueError(
            f"conv_matrix: input_size is {input_size}; expected {AXES[axes]} for a weight over {axes} axes"
        )
    lengths = tuple(whole("conv_matrix: input_size", n, 1) for n in lengths)
    c_out, c_in = weight.shape[:2]
    blank = weight.new_empty(0, c_in, *lengths)
    g = geometry("conv_matrix", blank, weight, None, stride, padding, 1, 1, axes)
    T: Any = weight.new_zeros(c_out, *g.out, c_in, *lengths)
    for i in product(*map(range, g.out)):
        for tap in product(*map(range, g.kernel)):
            pixel = [p * s + a - b for p, s, a, b in zip(i, g.stride, tap, g.before, strict=True)]
            if all(0 <= q < n for q, n in zip(pixel, lengths, strict=True)):
                T[:, *i, :, *pixel] = weight[..., *tap]  # type: ignore[index]
    matrix: Tensor = T.reshape(c_out * prod(g.out), c_in * prod(lengths))
    return matrix
