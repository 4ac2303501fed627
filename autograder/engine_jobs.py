"""Submissions on their way to workers that may die: what waits, what is tried again, what is left to a person.

The pool and the Dask engine deal out from here, so that a death costs the same wherever it happens.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from autograder.engine_wire import pack
from autograder.errors import AutograderError
from autograder.grade import Kit, refused
from autograder.intake import Submission
from autograder.lessons import Record

ATTEMPTS = 2
MAX_DEATHS = 8  # so that a machine on which nothing works says so
DIED_TWICE = "the process that graded it died twice"


@dataclass(frozen=True)
class Job:
    """A submission as it is sent, and how often it has been."""

    submission: Submission
    message: bytes
    attempt: int = 1


class Jobs:
    """Takes from an iterator only what is asked for; `hopeless(deaths)` makes the error that ends the run."""

    def __init__(self, kit: Kit, submissions: Iterable[Submission], hopeless: Callable[[int], AutograderError]) -> None:
        self._kit, self._hopeless = kit, hopeless
        self._source: Iterator[Submission] = iter(submissions)
        self._waiting: deque[Job] = deque()
        self._deaths_in_a_row = 0

    def stock(self, number: int = 1) -> int:
        """Have `number` jobs waiting, as far as there are any; returns how many wait."""
        while len(self._waiting) < number:
            submission = next(self._source, None)
            if submission is None:
                break
            self._waiting.append(Job(submission, pack(submission)))
        return len(self._waiting)

    @property
    def next_bytes(self) -> int:
        """The size of what `take` gives next."""
        return len(self._waiting[0].message)

    def take(self) -> Job:
        """The next job. IndexError when nothing is in stock."""
        return self._waiting.popleft()

    def done(self) -> None:
        """A worker has given a result: this machine can grade."""
        self._deaths_in_a_row = 0

    def lost(self, jobs: Iterable[Job]) -> list[Record]:
        """Take a dead worker's jobs back. The first was at work and has used an attempt; after the last of these its
        record, which asks for a person, is returned."""
        self._deaths_in_a_row += 1
        if self._deaths_in_a_row >= MAX_DEATHS:
            raise self._hopeless(self._deaths_in_a_row)
        held = list(jobs)
        if not held:
            return []
        at_work, *untouched = held
        self._waiting.extendleft(reversed(untouched))
        if at_work.attempt < ATTEMPTS:
            self._waiting.append(replace(at_work, attempt=at_work.attempt + 1))
            return []
        return [refused(self._kit, at_work.submission, DIED_TWICE, "needs_person") | {"passing": True}]
