"""What people decided about students: OUT/people.jsonl, a line for each decision: who, when, why, and what was before.

The line is written first and taken back when the gradebook refuses, so no decision stands in the gradebook without one.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from autograder.errors import AutograderError

NAME = "people.jsonl"
Entry: TypeAlias = dict[str, Any]


def entries(out: Path) -> list[Entry]:
    """All decisions, oldest first; `undone` says which of them were taken back."""
    try:
        text = (out / NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    found = [_parsed(out, line, number) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    undone = {entry["undoes"] for entry in found if entry.get("undoes")}
    return [{**entry, "undone": entry["id"] in undone} for entry in found]


def _parsed(out: Path, line: str, number: int) -> Entry:
    try:
        entry = json.loads(line)
        if isinstance(entry, dict) and isinstance(entry["id"], int):
            return entry
    except (ValueError, KeyError, RecursionError):
        pass
    raise AutograderError(
        f"{out / NAME}, line {number}: this is no decision", "restore the file from a backup, or delete that line"
    )


@contextmanager
def decided(out: Path, by: str | None, fields: Entry) -> Iterator[Entry]:
    """Write a decision down, do it in the body; what raises there takes the line back."""
    path = out / NAME
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "r+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        last = max((entry["id"] for entry in entries(out)), default=0)
        entry = {"id": last + 1, "at": datetime.now(UTC).isoformat(timespec="seconds"), "by": by or user(), **fields}
        end = stream.seek(0, os.SEEK_END)
        stream.write(json.dumps(entry, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
        try:
            yield entry
        except BaseException:
            stream.truncate(end)
            raise


def user() -> str:
    """Who is at the keyboard, as far as the system knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this number, in a container
        return f"user {os.getuid()}"
