"""The fork server as the trusted process sees it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from . import cgroup, launch
from .limits import Limits, SandboxError
from .session import Session

_START_SECONDS = 120.0
_PREFIX = "notebook-jail-"


def _clear_stale() -> None:
    """Remove this user's folders of sandboxes whose process was killed before it could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        number = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            mine = folder.lstat().st_uid == os.getuid() and not folder.is_symlink()
            if mine and number.isdigit() and not cgroup.runs(int(number)):
                shutil.rmtree(folder, ignore_errors=True)


class Sandbox:
    """A fork server in a jail, warmed with torch, NumPy, matplotlib and IPython; `session()` forks a child from it in
    milliseconds. A context manager. Sessions may be open at the same time and in several threads.

    python_path: folders (copied, read-only) that go on sys.path in the jail. hide: further folders that must not be
    readable even if they lie below /usr or the interpreter's prefix. unsafe: no jail, only a separate process with
    limits. delegated: where cgroups may be made (found out by default); `kernel_limits` says what became of it, "" for
    limits by cgroup, otherwise why there are none.
    Raises SandboxError, with advice, when it cannot start.
    """

    def __init__(
        self,
        *,
        python_path: Sequence[Path] = (),
        limits: Limits | None = None,
        unsafe: bool = False,
        threads: int = 1,
        hide: Sequence[Path] = (),
        delegated: cgroup.Delegated | None = None,
    ) -> None:
        for folder in python_path:
            if not Path(folder).is_dir():
                raise ValueError(f"Sandbox: python_path holds {str(folder)!r}; expected folders that exist")
        if threads < 1:
            raise ValueError(f"Sandbox: threads={threads}; expected at least 1")
        self.limits = limits or Limits()
        self.unsafe, self.threads = unsafe, threads
        self._python_path = [Path(folder).resolve() for folder in python_path]
        self._hide = list(hide)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._folder: Path | None = None
        self._group: cgroup.Group | None = None
        self.kernel_limits = ""
        self._start(delegated)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make_group(self, delegated: cgroup.Delegated) -> str:
        if delegated.base is None:
            return delegated.reason
        try:
            self._group = cgroup.Group(delegated.base, self.limits, self.threads)
        except OSError as error:
            return f"the kernel gave no cgroup: {error}"
        return ""

    def _start(self, delegated: cgroup.Delegated | None) -> None:
        if not self.unsafe and (sys.platform != "linux" or shutil.which("bwrap") is None):
            raise SandboxError("bubblewrap (bwrap) is not installed.", "See `autograder doctor`.")
        if not hasattr(socket, "send_fds") or not hasattr(os, "fork"):
            raise SandboxError("this system cannot fork.", "On Windows, work inside WSL2.")
        _clear_stale()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._control = ours
        try:
            self.kernel_limits = self._make_group(delegated or cgroup.find())
            stage = launch.stage(self._folder, self._python_path)
            fd = theirs.fileno()
            command = launch.unjailed(stage, fd) if self.unsafe else launch.jailed(stage, fd, self._hide)
            environment = launch.environment(self.threads)
            if self.unsafe:
                (self._folder / "tmp").mkdir()
                environment |= {"HOME": str(self._folder / "tmp"), "TMPDIR": str(self._folder / "tmp")}
            with tempfile.TemporaryFile() as log:
                self._process = subprocess.Popen(
                    self._group.entering(command) if self._group else command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    cwd="/",
                    pass_fds=[fd],
                    start_new_session=True,
                )
                theirs.close()
                self._await_ready(ours, log)
        except BaseException:
            theirs.close()
            self.close()
            raise

    def _await_ready(self, control: socket.socket, log: IO[bytes]) -> None:
        control.settimeout(_START_SECONDS)
        line = b""
        with contextlib.suppress(OSError):
            while not line.endswith(b"\n"):
                part = control.recv(4096)
                if not part:
                    break
                line += part
        control.settimeout(10)
        if not line.endswith(b"\n"):
            log.seek(0)
            text = log.read()[-2000:].decode(errors="replace").strip()
            raise SandboxError(f"the jail did not start: {text or 'no message'}", "See `autograder doctor`.")
        if json.loads(line).get("threads") != 1:
            raise SandboxError("the fork server has several threads; forked children could hang.")

    def session(self, *, seed: int = 0, limits: Limits | None = None) -> Session:
        """A fresh jailed child; its global random generators start from `seed`."""
        chosen = limits or self.limits
        order = json.dumps({**chosen.for_jail(), "seed": seed}).encode()
        with self._lock:
            if self._control is None:
                raise SandboxError("the sandbox is closed.")
            ours, theirs = socket.socketpair()
            status, theirs_status = socket.socketpair()
            try:
                head = struct.pack("<I", len(order))
                socket.send_fds(self._control, [head], [theirs.fileno(), theirs_status.fileno()])
                self._control.sendall(order)
            except OSError as error:
                ours.close()
                status.close()
                raise SandboxError(f"the fork server has ended ({error}).", "Open a new Sandbox.") from error
            finally:
                theirs.close()
                theirs_status.close()
        return Session(ours, status, chosen)

    def close(self) -> None:
        """End the server and every session. May be called twice."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._group is not None:
            self._group.close()
            self._group = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
