"""`autograder people` and `autograder forget`: decisions about one student, and the end of keeping data about them."""

from __future__ import annotations

import argparse
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from autograder.errors import AutograderError


def add(commands: Any, lessons: Any, database: Any) -> None:
    """Register the commands."""
    text = "Decide about one student: more time, another score; bring in names; see and take back what was decided."
    group = commands.add_parser("people", help=text, description=text)
    parts = group.add_subparsers(required=True, metavar="WHAT")
    out = argparse.ArgumentParser(add_help=False)
    out.add_argument("--out", type=Path, required=True, metavar="DIR", help="the workspace of `grade`")
    who = argparse.ArgumentParser(add_help=False)
    who.add_argument("--by", metavar="NAME", help="who decides (default: your user name)")
    made = _part(parts, "extend", extend, "more time for one lesson; replaces an earlier extension", out, database, who)
    made.add_argument("student", metavar="STUDENT")
    made.add_argument("lesson", metavar="LESSON")
    end = made.add_mutually_exclusive_group(required=True)
    end.add_argument("--until", metavar="TIME", help="the student's own due date, like 2026-02-07T23:59+01:00")
    end.add_argument("--days", metavar="N", help="days after the due date of the class")
    made = _part(parts, "override", override, "a score by hand, which grading keeps", out, database, who)
    made.add_argument("student", metavar="STUDENT")
    made.add_argument("lesson", metavar="LESSON")
    made.add_argument("--exercise", metavar="NAME", help="default: the whole lesson, shared out by points")
    made.add_argument("--score", required=True, metavar="X", help="points")
    made.add_argument("--reason", required=True, metavar="TEXT", help="the student reads it as a comment")
    made = _part(parts, "list", show, "all decisions, with their numbers", out)
    made.add_argument("--student", metavar="ID")
    made = _part(parts, "undo", undo, "take a decision back", out, database, who)
    made.add_argument("number", type=int, metavar="NUMBER", help="from `autograder people list`")
    made = _part(parts, "import", bring, "names of the class into the gradebook", out, database)
    made.add_argument("file", type=Path, metavar="CSV", help="columns id,first_name,last_name,email,lms_user_id")
    _forget(commands, out, database)


def _forget(commands: Any, out: Any, database: Any) -> None:
    text = "Remove all that is kept about students: records, copies, feedback, gradebook and its copies, logs, exports."
    made = _part(commands, "forget", forget, text, out, database)
    whom = made.add_mutually_exclusive_group(required=True)
    whom.add_argument("--student", action="append", default=[], metavar="ID", help="may be given several times")
    whom.add_argument("--all", action="store_true", help="everybody")
    whom.add_argument("--before", metavar="TIME", help="everybody whose last submission is older")
    made.add_argument("--dry-run", action="store_true", help="only list what would be removed")
    made.add_argument("--yes", action="store_true", help="do it; nothing is removed without this")
    made.add_argument("--keep-statistics", action="store_true", help="keep counts without names (of five or more)")


def _part(parts: Any, name: str, run: Any, text: str, *parents: Any) -> Any:
    made = parts.add_parser(name, help=text, description=text, parents=list(parents))
    made.set_defaults(run=run)
    return made


def _number(option: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > 12:
        raise AutograderError(f"{option} {text!r} is no number", "write it like 2 or 2.5")
    return number


def extend(a: argparse.Namespace) -> int:
    """`autograder people extend`."""
    from autograder.intake import parse_time
    from autograder.people import Desk
    from autograder.people import extend as decide

    until = parse_time(a.until) if a.until else None
    if a.until and until is None:
        raise AutograderError(f"--until {a.until!r} is no date", "write it like 2026-01-31T23:59+01:00")
    days = _number("--days", a.days) if a.days else None
    entry, due = decide(Desk(a.out, a.db, a.by), a.student, a.lesson, until, days)
    print(f"{entry['id']}: {a.student} has until {due:%Y-%m-%d %H:%M} UTC for {a.lesson}.")
    print(
        f"Exports obey it at once; results.json after the next autograder grade {a.lesson}, which grades nothing anew."
    )
    return 0


def override(a: argparse.Namespace) -> int:
    """`autograder people override`."""
    from autograder.people import Desk
    from autograder.people import override as decide

    score = _number("--score", a.score)
    entry = decide(Desk(a.out, a.db, a.by), a.student, a.lesson, a.exercise, score, a.reason)
    print(f"{entry['id']}: {a.student} has {score} points for {a.exercise or 'all'} of {a.lesson}: {a.reason}")
    if entry["comment"] is None:
        print("No cell of the lesson takes the comment: the reason stands in people.jsonl only.")
    return 0


def show(a: argparse.Namespace) -> int:
    """`autograder people list`."""
    from autograder.people_log import entries

    found = [entry for entry in entries(a.out) if a.student in (None, entry["student"])]
    for entry in found:
        undone = "  (taken back)" if entry["undone"] else ""
        print(f"{entry['id']:>4}  {entry['at']}  {entry['by']}: {_said(entry)}{undone}")
    if not found:
        print("Nothing has been decided.")
    return 0


def _said(entry: dict[str, Any]) -> str:
    where = f"{entry['student']}, {entry['lesson']}"
    if entry["what"] == "extension":
        return f"{where}: {entry['after'] / 86400:g} days more"
    if entry["what"] == "score":
        return f"{where}, {entry['exercise'] or 'all exercises'}: {entry['score']:g} points; {entry['reason']}"
    return f"{where}: takes back {entry['undoes']}"


def undo(a: argparse.Namespace) -> int:
    """`autograder people undo`."""
    from autograder.people import Desk
    from autograder.people import undo as take_back

    entry = take_back(Desk(a.out, a.db, a.by), a.number)
    print(f"{entry['id']}: {a.number} is taken back for {entry['student']}, {entry['lesson']}.")
    return 0


def bring(a: argparse.Namespace) -> int:
    """`autograder people import`."""
    from autograder.people import Desk
    from autograder.people_import import import_people

    new, known = import_people(Desk(a.out, a.db), a.file)
    print(f"{new + known} students: {new} new, {known} known. Empty cells changed nothing.")
    return 0


def forget(a: argparse.Namespace) -> int:
    """`autograder forget`."""
    from autograder.intake import parse_time
    from autograder.retention import Who, plan
    from autograder.retention import forget as remove

    before = parse_time(a.before) if a.before else None
    if a.before and before is None:
        raise AutograderError(f"--before {a.before!r} is no date", "write it like 2026-01-31 or 2026-01-31T23:59+01:00")
    who = Who(tuple(a.student), a.all, before)
    found = plan(a.out, who, a.db)
    for path, what in found.traces:
        print(f"  {path}: {what}")
    print(
        f"{len(found.students)} students, {found.rows} of them in the gradebook; {len(found.traces)} files and folders."
    )
    if found.undated:
        print(f"Not among them, because a time is missing: {', '.join(found.undated)}")
    if a.dry_run or not found.students:
        print("Nothing was removed.")
        return 0
    if not a.yes:
        raise AutograderError("nothing was removed: this cannot be taken back", "look at the list, then add --yes")
    _, left = remove(a.out, who, a.db, statistics=a.keep_statistics)
    for path in left:
        print(f"  still names them: {path}")
    print("Removed." if not left else "Removed, but not all of it: look at the files above.")
    print("What was handed in, exports elsewhere and backups of this folder are yours to remove; a next `grade` of the")
    print("same submissions would bring everything back. Make the reports again: autograder report LESSON")
    return 1 if left else 0
