"""Answers as plain data: copying inputs, reducing an answer to what can be compared, comparing, printing shortly.

Nothing here raises on a strange answer: whatever a function returned becomes one of None, bool, int, float, str, a
dense CPU tensor with at least one axis, a tuple of these, or `Junk`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

MAX_DEPTH = 4
MAX_LENGTH = 1000
MAX_ELEMENTS = 10_000_000
MAX_SHOWN = 60  # elements of a tensor printed in a table

# Relative to the largest finite expected value, since a sum of products carries the rounding of its largest term.
RTOL = {torch.float64: 1e-9, torch.float32: 2e-5, torch.float16: 1e-2, torch.bfloat16: 3e-2}
ATOL = {torch.float64: 1e-12, torch.float32: 1e-6, torch.float16: 1e-3, torch.bfloat16: 1e-3}


@dataclass(frozen=True)
class Junk:
    """An answer that cannot be compared: what it is, in words."""

    what: str


Plain: TypeAlias = "bool | int | float | str | Tensor | Junk | tuple[Plain, ...] | None"


def fresh(value: Any) -> Any:
    """Copy an input so that nothing done to the copy reaches the original; a tensor keeps its strides and offset."""
    if isinstance(value, Tensor):
        storage = value.untyped_storage().clone()  # type: ignore[no-untyped-call]
        return value.new_empty(0).set_(storage, value.storage_offset(), value.size(), value.stride())
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(fresh(v) for v in value)
    if isinstance(value, dict):
        return {k: fresh(v) for k, v in value.items()}
    return value


def unchanged(before: Any, after: Any) -> bool:
    """True if `after` still holds what `before` holds (NaN counts as equal to NaN)."""
    if isinstance(before, Tensor):
        return (
            isinstance(after, Tensor)
            and before.shape == after.shape
            and before.dtype == after.dtype
            and bool(torch.eq(before, after).logical_or(before.isnan() & after.isnan()).all())
        )
    if isinstance(before, np.ndarray):
        return isinstance(after, np.ndarray) and before.shape == after.shape and bool((before == after).all())
    if isinstance(before, list | tuple):
        return (
            type(after) is type(before)
            and len(after) == len(before)
            and all(unchanged(b, a) for b, a in zip(before, after, strict=True))
        )
    if isinstance(before, Mapping):
        return (
            isinstance(after, Mapping)
            and before.keys() == after.keys()
            and all(unchanged(before[k], after[k]) for k in before)
        )
    return bool(before == after)


def plain(value: Any, depth: int = 0) -> Plain:
    """Reduce an answer to plain data; 0-d tensors and numpy scalars become numbers, lists become tuples."""
    try:
        return _plain(value, depth)
    except Exception as error:
        return Junk(f"a {type(value).__name__} that cannot be read ({type(error).__name__})")


def _plain(value: Any, depth: int) -> Plain:
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value  # type: ignore[no-any-return]
    if kind in (Tensor, torch.nn.Parameter):
        return _plain_tensor(value)
    if kind is np.ndarray or isinstance(value, np.generic):
        if value.ndim == 0 and value.dtype.kind in "biuf":
            return value.item()  # type: ignore[no-any-return]
        return Junk(f"a numpy array of shape {value.shape}")
    if isinstance(value, tuple | list):
        if depth >= MAX_DEPTH:
            return Junk(f"a {kind.__name__} nested too deeply")
        if len(value) > MAX_LENGTH:
            return Junk(f"a {kind.__name__} of {len(value)} entries")
        return tuple(plain(v, depth + 1) for v in value)
    return Junk(f"a {kind.__name__}")


def _plain_tensor(value: Tensor) -> Plain:
    if value.layout != torch.strided or value.is_quantized or value.is_meta:
        return Junk(f"a tensor that is not a plain, dense one ({value.layout})")
    if value.numel() > MAX_ELEMENTS:
        return Junk(f"a tensor of {value.numel()} values")
    value = value.detach().resolve_conj().resolve_neg().cpu()
    if value.dim() == 0 and not value.is_complex():
        return value.item()
    return value


def tolerance(expected: Tensor, rtol: float | None, atol: float | None) -> float:
    """The largest allowed difference from `expected`, one number for all elements."""
    finite = expected[expected.isfinite()].abs() if expected.numel() else expected
    scale = float(finite.max()) if finite.numel() else 0.0
    relative = RTOL.get(expected.dtype, 0.0) if rtol is None else rtol
    absolute = (0.0 if scale else ATOL.get(expected.dtype, 0.0)) if atol is None else atol
    return absolute + relative * scale


def close(got: Tensor, expected: Tensor, rtol: float | None = None, atol: float | None = None) -> Tensor:
    """Boolean tensor: which elements agree. Both have the same shape."""
    if not (expected.is_floating_point() and got.is_floating_point()):
        return got == expected
    limit = tolerance(expected, rtol, atol)
    g, e = got.double(), expected.double()
    return (g == e) | ((g - e).abs() <= limit) | (g.isnan() & e.isnan())


def matches(got: Plain, expected: Plain, rtol: float | None = None, atol: float | None = None) -> bool:
    """True if `got` is a right answer where `expected` is the right answer. Never broadcasts, never raises."""
    if isinstance(expected, Tensor):
        return (
            isinstance(got, Tensor)
            and got.shape == expected.shape
            and got.dtype == expected.dtype
            and bool(close(got, expected, rtol, atol).all())
        )
    if isinstance(expected, tuple):
        return (
            isinstance(got, tuple)
            and len(got) == len(expected)
            and all(matches(g, e, rtol, atol) for g, e in zip(got, expected, strict=True))
        )
    if type(expected) is float:
        return type(got) in (int, float) and _near(got, expected, rtol, atol)
    return type(got) is type(expected) and got == expected


def _near(got: Any, expected: float, rtol: float | None, atol: float | None) -> bool:
    if got == expected or (got != got and expected != expected):
        return True
    if not math.isfinite(expected):
        return False
    try:
        difference = abs(float(got) - expected)
    except OverflowError:
        return False
    relative = RTOL[torch.float32] if rtol is None else rtol
    absolute = (0.0 if expected else ATOL[torch.float32]) if atol is None else atol
    return difference <= absolute + relative * abs(expected)


def is_trivial(expected: Plain, inputs: tuple[Any, ...]) -> bool:
    """True if an empty, all-zero or echoed answer would be right: such a case earns nothing on its own."""
    if isinstance(expected, Tensor):
        if not bool(expected.count_nonzero()):
            return True
    elif expected is None or expected == 0:
        return True
    echoes = [plain(v) for v in inputs]
    echoes += [part for e in echoes if isinstance(e, tuple) for part in e]
    return any(matches(e, expected) for e in echoes)


def brief(value: Plain, width: int = 400) -> str:
    """A short text of an answer, for tables: small tensors in full and on lines of their own; a float shows as one."""
    if isinstance(value, Junk):
        return value.what
    if isinstance(value, Tensor):
        return _brief_tensor(value)[:width]
    if isinstance(value, tuple) and len(value) <= 8 and any(isinstance(v, Tensor) for v in value):
        return "\n".join(f"{k + 1}: {brief(v, width)}" for k, v in enumerate(value))
    if isinstance(value, tuple):
        inside = ", ".join(brief(v, 40) for v in value[:8]) + (", ..." if len(value) > 8 else "")
        return (f"({inside},)" if len(value) == 1 else f"({inside})")[:width]
    if type(value) is int and abs(value) >= 10**18:
        return f"{'-' if value < 0 else ''}a number of {value.bit_length()} bits"
    if type(value) is float:
        return f"{value:.6g}" if value % 1 or abs(value) >= 1e6 else f"{value:.1f}"
    return repr(value)[:width]


def _brief_tensor(value: Tensor) -> str:
    dtype = str(value.dtype).removeprefix("torch.")
    note = "" if value.dtype == torch.float32 else f" {dtype}"
    shape = "×".join(map(str, value.shape))
    if value.numel() > MAX_SHOWN or value.numel() == 0 or value.is_complex():
        return f"[{shape}{note or ' ' + dtype}]"
    rows = value.reshape(-1, value.shape[-1])
    cells = [[f"{v + 0:.4g}" for v in row] for row in rows.tolist()]
    wide = max(len(c) for row in cells for c in row)
    lines = [" ".join(c.rjust(wide) for c in row) for row in cells]
    height = value.shape[-2] if value.dim() > 1 else 1
    blocks = ["\n".join(lines[k : k + height]) for k in range(0, len(lines), height)]
    return f"[{shape}{note}]\n" + "\n\n".join(blocks)
