"""Who did what with a workspace, and how it ended: `OUT/log/runs.jsonl`, one line at a run's start and one at its end.

Lines are only ever added, each in one write that is on the disk before the run goes on. A run that is killed has a
first line and no second one, and a line that was torn by a power cut is passed over. No password, no student's name
and no text about a student is written.
"""

from __future__ import annotations

import argparse
import fcntl
import getpass
import json
import os
import platform
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import autograder
from autograder.errors import AutograderError

Entry = dict[str, Any]

LOOKS_ONLY = ("log", "db check")  # commands with --out that change nothing and tell no grades
ABOUT_A_STUDENT = ("student", "students", "reason", "name", "by")
_NOT_OPTIONS = ("run", "command", "what", "out", "lesson")
_running: list[Entry] = []


def note(**facts: Any) -> None:
    """Add facts to the end line of the run that is under way; without one nothing happens."""
    if _running:
        _running[-1].update(facts)


@contextmanager
def logged(out: Path, command: str, details: Mapping[str, Any] | None = None) -> Iterator[Entry]:
    """Write a line before the body and one after it; what the body puts into the entry stands in the second."""
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}-{os.urandom(3).hex()}"
    private = any(name in (details or {}).get("options", {}) for name in ABOUT_A_STUDENT)
    start = {"event": "start", "run": run, "time": _now(), "command": command, **(details or {})}
    _append(out, start | {"who": who(), "host": socket.gethostname(), "process": _process(os.getpid())} | _versions())
    end: Entry = {}
    begun = time.monotonic()
    outcome = "stopped without a reason"
    _running.append(end)
    try:
        yield end
        outcome = "done"
    except AutograderError as error:
        outcome = "refused" if private else f"refused: {str(error)[:300]}"
        raise
    except KeyboardInterrupt:
        outcome = "stopped by hand"
        raise
    except BaseException as error:
        outcome = f"failed: {type(error).__name__}"
        raise
    finally:
        _running.remove(end)
        seconds = round(time.monotonic() - begun, 3)
        _append(out, {"event": "end", "run": run, "time": _now(), "seconds": seconds, "outcome": outcome, **end})


def watched(arguments: argparse.Namespace, run: Callable[[argparse.Namespace], int]) -> int:
    """Run a command of `autograder`; one that works on a workspace is logged there."""
    out: Path | None = getattr(arguments, "out", None)
    command = name_of(arguments, run)
    if out is None or command in LOOKS_ONLY or not (out.is_dir() or command == "grade"):
        return run(arguments)
    details = {"lesson": getattr(arguments, "lesson", None), "options": options(arguments)}
    with logged(out, command, details) as entry:
        entry["exit"] = run(arguments)
        return int(entry["exit"])


def name_of(arguments: argparse.Namespace, run: Callable[..., Any]) -> str:
    """The command as it was called: "grade", "db backup"."""
    command = str(getattr(arguments, "command", run.__name__))
    return command if run.__name__ == command else f"{command} {run.__name__}"


def options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was asked for, without what is secret and without what names a student."""
    given = {
        k: v
        for k, v in vars(arguments).items()
        if k not in _NOT_OPTIONS and v is not None and v is not False and v != []
    }
    return {k: "(not kept)" if k in ABOUT_A_STUDENT else _plain(v) for k, v in given.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return without_password(str(value))


def without_password(text: str) -> str:
    """A URL without user, password and options, whatever its form; another text as it is."""
    scheme, mark, rest = text.partition("://")
    if not mark:
        return "(not kept)" if re.search(r":[^/\s]*@", text) else text
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def who() -> str:
    """The system's user, and behind sudo the one who called it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user without an entry, as in containers
        name = f"uid {os.getuid()}"
    real = os.environ.get("SUDO_USER")
    return f"{name} (sudo by {real})" if real and real != name else name


def _versions() -> Entry:
    found = {"grader": autograder.__version__, "python": platform.python_version(), "platform": platform.platform()}
    for package in ("cnncourse", "torch", "nbgrader", "sqlalchemy"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return {"versions": found}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _process(number: int) -> list[int]:
    """A process's number and, on Linux, the moment it began: together they mean one process only."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return [number, int(fields[19])]
    except (OSError, ValueError, IndexError):
        return [number, 0]


def log_path(out: Path) -> Path:
    """Where a workspace's log lies."""
    return out / "log" / "runs.jsonl"


def _append(out: Path, entry: Entry) -> None:
    """One line, whole, on the disk. Two programs at once take turns; after a torn line a new one begins."""
    path = log_path(out)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = json.dumps(entry, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n"
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            text = b"\n" + text
        while text:
            text = text[os.write(handle, text) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def runs(out: Path) -> list[Entry]:
    """Every run, oldest first, its two lines as one; without an end its outcome is "running" or "never finished"."""
    try:
        lines = log_path(out).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    found: dict[str, Entry] = {}
    for line in lines:
        entry = _parsed(line)
        if entry is None:
            continue
        known = found.setdefault(str(entry["run"]), {})
        moment = {"ended": entry.get("time")} if entry.get("event") == "end" else {"time": entry.get("time")}
        known.update({k: v for k, v in entry.items() if k not in ("event", "time")} | moment)
    for entry in found.values():
        entry.setdefault("outcome", "running" if _alive(entry) else "never finished")
    return list(found.values())


def _parsed(line: bytes) -> Entry | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and "run" in entry else None


def _alive(entry: Entry) -> bool:
    process = entry.get("process")
    if entry.get("host") != socket.gethostname() or not isinstance(process, list) or len(process) != 2:
        return False
    return Path(f"/proc/{process[0]}").exists() and _process(int(process[0])) == process


def table(entries: list[Entry]) -> str:
    """The runs as lines for people: when, who, what, how long, how it ended, what came out."""
    head = ("STARTED (UTC)", "WHO", "COMMAND", "LESSON", "SECONDS", "OUTCOME", "RESULTS")
    rows: list[tuple[str, ...]] = [head]
    for entry in entries:
        seconds = entry.get("seconds")
        counts = entry.get("counts") or {}
        rows.append(
            (
                str(entry.get("time", "?"))[:19].replace("T", " "),
                *(_cell(entry.get(key), 24) for key in ("who", "command", "lesson")),
                f"{seconds:.1f}" if isinstance(seconds, int | float) else "",
                _cell(entry.get("outcome"), 120),
                ", ".join(f"{_cell(number, 9)} {_cell(name, 30)}" for name, number in counts.items()),
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _cell(value: Any, most: int) -> str:
    text = "" if value is None else "".join(c if c.isprintable() else " " for c in str(value))
    return text if len(text) <= most else text[: most - 1] + "…"
