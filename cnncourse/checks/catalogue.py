"""Catalogues of mistakes, written as small edits of one plain solution.

catalogue("area", BASE, [wrong("height_squared", "You use H twice: ...", ("H * W", "H * H"))])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cnncourse.checks.core import Mistake


@dataclass(frozen=True)
class Draft:
    """A mistake before it is applied to a base solution."""

    name: str
    hint: str
    edits: tuple[tuple[str, str], ...]


def wrong(name: str, hint: str, *edits: tuple[str, str]) -> Draft:
    """A mistake: its name, the sentence that helps, and (old, new) pairs; each `old` occurs once in the base."""
    if not edits:
        raise ValueError(f"wrong: {name!r} changes nothing; give at least one (old, new) pair")
    return Draft(name, hint, edits)


def edit(source: str, old: str, new: str) -> str:
    """Replace `old` by `new`. ValueError unless `old` occurs exactly once."""
    if (count := source.count(old)) != 1:
        raise ValueError(f"edit: {old!r} occurs {count} times; expected exactly once. Quote more of the line.")
    return source.replace(old, new)


def compiled(name: str, source: str, label: str = "base") -> Callable[..., Any]:
    """Run standalone `source` and return the function `name` that it defines."""
    namespace: dict[str, Any] = {"__name__": f"{name}_{label}"}
    exec(compile(source, f"<{name}: {label}>", "exec"), namespace)
    if not callable(function := namespace.get(name)):
        raise ValueError(f"compiled: the source of {label!r} defines no function {name!r}")
    return function  # type: ignore[no-any-return]


def catalogue(name: str, base: str, drafts: Sequence[Draft]) -> tuple[Mistake, ...]:
    """Apply each draft to `base`, the source of a right solution of the exercise `name`."""
    made = []
    for draft in drafts:
        source = base
        for old, new in draft.edits:
            source = edit(source, old, new)
        made.append(Mistake(draft.name, compiled(name, source, draft.name), draft.hint, source))
    return tuple(made)
