"""`autograder slurm`: the file for --slurm, made and looked at before a cluster is asked for anything."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any, lessons: Any, database: Any) -> None:
    """Add `slurm example` and `slurm check`."""
    text = "Write or check the file for grade --slurm; needs no Slurm."
    top = commands.add_parser("slurm", help=text, description=text)
    parts = top.add_subparsers(required=True, metavar="PART")
    made = parts.add_parser("example", help="print a file with a word on every setting")
    made.set_defaults(run=example)
    made = parts.add_parser("check", help="check a file and print the job that would be submitted")
    made.add_argument("file", type=Path, metavar="FILE")
    made.set_defaults(run=check)


def example(a: argparse.Namespace) -> int:
    """`autograder slurm example`."""
    from autograder.slurm_config import EXAMPLE

    print(EXAMPLE, end="")
    return 0


def check(a: argparse.Namespace) -> int:
    """`autograder slurm check FILE`."""
    import tempfile

    from autograder.slurm_cluster import job_script
    from autograder.slurm_config import read

    config = read(a.file)
    with tempfile.TemporaryDirectory() as folder:
        print(job_script(config, Path(folder)))
    workers = config.jobs * (config.processes or config.cores)
    print(f"# {a.file} is in order: {config.jobs} such jobs, {workers} workers. Certificates are made for each run.")
    return 0
