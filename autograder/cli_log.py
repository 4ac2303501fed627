"""`autograder log`: what was done with a workspace."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from autograder.errors import AutograderError


def add(commands: Any, lessons: Any, database: Any) -> None:
    """The command `log`."""
    text = "Show who did what with a workspace, with which seed and versions, and how it ended."
    made = commands.add_parser("log", help=text, description=text)
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="the workspace of `grade`")
    made.add_argument("--last", type=int, metavar="N", help="only the last N runs (default: all)")
    made.add_argument("--json", action="store_true", help="everything that is known of each run, as JSON lines")
    made.set_defaults(run=log)


def log(a: argparse.Namespace) -> int:
    """`autograder log`."""
    from autograder.runlog import log_path, runs, table

    if a.last is not None and a.last < 1:
        raise AutograderError(f"--last {a.last}", "give the number of runs to show, at least 1")
    found = runs(a.out)
    if not found:
        raise AutograderError(f"nothing has been done in {a.out}: there is no {log_path(a.out)}", "give a workspace")
    chosen = found[-a.last :] if a.last else found
    print("\n".join(json.dumps(entry, ensure_ascii=False) for entry in chosen) if a.json else table(chosen))
    return 0
