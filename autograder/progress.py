"""How far a run is, how long still, and what came out so far."""

from __future__ import annotations

import sys
import time
from collections import Counter
from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm

WORDS = {"graded": "graded", "needs_person": "need a person", "rejected": "could not be read"}
EVERY = 15.0  # seconds between two lines where nobody watches


class Progress:
    """A bar with ETA on a terminal; a line every now and then where there is none (a log file, a batch job)."""

    def __init__(self, stream: TextIO | None = None, every: float = EVERY) -> None:
        self._stream = stream or sys.stderr
        self._every = every
        self._bar: Any = None
        self._counts: Counter[str] = Counter()
        self._began = self._said = time.monotonic()
        self._kept = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, done: int, total: int, record: dict[str, Any] | None) -> None:
        """Called with what is done, what there is, and the record that has just come in (None at the start)."""
        if record is None:
            self._began, self._kept = time.monotonic(), done
            if self._stream.isatty():
                self._bar = tqdm(total=total, initial=done, unit="notebook", file=self._stream, smoothing=0.1)
            return
        self._counts[record["status"]] += 1
        if self._bar is not None:
            self._bar.set_postfix_str(self._words(), refresh=False)
            self._bar.update(done - self._bar.n)
        elif time.monotonic() - self._said >= self._every:
            self._said = time.monotonic()
            print(self._line(done, total), file=self._stream, flush=True)

    def _words(self) -> str:
        return ", ".join(f"{self._counts[state]} {word}" for state, word in WORDS.items() if self._counts[state])

    def _line(self, done: int, total: int) -> str:
        passed = max(time.monotonic() - self._began, 1e-6)
        left = passed / max(done - self._kept, 1) * (total - done)
        return f"{done} of {total} notebooks after {_span(passed)}, about {_span(left)} to go: {self._words()}"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
