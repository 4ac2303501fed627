"""Checking arguments: every message says what, got, expected, and how to fix it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def whole(what: str, value: Any, least: int) -> int:
    """`value` as an int of at least `least`. TypeError for anything that is not a whole number (bool included)."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{what} is {value!r} ({type(value).__name__}); expected a whole number >= {least}")
    number = int(value.__index__())
    if number < least:
        raise ValueError(f"{what} is {number}; expected a whole number >= {least}")
    return number


def per_axis(what: str, value: Any, axes: int, least: int) -> tuple[int, ...]:
    """`value` for each of `axes` axes: one whole number for all, or a sequence of one per axis."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        numbers = tuple(whole(what, v, least) for v in value)
        if len(numbers) == 1:
            return numbers * axes
        if len(numbers) != axes:
            raise ValueError(f"{what} is {tuple(value)}; expected one whole number, or {axes}: one for each axis")
        return numbers
    return (whole(what, value, least),) * axes
