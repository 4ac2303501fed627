"""The command `autograder diff`: what a regrade changed, for whom, and why."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

TEXT = "Say whose points changed since they were graded before, in which exercises, and why (page and CSV)."


def add(commands: Any, lessons: Any, database: Any) -> None:
    """Add the command."""
    made = commands.add_parser("diff", help=TEXT, description=TEXT, parents=[lessons])
    made.set_defaults(run=diff)
    made.add_argument("lesson", metavar="LESSON")
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="the workspace of `grade`")


def diff(a: argparse.Namespace) -> int:
    """`autograder diff`."""
    from autograder.changes import write_diff
    from autograder.lessons import load_source
    from autograder.pages import points

    page, found = write_diff(a.out, load_source(a.lesson, a.lessons))
    total = len(found.changes) + found.same + found.once
    if not found.changes:
        print(f"Nothing changed: {found.same} of {total} were graded anew and came to the same.")
    else:
        up = sum(c.points > 0 for c in found.changes)
        down = sum(c.points < 0 for c in found.changes)
        print(f"{len(found.changes)} of {total} changed: {up} have more points, {down} fewer.")
    for change in found.changes[:20]:
        scores = f"{points(change.before['score'])} → {points(change.after['score'])}"
        print(f"  {change.student}: {scores} ({', '.join(change.why)})")
    if len(found.changes) > 20:
        print(f"  and {len(found.changes) - 20} more")
    print(f"{page} and {page.with_suffix('.csv').name}")
    return 0
