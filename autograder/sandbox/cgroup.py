"""Limits by cgroup v2 for a fork server and all it starts, where this user may make cgroups.

The kernel then refuses memory and processes at once, where the supervisor only looks fifty times a second. A backstop,
sized for the server beside what its sessions may use: the limits of one session stay with its supervisor.

A cgroup that hands controllers down may hold no process itself, so this process moves into a leaf of its own first,
and with it the rest of its family (the command and its workers). Nobody else's process is touched.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .limits import Limits

MOUNT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
CONTROLLERS = ("memory", "pids", "cpu")
_LEAF, _PREFIX = "grader", "jail-"
_SERVER_BYTES, _SERVER_TASKS = 1 << 30, 64
_count = itertools.count()


@dataclass(frozen=True)
class Delegated:
    """`base`: a cgroup below which this user may make others; None, and why not."""

    base: Path | None
    reason: str = ""


def find(mount: Path = MOUNT, own: Path = OWN) -> Delegated:
    """The cgroup that was delegated to this process, if any. Changes nothing."""
    if not (mount / "cgroup.controllers").is_file():
        return Delegated(None, "this machine has no cgroup v2 (unified) hierarchy")
    try:
        lines = own.read_text().splitlines()
        path = next(line.removeprefix("0::") for line in lines if line.startswith("0::"))
    except (OSError, StopIteration):
        return Delegated(None, "this process is in no cgroup of the unified hierarchy")
    here = mount / path.lstrip("/")
    base = here.parent if here.name == _LEAF else here
    if not os.access(base, os.W_OK) or not os.access(base / "cgroup.procs", os.W_OK):
        return Delegated(None, "the cgroup of this process is not delegated to this user")
    missing = set(CONTROLLERS) - set(_words(base / "cgroup.controllers"))
    if missing:
        return Delegated(None, f"the cgroup of this process lacks {', '.join(sorted(missing))}")
    return Delegated(base)


def family() -> set[int]:
    """This process and the command that started it (not a shell), with everything that these have started."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    me = os.getpid()
    above = parents.get(me, 0)
    inside = {me, above} if above > 1 and _command(above) == _command(me) else {me}
    while more := {pid for pid, parent in parents.items() if parent in inside} - inside:
        inside |= more
    return inside


def _command(pid: int) -> str:
    """The interpreter that a process runs; a shell that started us is none of the family."""
    with contextlib.suppress(OSError):
        return str(Path(f"/proc/{pid}/exe").readlink())
    return ""


def advice() -> str:
    """How to run a command so that it gets a cgroup of its own."""
    return "start it as `systemd-run --user --scope -p Delegate=yes autograder grade …` to have them"


class Group:
    """A cgroup for one fork server. OSError when the kernel does not give it; `close` removes it."""

    def __init__(self, base: Path, limits: Limits, threads: int, relatives: Callable[[], set[int]] = family) -> None:
        _hand_down(base, relatives)
        _clear_stale(base)
        self.path = base / f"{_PREFIX}{os.getpid()}-{next(_count)}"
        self.path.mkdir()
        try:
            self._write("memory.max", 2 * limits.memory_bytes + _SERVER_BYTES)
            with contextlib.suppress(OSError):  # a kernel without swap accounting
                self._write("memory.swap.max", 0)
            self._write("pids.max", 2 * limits.processes + _SERVER_TASKS)
            self._write("cpu.max", f"{(threads + 1) * 100_000} 100000")
        except OSError:
            self.close()
            raise

    def _write(self, name: str, value: object) -> None:
        (self.path / name).write_text(f"{value}\n")

    def entering(self, command: Sequence[str]) -> list[str]:
        """`command`, started inside: a shell enters first, so that not even its first child is outside."""
        return ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.path / "cgroup.procs"), *command]

    def close(self) -> None:
        """Remove it, once all in it have ended. May be called twice."""
        _remove(self.path)


def _remove(path: Path, tries: int = 50) -> None:
    for _ in range(tries):
        try:
            path.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            with contextlib.suppress(OSError):
                (path / "cgroup.kill").write_text("1\n")
            time.sleep(0.02)


def _clear_stale(base: Path) -> None:
    """Remove the groups of graders that were killed before they could, with whatever may still run in them.

    A process that stands there as 0 lives where we cannot see who started it: such a group is left alone.
    """
    for path in base.glob(f"{_PREFIX}*-*"):
        number = path.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdigit() and not runs(int(number)) and "0" not in _words(path / "cgroup.procs"):
            _remove(path, tries=10)


def runs(pid: int) -> bool:
    """Whether there is a process of that number, be it another user's."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _hand_down(base: Path, relatives: Callable[[], set[int]]) -> None:
    """Give the controllers to `base`'s children, when they do not have them yet."""
    control = base / "cgroup.subtree_control"
    if set(CONTROLLERS) <= set(_words(control)):
        return
    leaf = base / _LEAF
    leaf.mkdir(exist_ok=True)
    strangers = {int(word) for word in _words(base / "cgroup.procs")} - relatives()
    if strangers:
        raise OSError(f"other programs run in the same cgroup ({len(strangers)} processes)")
    for pid in _words(base / "cgroup.procs"):
        (leaf / "cgroup.procs").write_text(f"{pid}\n")
    try:
        control.write_text(" ".join(f"+{name}" for name in CONTROLLERS) + "\n")
    except OSError:
        if not set(CONTROLLERS) <= set(_words(control)):  # another worker may have been first
            raise


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
