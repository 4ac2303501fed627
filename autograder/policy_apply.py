"""A policy applied to the scores of a gradebook. The scores themselves are not touched; every change says why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from autograder.errors import AutograderError
from autograder.policy import Policy, Presentations, Ratings
from autograder.policy_rules import HUNDRED, Candidate, Vote, days_late, first_correct, prizes


@dataclass(frozen=True)
class Score:
    """What the gradebook says about one submission."""

    lesson: str
    student: str
    raw: Fraction
    possible: Fraction
    handed_in: datetime | None = None
    due: datetime | None = None  # the student's own: with an extension
    pending: bool = False  # a person has still to look at it
    penalty: Fraction = Fraction(0)  # that nbgrader itself has put down; only used where the late rule is off

    @property
    def in_time(self) -> bool:
        return self.handed_in is None or self.due is None or self.handed_in <= self.due


@dataclass(frozen=True)
class Graded:
    """One submission after the policy: points of the lesson."""

    score: Score
    lost: Fraction
    bonus: Fraction
    why: tuple[str, ...]

    @property
    def final(self) -> Fraction:
        return max(Fraction(0), self.score.raw - self.lost + self.bonus)


@dataclass(frozen=True)
class Course:
    """One student's course, 0 to 100 (prizes and bonuses may lead above)."""

    student: str
    raw: Fraction  # from the raw scores, without any rule
    final: Fraction
    letter: str
    why: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What a policy makes of a class."""

    lessons: Mapping[tuple[str, str], Graded]  # by (lesson, student)
    courses: Mapping[str, Course]


def apply(policy: Policy, scores: Sequence[Score], lessons: Sequence[str], students: Iterable[str]) -> Outcome:
    """Apply the rules that are on. `lessons` in the order of the course; `students`: all that the gradebook knows."""
    _known(policy, lessons, set(students))
    graded = {(s.lesson, s.student): _late(policy, s) for s in scores}
    if policy.first_correct is not None:
        _bonus(policy.first_correct, graded, lessons)
    courses = _courses(policy, graded, lessons) if policy.course else {}
    return Outcome(graded, courses)


def _known(policy: Policy, lessons: Sequence[str], students: set[str]) -> None:
    wrong = [f"{place}: no student {name!r} in the gradebook" for name, place in policy.named.items()
             if name not in students]  # fmt: skip
    wrong += [f"{place}: no lesson {name!r} in the gradebook; it has: {', '.join(lessons)}"
              for name, place in policy.lessons.items() if name not in lessons]  # fmt: skip
    if wrong:
        raise AutograderError(
            "\n".join(["the policy names what is not there:", *wrong]),
            "correct the names, or bring the students in with: autograder people import CSV",
        )


def _late(policy: Policy, score: Score) -> Graded:
    rule = policy.late(score.lesson)
    if rule is None:
        why = (f"{_text(score.penalty)} points off by nbgrader's penalty",) if score.penalty else ()
        return Graded(score, min(score.penalty, max(score.raw, Fraction(0))), Fraction(0), why)
    kept = rule.kept(score.handed_in, score.due)
    if kept == 1:
        return Graded(score, Fraction(0), Fraction(0), ())
    days = days_late(score.handed_in - score.due) if score.handed_in and score.due else 0
    began = f"{days} {'day' if days == 1 else 'days'} late: " if days else ""
    word = "after the cut-off: nothing counts" if not kept else f"{_text(100 - kept * 100)} % off"
    return Graded(score, max(score.raw, Fraction(0)) * (1 - kept), Fraction(0), (f"{began}{word}",))


def _bonus(percent: Fraction, graded: dict[tuple[str, str], Graded], lessons: Sequence[str]) -> None:
    rounds = [[g.score for g in graded.values() if g.score.lesson == lesson] for lesson in lessons]
    winners = first_correct(
        [
            [
                Candidate(s.student, s.handed_in, s.in_time, s.possible > 0 and s.raw >= s.possible and not s.pending)
                for s in scores
            ]
            for scores in rounds
        ]
    )
    for lesson, scores, names in zip(lessons, rounds, winners, strict=True):
        for name in names:
            won = graded[lesson, name]
            why = [f"first correct submission: +{_text(percent)} %"]
            if _open(won.score, scores):
                why.append("an earlier one still needs a person: the first may change")
            bonus = won.score.possible * percent / HUNDRED
            graded[lesson, name] = replace(won, bonus=bonus, why=(*won.why, *why))


def _open(winner: Score, scores: Sequence[Score]) -> bool:
    """Whether a submission that nobody has looked at yet was handed in before the winner's."""
    return any(
        s.pending and s.handed_in is not None and winner.handed_in is not None and s.handed_in <= winner.handed_in
        for s in scores
    )


def _courses(policy: Policy, graded: Mapping[tuple[str, str], Graded], lessons: Sequence[str]) -> dict[str, Course]:
    students = sorted({student for _, student in graded})
    before: dict[str, dict[str, Fraction]] = {s: {} for s in students}
    after: dict[str, dict[str, Fraction]] = {s: {} for s in students}
    for (lesson, student), g in graded.items():
        before[student][lesson], after[student][lesson] = g.score.raw, g.final
    possible = _possible(graded, lessons)
    raw = {s: _total(policy, before[s], possible) for s in students}
    scores = {s: _total(policy, after[s], possible) for s in students}
    why: dict[str, list[str]] = {s: [] for s in students}
    if policy.presentations is not None:
        for student, prize in _prizes(policy.presentations, policy.ratings).items():
            if student in scores:
                scores[student] += prize
                why[student].append(f"presentation: +{_text(prize)}")
        for student in sorted(policy.presentations.no_show & scores.keys()):
            why[student].append("presentation: was not there, no prize")
    if policy.ratings is not None:
        _ratings(policy.ratings, policy.presentations, scores, why)
    if policy.curve is not None:
        curved = policy.curve.of(scores)
        equal = len(set(scores.values())) < 2
        for student in students:
            moved = f"{_text(scores[student])} → {_text(curved[student])}"
            why[student].append("curve: all scores are equal, they stay" if equal else f"curve: {moved}")
        scores = curved
    # Letters are decided on the digits that are printed: the curve's square root has no end.
    final = {student: round(score, 6) for student, score in scores.items()}
    return {
        s: Course(s, raw[s], final[s], policy.letters.of(final[s]) if policy.letters else "", tuple(why[s]))
        for s in students
    }


def _possible(graded: Mapping[tuple[str, str], Graded], lessons: Sequence[str]) -> dict[str, Fraction]:
    """Each lesson's points."""
    found = dict.fromkeys(lessons, Fraction(0))
    for (lesson, _), g in graded.items():
        found[lesson] = max(found[lesson], g.score.possible)
    return found


def _total(policy: Policy, points: Mapping[str, Fraction], possible: Mapping[str, Fraction]) -> Fraction:
    """0 to 100. What was not handed in counts as 0 points of the lesson's."""
    if policy.weights:
        parts = {lesson: weight for lesson, weight in policy.weights.items() if possible[lesson]}
        gained = sum((w * points.get(n, Fraction(0)) / possible[n] for n, w in parts.items()), Fraction(0))
        return HUNDRED * gained / sum(parts.values()) if any(parts.values()) else Fraction(0)
    most = sum(possible.values(), Fraction(0))
    return HUNDRED * sum(points.values(), Fraction(0)) / most if most else Fraction(0)


def _prizes(presentations: Presentations, ratings: Ratings | None) -> dict[str, Fraction]:
    if presentations.winners is not None:
        found: dict[str, Fraction] = {}
        for students, prize in zip(presentations.winners, presentations.prizes, strict=False):
            for student in students - presentations.no_show:
                found[student] = max(prize, found.get(student, Fraction(0)))
        return found
    assert ratings is not None  # the reader of the file sees to it
    given = {n: ratings.rules.rating(_counted(ratings, presentations, n), ratings.instructors) for n in ratings.votes}
    rated = {name: rating for name, rating in given.items() if rating is not None}
    return prizes(rated, presentations.teams, presentations.prizes, presentations.no_show)


def _counted(ratings: Ratings, presentations: Presentations | None, name: str) -> list[Vote]:
    """The votes on a presentation; nobody rates their own."""
    own = presentations.teams.get(name, frozenset()) if presentations else frozenset()
    return [vote for vote in ratings.votes[name] if vote.rater not in own]


def _ratings(
    ratings: Ratings, presentations: Presentations | None, scores: dict[str, Fraction], why: dict[str, list[str]]
) -> None:
    """Take off what outliers and absences cost. A presentation without any vote did not take place."""
    held = {name: votes for name in ratings.votes if (votes := _counted(ratings, presentations, name))}
    voted = {name: {vote.rater for vote in votes} for name, votes in held.items()}
    out = {name: ratings.rules.outlying(votes, ratings.instructors) for name, votes in held.items()}
    teams = presentations.teams if presentations else {}
    for student in scores.keys() - ratings.instructors:
        heard = [name for name in held if student not in teams.get(name, ())]
        outliers = sum(student in out[name] for name in heard)
        absences = sum(student not in voted[name] for name in heard)
        cost = ratings.rules.cost(outliers + absences)
        if cost:
            scores[student] = max(Fraction(0), scores[student] - cost)
            why[student].append(f"ratings: {outliers} outliers, {absences} absences: −{_text(cost)}")


def _text(value: Fraction) -> str:
    return f"{float(value):.6g}"
