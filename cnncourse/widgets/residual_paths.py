"""The residual path explorer: the paths through blocks that can be skipped, and which of them dropped blocks break."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import anywidget
import traitlets

from cnncourse.widgets._base import as_array, number, one_of, script, style, whole

_WHO = "ResidualPaths"
_MOST = 54
WEIGHTS = ("equal", "factor", "measured")


class ResidualPaths(anywidget.AnyWidget):
    """Unravel a residual net: every one of its n blocks x → x + f(x) is passed or skipped, so there are 2ⁿ paths.

    C(n, k) of them pass k blocks. A dropped block (its f set to 0) breaks every path that passes it: after d of n
    blocks are dropped 2ⁿ⁻ᵈ paths are left, while a chain without short cuts has lost its only one.

    `blocks` (1 to 54) is n; up to 5 the paths are drawn. `dropped`: numbers of blocks, the first is 1. A path through
    k blocks counts 1 (`weight` "equal"), `factor`ᵏ ("factor", 0.05 to 1), or `measured[k]` ("measured", the default
    when `measured` is given): n + 1 numbers ≥ 0, such as the mean size of the gradient along a path of that length.

    Source: Veit, Wilber & Belongie 2016, arXiv:1605.06431. Raises ValueError or TypeError for a number out of range, a
    block that is not there, an unknown weight, and `measured` of another length.
    """

    _esm = script("residual_paths.js")
    _css = style("_plot.css", "residual_paths.css")

    blocks = traitlets.Int(3, min=1, max=_MOST).tag(sync=True)
    dropped: traitlets.List[Any] = traitlets.List().tag(sync=True)
    weight = traitlets.Unicode().tag(sync=True)
    factor = traitlets.Float(0.5, min=0.05, max=1).tag(sync=True)
    measured: traitlets.List[Any] = traitlets.List().tag(sync=True)

    def __init__(
        self,
        blocks: int = 3,
        *,
        dropped: Iterable[int] = (),
        weight: str | None = None,
        factor: float = 0.5,
        measured: Any = None,
    ) -> None:
        count = whole(_WHO, "blocks", blocks, 1, _MOST)
        sizes = [] if measured is None else _sizes(measured, count)
        chosen = weight or ("measured" if sizes else "equal")
        super().__init__(
            blocks=count,
            dropped=_numbers(dropped, count),
            weight=one_of(_WHO, "weight", chosen, WEIGHTS if sizes else WEIGHTS[:2]),
            factor=number(_WHO, "factor", factor, 0.05, 1),
            measured=sizes,
        )


def _numbers(dropped: Any, count: int) -> list[int]:
    if isinstance(dropped, str) or not isinstance(dropped, Iterable):
        raise TypeError(f"{_WHO}: dropped={dropped!r}; expected numbers of blocks, such as (1, 3).")
    blocks = [whole(_WHO, f"dropped[{i}]", block, 1, count) for i, block in enumerate(dropped)]
    return sorted(set(blocks))


def _sizes(measured: Any, count: int) -> list[float]:
    array = as_array(_WHO, "measured", measured)
    if array.shape != (count + 1,) or array.min() < 0 or not array.sum() > 0:
        raise ValueError(
            f"{_WHO}: measured has shape {array.shape}, least {array.min() if array.size else 'none'}; expected "
            f"{count + 1} numbers ≥ 0, one for each length from 0 to {count}, not all of them 0."
        )
    return [float(f"{value:.6g}") for value in array]
