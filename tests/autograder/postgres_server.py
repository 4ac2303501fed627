"""A PostgreSQL server of a test's own: a new cluster in a temporary folder, reached through a socket in there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "very%secret/word"  # with what has to be quoted in a URL
PORT = 5432


@dataclass(frozen=True)
class Server:
    """A running server that listens on a socket only and asks `grader` for a password."""

    programs: Path
    folder: Path
    durable: bool = False  # whether a commit waits for the disk, as on a server that somebody relies on

    def url(self, database: str = "course", password: str = "very%25secret%2Fword", user: str = "grader") -> str:
        return f"postgresql://{user}:{password}@/{database}?host={self.folder}&port={PORT}"

    def sql(self, command: str, database: str = "postgres") -> None:
        program = str(self.programs / "psql")
        options = ["-h", str(self.folder), "-p", str(PORT), "-U", "boss", "-d", database, "-v", "ON_ERROR_STOP=1"]
        _run(self.folder, [program, "-qX", *options, "-c", command])

    def stop(self) -> None:
        _run(self.folder, [str(self.programs / "pg_ctl"), "-D", str(self.folder / "data"), "-m", "immediate", "stop"])

    def start(self) -> None:
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -p {PORT}"
        options += "" if self.durable else " -c fsync=off"
        command = [str(self.programs / "pg_ctl"), "-D", str(self.folder / "data"), "-w", "-t", "60", "-o", options]
        _run(self.folder, [*command, "-l", str(self.folder / "log"), "start"])


def programs() -> Path | None:
    """The folder with the server's programs: on PATH, or where Debian puts them."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "psql").exists()), None)


def missing() -> str:
    """Why no server can be started here; "" when one can."""
    if programs() is None:
        return "no PostgreSQL server is installed (Debian: postgresql)"
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "PostgreSQL refuses to run as root, and there is no setpriv to change that"
    return ""


@contextmanager
def server(durable: bool = False) -> Iterator[Server]:
    """Start one with an empty database `course` that `grader` owns."""
    where = programs()
    assert where is not None
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path may have 107 characters
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", _group())
    made = Server(where, folder, durable)
    trust = ["-A", "scram-sha-256", "--auth-local=trust", "-U", "boss", "-E", "UTF8", "--locale=C", "--no-sync"]
    try:
        _run(folder, [str(where / "initdb"), "-D", str(folder / "data"), *trust])
        made.start()
        try:
            made.sql(f"CREATE ROLE grader LOGIN PASSWORD '{PASSWORD}'")
            made.sql("CREATE DATABASE course OWNER grader")
            rules = folder / "data" / "pg_hba.conf"
            rules.write_text("local all boss trust\nlocal all all scram-sha-256\n")
            made.sql("SELECT pg_reload_conf()")
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, command: list[str]) -> None:
    """As nobody where we are root: the server insists on it."""
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=nobody", f"--regid={_group()}", "--clear-groups", *command]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C"}
    with (folder / "said").open("w+") as said:  # a pipe would be held open by the server
        done = subprocess.run(command, cwd=folder, env=environment, stdout=said, stderr=said, timeout=120, check=False)
        said.seek(0)
        assert done.returncode == 0, f"{command}: {said.read()}"


def _group() -> str:
    import grp

    names = {group.gr_name for group in grp.getgrall()}
    return "nogroup" if "nogroup" in names else "nobody"
