"""What `fit` shows while it works: a live bar in a terminal and in a notebook, one line an epoch anywhere else."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any

_BLOCKS = 20


class Progress:
    """Lines that stay (one an epoch), and under them one that changes: how far, the loss, the time left.

    `quiet` shows nothing. In a terminal the changing line is rewritten in place; in a notebook lines and bar are one
    output that is updated, so a page made from it keeps the lines; elsewhere there is no changing line.
    """

    def __init__(self, total: int, done: int = 0, *, quiet: bool = False) -> None:
        self.total = total
        self._first = self._done = done
        self._start = self._shown = time.monotonic()
        self._lines: list[str] = []
        self._width = 0
        self._output: Any = None if quiet else _notebook_output()
        self._live = not quiet and self._output is None and sys.stdout.isatty()
        self._plain = not quiet and self._output is None and not self._live

    def step(self, what: str) -> None:
        """One more step is done; `what` says what is going on."""
        self._done += 1
        now = time.monotonic()
        if (self._live or self._output is not None) and now - self._shown >= (0.1 if self._live else 0.4):
            self._shown = now
            self._show(self.bar(what))

    def line(self, text: str) -> None:
        """A line that stays."""
        self._lines.append(text)
        if self._plain:
            print(text, flush=True)
        elif self._live:
            self._show("")
            print(text, flush=True)
        else:
            self._show("")

    def close(self) -> None:
        """The changing line goes."""
        self._show("")

    def bar(self, what: str) -> str:
        """The changing line."""
        share = min(1.0, self._done / self.total) if self.total else 1.0
        full = round(_BLOCKS * share)
        left = (time.monotonic() - self._start) / max(1, self._done - self._first) * (self.total - self._done)
        return f"{'█' * full}{'░' * (_BLOCKS - full)} {share:4.0%}  {what}  {clock(left)} left"

    def _show(self, text: str) -> None:
        if self._live:
            text = text[: shutil.get_terminal_size().columns - 1]
            print("\r" + text.ljust(self._width) + ("" if text else "\r"), end="", flush=True)
            self._width = len(text)
        elif self._output is not None:
            self._output.update(_Text("\n".join([*self._lines, *([text] if text else [])])))


class _Text:
    """A text that a notebook shows as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def clock(seconds: float) -> str:
    """`seconds` as 0:07, 12:30 or 1:02:03."""
    whole = max(0, round(seconds))
    minutes, hours = whole // 60 % 60, whole // 3600
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _notebook_output() -> Any:
    """An output of the running notebook cell that can be updated; None where there is no notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import display

    return display(_Text(""), display_id=True)  # type: ignore[no-untyped-call]
