"""The file for `--slurm`: how many jobs of which size, checked line by line before anything is submitted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from autograder.errors import AutograderError

EXAMPLE = """\
# For: autograder grade LESSON --submitted DIR --out OUT --slurm slurm.yml
# Look at the job that would be submitted: autograder slurm check slurm.yml

jobs: 2                  # Slurm jobs, each with the workers below
cores: 4                 # of each job; a worker needs one
memory: 8GB              # of each job; a worker needs about 1.5 GB
walltime: "01:00:00"     # after it Slurm ends the job; what is graded is kept. Quotes, or YAML reads a number
wait_minutes: 30         # how long the first worker may be in the queue

# processes: 4           # workers of each job (default: one for each core)
# partition: short       # sbatch --partition
# account: cs-teaching   # sbatch --account
# interface: ib0         # network interface that jobs reach this machine by
# python: /shared/course/bin/python   # with the same cnncourse-autograder as here (default: this interpreter)
# local_directory: /tmp  # Dask's scratch on the node
# log_directory: logs    # where Slurm's output goes
# prologue:              # lines of the job script before the worker starts
#   - module load bubblewrap
# extra:                 # further lines #SBATCH
#   - --constraint=avx2
"""

_MEMORY = re.compile(r"\d+(\.\d+)?\s*(MB|GB|TB|MiB|GiB|TiB)\Z")
_WALLTIME = re.compile(r"(\d+-)?\d{1,2}:\d\d:\d\d\Z")
_PLAIN = re.compile(r"[^\s;|&<>`$'\"\\]+\Z")  # stands in a shell script of ours


@dataclass(frozen=True)
class SlurmConfig:
    """What the file says; None: Slurm's or Dask's own default."""

    jobs: int
    cores: int
    memory: str
    walltime: str
    wait_minutes: float = 30.0
    processes: int | None = None
    partition: str | None = None
    account: str | None = None
    interface: str | None = None
    python: str | None = None
    local_directory: str | None = None
    log_directory: str | None = None
    prologue: tuple[str, ...] = field(default=())
    extra: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Rule:
    expected: str
    accepts: Callable[[Any], bool]
    needed: bool = False


def _count(value: Any) -> bool:
    return type(value) is int and 1 <= value <= 10_000


def _word(value: Any) -> bool:
    return isinstance(value, str) and bool(_PLAIN.match(value))


def _lines(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) and line and "\n" not in line for line in value)


_PLAIN_TEXT = _Rule("a word or path without spaces, quotes and signs of the shell", _word)
RULES: dict[str, _Rule] = {
    "jobs": _Rule("a whole number from 1", _count, needed=True),
    "cores": _Rule("a whole number from 1", _count, needed=True),
    "memory": _Rule("a size like 8GB", lambda v: isinstance(v, str) and bool(_MEMORY.match(v)), needed=True),
    "walltime": _Rule(
        'a time in quotes like "01:00:00"', lambda v: isinstance(v, str) and bool(_WALLTIME.match(v)), needed=True
    ),
    "wait_minutes": _Rule("a number of minutes above 0", lambda v: type(v) in (int, float) and 0 < v < 1e5),
    "processes": _Rule("a whole number from 1, at most cores", _count),
    **dict.fromkeys(("partition", "account", "interface", "python", "local_directory", "log_directory"), _PLAIN_TEXT),
    "prologue": _Rule("a list of lines of a shell script", _lines),
    "extra": _Rule(
        "a list of options of sbatch, each with -- before it",
        lambda v: _lines(v) and all(line.startswith("--") for line in v),
    ),
}


def read(path: Path) -> SlurmConfig:
    """The file's settings. Raises AutograderError with every mistake in it and its line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AutograderError(f"--slurm {path}: {error}", "make one: autograder slurm example > slurm.yml") from error
    try:
        entries = _entries(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "cannot be read"
        raise AutograderError(
            f"{path}{where}: this is no YAML ({problem})", "write `name: value`, one a line"
        ) from error
    mistakes = list(_mistakes(entries))
    if mistakes:
        lines = "\n  ".join(f"line {line}: {text}" if line else text for line, text in sorted(mistakes))
        raise AutograderError(f"{path} cannot be used:\n  {lines}", "compare with: autograder slurm example")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, (value, _) in entries.items()
    }
    return SlurmConfig(**values)


def _entries(text: str) -> dict[str, tuple[Any, int]]:
    """{name: (value, line)}; yaml.YAMLError when the file is not one mapping with every name once."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode):
        mark = node.start_mark if node is not None else None
        raise yaml.MarkedYAMLError(problem="expected lines `name: value`", problem_mark=mark)
    loader = yaml.SafeLoader("")
    found: dict[str, tuple[Any, int]] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in found:
            raise yaml.MarkedYAMLError(problem=f"{name} stands there twice", problem_mark=key.start_mark)
        found[name] = (loader.construct_object(value, deep=True), key.start_mark.line + 1)
    return found


def _mistakes(entries: dict[str, tuple[Any, int]]) -> list[tuple[int, str]]:
    found = []
    for name, (value, line) in entries.items():
        rule = RULES.get(name)
        if rule is None:
            found.append((line, f"{name!r} is no setting; expected one of {', '.join(RULES)}"))
        elif not rule.accepts(value):
            found.append((line, f"{name} is {value!r}; expected {rule.expected}"))
    found += [
        (0, f"{name} is missing; expected {r.expected}")
        for name, r in RULES.items()
        if r.needed and name not in entries
    ]
    cores, processes = entries.get("cores", (None, 0))[0], entries.get("processes", (None, 0))
    if _count(cores) and _count(processes[0]) and processes[0] > cores:
        found.append((processes[1], f"processes is {processes[0]}; expected at most cores ({cores})"))
    return found
