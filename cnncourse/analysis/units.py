"""Numbers as tables show them: four digits and a unit."""

from __future__ import annotations

_UNITS = ("", "k", "M", "G", "T", "P")


def short(number: int | float, unit: str = "") -> str:
    """A count with four digits and a decimal unit: 61,706 -> '61.71 k'; 705 -> '705'; 0 -> '0'."""
    size, step = abs(float(number)), 0
    while size >= 999.95 and step < len(_UNITS) - 1:
        size, step = size / 1000, step + 1
    if step == 0:
        digits = f"{number:,}" if isinstance(number, int) else f"{size:.4g}"
    else:
        digits = f"{size:.1f}" if size >= 100 else f"{size:.2f}" if size >= 10 else f"{size:.3f}"
    return f"{digits} {_UNITS[step]}{unit}".rstrip()


def bytes_(number: int) -> str:
    """Memory in decimal units: 41,728 -> '41.73 kB'."""
    return short(number, "B") if number else "0"


def shape(sizes: tuple[int, ...]) -> str:
    """(1, 96, 55, 55) -> '1×96×55×55'; () -> 'scalar'."""
    return "×".join(map(str, sizes)) if sizes else "scalar"
