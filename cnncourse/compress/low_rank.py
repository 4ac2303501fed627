"""Low-rank factorisation: one layer becomes two thinner ones, by the singular value decomposition.

The best matrix of rank r for a given one, in the sum of squared differences, keeps its r largest singular values
(Eckart & Young 1936, doi:10.1007/BF02288367).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.errors import whole

SCHEMES = ("channel", "spatial")


def singular_values(weight: Tensor, scheme: str = "channel") -> Tensor:
    """Singular values, descending, of the matrix that the factorisation of this weight takes apart.

    A linear weight (out, in) is the matrix; of a filter bank (O, C, K, L) it is (O, C·K·L) for "channel" and
    (C·K, O·L) for "spatial". Raises ValueError for another shape or scheme.
    """
    values: Tensor = torch.linalg.svdvals(_matrix(weight.detach(), scheme))
    return values


def factorize_linear(layer: nn.Linear, rank: int) -> nn.Sequential:
    """W (m, n) ≈ A (m, r) B (r, n): two linear layers, (m + n) r weights in place of m n. The bias stays at the second.

    Both get the square roots of the singular values. Raises TypeError for another layer, ValueError for a rank below 1
    or above min(m, n).
    """
    if not isinstance(layer, nn.Linear):
        raise TypeError(f"factorize_linear: got a {type(layer).__name__}; expected a torch.nn.Linear")
    left, right = _split(layer.weight.detach(), rank, "factorize_linear")
    first = nn.Linear(layer.in_features, rank, bias=False, **_like(layer.weight))
    second = nn.Linear(rank, layer.out_features, bias=layer.bias is not None, **_like(layer.weight))
    return _filled(first, second, right, left, layer.bias)


def factorize_conv2d(layer: nn.Conv2d, rank: int, scheme: str = "channel") -> nn.Sequential:
    """A convolution as two: the best pair of `rank` maps in between, in the sum of squared differences of the filters.

    "channel" (Zhang et al. 2015, arXiv:1505.06798): `rank` filters of the old size, then 1×1 to all channels.
    "spatial" (Jaderberg et al. 2014, arXiv:1405.3866): K×1 filters, then 1×L. Stride, padding and dilation are shared
    out, so the pair takes and gives what the layer does. The bias stays at the second.

    Raises TypeError for another layer, ValueError for groups, padding given by name or mode, a rank out of range,
    another scheme.
    """
    who = "factorize_conv2d"
    if not isinstance(layer, nn.Conv2d):
        raise TypeError(f"{who}: got a {type(layer).__name__}; expected a torch.nn.Conv2d")
    if layer.groups != 1 or isinstance(layer.padding, str) or layer.padding_mode != "zeros":
        raise ValueError(
            f"{who}: groups={layer.groups}, padding={layer.padding!r}, padding_mode={layer.padding_mode!r}; "
            f"expected groups=1 and zeros of given width"
        )
    weight = layer.weight.detach()
    (o, c, k, m), (s, t), (p, q), (d, e) = weight.shape, layer.stride, layer.padding, layer.dilation
    left, right = _split(_matrix(weight, scheme), rank, who)
    like, has_bias = _like(layer.weight), layer.bias is not None
    if scheme == "channel":
        first = nn.Conv2d(c, rank, (k, m), (s, t), (p, q), (d, e), bias=False, **like)
        second = nn.Conv2d(rank, o, 1, bias=has_bias, **like)
        return _filled(first, second, right.view(rank, c, k, m), left.view(o, rank, 1, 1), layer.bias)
    first = nn.Conv2d(c, rank, (k, 1), (s, 1), (p, 0), (d, 1), bias=False, **like)
    second = nn.Conv2d(rank, o, (1, m), (1, t), (0, q), (1, e), bias=has_bias, **like)
    down = left.view(c, k, rank).permute(2, 0, 1).unsqueeze(3)  # (rank, C, K, 1)
    across = right.view(rank, o, m).permute(1, 0, 2).unsqueeze(2)  # (O, rank, 1, L)
    return _filled(first, second, down, across, layer.bias)


def _matrix(weight: Tensor, scheme: str) -> Tensor:
    if scheme not in SCHEMES:
        raise ValueError(f"low rank: scheme is {scheme!r}; expected one of {', '.join(map(repr, SCHEMES))}")
    if weight.dim() == 2:
        return weight
    if weight.dim() != 4:
        raise ValueError(f"low rank: weight has shape {tuple(weight.shape)}; expected (out, in) or (O, C, K, L)")
    o, c, k, m = weight.shape
    return weight.flatten(1) if scheme == "channel" else weight.permute(1, 2, 0, 3).reshape(c * k, o * m)


def _split(matrix: Tensor, rank: int, who: str) -> tuple[Tensor, Tensor]:
    """(m, n) ≈ (m, r) (r, n)."""
    if whole(f"{who}: rank", rank, 1) > min(matrix.shape):
        raise ValueError(f"{who}: rank is {rank}; the matrix is {tuple(matrix.shape)}: at most {min(matrix.shape)}")
    u, sizes, v = torch.linalg.svd(matrix, full_matrices=False)
    root = sizes[:rank].sqrt()
    return u[:, :rank] * root, root[:, None] * v[:rank]


def _like(weight: Tensor) -> dict[str, Any]:
    return {"device": weight.device, "dtype": weight.dtype}


def _filled(first: Any, second: Any, one: Tensor, two: Tensor, bias: Tensor | None) -> nn.Sequential:
    with torch.no_grad():
        first.weight.copy_(one)
        second.weight.copy_(two)
        if bias is not None:
            second.bias.copy_(bias)
    return nn.Sequential(first, second)
