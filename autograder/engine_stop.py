"""Ctrl-C at a moment that suits: the first one is noted and obeyed between two submissions, the second at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class Stop:
    """While entered, SIGINT sets `asked` instead of raising KeyboardInterrupt in the middle of a transaction."""

    def __init__(self) -> None:
        self.asked = False
        self._before: object = None
        self._main = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Stop:
        if self._main:  # Python lets no other thread set handlers
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._main:
            signal.signal(signal.SIGINT, self._before)  # type: ignore[arg-type]

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
