"""`python -m cnncourse.experiments`: list, run and check the experiments of the chapters."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from cnncourse import experiments
from cnncourse.experiments.making import differences, make
from cnncourse.experiments.store import HOME


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 done; 1 a result is missing, damaged or not what the experiment gives; 2 wrong arguments."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.command == "list":
            return _list(options.home)
        if options.command == "check":
            return _check(options.names or experiments.names(), options.home)
        if options.workers < 1:
            raise ValueError(f"--workers is {options.workers}; expected a whole number >= 1")
        for chosen in [experiments.experiment(name) for name in options.names]:
            make(chosen, options.home, say=partial(print, flush=True), workers=options.workers, resume=options.resume)
        return 0
    except ValueError as error:
        parser.error(str(error))
    except (experiments.BadResult, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cnncourse.experiments",
        description="Small trainings over several seeds, whose stored results the chapters show.",
        epilog="Exit code: 0 done, 1 a result is missing, damaged or not what the experiment gives, 2 wrong arguments.",
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--home", type=Path, default=HOME, help="folder of the results (default: the package's)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", parents=[shared], help="all experiments, with what is stored")
    known = ", ".join(experiments.names())
    run = commands.add_parser("run", parents=[shared], help="train every arm with every seed, and store the result")
    run.add_argument("names", metavar="NAME", nargs="+", help=f"one or more of {known}")
    run.add_argument("--workers", type=int, default=1, help="trainings at the same time (default: 1)")
    run.add_argument("--resume", action="store_true", help="keep stored runs whose settings are still the same")
    check = commands.add_parser("check", parents=[shared], help="begin every arm again and compare its first losses")
    check.add_argument("names", metavar="NAME", nargs="*", help="default: all")
    return parser


def _list(home: Path) -> int:
    bad = 0
    for name in experiments.names():
        try:
            result = experiments.load(name, home=home)
            runs = sum(map(len, result.runs.values()))
            print(f"{name}: {result.about}; {len(result.arms)} arms, {runs} trainings, {result.seconds:.0f} s")
        except experiments.BadResult as error:
            bad = 1
            print(f"{name}: {error}")
    return bad


def _check(names: Sequence[str], home: Path) -> int:
    bad = 0
    for name in names:
        found = differences(experiments.experiment(name), home)
        bad |= bool(found)
        print(f"{name}: {'begins as stored' if not found else ''}{'; '.join(found)}", flush=True)
    return bad


if __name__ == "__main__":
    sys.exit(main())
