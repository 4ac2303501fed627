"""A gradebook of an older nbgrader, brought to the schema of the one that is installed.

nbgrader's migrations run on a copy. The copy takes the gradebook's place when they have gone through and every table
and column is there; until then the gradebook stays as it was.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import inspect, text
from sqlalchemy.engine import URL

from autograder import backups
from autograder.database import Database, connected, head, look
from autograder.errors import AutograderError

_COUNTED = {"assignment": "lessons", "student": "students", "submitted_assignment": "submissions", "grade": "grades"}


def upgrade(database: Database, dumped: bool = False) -> Path | None:
    """Bring the gradebook up to date; returns where the old one lies (None for a server's)."""
    state = look(database)
    if state.kind == "current":
        raise AutograderError(f"the gradebook {database.shown} is up to date (schema {state.version})")
    if state.kind != "older":
        what = {"none": "there is no gradebook", "newer": "a newer nbgrader's gradebook lies"}
        raise AutograderError(f"{what.get(state.kind, 'something else lies')} at {database.shown}", "name another --db")
    if database.file is None:
        _server(database, dumped)
        return None
    kept = backups.backup(database.file, backups.UPGRADE)
    trial = database.file.with_name(f".{database.file.name}.upgrading")
    backups.copy(database.file, trial)
    try:
        _migrate(Database(URL.create("sqlite", database=str(trial))))
        mode = database.file.stat().st_mode & 0o777
        trial.chmod(mode)
        handle = os.open(trial, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
        trial.replace(database.file)
    finally:
        trial.unlink(missing_ok=True)
    return kept


def _server(database: Database, dumped: bool) -> None:
    if not dumped:
        raise AutograderError(
            f"{database.shown} is on a server, and only you can make a copy of it",
            f"pg_dump --file gradebook.sql {database.url.database}; then the same command again with --dumped",
        )
    _migrate(database)


def _migrate(database: Database) -> None:
    with connected(database, write=True) as connection:
        if look_version(connection) is None and not missing(connection):
            _stamp(connection)  # made by nbgrader, which was killed before it wrote the number down
    if look(database).kind == "older":
        _alembic(database)
    with connected(database) as connection:
        gone = missing(connection)
    if gone or look(database).kind != "current":
        raise AutograderError(
            f"nbgrader's upgrade left the gradebook without {', '.join(gone) or 'its number'}: it stays as it was",
            "grade into a new --out, and copy hand grades over",
        )


def look_version(connection: Any) -> str | None:
    """The schema's number, if the gradebook has one."""
    if "alembic_version" not in inspect(connection).get_table_names():
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def missing(connection: Any) -> list[str]:
    """Tables and columns of the installed nbgrader's schema that the gradebook does not have."""
    from nbgrader.api import Base

    inspector = inspect(connection)
    there = set(inspector.get_table_names())
    found = []
    for table in Base.metadata.sorted_tables:
        columns = {column["name"] for column in inspector.get_columns(table.name)} if table.name in there else set()
        absent = [c.name for c in table.columns if c.name not in columns]
        found += [table.name] if not columns else [f"{table.name}.{name}" for name in absent]
    return found


def _stamp(connection: Any) -> None:
    connection.execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL)"))
    connection.execute(text("DELETE FROM alembic_version"))
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:version)"), {"version": head()})


def _alembic(database: Database) -> None:
    """Run nbgrader's migrations in a process of their own: they set up logging as they please."""
    from nbgrader import dbutil

    url = database.text.replace("%", "%%")  # a configuration file, in which % means something
    with dbutil._temp_alembic_ini(url) as settings:  # in a folder that only we may read
        command = [sys.executable, "-m", "alembic", "-c", settings, "upgrade", "head"]
        environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        lines = [line for line in database.masked(done.stderr).splitlines() if line.strip()]
        raise AutograderError(
            f"nbgrader's upgrade of {database.shown} failed, and the gradebook is as it was: "
            f"{lines[-1] if lines else 'no reason given'}",
            "grade into a new --out; the old one can be read with the nbgrader that made it",
        )


def contents(connection: Any, sqlite: bool) -> tuple[list[str], list[str]]:
    """(what is wrong, what is in there) of a gradebook of today's schema."""
    problems = [f"no {name}" for name in missing(connection)]
    if sqlite:
        found = connection.exec_driver_sql("PRAGMA integrity_check(3)").scalars()
        problems += [line for line in found if line != "ok"]
    lines = [f"schema {look_version(connection)}"]
    if not problems:
        counted = ((name, text(f"SELECT count(*) FROM {table}")) for table, name in _COUNTED.items())
        lines.append(", ".join(f"{connection.execute(query).scalar()} {name}" for name, query in counted))
        graded = text("SELECT count(*) FROM grade WHERE manual_score IS NOT NULL")
        lines.append(f"{connection.execute(graded).scalar()} grades given by hand")
    return problems, lines
