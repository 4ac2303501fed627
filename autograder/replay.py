"""A notebook in a jailed child that may die: its cells are run again in a fresh child, without the one that killed it.

A dead cell costs what that cell would have defined; a dead or endless function costs that function. Both are
counted, so that a notebook full of traps ends too.
"""

from __future__ import annotations

import builtins
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from autograder.intake import printable
from autograder.outputs import clean_outputs
from autograder.sandbox import CallFailed, CellResult, Sandbox, Session

MAX_DEAD_CELLS = 3
MAX_CRASHES = 2  # of one function; after the first time limit a function is not called again
MAX_STARTS = 24
MOST_ERRORS = 3  # kinds of errors of a student's own making that say nothing
_LATE = "the time for one submission ran out"
_REFUSED = frozenset(  # what the jail answers to who asks the system for more than it gives
    ("PermissionError", "BlockingIOError", "ConnectionError", "ConnectionRefusedError", "OSError", "gaierror")
)


@dataclass(frozen=True)
class Failure:
    """Why a call gave no answer: the sandbox's kind (error, limit, missing, crash, wire) and a type's name."""

    kind: str
    type_name: str


class Replay:
    """Runs `sources[i]` where `runs[i]`, then answers calls; at most `seconds` for everything together."""

    def __init__(self, sandbox: Sandbox, sources: Sequence[str], runs: Sequence[bool], seconds: float) -> None:
        self._sandbox = sandbox
        self._sources = sources
        self._order = [i for i, run in enumerate(runs) if run and sources[i].strip()]
        self._deadline = time.monotonic() + seconds
        self._session: Session | None = None
        self._results: dict[int, CellResult] = {}
        self._dead: list[int] = []
        self._starts = 0
        self._crashes: Counter[str] = Counter()
        self._spent: dict[str, Failure] = {}
        self._notes: list[str] = []
        self._own_errors: set[str] = set()
        self.forbidden: tuple[str, ...] = ()  # functions that raise while a call runs; changes with the exercise
        self.called: dict[tuple[str, str], None] = {}  # (exercise, forbidden function), in the order they were called

    def __enter__(self) -> Replay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def start(self) -> None:
        """A fresh child with the notebook run in it, as far as it runs."""
        while self._starts < MAX_STARTS and time.monotonic() < self._deadline:
            self._close()
            self._starts += 1
            self._session = self._sandbox.session()
            self._session.until = self._deadline
            if self._run_cells(self._session):
                return
        self._close()

    def _run_cells(self, session: Session) -> bool:
        """True when the child is alive at the end."""
        for i in self._order:
            if i in self._dead:
                continue
            if len(self._dead) >= MAX_DEAD_CELLS and i > max(self._dead):
                break
            if time.monotonic() > self._deadline:
                self._note(_LATE)
                break
            result = session.run_cell(self._sources[i])
            self._results.setdefault(i, result)
            if result.error is not None and result.error.partition(":")[0] in _REFUSED:
                self._note(f"cell {i} was refused by the system ({result.error.partition(':')[0]})")
            if not session.alive:
                if result.limit == "time" and time.monotonic() > self._deadline:
                    self._note(_LATE)
                    return False
                self._dead.append(i)
                forged = "wire" in result.flags
                what = "wrote into the grader's channel" if forged else f"ended the process ({result.limit or 'crash'})"
                self._notes.append(f"cell {i} {what}")
                return False
        return session.alive

    def call(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Failure | None, Any]:
        """(None, answer), or (why there is none, None)."""
        return self.ask(name, lambda session: session.call(name, args, dict(kwargs)))

    def ask(
        self, name: str, question: Callable[[Session], Any], owner: Session | None = None
    ) -> tuple[Failure | None, Any]:
        """Put `question` to the child for the exercise `name`: (None, answer), or (why there is none, None).

        owner: the child that a question about an object must go to. An object ends with its child and is not made
        anew (it would have forgotten what it was taught): then there is no answer.
        """
        if name in self._spent:
            return self._spent[name], None
        if time.monotonic() > self._deadline:
            self._note(_LATE)
            return Failure("limit", "TimeoutError"), None
        if owner is not None and (owner is not self._session or not owner.alive):
            return Failure("crash", "ProcessEnded"), None
        if self._session is None or not self._session.alive:
            self.start()
        if self._session is None:
            return Failure("limit", "TimeoutError"), None
        self._session.forbidden = self.forbidden
        try:
            return None, question(self._session)
        except CallFailed as error:
            failure = Failure(str(error.kind), str(error.type_name))
            self._count(name, failure)
            return failure, None
        finally:
            self.called.update(dict.fromkeys((name, called) for called in self._session.called))

    def _count(self, name: str, failure: Failure) -> None:
        if failure.kind == "limit" and time.monotonic() > self._deadline:
            self._note(_LATE)
        elif failure.kind == "limit":
            self._spent[name] = failure
            self._note(f"{name} ran into a limit ({printable(failure.type_name, 40)})")
        elif failure.kind == "crash":
            self._crashes[name] += 1
            self._note(f"{name} ended the process")
            if self._crashes[name] >= MAX_CRASHES:
                self._spent[name] = failure
        elif failure.kind == "wire":
            self._note(f"{name} wrote into the grader's channel")
        elif failure.type_name == "NotData":
            self._note(f"{name} answered with something that is no plain data")
        elif failure.type_name in _REFUSED:
            self._note(f"{name} was refused by the system ({failure.type_name})")
        elif not hasattr(builtins, failure.type_name):
            self._own_errors.add(failure.type_name)
            if len(self._own_errors) > MOST_ERRORS:  # a name can carry a hidden input out
                self._note("its errors have many names of their own making")

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """What the cell showed in its first run, which was before any hidden case; reduced to text and PNG."""
        result = self._results.get(index)
        return [] if result is None else clean_outputs(result)

    def error_of(self, source: str) -> str | None:
        """The error of the first cell with this source, None when it ran."""
        for i, result in self._results.items():
            if self._sources[i] == source and not result.ok:
                return result.error or (f"ran into the limit on {result.limit}" if result.limit else "it stopped")
        return None

    def flags(self) -> list[str]:
        """What ended early, for the report."""
        return list(self._notes)
