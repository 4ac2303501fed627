"""The fork server: imports everything once, then forks a supervisor and its child for every session asked for."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LENGTH = struct.Struct("<I")


def warm() -> dict[str, Any]:
    """Import what notebooks use and build one IPython shell. Nothing here may start a thread: forks follow."""
    started = time.monotonic()
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    from . import runner

    runner.prepare()
    gc.collect()
    gc.freeze()
    return {
        "seconds": round(time.monotonic() - started, 3),
        "torch": torch.__version__,
        "python": sys.version.split()[0],
    }


def _threads() -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208
    return 1


def _receive(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """One order: (limits, [session fd, status fd]); None when the trusted process has hung up."""
    data, fds, _, _ = socket.recv_fds(control, LENGTH.size, 2)
    if len(data) < LENGTH.size or len(fds) != 2:
        return None
    wanted = LENGTH.unpack(data)[0]
    text = b""
    while len(text) < wanted:
        part = control.recv(wanted - len(text))
        if not part:
            return None
        text += part
    return json.loads(text), fds


def _open(control: socket.socket, order: dict[str, Any], fds: list[int], isolated: bool) -> None:
    from . import runner, supervise

    session, status = (socket.socket(fileno=fd) for fd in fds)
    limits = {**order, "isolated": isolated}
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        if not isolated:
            limits["scratch"] = tempfile.mkdtemp(prefix="scratch-")
        supervise.main(session, status, limits, runner.run)
    session.close()
    status.close()


def serve(control: socket.socket, isolated: bool) -> None:
    """Until the trusted process hangs up. When this process ends, so does its pid namespace with everything in it."""
    control.sendall(json.dumps({"ready": True, "threads": _threads()}).encode() + b"\n")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors that have ended are reaped by the kernel
    poll = select.poll()
    poll.register(control.fileno(), select.POLLIN)
    while True:
        if poll.poll():
            order = _receive(control)
            if order is None:
                return
            _open(control, *order, isolated=isolated)


def main(fd: int, paths: list[str], isolated: bool) -> None:
    """Entry of the server process; `paths` go on sys.path, the notebook's folder last."""
    control = socket.socket(fileno=fd)
    sys.path[:] = [*paths, *sys.path, ""]
    home = Path(tempfile.gettempdir())
    for name, folder in (("HOME", home), ("MPLCONFIGDIR", home / "matplotlib"), ("IPYTHONDIR", home / "ipython")):
        folder.mkdir(parents=True, exist_ok=True)
        os.environ[name] = str(folder)
    warm()
    serve(control, isolated)
    os._exit(0)
