"""Students' rows taken out of a gradebook, and out of every SQLite file of a workspace: copies of it, side files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, inspect, text

from autograder.database import Database, connected
from autograder.retention_text import Words

_HEAD = b"SQLite format 3\0"
_MINE = "SELECT id FROM submitted_assignment WHERE student_id IN :gone"
_NOTEBOOKS = f"SELECT id FROM submitted_notebook WHERE assignment_id IN ({_MINE})"
_DELETE = (  # from the leaves to the root
    f"DELETE FROM grade WHERE notebook_id IN ({_NOTEBOOKS})",
    f"DELETE FROM comment WHERE notebook_id IN ({_NOTEBOOKS})",
    f"DELETE FROM submitted_notebook WHERE assignment_id IN ({_MINE})",
    "DELETE FROM submitted_assignment WHERE student_id IN :gone",
    "DELETE FROM student WHERE id IN :gone",
)
_GRADEBOOK = {"student", "submitted_assignment", "submitted_notebook", "grade", "comment"}
_PIECE = 500  # ids in one statement


@dataclass(frozen=True)
class Known:
    """A student as the gradebook knows them."""

    student: str
    aliases: tuple[str, ...]
    moments: tuple[str | None, ...]  # of the submissions, as text; None: unknown


def students(database: Database) -> list[Known]:
    """Everybody in the gradebook, with what else they are called and when they handed in."""
    with connected(database) as connection:
        rows = connection.execute(text("SELECT id, first_name, last_name, email FROM student")).all()
        handed = connection.execute(text("SELECT student_id, timestamp FROM submitted_assignment")).all()
    moments: dict[str, list[str | None]] = {}
    for student, moment in handed:
        moments.setdefault(student, []).append(None if moment is None else str(moment))
    made = []
    for student, first, last, email in rows:
        names = (f"{first} {last}", f"{last}, {first}") if first and last else ()
        aliases = tuple(name for name in (email, *names) if name)
        made.append(Known(student, aliases, tuple(moments.get(student, ()))))
    return made


def delete(database: Database, gone: Iterable[str]) -> int:
    """Delete students with all that hangs on them in one transaction; returns how many rows went."""
    names = sorted(gone)
    count = 0
    with connected(database, write=True) as connection:
        if database.file is not None:
            connection.execute(text("PRAGMA secure_delete=ON"))
        for start in range(0, len(names), _PIECE):
            piece = names[start : start + _PIECE]
            for statement in _DELETE:
                found = connection.execute(
                    text(statement).bindparams(bindparam("gone", expanding=True)), {"gone": piece}
                )
                count += max(found.rowcount, 0)
    if database.file is not None:
        _vacuum(database.file)
    return count


def is_sqlite(path: Path) -> bool:
    """Whether a file is a SQLite database."""
    with path.open("rb") as stream:
        return stream.read(len(_HEAD)) == _HEAD


def mentions(path: Path, words: Words) -> int:
    """How many rows of a SQLite file are about those who go."""
    with closing(_open(path)) as connection:
        return sum(len(rows) for _, rows in _rows(connection, words))


def scrub(path: Path, words: Words) -> int:
    """Delete those rows; what is left of them in free pages goes too. Returns how many rows went."""
    from autograder.database import locate

    count = 0
    with closing(_open(path)) as connection:
        gradebook = _tables(connection).keys() >= _GRADEBOOK
    if gradebook:
        count += delete(locate(path.parent, f"sqlite:///{path.resolve()}"), words.gone)
    with closing(_open(path)) as connection, connection:
        for table, rows in _rows(connection, words):
            for row in rows:
                connection.execute(f"DELETE FROM {_quoted(table)} WHERE rowid = ?", (row,))
                count += 1
    _vacuum(path)
    return count


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30)
    connection.execute("PRAGMA secure_delete=ON")
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return connection


def _tables(connection: sqlite3.Connection) -> dict[str, list[str]]:
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        name: [column[1] for column in connection.execute(f"PRAGMA table_info({_quoted(name)})")]
        for name in names
        if not name.startswith("sqlite_")
    }


def _rows(connection: sqlite3.Connection, words: Words) -> list[tuple[str, list[int]]]:
    """(table, row numbers) that are about those who go.

    In nbgrader's tables ids decide; the words of a comment on somebody else's work are a person's and stay.
    """
    tables = _tables(connection)
    gradebook = tables.keys() >= _GRADEBOOK
    nbgraders = {"assignment", "notebook", "base_cell", "source_cell", "grade_cells", "solution_cells", "task_cells"}
    nbgraders |= {"course", "alembic_version", "submitted_notebook", "grade", "comment"}
    found = []
    for table in tables:
        if gradebook and table in nbgraders:
            continue
        rows = connection.execute(f"SELECT rowid, * FROM {_quoted(table)}")
        hits = [row[0] for row in rows if _about(row[1:], words, exact=gradebook and table in _GRADEBOOK)]
        if hits:
            found.append((table, hits))
    return found


def _about(values: Sequence[Any], words: Words, *, exact: bool) -> bool:
    texts = [value for value in values if isinstance(value, str)]
    return any(words.is_gone(value) if exact else words.found_in(value) for value in texts)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _vacuum(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def is_gradebook(database: Database) -> bool:
    """Whether nbgrader's tables are there."""
    with connected(database) as connection:
        return set(inspect(connection).get_table_names()) >= _GRADEBOOK
