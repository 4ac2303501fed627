"""One fork server for all tests of the sandbox; skipped, with the reason, where student code cannot be jailed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.sandbox import Limits, Sandbox, SandboxError

LIMITS = Limits(cell_seconds=5, call_seconds=3, memory_bytes=600 << 20, output_bytes=64 << 10)


def processes(root: int) -> set[int]:
    """Every process that descends from `root`, also those that left its session and group."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    inside, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in inside} - inside
        inside, grown = inside | more, bool(more)
    return inside


def settled(root: int, expected: set[int], seconds: float = 5.0) -> set[int]:
    """What still descends from `root` beyond `expected`, once that is nothing or the patience is used up."""
    until = time.monotonic() + seconds
    while (left := processes(root) - expected) and time.monotonic() < until:
        time.sleep(0.02)
    return left


def server_pid(sandbox: Sandbox) -> int:
    assert sandbox._process is not None
    return sandbox._process.pid


@pytest.fixture(scope="session")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A secret in the trusted process's environment and in a file, which no student may ever see."""
    text = "planted-secret-4711"
    folder = tmp_path_factory.mktemp("host")
    (folder / "planted-secret.txt").write_text(text)
    (folder / "gradebook.db").write_text(text)
    os.environ["PLANTED_SECRET"] = text
    yield text
    del os.environ["PLANTED_SECRET"]


@pytest.fixture(scope="session")
def sandbox(secret: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One server for everything; a machine that cannot jail skips, and says why."""
    course = tmp_path_factory.mktemp("course")
    (course / "only_here.py").write_text("value = 7\n")
    try:
        opened = Sandbox(python_path=[course], limits=LIMITS)
    except SandboxError as error:
        pytest.skip(f"no jail here: {error}")
    with opened:
        yield opened


@pytest.fixture(scope="session")
def needs_jail(sandbox: Sandbox) -> None:
    """For tests that open a sandbox of their own."""
