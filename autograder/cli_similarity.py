"""The command `autograder similarity`: which submissions share code that few others have."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from autograder.errors import AutograderError

TEXT = (
    "List pairs of submissions that share code which few others wrote, for a person to look at. Nothing is run; "
    "nothing is done unless you ask for it here; no grade changes."
)


def add(commands: Any, lessons: Any, database: Any) -> None:
    """Add the command."""
    made = commands.add_parser("similarity", help=TEXT, description=TEXT, parents=[lessons])
    made.set_defaults(run=similarity)
    made.add_argument("lesson", metavar="LESSON")
    made.add_argument("--submitted", type=Path, required=True, metavar="DIR", help="as for `grade`")
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="the course's workspace")
    made.add_argument(
        "--threshold", type=float, metavar="X", help="list pairs that share more than this, 0 to 1 (default: 0.7)"
    )
    made.add_argument(
        "--with", dest="others", type=Path, nargs="+", default=[], metavar="DIR", help="earlier classes to compare with"
    )


def similarity(a: argparse.Namespace) -> int:
    """`autograder similarity`."""
    from autograder.lessons import load_source
    from autograder.likeness import THRESHOLD
    from autograder.similarity_page import write_similarity

    threshold = THRESHOLD if a.threshold is None else a.threshold
    if not 0 < threshold <= 1:
        raise AutograderError(f"--threshold {threshold:g}", f"give a share above 0 and up to 1, like {THRESHOLD}")
    page, found = write_similarity(load_source(a.lesson, a.lessons), a.submitted, a.out, threshold, a.others)
    beside = f" beside {found.others} of other classes" if found.others else ""
    print(f"{found.students} submissions read{beside}: {len(found.pairs)} pairs to look at.")
    for pair in found.pairs[:20]:
        print(f"  {pair.first.label} and {pair.second.label}: {100 * pair.listed:.0f} %")
    if len(found.pairs) > 20:
        print(f"  and {len(found.pairs) - 20} more")
    print(f"{page}: open it in a browser; it names students. A pair there is a question, not a finding.")
    return 0
