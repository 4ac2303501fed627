"""Finished submissions on their way to the disk: a few at a time, in one transaction.

Rebuilt copies first, then the gradebook, then the records. A record says that everything before it is done, so it is
never there without its rows in the gradebook.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from autograder import before
from autograder.copies import write_copy
from autograder.files import write_json
from autograder.lessons import Record
from autograder.store import Store

if TYPE_CHECKING:
    from autograder.grade import Kit

MOST = 16
SECONDS = 0.3


class Batch:
    """Collects records and writes them; `done(record)` is called for each when it is kept."""

    def __init__(self, out: Path, kit: Kit, store: Store, done: Callable[[Record], None]) -> None:
        self._out, self._kit, self._store, self._done = out, kit, store, done
        self._records: list[Record] = []
        self._since = 0.0

    def add(self, record: Record) -> None:
        """Take a finished record."""
        if not self._records:
            self._since = time.monotonic()
        self._records.append(record)

    def flush_if_due(self) -> None:
        """Write when there are enough, or when the first has waited long enough."""
        if len(self._records) >= MOST or (self._records and time.monotonic() - self._since > SECONDS):
            self.flush()

    def flush(self) -> None:
        """Write all that is waiting; nothing is forgotten when the gradebook refuses: it is graded again next time."""
        records, self._records = self._records, []
        people = [record for record in records if record["gradable"]]
        for record in people:
            write_copy(self._out, self._kit, record)
        if people:
            self._store.save_many(people)
        for record in records:
            path = record_path(self._out, self._kit.source.name, record["student"])
            before.keep(path, record)
            write_json(path, record, 0o600)
            self._done(record)


def record_path(out: Path, lesson: str, student: str) -> Path:
    """Where a submission's record lies; odd names get a hash, so that no name leads out of the folder."""
    plain = student.replace("-", "").replace("_", "").replace(".", "").replace("@", "").isalnum()
    name = (
        student
        if plain and student.isascii() and student[0].isalnum()
        else hashlib.sha256(student.encode()).hexdigest()
    )
    return out / "records" / lesson / f"{name}.json"
