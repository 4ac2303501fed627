"""Around a session: who it runs as, what it inherits, what is left when anybody dies, how the probe explains."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import processes, server_pid, settled

from autograder.sandbox import CallFailed, Limits, Sandbox, SandboxError, launch, probe
from autograder.sandbox import sandbox as sandbox_module
from autograder.sandbox.probe import advice

jailed = pytest.mark.sandbox
ROOT = Path(__file__).parents[2]

LOOK = """
import ctypes, os
descriptors = []
for fd in range(1024):
    try:
        os.fstat(fd); descriptors.append(fd)
    except OSError: pass
def writable(path):
    try:
        open(path + "/probe", "w"); return True
    except OSError: return False
libc = ctypes.CDLL(None)
print(dict(
    uid=os.getuid(), pid=os.getpid(), parent=os.getppid(), descriptors=descriptors, home=os.environ["HOME"],
    bounding=[c for c in range(41) if libc.prctl(23, c, 0, 0, 0) == 1], no_new_privileges=libc.prctl(39, 0, 0, 0, 0),
    seccomp=libc.prctl(21, 0, 0, 0, 0), proc=os.listdir("/proc"), dev=sorted(os.listdir("/dev")),
    root=sorted(os.listdir("/")),
    writable=[p for p in ("/", "/usr", "/opt", "/opt/course/0", "/opt/sandbox", "/etc", "/dev", "/tmp") if writable(p)],
))
"""


@jailed
def test_what_a_child_is_and_sees(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        cell = session.run_cell(LOOK)
        assert cell.ok, cell.error
        seen = eval(cell.stdout)  # our own words, printed by our own code
    assert seen["uid"] == 65534
    assert (seen["pid"], seen["parent"]) == (1, 0)
    assert seen["descriptors"] == [0, 1, 2, 3]
    assert seen["bounding"] == []
    assert (seen["no_new_privileges"], seen["seccomp"]) == (1, 2)
    assert seen["proc"] == []
    assert seen["dev"] == ["full", "null", "random", "shm", "urandom"]
    assert seen["writable"] == ["/tmp"]
    assert not {"work", "home", "var", "run", "sys", "mnt", "boot"} & set(seen["root"])


def test_the_course_as_installed_is_always_withheld(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    for name in ("autograder/hidden", "cnncourse/checks", "torch", "cnncourse_autograder-0.1.0.dist-info"):
        (site / name).mkdir(parents=True)
    (site / "__editable___cnncourse_finder.py").write_text("")
    monkeypatch.setattr(launch, "site_folders", lambda: [site])
    mounts = launch.Mounts()
    mounts.bind(site, "/opt/site/0")
    for path in launch.withheld_paths([tmp_path / "elsewhere"]):
        mounts.hide(path)
    said = " ".join(mounts.arguments)
    for hidden in (
        "autograder",
        "cnncourse",
        "cnncourse_autograder-0.1.0.dist-info",
        "__editable___cnncourse_finder.py",
    ):
        assert f" /opt/site/0/{hidden}" in said
    assert "torch" not in said
    assert ROOT in launch.withheld_paths([])


@jailed
def test_sessions_in_many_threads_do_not_mix(sandbox: Sandbox) -> None:
    before = processes(server_pid(sandbox))

    def one(number: int) -> int:
        with sandbox.session() as session:
            session.run_cell(f"import time\ndef f(x):\n    time.sleep(0.05); return x + {number}")
            return int(session.call("f", [1000], seconds=20))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(12))) == [1000 + number for number in range(12)]
    assert not settled(server_pid(sandbox), before)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@jailed
def test_a_thousand_sessions_would_leave_no_descriptor(sandbox: Sandbox) -> None:
    gc.collect()
    before = descriptors()
    for _ in range(10):
        with sandbox.session() as session:
            session.run_cell("import os\nos._exit(1)")
    assert descriptors() == before


def gone(family: set[int], seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while (left := [pid for pid in family if Path(f"/proc/{pid}").exists()]) and time.monotonic() < until:
        time.sleep(0.02)
    return not left


@jailed
def test_a_whole_life(needs_jail: None) -> None:
    """Opened by a thread that ends, a package withheld as the course's own are; closed with a session still open."""
    import nbformat

    opened: list[Sandbox] = []
    thread = threading.Thread(target=lambda: opened.append(Sandbox(hide=[Path(nbformat.__file__).parent])))
    thread.start()
    thread.join()
    sandbox = opened[0]
    folder, root = sandbox._folder, server_pid(sandbox)
    session = sandbox.session()
    assert session.run_cell("import subprocess\nsleeper = subprocess.Popen(['sleep', '1000'])").ok
    assert "ImportError" in str(session.run_cell("from nbformat import v4").error)
    family = processes(root)
    assert len(family) >= 5  # bubblewrap, server, supervisor, child, sleep
    sandbox.close()
    sandbox.close()
    assert gone(family)
    assert folder is not None
    assert not folder.exists()
    assert session.run_cell("1").flags == ("crash",)
    with pytest.raises(SandboxError, match="closed"):
        sandbox.session()


@jailed
def test_a_killed_server_is_an_error_not_a_verdict(needs_jail: None) -> None:
    with Sandbox() as sandbox:
        for pid in processes(server_pid(sandbox)) - {server_pid(sandbox)}:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
        with pytest.raises(SandboxError):
            sandbox.session()


KILLED = """
import sys, time
from autograder.sandbox import Sandbox
sandbox = Sandbox()
session = sandbox.session()
session.run_cell("import subprocess\\nsubprocess.Popen('setsid sleep 1000 &', shell=True)")
print(sandbox._process.pid, flush=True)
session._ask("cell", {"source": "while True: pass"}, 60, session._cell_bounds)
"""


@jailed
def test_nothing_outlives_a_killed_grader(needs_jail: None) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment
    ) as grader:
        assert grader.stdout is not None
        root = int(grader.stdout.readline())
        family = processes(root)
        assert len(family) >= 5
        grader.send_signal(signal.SIGKILL)
    assert gone(family)
    sandbox_module._clear_stale()
    assert not list(Path(sandbox_module.tempfile.gettempdir()).glob(f"notebook-jail-{grader.pid}-*"))


ORDINARY = """
import os
from autograder.sandbox import Sandbox, CallFailed
assert os.getuid() == 12345
with Sandbox() as sandbox:
    with sandbox.session() as session:
        assert session.run_cell("import os\\ndef f(x): return x @ x, os.getuid(), os.getpid()").ok
        import torch
        y, uid, pid = session.call("f", [torch.eye(2)])
        assert torch.equal(y, torch.eye(2)) and uid == 65534 and pid == 1
    with sandbox.session() as session:
        cell = session.run_cell("x = b'1' * (3 << 30)\\nwhile True: pass")
        assert cell.limit == "memory" or "MemoryError" in cell.error
print("fine")
"""


@jailed
@pytest.mark.slow
def test_an_ordinary_user_can_jail_too(needs_jail: None, tmp_path: Path) -> None:
    """Under root: a user without any right is made for the test, for whom the interpreter's folders are readable."""
    if os.getuid() != 0:
        pytest.skip("all other tests run as an ordinary user already")
    prefix = launch.interpreter().parent.parent
    mounts = launch.Mounts()
    mounts.arguments += ["--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev", "--bind", "/proc", "/proc"]
    mounts.arguments += ["--perms", "0755", "--tmpfs", "/root", "--perms", "1777", "--tmpfs", "/tmp"]
    mounts.made |= {"/", *(str(part) for part in ROOT.parents), "/usr"}
    mounts.bind(prefix)
    mounts.bind(ROOT)
    user = [
        "setpriv",
        "--reuid",
        "12345",
        "--regid",
        "12345",
        "--clear-groups",
        "--bounding-set=-all",
        "--inh-caps=-all",
    ]
    environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "HOME": "/tmp"}
    command = ["bwrap", *mounts.arguments, "--chdir", str(ROOT), *user, sys.executable, "-c", ORDINARY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment, check=False)
    assert done.stdout == "fine\n", done.stderr


# ---------------------------------------------------------------- without a jail


def test_unsafe_runs_and_still_kills_what_is_left() -> None:
    os.environ["ANOTHER_SECRET"] = "planted"
    try:
        with Sandbox(unsafe=True, limits=Limits(call_seconds=1)) as sandbox:
            before = processes(server_pid(sandbox))
            with sandbox.session() as session:
                cell = session.run_cell("import os, subprocess\nprint('ANOTHER_SECRET' in os.environ, os.getcwd())")
                assert cell.stdout.startswith("False ")
                session.run_cell("subprocess.Popen('setsid sleep 1000 & setsid sleep 1000 &', shell=True)")
                session.run_cell("def f():\n    while True: pass\ndef g(x): return x")
                assert session.call("g", [(1, "a")]) == (1, "a")
                with pytest.raises(CallFailed) as caught:
                    session.call("f")
                assert caught.value.kind == "limit"
            assert not settled(server_pid(sandbox), before)
    finally:
        del os.environ["ANOTHER_SECRET"]


def test_a_jail_that_does_not_start_is_an_error_with_advice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho bwrap: setting up uid map: Permission denied >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    found = probe()
    assert not found.ok
    assert "uid map: Permission denied" in found.reason
    assert found.advice
    assert not list(Path(sandbox_module.tempfile.gettempdir()).glob(f"notebook-jail-{os.getpid()}-*/etc/none"))


def test_the_probe_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "apt-get install bubblewrap" in probe().advice
    with pytest.raises(SandboxError, match="not installed"):
        Sandbox()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "virtual machine" in probe().advice
    assert "WSL2" in probe().advice


def test_advice_knows_apparmor_containers_and_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["autograder.sandbox.probe"]
    monkeypatch.setattr(module, "_read", lambda path: "1" if "apparmor" in path else "0")
    monkeypatch.setattr(Path, "exists", lambda self: True)
    text = advice()
    assert "AppArmor" in text
    assert "seccomp=unconfined" in text
    assert "max_user_namespaces" in text


def test_arguments_of_a_sandbox_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="folders that exist"):
        Sandbox(python_path=[tmp_path / "absent"])
    with pytest.raises(ValueError, match="threads=0"):
        Sandbox(threads=0)


@jailed
def test_this_machine_can_jail(needs_jail: None) -> None:
    assert "runs in a jail" in probe().reason
