"""The command `autograder`: release lessons, grade what comes back, tell students and instructors what it means."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import autograder
from autograder import runlog
from autograder.errors import AutograderError

HELP = """From release to grades:

  autograder release --to released               the students' copies
  autograder grade 01_convolution --submitted submitted --out out
  autograder feedback 01_convolution --out out   a page for each student
  autograder report 01_convolution --out out     a page about the class
  autograder export --format moodle --out out    a CSV file of grades

Try it without students:  autograder simulate 01_convolution --students 30 --to class
Something does not work:  autograder doctor

Exit codes: 0 done; 1 done, but some submissions need a person; 2 nothing could be done.
"""


# Modules with further commands: each has `add(commands, lessons, database)` and imports what is heavy when it runs.
MORE: tuple[str, ...] = ("cli_policy", "cli_people", "cli_db", "cli_slurm", "cli_similarity", "cli_log", "cli_diff")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return runlog.watched(arguments, run)
    except AutograderError as error:
        print(f"autograder: {error}", file=sys.stderr)
        if error.fix:
            print(f"  → {error.fix}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except OSError as error:  # a disk that is full, a folder of somebody else's, a file where a folder should be
        where = f" ({error.filename})" if error.filename else ""
        print(f"autograder: the system refuses: {error.strerror or error}{where}", file=sys.stderr)
        print("  → name another folder, or make this one writable and see that its disk has room", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nautograder: stopped. What is graded is kept; the same command goes on from here.", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="autograder", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--version", action="version", version=f"autograder {autograder.__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    lessons = argparse.ArgumentParser(add_help=False)
    lessons.add_argument(
        "--lessons", type=Path, metavar="DIR", help="folder of the instructors' notebooks (default: lessons/)"
    )
    database = argparse.ArgumentParser(add_help=False)
    database.add_argument(
        "--db",
        metavar="URL",
        help="gradebook's database (default: sqlite:///OUT/gradebook.db); env:NAME takes the URL from a variable",
    )
    for add in (_release, _simulate, _grade, _feedback, _report, _export, _doctor):
        add(commands, lessons, database)
    for part in MORE:
        importlib.import_module(f"autograder.{part}").add(commands, lessons, database)
    return top


def _command(commands: Any, name: str, run: Callable[[argparse.Namespace], int], text: str, parents: list[Any]) -> Any:
    made = commands.add_parser(name, help=text, description=text, parents=parents)
    made.set_defaults(run=run)
    return made


def _release(commands: Any, lessons: Any, database: Any) -> None:
    text = "Make the students' copies: solutions and hidden tests cleared, cells locked, nothing secret left."
    made = _command(commands, "release", release, text, [lessons])
    made.add_argument("lesson", nargs="*", metavar="LESSON", help="default: all lessons")
    made.add_argument("--to", type=Path, required=True, metavar="DIR", help="where the copies go")


def _simulate(commands: Any, lessons: Any, database: Any) -> None:
    text = (
        "Make a class that does not exist: right answers, known mistakes, blanks, late, damaged and hostile notebooks."
    )
    made = _command(commands, "simulate", simulate, text, [lessons])
    made.add_argument("lesson", metavar="LESSON")
    made.add_argument("--students", type=int, default=30, metavar="N", help="default: 30, which holds every kind")
    made.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="DIR",
        help="empty folder, or a class made for another lesson, whose students then hand in this one too; the truth "
        "goes to DIR.truth.json (of several lessons: the last one made) and to DIR.truth/LESSON.json",
    )
    made.add_argument("--seed", type=int, default=0, metavar="S", help="another class for another number (default: 0)")


def _grade(commands: Any, lessons: Any, database: Any) -> None:
    text = "Grade what was handed in: student code in a jail, verdicts outside it, scores in nbgrader's gradebook."
    made = _command(commands, "grade", grade, text, [lessons, database])
    made.add_argument("lesson", metavar="LESSON")
    made.add_argument(
        "--submitted",
        type=Path,
        required=True,
        metavar="PATH",
        help="DIR/<student>/LESSON/LESSON.ipynb, or a zip from Moodle or Canvas, or nbgrader's exchange",
    )
    made.add_argument("--roster", type=Path, metavar="CSV", help="who is who in a zip from Moodle or Canvas")
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="the course's workspace; made if needed")
    made.add_argument("--workers", type=int, default=0, metavar="N", help="processes (default: one per core)")
    made.add_argument(
        "--seed", type=int, metavar="S", help="for the hidden cases (default: drawn once and kept in OUT)"
    )
    made.add_argument("--dask", metavar="ADDRESS", help="grade on a Dask cluster (TLS, or on this machine)")
    made.add_argument("--slurm", type=Path, metavar="YAML", help="grade on a Slurm cluster, through dask-jobqueue")
    made.add_argument("--due", metavar="TIME", help="due date, like 2026-01-31T23:59+01:00; kept in the gradebook")
    made.add_argument("--regrade", action="store_true", help="grade everything anew, unchanged submissions too")
    made.add_argument(
        "--unsafe", action="store_true", help="no jail: student code runs with your rights, and every result says so"
    )


def _feedback(commands: Any, lessons: Any, database: Any) -> None:
    text = "Write a page for each student: verdicts, hints, own figures. Needs a graded lesson."
    made = _command(commands, "feedback", feedback, text, [lessons, database])
    made.add_argument("lesson", metavar="LESSON")
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="the workspace of `grade`")


def _report(commands: Any, lessons: Any, database: Any) -> None:
    text = "Write one page about the class: scores, exercises, common mistakes, who needs a person."
    made = _command(commands, "report", report, text, [lessons])
    made.add_argument("lesson", metavar="LESSON")
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="the workspace of `grade`")


def _export(commands: Any, lessons: Any, database: Any) -> None:
    text = "Write the grades as CSV, hand grades included."
    made = _command(commands, "export", export, text, [database])
    made.add_argument("--format", required=True, choices=("nbgrader", "moodle", "canvas"))
    made.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="the workspace of `grade` (default: here)"
    )
    made.add_argument("--to", type=Path, metavar="FILE", help="default: OUT/grades-FORMAT.csv")
    made.add_argument("--lesson", metavar="LESSON", help="default: all")
    made.add_argument(
        "--policy", type=Path, metavar="YAML", help="rules for the scores; see `autograder policy example`"
    )
    made.add_argument("--pseudonyms", action="store_true", help="no names: keyed ones, the same in every export of OUT")
    made.add_argument("--mapping", type=Path, metavar="FILE", help="with --pseudonyms: write who is who to FILE")


def _doctor(commands: Any, lessons: Any, database: Any) -> None:
    _command(
        commands, "doctor", doctor, "Say whether this machine can grade, and what to do where it cannot.", [lessons]
    )


def release(a: argparse.Namespace) -> int:
    """`autograder release`."""
    from autograder.lessons import lesson_names, lessons_folder, load_source
    from autograder.release import release as write
    from autograder.release import released, write_readme

    names = a.lesson or lesson_names(lessons_folder(a.lessons))
    if not names:
        raise AutograderError("there are no lessons to release", "say where they lie with --lessons DIR")
    sources = [load_source(name, a.lessons) for name in names]
    for source in sources:
        released(source)  # all are looked at before one is written
    for source in sources:
        for path in write(source, a.to):
            print(path)
    print(write_readme(a.to, sources))
    print("Checked: no solution, hidden test or output is left in them. Give students these and the cnncourse wheel.")
    return 0


def simulate(a: argparse.Namespace) -> int:
    """`autograder simulate`."""
    from autograder.lessons import load_source
    from autograder.simulate import DUE
    from autograder.simulate import simulate as make

    truth = make(load_source(a.lesson, a.lessons), a.students, a.to, a.seed)
    print(f"{a.students} students in {a.to}; who is what stands in {truth}")
    print(f"Next: autograder grade {a.lesson} --submitted {a.to} --out OUT --due {DUE.isoformat()}")
    return 0


def grade(a: argparse.Namespace) -> int:
    """`autograder grade`."""
    from autograder.database import locate
    from autograder.progress import Progress
    from autograder.run import Options, grade_class

    if a.workers < 0:
        raise AutograderError(f"--workers {a.workers}", "give a number of processes, or leave it out for one per core")
    options = Options(
        *(a.lesson, a.submitted, a.out, a.db, a.workers, a.seed, a.unsafe, a.lessons, a.due, a.regrade),
        *(a.roster, a.dask, a.slurm),
    )
    with Progress() as progress:
        summary = grade_class(options, progress.update)
    states = [s["status"] for s in summary.submissions]
    counts = {state: states.count(state) for state in ("graded", "needs_person", "rejected")}
    run = summary.results.get("run", {})
    runlog.note(counts={**counts, "now": summary.graded_now}, seed=summary.results["seed"], version=run.get("version"))
    print(
        f"{len(states)} submissions: {counts['graded']} graded, {counts['needs_person']} need a person, "
        f"{counts['rejected']} could not be read ({summary.graded_now} done now, {summary.kept} kept from before)."
    )
    for row in summary.submissions:
        if row["status"] != "graded":
            print(f"  {row['student']}: {row['reason']}")
    print(f"Results: {a.out / 'results.json'}   Gradebook: {locate(a.out, a.db).shown}")
    print(f"Next: autograder report {a.lesson} --out {a.out}; hand grading: cd {a.out} && jupyter lab, then Formgrader")
    if a.unsafe:
        print("Graded WITHOUT a jail (--unsafe): results.json says so.", file=sys.stderr)
    return summary.exit_code


def feedback(a: argparse.Namespace) -> int:
    """`autograder feedback`."""
    from autograder.feedback import write_feedback
    from autograder.lessons import load_source

    written = write_feedback(a.out, load_source(a.lesson, a.lessons), a.db)
    print(f"{len(written.pages)} pages: {a.out / 'feedback' / '<student>' / a.lesson / (a.lesson + '.html')}")
    for student, reason in written.problems:
        print(f"  no new page for {student}: {reason}")
    print("Next: send each student their page. After hand grading run this again: points and comments will be there.")
    return (1 if written.problems else 0) if written.pages else 2


def report(a: argparse.Namespace) -> int:
    """`autograder report`."""
    from autograder.lessons import load_source
    from autograder.report import write_report

    print(f"{write_report(a.out, load_source(a.lesson, a.lessons))}: open it in a browser; it names students")
    return 0


def export(a: argparse.Namespace) -> int:
    """`autograder export`."""
    from autograder.export import Choice
    from autograder.export import export as write

    choice = Choice(a.lesson, a.policy, a.pseudonyms, a.mapping)
    rules = f"by {a.policy}, raw scores beside" if a.policy else "no penalty for lateness"
    print(f"{write(a.out, a.format, a.to, a.lesson, a.db, choice)}: hand grades included, {rules}")
    return 0


def doctor(a: argparse.Namespace) -> int:
    """`autograder doctor`."""
    from autograder.doctor import examine

    bad = False
    for finding in examine(a.lessons):
        print(f"{'ok  ' if finding.ok else 'FIX ' if finding.needed else 'note'}  {finding.what}")
        if not finding.ok:
            bad = bad or finding.needed
            if finding.advice:
                print(f"      → {finding.advice}")
    print("This machine can grade." if not bad else "Follow the arrows, then run autograder doctor again.")
    return 2 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
