"""Copies of a SQLite gradebook, made before something changes it that cannot be taken back.

They lie in the folder `backups` beside the gradebook, named by the moment and the reason, and are made with SQLite's
own backup, so they are whole while another program writes. The last few are kept; those made before an upgrade of the
schema always. A server's gradebook is its administrator's to dump: `pg_dump`.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from autograder.errors import AutograderError

KEEP = 10
UPGRADE = "before-upgrade"


def backup(gradebook: Path, why: str, keep: int = KEEP) -> Path:
    """Copy the gradebook beside it; returns the copy's path. `why` becomes part of its name."""
    folder = gradebook.parent / "backups"
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%S.%fZ")
    path = folder / f"{gradebook.stem}.{stamp}.{why}.db"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        copy(gradebook, path)
    except (sqlite3.Error, OSError) as error:
        raise AutograderError(
            f"no copy of {gradebook} could be made in {folder}, and without one nothing is changed: {error}",
            "make room on the disk and the folder writable; autograder db check says whether the gradebook is whole",
        ) from error
    _thin(folder, gradebook.stem, keep)
    return path


def copy(gradebook: Path, to: Path) -> None:
    """A whole copy or none: under a temporary name first, looked at, on the disk, then renamed."""
    part = to.with_name(to.name + ".part")
    os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
    try:
        with closing(sqlite3.connect(gradebook, timeout=30)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
            verdict = target.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"the gradebook is damaged: {verdict}")
        handle = os.open(part, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        part.replace(to)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def copies(gradebook: Path) -> list[Path]:
    """The copies of a gradebook, oldest first."""
    return sorted((gradebook.parent / "backups").glob(f"{gradebook.stem}.*.db"))


def _thin(folder: Path, stem: str, keep: int) -> None:
    found = sorted(path for path in folder.glob(f"{stem}.*.db") if not path.name.endswith(f".{UPGRADE}.db"))
    for path in found[: max(0, len(found) - keep)]:
        path.unlink(missing_ok=True)
