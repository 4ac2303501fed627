"""The database a gradebook lies in: which one, in what state, and true words about why it cannot be used.

nbgrader opens whatever it is given, adds the tables that are missing, and fails later. So a database is looked at
first. A gradebook of an older schema is not touched, one that belongs to something else neither, and a new one is made
in one transaction: a kill leaves a whole gradebook or none.

A password in a URL goes to the driver and to `nbgrader_config.py`. No message contains it. On a command line others who
use the machine could read it: `--db env:NAME` takes the URL from an environment variable, and libpq looks by itself
into ~/.pgpass and PGPASSWORD.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from autograder.database_words import explain
from autograder.errors import AutograderError
from autograder.intake import printable

FORMS = "sqlite:////folder/gradebook.db or postgresql://user@host/database"
CONNECT_SECONDS = 10
_MARKS = {"assignment", "student", "submitted_assignment"}  # tables that every nbgrader since 0.1 has


@dataclass(frozen=True)
class Database:
    """Where a gradebook is."""

    url: URL

    @property
    def text(self) -> str:
        """The URL for a driver, password included: not for people."""
        return self.url.render_as_string(hide_password=False)

    @property
    def shown(self) -> str:
        """The URL for people: a file's name, or a server's address without the password."""
        if self.file is not None:
            return str(self.file)
        shown = self.url.set(drivername=self.url.get_backend_name(), query={})
        return shown.render_as_string(hide_password=True)

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for a server."""
        return Path(str(self.url.database)) if self.url.get_backend_name() == "sqlite" else None

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown: the password, as it is and as it stands in the URL."""
        given = [self.url.password, self.url.query.get("password"), self.url.query.get("sslpassword")]
        found = {str(word) for word in given if word}
        quoted = {form for word in found for form in (quote(word, safe=""), quote(word), quote_plus(word))}
        rendered = {URL.create("x", "u", word).render_as_string(False)[6:-1] for word in found}
        return tuple(sorted(found | quoted | rendered, key=len, reverse=True))

    def masked(self, message: str) -> str:
        """A text from a library without the password."""
        for word in self.secrets:
            message = message.replace(word, "***")
        return message


def locate(out: Path, given: str | None = None) -> Database:
    """The database that `--db` names, else the SQLite file in the workspace; raises for what nbgrader cannot use.

    `env:NAME`: the URL stands in the environment variable NAME, where `ps` shows it to nobody.
    """
    if given is None:
        return Database(URL.create("sqlite", database=str(out.resolve() / "gradebook.db")))
    if given.startswith("env:"):
        given = _from_environment(given.removeprefix("env:"))
    try:
        url = make_url(given)
    except (ArgumentError, ValueError) as error:  # the text may hold a password: it is not repeated
        raise AutograderError("--db is no database URL", f"write it like {FORMS}") from error
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    backend = url.get_backend_name()
    if backend == "sqlite":
        return Database(_file_url(url))
    if backend != "postgresql":
        raise AutograderError(f"--db {backend}://…: gradebooks lie in SQLite or PostgreSQL", f"write it like {FORMS}")
    ours = {"connect_timeout": str(CONNECT_SECONDS), "client_encoding": "utf8"}
    url = url.update_query_dict({**ours, **url.query})
    _driver(url)
    return Database(url)


def _from_environment(name: str) -> str:
    url = os.environ.get(name, "").strip()
    if not url:
        what = printable(name, 60) or "no name"
        raise AutograderError(
            f"--db env:{what}: there is no such environment variable, or it is empty",
            "set it to the database's URL in the shell that runs this command, and export it",
        )
    return url


def _file_url(url: URL) -> URL:
    """SQLite with a plain, absolute path: nbgrader's tools run in another folder."""
    if not url.database or url.database == ":memory:":
        raise AutograderError("--db sqlite:// names no file: the grades would be gone at the end", f"write {FORMS}")
    if url.database.startswith("file:") or url.query or url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise AutograderError(
            "--db sqlite: only a plain path is understood, no options after it", "write sqlite:////folder/gradebook.db"
        )
    return URL.create("sqlite", database=str(Path(url.database).expanduser().absolute()))


def _driver(url: URL) -> None:
    try:
        url.get_dialect().import_dbapi()
    except (NoSuchModuleError, ImportError) as error:
        name = url.drivername.partition("+")[2]
        raise AutograderError(
            f"--db {url.drivername}://…: the driver {name} is not installed",
            'write postgresql://…, which uses psycopg 3, and see that it is there: pip install "psycopg[binary]"',
        ) from error


def head() -> str:
    """The schema that the installed nbgrader works with."""
    from alembic.script import ScriptDirectory
    from nbgrader.dbutil import ALEMBIC_DIR

    return str(ScriptDirectory(ALEMBIC_DIR).get_current_head())


@dataclass(frozen=True)
class State:
    """What lies in a database: "none", "current", "older", "newer" or "foreign"; with the schema it says it has."""

    kind: str
    version: str | None = None


def look(database: Database) -> State:
    """What lies there, without changing it."""
    if database.file is not None and not _file_there(database.file):
        return State("none")
    with connected(database) as connection:
        return _state(connection)


def _file_there(path: Path) -> bool:
    """Whether SQLite's file exists and has a beginning; raises for what cannot become one."""
    if path.is_dir():
        raise AutograderError(f"the gradebook {path} is a folder", f"name a file in it: sqlite:///{path}/gradebook.db")
    if not path.exists():
        if not path.parent.is_dir():
            raise AutograderError(
                f"no gradebook can be made at {path}: there is no folder {path.parent}", f"mkdir -p {path.parent}"
            )
        return False
    if not path.is_file():
        raise AutograderError(f"the gradebook {path} is not a plain file", "name another file with --db")
    with path.open("rb") as stream:
        start = stream.read(16)
    if start and start != b"SQLite format 3\0":
        raise AutograderError(
            f"{path} is not a SQLite database",
            "name another file with --db, or put a copy from the folder backups beside it in its place",
        )
    return bool(start)


def _state(connection: Any) -> State:
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return State("none")
    if not tables >= _MARKS:
        return State("foreign")
    version = None
    if "alembic_version" in tables:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version == head():
        return State("current", version)
    return State("older" if version is None or _known(version) else "newer", version)


def _known(version: str) -> bool:
    from alembic.script import ScriptDirectory
    from nbgrader.dbutil import ALEMBIC_DIR

    return version in {script.revision for script in ScriptDirectory(ALEMBIC_DIR).walk_revisions()}


@contextmanager
def connected(database: Database, write: bool = False) -> Iterator[Any]:
    """One connection and one transaction of its own, with errors explained; `write` takes SQLite's lock at once."""
    with explained(database):
        engine = create_engine(database.text, poolclass=NullPool)
        with engine.begin() as connection:
            if write and database.file is not None:
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # Python's driver would commit each CREATE by itself
            yield connection


@contextmanager
def explained(database: Database) -> Iterator[None]:
    """Turn a library's error into what a person can act on."""
    try:
        yield
    except (SQLAlchemyError, ImportError) as error:
        message, fix = explain(database.masked(str(getattr(error, "orig", None) or error)), database.file)
        raise AutograderError(f"the gradebook {database.shown}: {message}", fix) from None


def ensure(database: Database, out: Path, create: bool) -> None:
    """See that a gradebook of today's schema lies there; make one where there is none and `create` is set."""
    state = look(database)
    where = database.shown
    if state.kind == "none":
        if not create:
            raise AutograderError(
                f"there is no gradebook at {where}", f"autograder grade LESSON --submitted DIR --out {out}"
            )
        make(database)
    elif state.kind == "foreign":
        raise AutograderError(
            f"{where} holds tables of something else", "give the gradebook a file or database of its own"
        )
    elif state.kind == "older":
        raise AutograderError(
            f"the gradebook {where} was made by an older nbgrader (schema {state.version or 'without a number'}; "
            f"the one installed works with {head()})",
            f"autograder db upgrade --out {out}"
            + ("" if database.file == out.resolve() / "gradebook.db" else " --db …"),
        )
    elif state.kind == "newer":
        raise AutograderError(
            f"the gradebook {where} was made by a newer nbgrader (schema {state.version})",
            "install that nbgrader, or a newer one: pip install --upgrade nbgrader",
        )


def writable(database: Database) -> None:
    """Raise now, and not after an hour of grading, when the gradebook may only be read. Nothing is changed."""
    with connected(database, write=True) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
        connection.rollback()


def make(database: Database) -> None:
    """nbgrader's tables, the number of their schema and the default course: all of it or nothing."""
    from nbgrader.api import Base

    if database.file is not None and not database.file.exists():
        os.close(os.open(database.file, os.O_CREAT | os.O_WRONLY, 0o600))  # grades and hidden tests
    with connected(database, write=True) as connection:
        if database.file is None:
            _utf8(connection, database)
        Base.metadata.create_all(bind=connection)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:version)"), {"version": head()})
        connection.execute(text("INSERT INTO course (id) VALUES ('default_course')"))


def _utf8(connection: Any, database: Database) -> None:
    encoding = connection.execute(text("SHOW server_encoding")).scalar()
    if encoding != "UTF8":
        raise AutograderError(
            f"the database {database.shown} stores text as {encoding}: not every name and answer fits in",
            f"make one that does: createdb --encoding UTF8 --template template0 {database.url.database}",
        )
