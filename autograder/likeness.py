"""How much the fact that two submissions share code says.

A fingerprint that many in the class have says little, one that hardly anybody has says more: it counts as many bits as
its rarity, and what a quarter of the class wrote counts nothing, because that is how one writes it. A pair is listed
when two things hold: it shares more than the threshold of the bits of one of the two (of all their code, or of one
exercise), and what is shared is together rarer than chance makes in one class of a thousand; there of windows that
stand close together one counts, because they are one decision. So nobody is listed for a short answer, or for an answer
that the class has in common.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autograder.similarity import TOKENS, Work

THRESHOLD = 0.7
FEW = 4  # what so many have in common may still be a group of friends, in a class however small
COMMON = 0.25  # what this share of the class wrote says nothing
MOST_BITS = 6.0  # a window counts at most as if one in 64 wrote it: nobody knows how rare it is in the world
CHANCE = 10.0  # bits beyond the number of comparisons: one class in a thousand, if all wrote on their own
APART = 2 * TOKENS  # windows that begin closer than this are one decision
BLOCK = 4096

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Match:
    """What two works share in one part of the notebook (or as a whole: part ""): the share, and what it says."""

    part: str
    share: float  # of the bits of the one that has fewer
    bits: float  # of shared windows that do not overlap
    enough: bool  # whether chance is ruled out


@dataclass(frozen=True)
class Pair:
    """Two works that a person should look at."""

    first: Work
    second: Work
    whole: Match
    parts: tuple[Match, ...]  # the largest share first
    shared: frozenset[int]  # the shared fingerprints that count

    @property
    def listed(self) -> float:
        """The share for which the pair is listed: of the whole, or of one exercise."""
        return max((m.share for m in (self.whole, *self.parts) if m.enough), default=0.0)


@dataclass(frozen=True)
class Comparison:
    """All pairs above the threshold, and what is usual in this class."""

    students: int
    others: int
    pairs: tuple[Pair, ...]
    usual: tuple[float, float, float]  # the share of all code in the middle pair, of 19 in 20, of 99 in 100
    few: int  # what more students than this have in common counts nothing
    own_earlier: int  # pairs left out: one student's work in two folders


def compare(works: Sequence[Work], common: Iterable[int] = (), threshold: float = THRESHOLD) -> Comparison:
    """Find the pairs to look at among the works; `common` are fingerprints of the course's own text."""
    weights = weigh(works, set(common))
    parts = ("", *sorted({part for one in works for part in one.prints}))
    need = CHANCE + math.log2(max(len(works) * (len(works) - 1) / 2 * len(parts), 1))
    shares, near = {}, set()
    for part, share, shared in _shares(works, weights, parts):
        shares[part] = share
        near |= _candidates(share, shared, threshold, need)
    pairs, earlier = [], 0
    for i, j in sorted(near):
        a, b = works[i], works[j]
        if a.group and b.group:
            continue
        if a.student == b.student:
            earlier += 1
            continue
        matches = {part: float(max(share[i, j], share[j, i])) for part, share in shares.items()}
        pair = _pair(a, b, weights, matches, need)
        if pair.listed >= threshold:
            pairs.append(pair)
    pairs.sort(key=lambda p: (-round(p.listed, 3), -p.whole.share, p.first.label, p.second.label))
    ours = [i for i, one in enumerate(works) if not one.group]
    few = math.floor(_most(len(works)))
    usual = _usual(shares[""][np.ix_(ours, ours)])
    return Comparison(len(ours), len(works) - len(ours), tuple(pairs), usual, few, earlier)


def weigh(works: Sequence[Work], common: set[int]) -> dict[int, float]:
    """The bits of every fingerprint that counts: the fewer have it, the more."""
    holders: dict[int, set[str]] = defaultdict(set)
    for one in works:
        for value in one.every - common:
            holders[value].add(one.student)
    number = len({one.student for one in works})
    return {v: bits(len(who), number) for v, who in holders.items() if len(who) <= _most(number)}


def bits(having: int, number: int) -> float:
    """What it says that two share what `having` of `number` students wrote; careful where the class is small."""
    return min(math.log2((number + 2) / (having + 1)), MOST_BITS)


def _most(number: int) -> float:
    return max(min(FEW, max(number // 2, 2)), COMMON * number)


def _shares(
    works: Sequence[Work], weights: dict[int, float], parts: Sequence[str]
) -> Iterator[tuple[str, Matrix, Matrix]]:
    """For each part a matrix: which share of the bits in part p of work i stands anywhere in work j; and the bits."""
    columns = {value: at for at, value in enumerate(sorted(weights))}
    bit = np.array([weights[value] for value in sorted(weights)], np.float32)
    whole = [_at(one.every, columns) for one in works]
    for part in parts:
        rows = [_at(one.prints.get(part, {}), columns) for one in works] if part else whole
        yield part, *_share(rows, whole, bit, symmetric=not part)


def _at(values: Iterable[int], columns: dict[int, int]) -> NDArray[np.intp]:
    return np.array(sorted(columns[v] for v in values if v in columns), np.intp)


def _share(
    rows: list[NDArray[np.intp]], whole: list[NDArray[np.intp]], bit: Matrix, symmetric: bool
) -> tuple[Matrix, Matrix]:
    number = len(rows)
    used = np.unique(np.concatenate(rows)) if rows else np.zeros(0, np.intp)
    shared = np.zeros((number, number), np.float32)
    for start in range(0, len(used), BLOCK):
        block = used[start : start + BLOCK]
        left = _marks(rows, block)
        shared += (left * bit[block]) @ (left if symmetric else _marks(whole, block)).T
    total = np.array([bit[row].sum() for row in rows], np.float32)
    size = np.minimum.outer(total, total) if symmetric else np.repeat(total[:, None], number, 1)
    made: Matrix = np.divide(shared, size, out=np.zeros_like(shared), where=size > 0)
    np.fill_diagonal(made, 0)
    return made, shared


def _marks(rows: list[NDArray[np.intp]], block: NDArray[np.intp]) -> Matrix:
    made = np.zeros((len(rows), len(block)), np.float32)
    for i, row in enumerate(rows):
        at = np.searchsorted(block, row)
        inside = at < len(block)
        at = at[inside][block[at[inside]] == row[inside]]
        made[i, at] = 1
    return made


def _candidates(share: Matrix, shared: Matrix, threshold: float, need: float) -> set[tuple[int, int]]:
    rows, columns = np.nonzero((share >= threshold) & (shared >= need - 0.01))
    return {(min(i, j), max(i, j)) for i, j in zip(rows.tolist(), columns.tolist(), strict=True)}


def _pair(a: Work, b: Work, weights: dict[int, float], shares: dict[str, float], need: float) -> Pair:
    shared = {value for value in a.every & b.every if value in weights}
    matches = []
    for part, share in shares.items():
        if share > 0:
            found = max(evidence(one, part, {v: weights[v] for v in shared}) for one in (a, b))
            matches.append(Match(part, min(share, 1.0), found, found >= need))
    parts = sorted((m for m in matches if m.part), key=lambda m: (-m.share, m.part))
    whole = next((m for m in matches if not m.part), Match("", 0.0, 0.0, False))
    return Pair(a, b, whole, tuple(parts), frozenset(shared))


def evidence(one: Work, part: str, shared: dict[int, float]) -> float:
    """The bits of shared windows, the rarest first, each at least APART from those before it."""
    total = 0.0
    seen: set[int] = set()
    for name, found in one.prints.items():
        taken: list[int] = []
        for value in sorted(shared.keys() & found.keys(), key=lambda v: (-shared[v], found[v][0])):
            place = found[value][0]
            if part in ("", name) and value not in seen and all(abs(place - other) >= APART for other in taken):
                taken.append(place)
                seen.add(value)
                total += shared[value]
    return total


def _usual(share: Matrix) -> tuple[float, float, float]:
    pairs = share[np.triu_indices(len(share), 1)]
    if not len(pairs):
        return 0.0, 0.0, 0.0
    middle, most, nearly_all = np.quantile(pairs, [0.5, 0.95, 0.99]).tolist()
    return middle, most, nearly_all
