"""`autograder doctor`: is this machine fit to grade, and what to do where it is not."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from autograder.errors import AutograderError
from autograder.lessons import lesson_names, lessons_folder, load_source

PACKAGES = ("cnncourse", "nbgrader", "nbconvert", "sqlalchemy", "torch", "ipython")


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis; `needed` things decide the exit code."""

    ok: bool
    what: str
    advice: str = ""
    needed: bool = True


def examine(lessons: Path | None = None) -> Iterator[Finding]:
    """Look at the jail, the packages, the lessons and the machine, in the order in which they matter."""
    yield from _jail()
    for name in PACKAGES:
        yield _package(name)
    yield _alembic()
    yield from _lessons(lessons)
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield Finding(free > 1, f"{free:.0f} GB free on this disk", "make room: a class needs about 1 MB a student", False)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding(True, f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {cores} cores")


def _jail() -> Iterator[Finding]:
    from autograder.sandbox import probe
    from autograder.sandbox.cgroup import advice

    found = probe()
    yield Finding(found.ok, f"jail: {found.reason or 'student code can be jailed here'}", found.advice)
    if found.ok and found.kernel_limits:
        what = f"limits: by rlimits and a supervisor; not by cgroup as well ({found.kernel_limits})"
        yield Finding(True, what)
        if "no cgroup v2" not in found.kernel_limits:
            yield Finding(False, "limits by cgroup are possible here, and not used", advice(), needed=False)
    elif found.ok:
        yield Finding(True, "limits: by cgroup (memory.max, pids.max, cpu.max), rlimits and a supervisor")


def _package(name: str) -> Finding:
    try:
        return Finding(True, f"{name} {metadata.version(name)}")
    except metadata.PackageNotFoundError:
        return Finding(
            False, f"{name} is not installed", "pip install -e . -e ./autograder in your clone of the course"
        )


def _alembic() -> Finding:
    """nbgrader calls the program `alembic` when it makes a gradebook."""
    found = shutil.which("alembic")
    advice = "put the environment's bin folder on PATH (activate it)"
    return Finding(found is not None, "alembic is on PATH" if found else "alembic is not on PATH", advice, needed=False)


def _lessons(lessons: Path | None) -> Iterator[Finding]:
    try:
        folder = lessons_folder(lessons)
    except AutograderError as error:
        yield Finding(False, str(error), error.fix)
        return
    names = lesson_names(folder)
    if not names:
        yield Finding(
            False, f"no lessons in {folder}", "a lesson is a folder NN_name with a notebook NN_name.ipynb in it"
        )
    for name in names:
        try:
            source = load_source(name, lessons)
            exercises = len(list(source.test_cells()))
            yield Finding(True, f"lesson {name}, version {source.version or '?'}, {exercises} exercises")
        except AutograderError as error:
            yield Finding(False, str(error), error.fix)
