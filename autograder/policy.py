"""The grading policy of a course: a YAML file that says which rules are on, and the CSV files that it names."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from autograder.errors import AutograderError
from autograder.intake import parse_time
from autograder.policy_rules import Curve, Late, Letters, Peers, Vote
from autograder.policy_yaml import Complaints, Section, as_number, as_text, compose, shown

EXAMPLE = Path(__file__).parent / "templates" / "policy.yml"
LAST_CUTOFF = 366  # days
_BOUND = re.compile(r"(>=?)\s*(\d{1,3}(?:\.\d{1,6})?)\Z")
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
_WHEN = f"days from 0 to {LAST_CUTOFF}, or a date like 2026-02-14 or 2026-02-14T18:00+01:00"

Cutoff = timedelta | datetime | None


@dataclass(frozen=True)
class Presentations:
    """Who presented, who won, and who was not there."""

    prizes: tuple[Fraction, ...]
    winners: tuple[frozenset[str], ...] | None  # None: the ratings decide
    no_show: frozenset[str]
    teams: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Ratings:
    """The votes, by presentation, and how they count."""

    rules: Peers
    votes: Mapping[str, tuple[Vote, ...]]
    instructors: frozenset[str]


@dataclass(frozen=True)
class Policy:
    """The rules that are on; None where one is off."""

    per_day: Fraction | None = None  # of the late penalty
    cutoffs: Mapping[str, Cutoff] = field(default_factory=dict)  # by lesson; "" for those not named
    first_correct: Fraction | None = None
    presentations: Presentations | None = None
    ratings: Ratings | None = None
    course: bool = False
    weights: Mapping[str, Fraction] = field(default_factory=dict)
    curve: Curve | None = None
    letters: Letters | None = None
    named: Mapping[str, str] = field(default_factory=dict)  # students that files name, and where
    lessons: Mapping[str, str] = field(default_factory=dict)  # lessons that the file names, and where

    def late(self, lesson: str) -> Late | None:
        """The late rule of a lesson."""
        if self.per_day is None:
            return None
        return Late(self.per_day, self.cutoffs.get(lesson, self.cutoffs.get("")))

    def rules(self) -> list[str]:
        """The rules that are on, as short phrases."""
        found: list[tuple[str, object]] = [
            (f"late −{_text(self.per_day)} % a day", self.per_day),
            ("first correct", self.first_correct),
        ]
        found += [("presentations", self.presentations), ("ratings", self.ratings), ("curve", self.curve)]
        return [name for name, rule in [*found, ("letters", self.letters)] if rule is not None]


def _text(value: Fraction | None) -> str:
    return "" if value is None else f"{float(value):g}"


def load(path: Path) -> Policy:
    """Read and check a policy. Raises AutograderError that names the file, line and column of all that is wrong."""
    root, complaints = compose(path)
    policy = _Reader(Section(root, "", complaints), path.parent).policy()
    complaints.stop()
    return policy


class _Reader:
    def __init__(self, top: Section, folder: Path) -> None:
        self.top, self.folder = top, folder
        self.complaints: Complaints = top.complaints
        self.named: dict[str, str] = {}
        self.lessons: dict[str, str] = {}

    def policy(self) -> Policy:
        per_day, cutoffs = self._late()
        first = self._first_correct()
        presentations, ratings = self._presentations(), self._ratings()
        course, weights = self._course()
        curve, letters = self._curve(), self._letters()
        self.top.done()
        if presentations and presentations.winners is None and (ratings is None or not presentations.teams):
            self.complaints.at(
                self.top.node_of("presentations"),
                "presentations has no winners; expected winners: [[…], […]], or a file with teams and ratings enabled",
            )
        for name, rule in (
            ("presentations", presentations),
            ("ratings", ratings),
            ("curve", curve),
            ("letters", letters),
        ):
            if rule is not None and not course:
                self.complaints.at(
                    self.top.node_of(name), f"{name} needs the course's score; expected course: {{enabled: yes}}"
                )
        return Policy(
            *(per_day, cutoffs, first, presentations, ratings, course, weights, curve, letters),
            *(self.named, self.lessons),
        )

    def _on(self, key: str) -> tuple[Section, bool] | None:
        section = self.top.section(key)
        return None if section is None else (section, section.flag("enabled"))

    def _late(self) -> tuple[Fraction | None, dict[str, Cutoff]]:
        match self._on("late"):
            case None:
                return None, {}
            case section, on:
                per_day = section.number("percent_per_day", Fraction(5))
                cutoffs = self._cutoffs(section)
                section.done()
                return (per_day if on else None), cutoffs

    def _cutoffs(self, section: Section) -> dict[str, Cutoff]:
        node = section.value("cutoff")
        if node is None:
            return {}
        entries = (
            Section(node, "late.cutoff", self.complaints).rest() if isinstance(node, MappingNode) else [("", node)]
        )
        found: dict[str, Cutoff] = {}
        for lesson, value in entries:
            cutoff = _cutoff(value)
            if cutoff is None:
                name = f"late.cutoff.{lesson}" if lesson else "late.cutoff"
                self.complaints.at(value, f"{name} is {shown(value)}; expected {_WHEN}")
            found[lesson] = cutoff
            if lesson:
                self._lesson(lesson, value)
        return found

    def _lesson(self, name: str, node: Node) -> None:
        self.lessons.setdefault(name, f"{self.complaints.file}:{node.start_mark.line + 1}:{node.start_mark.column + 1}")

    def _first_correct(self) -> Fraction | None:
        match self._on("first_correct"):
            case None:
                return None
            case section, on:
                percent = section.number("percent", Fraction(3))
                section.done()
                return percent if on else None

    def _presentations(self) -> Presentations | None:
        match self._on("presentations"):
            case None:
                return None
            case section, on:
                amounts = [a for a, _ in section.items("prizes", _percent, "numbers from 0 to 100")]
                amounts = amounts if "prizes" in section.values else [Fraction(5), Fraction(3)]
                if amounts != sorted(amounts, reverse=True):
                    section.wrong("prizes", "the largest first")
                gone = self._students(section.texts("no_show"))
                winners = self._winners(section, len(amounts))
                teams: dict[str, frozenset[str]] = {}
                for place, (name, student) in self._table(section, on, "presentation", "student"):
                    teams[name] = teams.get(name, frozenset()) | {student}
                    self.named.setdefault(student, place)
                section.done()
                return Presentations(tuple(amounts), winners, gone, teams) if on else None

    def _winners(self, section: Section, places: int) -> tuple[frozenset[str], ...] | None:
        if "winners" not in section.values:
            return None
        lists = section.items("winners", lambda n: n if isinstance(n, SequenceNode) else None, "lists of students")
        if len(lists) > places:
            section.wrong("winners", f"at most {places} lists, one for each prize")
        found = []
        for _, node in lists:
            inner = Section(MappingNode("", [(ScalarNode("", "winners"), node)], node.start_mark),
                            section.name, self.complaints)  # fmt: skip
            found.append(self._students(inner.texts("winners")))
        return tuple(found)

    def _students(self, entries: list[tuple[str, Node]]) -> frozenset[str]:
        for name, node in entries:
            place = f"{self.complaints.file}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
            self.named.setdefault(name, place)
        return frozenset(name for name, _ in entries)

    def _ratings(self) -> Ratings | None:
        match self._on("ratings"):
            case None:
                return None
            case section, on:
                instructors = frozenset(name for name, _ in section.texts("instructors"))
                rules = Peers(
                    section.whole("weight", 2, 1, 100),
                    section.whole("agree", 3, 1, 1000),
                    section.whole("outliers", 4, 1, 1000),
                    section.number("cost", Fraction(1, 2)),
                )
                votes = self._votes(section, on, instructors)
                section.done()
                if on and "file" not in section.values:
                    self.complaints.at(section.node, "ratings has no file; expected file: ratings.csv")
                return Ratings(rules, votes, instructors) if on else None

    def _votes(self, section: Section, on: bool, instructors: frozenset[str]) -> dict[str, tuple[Vote, ...]]:
        votes: dict[str, dict[str, Vote]] = {}
        for place, (name, rater, text) in self._table(section, on, "presentation", "rater", "rating"):
            if rater not in instructors:
                self.named.setdefault(rater, place)
            if not text:
                continue  # absent
            number = as_number(ScalarNode("", text))
            if number is None or not 1 <= number <= 5:
                self.complaints.found.append(
                    f"{place}: the rating is {text!r}; expected a number from 1 to 5, or empty"
                )
            elif rater in votes.setdefault(name, {}):
                self.complaints.found.append(f"{place}: {rater} rates {name} a second time; expected one vote")
            else:
                votes[name][rater] = Vote(rater, number)
        return {name: tuple(cast.values()) for name, cast in votes.items()}

    def _table(self, section: Section, on: bool, *columns: str) -> Iterator[tuple[str, list[str]]]:
        """(place, cells) of each row of the CSV file that `file` names; nothing when the rule is off."""
        name = section.file("file")
        if name is None or not on:
            return
        try:
            text = (self.folder / name).read_text(encoding="utf-8-sig")
            rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
            missing = [column for column in columns if column not in (rows.fieldnames or ())]
            if missing:
                section.wrong(
                    "file", f"a CSV file with the columns {','.join(columns)}; {','.join(missing)} is missing"
                )
                return
            for row in rows:
                cells = [(row[column] or "").strip() for column in columns]
                place = f"{name}:{rows.line_num}"
                if not all(cells[:2]):
                    self.complaints.found.append(f"{place}: {columns[0]} or {columns[1]} is empty; expected both")
                else:
                    yield place, cells
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            section.wrong("file", f"a CSV file that can be read ({getattr(error, 'strerror', None) or error})")

    def _course(self) -> tuple[bool, dict[str, Fraction]]:
        match self._on("course"):
            case None:
                return False, {}
            case section, on:
                weights: dict[str, Fraction] = {}
                inner = section.section("weights")
                for lesson, node in inner.rest() if inner else ():
                    weight = as_number(node)
                    if weight is None or weight < 0:
                        self.complaints.at(node, f"course.weights.{lesson} is {shown(node)}; expected a number from 0")
                    else:
                        weights[lesson] = weight
                        self._lesson(lesson, node)
                if inner and not any(weights.values()):
                    section.wrong("weights", "at least one weight above 0")
                section.done()
                return on, weights

    def _curve(self) -> Curve | None:
        match self._on("curve"):
            case None:
                return None
            case section, on:
                mean, deviation = section.number("mean", Fraction(75)), section.number("deviation", Fraction(20))
                clip = [c for c, _ in section.items("clip", _percent, "two numbers from 0 to 100")]
                clip = clip if "clip" in section.values else [Fraction(0), Fraction(100)]
                if len(clip) != 2 or clip[0] >= clip[1]:
                    section.wrong("clip", "two numbers from 0 to 100, the smaller first")
                    clip = [Fraction(0), Fraction(100)]
                section.done()
                return Curve(mean, deviation, *clip) if on else None

    def _letters(self) -> Letters | None:
        match self._on("letters"):
            case None:
                return None
            case section, on:
                bounds: list[tuple[str, Fraction, bool]] = []
                rest = ""
                for letter, node in section.rest():
                    if rest:
                        self.complaints.at(node, f"letters.{letter} stands after {rest}: otherwise; expected before")
                    elif as_text(node) == "otherwise":
                        rest = letter
                    else:
                        self._bound(letter, node, bounds)
                if not rest:
                    self.complaints.at(section.node, "letters has no last letter; expected one line like D: otherwise")
                return Letters(tuple(bounds), rest) if on else None

    def _bound(self, letter: str, node: Node, bounds: list[tuple[str, Fraction, bool]]) -> None:
        match = _BOUND.match(as_text(node) or "")
        if match is None:
            self.complaints.at(node, f'letters.{letter} is {shown(node)}; expected like "> 80", ">= 60" or otherwise')
            return
        bound = (letter, Fraction(match[2]), match[1] == ">=")
        if bounds and bound[1] >= bounds[-1][1]:
            self.complaints.at(
                node, f"letters.{letter} is {shown(node)}; expected less than {bounds[-1][0]}'s {_text(bounds[-1][1])}"
            )
        bounds.append(bound)


def _percent(node: Node) -> Fraction | None:
    number = as_number(node)
    return number if number is not None and 0 <= number <= 100 else None


def _cutoff(node: Node) -> Cutoff:
    """Days, or a moment; a date without a time is the end of that day (UTC)."""
    days = as_number(node)
    if days is not None:
        return timedelta(microseconds=round(days * 86_400_000_000)) if 0 <= days <= LAST_CUTOFF else None
    text = as_text(node) or ""
    moment = parse_time(text)
    return moment + timedelta(days=1) if moment is not None and _DATE.match(text) else moment


def example() -> str:
    """A file to start from, with what each line means."""
    try:
        return EXAMPLE.read_text(encoding="utf-8")
    except OSError as error:
        raise AutograderError(f"the example is not there: {error}", "install cnncourse-autograder again") from error
