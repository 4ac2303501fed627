"""`autograder policy`: print an example of a grading policy, check one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any, lessons: Any, database: Any) -> None:
    """Register the command."""
    text = "Rules for exports (late penalty, bonus, prizes, ratings, curve, letters): an example, and a check of yours."
    group = commands.add_parser("policy", help=text, description=text)
    parts = group.add_subparsers(required=True, metavar="PART")
    made = parts.add_parser("example", help="print a policy with what each line means; start from it")
    made.set_defaults(run=example)
    made = parts.add_parser("check", help="say which rules are on, or what is wrong and where")
    made.add_argument("file", type=Path, metavar="FILE")
    made.set_defaults(run=check)


def example(a: argparse.Namespace) -> int:
    """`autograder policy example`."""
    from autograder.policy import example as text

    print(text(), end="")
    return 0


def check(a: argparse.Namespace) -> int:
    """`autograder policy check`."""
    from autograder.policy import load

    rules = load(a.file).rules()
    print(f"{a.file} is a policy. On: {', '.join(rules) if rules else 'nothing'}.")
    print(f"Next: autograder export --format moodle --policy {a.file} --out OUT")
    return 0
