"""Limits by cgroup v2: what is written where, with a folder in the kernel's place; the real thing where it is there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from autograder.sandbox import Limits, Sandbox, cgroup

LIMITS = Limits(memory_bytes=100 << 20, processes=10)


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    """A folder that looks like a delegated cgroup `user/scope` with this process in it."""
    scope = tmp_path / "user" / "scope"
    scope.mkdir(parents=True)
    for folder in (tmp_path, scope):
        (folder / "cgroup.controllers").write_text("cpuset cpu memory pids\n")
        (folder / "cgroup.subtree_control").write_text("\n")
        (folder / "cgroup.procs").write_text("")
    (scope / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (tmp_path / "own").write_text("1:name=systemd:/x\n0::/user/scope\n")
    return tmp_path


def find(mount: Path) -> cgroup.Delegated:
    return cgroup.find(mount, mount / "own")


def test_the_limits_are_written_and_the_group_is_removed(mount: Path) -> None:
    base = find(mount).base
    assert base == mount / "user" / "scope"
    group = cgroup.Group(base, LIMITS, threads=2)
    assert (base / "cgroup.subtree_control").read_text().split() == ["+memory", "+pids", "+cpu"]
    assert (base / "grader" / "cgroup.procs").read_text() == f"{os.getpid()}\n"
    wrote = {file.name: file.read_text().strip() for file in group.path.iterdir()}
    assert wrote == {
        "memory.max": str((200 << 20) + (1 << 30)),
        "memory.swap.max": "0",
        "pids.max": "84",
        "cpu.max": "300000 100000",
    }
    for file in group.path.iterdir():
        file.unlink()  # the kernel's files go with their folder; these do not
    group.close()
    group.close()
    assert not group.path.exists()


def test_what_a_killed_grader_left_is_cleared_by_the_next(mount: Path) -> None:
    scope = mount / "user" / "scope"
    with subprocess.Popen(["/bin/true"]) as ended:
        pass
    gone = [scope / f"jail-{pid}-{n}" for pid, n in ((ended.pid, 0), (ended.pid, 1), (2**22 + 1, 0), (10**30, 0))]
    kept = [scope / name for name in (f"jail-{os.getpid()}-99", "jail-1-0", "jail-x-0", "jail-", "other", "grader")]
    unseen, busy = scope / f"jail-{ended.pid}-2", scope / f"jail-{ended.pid}-3"
    for folder in (*gone, *kept, unseen, busy):
        folder.mkdir()
    (unseen / "cgroup.procs").write_text("0\n")  # of a process in another namespace
    (busy / "cgroup.procs").write_text("77\n")  # the kernel would end it and empty the folder
    group = cgroup.Group(scope, LIMITS, 1)
    assert [folder for folder in gone if folder.exists()] == []
    assert [folder for folder in (*kept, unseen, group.path) if not folder.is_dir()] == []
    assert (busy / "cgroup.kill").read_text() == "1\n"
    assert not (unseen / "cgroup.kill").exists()


def test_a_process_in_the_leaf_finds_the_group_above(mount: Path) -> None:
    (mount / "user/scope/grader").mkdir()
    (mount / "own").write_text("0::/user/scope/grader\n")
    assert find(mount).base == mount / "user" / "scope"


def test_controllers_that_are_there_already_move_nobody(mount: Path) -> None:
    scope = mount / "user" / "scope"
    (scope / "cgroup.subtree_control").write_text("cpu memory pids\n")
    cgroup.Group(scope, LIMITS, 1)
    assert not (scope / "grader").exists()


def test_other_programs_are_never_moved(mount: Path) -> None:
    scope = mount / "user" / "scope"
    (scope / "cgroup.procs").write_text(f"{os.getpid()}\n1\n")
    with pytest.raises(OSError, match="other programs"):
        cgroup.Group(scope, LIMITS, 1)
    assert not (scope / "grader" / "cgroup.procs").exists()
    assert (scope / "cgroup.subtree_control").read_text() == "\n"


def test_the_family_is_this_process_and_what_it_started() -> None:
    found = cgroup.family()
    assert os.getpid() in found
    assert 1 not in found


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (lambda m: (m / "cgroup.controllers").unlink(), "no cgroup v2"),
        (lambda m: (m / "own").write_text("4:memory:/x\n"), "in no cgroup"),
        (lambda m: (m / "own").write_text("0::/elsewhere\n"), "not delegated"),
        (lambda m: (m / "user/scope/cgroup.controllers").write_text("cpu pids\n"), "lacks memory"),
    ],
)
def test_why_there_is_none_is_said(mount: Path, broken: object, reason: str) -> None:
    broken(mount)  # type: ignore[operator]
    found = find(mount)
    assert found.base is None
    assert reason in found.reason


@pytest.mark.sandbox
def test_a_server_enters_before_it_starts_anything(mount: Path, needs_jail: None) -> None:
    with Sandbox(delegated=find(mount)) as sandbox:
        assert sandbox.kernel_limits == ""
        assert sandbox._group is not None
        assert sandbox._process is not None
        path = sandbox._group.path
        assert (path / "cgroup.procs").read_text().split() == [str(sandbox._process.pid)]
        with sandbox.session() as session:
            assert session.run_cell("print(1)").stdout == "1\n"
        for file in path.iterdir():
            file.unlink()
    assert not path.exists()


@pytest.mark.sandbox
def test_without_cgroups_the_jail_works_and_says_why(mount: Path, needs_jail: None) -> None:
    (mount / "user/scope/cgroup.procs").write_text("1\n")
    with Sandbox(delegated=find(mount)) as sandbox, sandbox.session() as session:
        assert "other programs" in sandbox.kernel_limits
        assert session.run_cell("print(1)").stdout == "1\n"


@pytest.mark.sandbox
def test_the_kernel_obeys(needs_jail: None) -> None:
    """On a machine with a delegated cgroup: the server's processes are in the group, and their number is bounded."""
    found = cgroup.find()
    if found.base is None:
        pytest.skip(f"limits by cgroup cannot be tried here: {found.reason}")
    with Sandbox(limits=LIMITS) as sandbox:
        if sandbox.kernel_limits:
            pytest.skip(f"limits by cgroup cannot be tried here: {sandbox.kernel_limits}")
        assert sandbox._group is not None
        path = sandbox._group.path
        with sandbox.session() as session:
            assert session.run_cell("print(1)").ok
            assert len((path / "cgroup.procs").read_text().split()) >= 3
            assert (path / "pids.max").read_text().strip() == "84"
            assert int((path / "memory.current").read_text()) > 0
    assert not path.exists()
