"""`autograder db`: look after the gradebook."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from autograder.errors import AutograderError


def add(commands: Any, lessons: Any, database: Any) -> None:
    """The commands `db check`, `db backup` and `db upgrade`."""
    text = "Look after the gradebook: check it, copy it, bring one of an older nbgrader up to date."
    parts = commands.add_parser("db", help=text, description=text).add_subparsers(required=True, metavar="WHAT")
    for name, run, help_text in (
        ("check", check, "Say what lies in the gradebook and whether it can be used. Changes nothing."),
        ("backup", backup, "Copy the gradebook beside it, whole even while another program writes."),
        ("upgrade", upgrade, "Bring a gradebook of an older nbgrader up to date; the old one is kept."),
    ):
        made = parts.add_parser(name, help=help_text, description=help_text, parents=[database])
        made.add_argument("--out", type=Path, required=True, metavar="DIR", help="the workspace of `grade`")
        made.set_defaults(run=run, what=name)
        if name == "backup":
            made.add_argument("--keep", type=int, default=10, metavar="N", help="how many copies stay (default: 10)")
        if name == "upgrade":
            made.add_argument("--dumped", action="store_true", help="PostgreSQL: a dump has been made with pg_dump")


def check(a: argparse.Namespace) -> int:
    """`autograder db check`."""
    from autograder import backups
    from autograder.database import connected, ensure, locate
    from autograder.upgrades import contents

    database = locate(a.out, a.db)
    ensure(database, a.out, create=False)
    with connected(database) as connection:
        problems, lines = contents(connection, database.file is not None)
    print(f"Gradebook: {database.shown}")
    for line in lines:
        print(f"  {line}")
    if database.file is not None:
        found = backups.copies(database.file)
        print(
            f"  {len(found)} copies in {database.file.parent / 'backups'}"
            + (f", last {found[-1].name}" if found else "")
        )
    else:
        print("  copies: yours to make, with pg_dump")
    if problems:
        raise AutograderError(
            f"the gradebook is damaged: {'; '.join(problems[:3])}", "put the last copy that is whole in its place"
        )
    print("It is whole and fits the installed nbgrader.")
    return 0


def backup(a: argparse.Namespace) -> int:
    """`autograder db backup`."""
    from autograder import backups
    from autograder.database import locate, look

    if a.keep < 1:
        raise AutograderError(f"--keep {a.keep}", "give the number of copies that stay, at least 1")
    database = locate(a.out, a.db)
    if look(database).kind == "none":
        raise AutograderError(f"there is no gradebook at {database.shown}", "nothing to copy: grade first")
    if database.file is None:
        raise AutograderError(
            f"{database.shown} is on a server, which has its own tool for copies",
            f"pg_dump --file gradebook.sql {database.url.database}",
        )
    path = backups.backup(database.file, "by-hand", a.keep)
    print(f"{path}: a whole copy; the last {a.keep} are kept, those made before an upgrade always")
    return 0


def upgrade(a: argparse.Namespace) -> int:
    """`autograder db upgrade`."""
    from autograder.database import locate
    from autograder.upgrades import upgrade as run

    kept = run(locate(a.out, a.db), a.dumped)
    print("The gradebook is up to date." + (f" As it was: {kept}" if kept else ""))
    return 0
