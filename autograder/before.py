"""What stood in a record before it was written anew: kept, so that a regrade can be explained.

A record's key says that something it depends on is another; its `made_of` says what: short hashes of the lesson, the
checks, the seed, the grader and the file. Of every student the last version with another outcome or another key is
kept in OUT/records/LESSON/before/, under the same name as the record.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from autograder.files import read_json, write_json
from autograder.lessons import Record

OUTCOME = ("status", "reason", "score", "max_score", "exercises")


def short(*parts: object) -> str:
    """A short hash: enough to say that two things differ."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def path_before(path: Path) -> Path:
    """Where the version before the record at `path` lies."""
    return path.parent / "before" / path.name


def keep(path: Path, record: Record) -> None:
    """Keep what stands at `path` before `record` takes its place, if that says or depends on something else.

    A failure of the grader's own (its key is empty) was never a result: it does not take the place of one.
    """
    old = read_json(path)
    if not isinstance(old, dict) or not old.get("key"):
        return
    if old["key"] != record.get("key") or outcome(old) != outcome(record):
        write_json(path_before(path), old, 0o600)


def outcome(record: Record) -> dict[str, Any]:
    """What a student sees of a record."""
    return {name: record.get(name) for name in OUTCOME}
