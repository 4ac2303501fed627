"""What the tests of the engines share: a small class of honest students, workers to kill."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from autograder.lessons import LessonSource
from autograder.simulate import Classroom, write


def honest_class(source: LessonSource, number: int, to: Path, kinds: tuple[str, ...] = ("right", "mistakes")) -> Path:
    """`number` students who hand in lesson notebooks without tricks."""
    room = Classroom(source, seed=7)
    for i in range(number):
        write(room.student(f"student{i:04d}", kinds[i % len(kinds)], i), to, source.name)
    return to


def await_(true: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait until `true()`; AssertionError when it does not come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def kill(pid: int) -> None:
    """SIGKILL, as the kernel's memory killer would send it."""
    os.kill(pid, signal.SIGKILL)


def runs(pid: int) -> bool:
    """Whether a process is there and no corpse that waits for its parent."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def descendants(pid: int) -> set[int]:
    """Every process below `pid`."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found: set[int] = set()
    fresh = {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return found
