"""Does a computed value agree with a stated one? The ledger's page carries these functions, its test imports them."""

from __future__ import annotations

from typing import Any


def agrees(stated: Any, computed: Any, digits: int | None = None) -> bool:
    """True if `computed` is `stated`, or rounds to it at the `digits` significant digits that were given.

    >>> agrees(55, 55), agrees(35000, 34848, digits=2), agrees(35000, 34848)
    (True, True, False)
    >>> agrees([55, 55, 96], (55, 55, 96)), agrees(True, 1)
    (True, False)
    """
    if isinstance(stated, list | tuple) and isinstance(computed, list | tuple):
        return len(stated) == len(computed) and all(agrees(s, c, digits) for s, c in zip(stated, computed, strict=True))
    if isinstance(stated, bool) or isinstance(computed, bool):
        return stated is computed
    if digits is not None:
        computed = float(f"{computed:.{digits - 1}e}")
    return bool(stated == computed)


def write(value: Any) -> str:
    """A value as the page writes it.

    >>> write(34848), write((55, 55, 96)), write(True)
    ('34,848', '55 × 55 × 96', 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return " × ".join(write(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def row(stated: Any, computed: Any, digits: int | None = None) -> tuple[str, str]:
    """The computed value and the verdict, as the page writes them."""
    if not agrees(stated, computed, digits):
        return write(computed), "✗\u00a0differs"
    return write(computed), "✓\u00a0agrees" if digits is None or stated == computed else "✓\u00a0rounds to it"
