"""The progress bar of a run: how far, how long still, and what came out so far."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Any

from tqdm import tqdm


class Progress:
    """A bar with ETA on a terminal; silent where nobody watches (a pipe, a log file)."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._counts: Counter[str] = Counter()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, done: int, total: int, record: dict[str, Any] | None) -> None:
        """Called with what is done, what there is, and the record that has just come in (None at the start)."""
        if self._bar is None:
            self._bar = tqdm(total=total, initial=done, unit="notebook", disable=None, smoothing=0.1)
        if record is not None:
            self._counts[record["status"]] += 1
            self._bar.update(done - self._bar.n)
            self._bar.set_postfix(dict(sorted(self._counts.items())))
