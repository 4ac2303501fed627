"""The rules of a course's grades, in exact numbers: what each one gives, its borders included.

A score is a fraction of 100 or of a lesson's points. Nothing here reads a file; `policy.py` says which rules are on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

DIGITS = Decimal("0.000001")  # what an export shows; borders are decided on it, so what is printed is what counts
_DAY = timedelta(days=1)
HUNDRED = Fraction(100)


def exact(value: float | int | str | Decimal) -> Fraction:
    """A score as a fraction, rounded to six decimals: 59.99999999 from summed floats is 60."""
    return Fraction(Decimal(str(value)).quantize(DIGITS, rounding=ROUND_HALF_EVEN))


def days_late(late: timedelta) -> int:
    """Days begun after the due date: none exactly at it, one a second later and after 24 hours, then two."""
    return max(0, -(-late // _DAY))


@dataclass(frozen=True)
class Late:
    """`per_day` percent of the score for each day begun; nothing after the cut-off."""

    per_day: Fraction = Fraction(5)
    cutoff: timedelta | datetime | None = None  # counted from the student's own due date, or one moment for all

    def kept(self, handed_in: datetime | None, due: datetime | None) -> Fraction:
        """The part of the score that is kept, 0 to 1. `due` is the student's own due date, extension included.

        Exactly at the cut-off is before it. Who hands in by the own due date loses nothing, whatever the cut-off says.
        Without a time nobody is late.
        """
        if handed_in is None or (due is not None and handed_in <= due):
            return Fraction(1)
        if isinstance(self.cutoff, datetime) and handed_in > self.cutoff:
            return Fraction(0)
        if due is None:
            return Fraction(1)
        if isinstance(self.cutoff, timedelta) and handed_in - due > self.cutoff:
            return Fraction(0)
        return max(Fraction(0), 1 - self.per_day * days_late(handed_in - due) / HUNDRED)


@dataclass(frozen=True)
class Candidate:
    """One submission in the race for the first correct one."""

    student: str
    handed_in: datetime | None
    in_time: bool
    correct: bool


def first_correct(rounds: Sequence[Sequence[Candidate]]) -> list[frozenset[str]]:
    """The winners of each round, rounds in order; who won the round before is out for one.

    A winner has all points, a known time and is not late. Submissions of the same moment win together. A round without
    a winner frees those of the round before.
    """
    winners: list[frozenset[str]] = []
    out: frozenset[str] = frozenset()
    for candidates in rounds:
        fit = [
            (c.handed_in, c.student)
            for c in candidates
            if c.correct and c.in_time and c.handed_in is not None and c.student not in out
        ]
        first = min((moment for moment, _ in fit), default=None)
        out = frozenset(student for moment, student in fit if moment == first)
        winners.append(out)
    return winners


@dataclass(frozen=True)
class Letters:
    """Letters with their lower bounds, best first, and the last, which has none; some have to be passed."""

    bounds: tuple[tuple[str, Fraction, bool], ...] = (  # letter, bound, whether the bound itself is enough
        ("A", Fraction(80), False),
        ("B", Fraction(60), True),
        ("C", Fraction(40), True),
    )
    rest: str = "D"

    def of(self, score: Fraction) -> str:
        """The letter of a score of 0 to 100. The lecture's rows both hold 60; here it is the better one's."""
        for letter, bound, reached in self.bounds:
            if score > bound or (reached and score == bound):
                return letter
        return self.rest


@dataclass(frozen=True)
class Curve:
    """Scores moved and stretched to a mean and a standard deviation (of the class, not of a sample), then clipped."""

    mean: Fraction = Fraction(75)
    deviation: Fraction = Fraction(20)
    low: Fraction = Fraction(0)
    high: Fraction = HUNDRED

    def of(self, scores: Mapping[str, Fraction]) -> dict[str, Fraction]:
        """The new scores. Where all are equal (a single student, too) there is nothing to stretch: they stay."""
        if len(set(scores.values())) < 2:
            return dict(scores)
        mean = sum(scores.values(), Fraction(0)) / len(scores)
        variance = sum(((s - mean) ** 2 for s in scores.values()), Fraction(0)) / len(scores)
        stretch = self.deviation / _root(variance)
        curved = {student: self.mean + stretch * (score - mean) for student, score in scores.items()}
        return {student: min(self.high, max(self.low, score)) for student, score in curved.items()}


def _root(value: Fraction) -> Fraction:
    """A square root to fifty digits. One number for the whole class, so order and ties are kept exactly."""
    with localcontext() as context:
        context.prec = 50
        return Fraction((Decimal(value.numerator) / Decimal(value.denominator)).sqrt())


@dataclass(frozen=True)
class Vote:
    """What somebody said about a presentation."""

    rater: str
    rating: Fraction


@dataclass(frozen=True)
class Peers:
    """Ratings of presentations by those who listened."""

    weight: int = 2  # of the instructor's vote
    agree: int = 3  # so many others of the same opinion, and it is no outlier
    outliers: int = 4  # so many cost `penalty`
    penalty: Fraction = Fraction(1, 2)

    def mean(self, votes: Sequence[Vote], instructors: AbstractSet[str]) -> Fraction | None:
        """The mean of the votes, the instructors' counted `weight` times; None without votes."""
        weights = [self.weight if vote.rater in instructors else 1 for vote in votes]
        if not votes:
            return None
        return sum((w * v.rating for w, v in zip(weights, votes, strict=True)), Fraction(0)) / sum(weights)

    def outlying(self, votes: Sequence[Vote], instructors: AbstractSet[str]) -> set[str]:
        """Whose vote lies farthest from the mean, unless `agree` others gave the same rating.

        An instructor's vote counts in the mean and among those who agree; it is never an outlier. Votes at the same
        greatest distance are judged one by one. Nobody is an outlier where fewer than `agree` others voted, or where
        all votes lie equally far from the mean.
        """
        mean = self.mean(votes, instructors)
        peers = [vote for vote in votes if vote.rater not in instructors]
        if mean is None or not peers or len(votes) <= self.agree:
            return set()
        distances = {vote.rater: abs(vote.rating - mean) for vote in peers}
        farthest = max(distances.values())
        if all(distance == farthest for distance in distances.values()):
            return set()
        same = {rating: sum(v.rating == rating for v in votes) - 1 for rating in {v.rating for v in peers}}
        return {v.rater for v in peers if distances[v.rater] == farthest and same[v.rating] < self.agree}

    def rating(self, votes: Sequence[Vote], instructors: AbstractSet[str]) -> Fraction | None:
        """What a presentation gets: the mean without the outliers."""
        out = self.outlying(votes, instructors)
        return self.mean([vote for vote in votes if vote.rater not in out], instructors)

    def cost(self, outliers: int) -> Fraction:
        """What outliers and absences cost together, in points of the course: `penalty` for every full `outliers`."""
        return self.penalty * (outliers // self.outliers)


def prizes(
    ratings: Mapping[str, Fraction],
    teams: Mapping[str, AbstractSet[str]],
    amounts: Sequence[Fraction],
    absent: AbstractSet[str] = frozenset(),
) -> dict[str, Fraction]:
    """Who gets what: {student: points}. Of a presentation's team those who were `absent` get nothing.

    Equal ratings share a place and the places after it are skipped: two firsts get the first prize each, and there is
    no second. A student in two presentations keeps the larger prize.
    """
    won: dict[str, Fraction] = {}
    for name, rating in ratings.items():
        place = sum(other > rating for other in ratings.values())
        if place < len(amounts):
            for student in teams.get(name, frozenset()) - absent:
                won[student] = max(won.get(student, Fraction(0)), amounts[place])
    return won
