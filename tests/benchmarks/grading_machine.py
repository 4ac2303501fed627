"""What the benchmark of grading asks the machine: its name, the memory and the CPU seconds of processes (Linux)."""

from __future__ import annotations

import os
import platform
import threading
import time
from pathlib import Path


class Memory(threading.Thread):
    """The most memory that this process and all below it had at once (PSS: shared pages counted once)."""

    def __init__(self, every: float = 2.0) -> None:
        super().__init__(daemon=True)
        self.most = self.own = 0.0
        self._every, self._end = every, threading.Event()

    def run(self) -> None:
        while not self._end.wait(self._every):
            own = _pss(os.getpid())
            self.own = max(self.own, own)
            self.most = max(self.most, own + sum(_pss(pid) for pid in descendants(os.getpid())))

    def stop(self) -> None:
        self._end.set()
        self.join()


def _pss(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def descendants(pid: int) -> list[int]:
    """Every process below `pid`."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            try:
                children = [int(word) for word in task.read_text().split()]
            except OSError:
                continue
            found += children
            waiting += children
    return found


def cpu(pid: int) -> float:
    """CPU seconds of a process by the scheduler's own clock, all its threads."""
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(task.read_text().split()[0])
        except OSError:
            continue
    return total / 1e9


def environment() -> str:
    """What the numbers were measured on."""
    import nbgrader
    import torch

    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    cpu = models[0].partition(": ")[2] if models else platform.machine()
    return (
        f"Measured on {time.strftime('%Y-%m-%d')}: {cpu}, {os.cpu_count()} cores; torch {torch.__version__}, "
        f"nbgrader {nbgrader.__version__}, Python {platform.python_version()}."
    )
