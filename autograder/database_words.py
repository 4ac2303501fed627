"""What a database's error means, and what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

_SQLITE = (
    (
        "is locked|table is locked",
        "another program is writing to it",
        "close it (nbgrader, a formgrader page that saves), then run the same command again: what is graded is kept",
    ),
    (
        "readonly database",
        "it may be read but not written",
        "make the file and its folder writable (chmod u+w), or name another file with --db",
    ),
    ("disk is full|disk I/O", "the disk does not take it", "make room on the disk, then run the same command again"),
    (
        "malformed|not a database",
        "the file is damaged",
        "put a copy from the folder backups beside it in its place; autograder db check says if that is whole",
    ),
    ("unable to open", "the file cannot be opened", "see that it and its folder are yours to read and write"),
)
_POSTGRES = (
    (
        "password authentication failed|no password supplied|authentication failed",
        "the server does not accept the user or the password",
        "put it into ~/.pgpass (host:port:database:user:password, mode 0600) or into PGPASSWORD, not into --db",
    ),
    (
        'database ".*" does not exist',
        "the server has no such database",
        "make it: createdb --encoding UTF8 --template template0 NAME",
    ),
    ('role ".*" does not exist', "the server has no such user", "make it: createuser NAME, or name another in the URL"),
    (
        "refused|No such file or directory|is the server running",
        "no server answers there",
        "start it, or correct the host and the port in the URL; pg_isready -h HOST -p PORT asks it",
    ),
    (
        "translate host name|resolve host|not known|Temporary failure in name",
        "there is no such host",
        "correct the host in the URL",
    ),
    (
        "timeout|timed out",
        "the server does not answer in time",
        "see that host and port are right and no firewall stands between",
    ),
    (
        "permission denied|must be owner|insufficient",
        "the user may not do that there",
        "let the user own the database: ALTER DATABASE NAME OWNER TO USER",
    ),
    (
        "no pg_hba.conf entry|SSL|certificate",
        "the server refuses this way of connecting",
        "ask who runs it; ?sslmode=require after the database's name asks for an encrypted connection",
    ),
    (
        "too many (clients|connections)|connection slots",
        "the server has no connection left",
        "wait, or close other programs that use it; the grader needs two",
    ),
    (
        "terminating connection|connection (is|was|not) (lost|closed|open)|closed the connection|shutting down",
        "the connection to the server broke off",
        "see that the server runs, then run the same command again: what is graded is kept",
    ),
    (
        "read-only transaction|recovery",
        "the server may be read but not written",
        "name the server that takes writes, not its copy",
    ),
)


def explain(message: str, file: Path | None) -> tuple[str, str]:
    """(what is wrong, how to fix it) for the text of a database's error. The text must be free of secrets."""
    for pattern, meaning, fix in _SQLITE if file is not None else _POSTGRES:
        if re.search(pattern, message, re.IGNORECASE):
            return f"{meaning} ({_line(message)})", fix
    return _line(message), "autograder db check says what state it is in; run the same command again when that is good"


def _line(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[0].removeprefix("connection failed: ")[:300] if lines else "no reason given"
