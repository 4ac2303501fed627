"""The supervisor of one child: outside the child's namespaces, it drains output, watches memory and time, and kills.

It speaks with the trusted process over a status socket that the child never holds. Messages are `letter · length
(uint32) · payload`: from here `U` (up), `O` (output), `X` (ended, why), `F` (could not start, why); from there `O`
(send output now) and `K` (kill); the other end hanging up means kill, too.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import socket
import struct
import time
from pathlib import Path
from typing import Any

from . import confine

HEAD = struct.Struct("<cI")
_PERIOD = 0.02
_FLOOD = 64  # times output_bytes after which the child is killed
_PAGE = resource.getpagesize()
_TICKS = os.sysconf("SC_CLK_TCK")


class Stream:
    """One captured stream: the first `keep` bytes since the last report, and how many more there were."""

    def __init__(self, fd: int, keep: int) -> None:
        self.fd, self.keep, self.kept, self.lost, self.total = fd, keep, bytearray(), 0, 0
        os.set_blocking(fd, False)
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 1 << 18)

    def drain(self, rounds: int = 8) -> bool:
        """Read what is there. False at the end of the stream."""
        for _ in range(rounds):
            try:
                data = os.read(self.fd, 1 << 18)
            except BlockingIOError:
                return True
            if not data:
                return False
            room = max(0, self.keep - len(self.kept))
            self.kept += data[:room]
            self.lost += max(0, len(data) - room)
            self.total += len(data)
        return True

    def take(self) -> tuple[bytes, int]:
        kept, lost = bytes(self.kept), self.lost
        self.kept, self.lost = bytearray(), 0
        return kept, lost


def _read(path: str) -> bytes:
    """A small file of /proc, in three system calls."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 1 << 14)
    finally:
        os.close(fd)


class Usage:
    """Memory and processor time of a process and all its descendants, read from /proc."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.usable = Path("/proc/self").is_dir()
        self.base = self._memory(pid) if self.usable else 0

    def members(self) -> dict[int, list[bytes]]:
        """pid → fields of /proc/pid/stat from the state on. A child's orphans belong to it: it is their init."""
        table: dict[int, list[bytes]] = {}
        for name in os.listdir("/proc"):  # noqa: PTH208 - fifty times a second
            if name.isdigit():
                with contextlib.suppress(OSError):
                    table[int(name)] = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()
        inside = {self.pid}
        grown = True
        while grown:
            more = {pid for pid, fields in table.items() if int(fields[1]) in inside} - inside
            grown = bool(more)
            inside |= more
        return {pid: fields for pid, fields in table.items() if pid in inside}

    def cpu_seconds(self, members: dict[int, list[bytes]]) -> float:
        ticks = sum(int(fields[11]) + int(fields[12]) for fields in members.values())
        if self.pid in members:
            ticks += sum(int(field) for field in members[self.pid][13:15])
        return ticks / _TICKS

    def memory(self, members: dict[int, list[bytes]], limit: int) -> int:
        """Bytes of private and shared memory. Pages that forked processes share are counted once when it matters."""
        quick = sum(self._memory(pid) for pid in members)
        if quick - self.base <= limit:
            return quick - self.base
        exact = 0
        for pid in members:
            exact += self._proportional(pid)
        return exact

    @staticmethod
    def _memory(pid: int) -> int:
        total = 0
        with contextlib.suppress(OSError, ValueError):
            for line in _read(f"/proc/{pid}/status").splitlines():
                if line.startswith((b"RssAnon:", b"RssShmem:", b"VmSwap:")):
                    total += int(line.split()[1]) * 1024
        return total

    def _proportional(self, pid: int) -> int:
        total = 0
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines():
                if line.startswith((b"Pss_Anon:", b"Pss_Shmem:", b"SwapPss:")):
                    total += int(line.split()[1]) * 1024
        except OSError:  # hidden by the process: then it is charged in full
            return self._memory(pid)
        return total


class Supervisor:
    """Watches one child until it ends, for whatever reason, and reports that."""

    def __init__(self, pid: int, status: socket.socket, streams: list[Stream], limits: dict[str, Any]) -> None:
        self.pid, self.status, self.streams, self.limits = pid, status, streams, limits
        self.usage = Usage(pid)
        self.reason: str | None = None
        self.poll = select.poll()
        self.open = {stream.fd: stream for stream in streams}
        self.pidfd = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1  # readable when the child has ended
        for fd in [status.fileno(), *self.open, *([self.pidfd] if self.pidfd >= 0 else [])]:
            self.poll.register(fd, select.POLLIN)
        self.started = time.monotonic()

    def run(self) -> None:
        """Until the child has ended and been reported."""
        self.send(b"U", json.dumps({"pid": self.pid}).encode())
        next_look = 0.0
        while True:
            events = self.poll.poll(_PERIOD * 1000)
            for fd, _ in events:
                if fd == self.status.fileno():
                    self._command()
                elif fd in self.open and not self.open[fd].drain():
                    self.poll.unregister(fd)
                    del self.open[fd]
            if time.monotonic() >= next_look:
                self._look()
                next_look = time.monotonic() + _PERIOD
            if self.reason is not None:
                break
            ended, code = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                return self._report("exit", code)
        self._kill()
        return None

    def _command(self) -> None:
        try:
            letter = self.status.recv(1)
        except OSError:
            letter = b""
        if letter == b"O":
            self.send_output()
        else:
            self.reason = "asked"

    def _look(self) -> None:
        if any(stream.total > _FLOOD * self.limits["output_bytes"] for stream in self.streams):
            self.reason = "output"
        elif time.monotonic() - self.started > self.limits["session_seconds"]:
            self.reason = "time"
        elif self.usage.usable:
            members = self.usage.members()
            if self.usage.memory(members, self.limits["memory_bytes"]) > self.limits["memory_bytes"]:
                self.reason = "memory"
            elif self.usage.cpu_seconds(members) > self.limits["cpu_seconds"]:
                self.reason = "cpu"

    def _kill(self) -> None:
        if not self.limits["isolated"]:
            _kill_tree(self.pid, self.usage)
        os.kill(self.pid, signal.SIGKILL)
        _, code = os.waitpid(self.pid, 0)
        self._report(self.reason or "exit", code)

    def _report(self, reason: str, code: int) -> None:
        if not self.limits["isolated"]:
            _kill_orphans()
        self.send_output()
        self.send(b"X", json.dumps({"reason": reason, "code": os.waitstatus_to_exitcode(code)}).encode())

    def send_output(self) -> None:
        """What the streams held since the last time."""
        for stream in self.open.values():
            stream.drain()
        taken = [stream.take() for stream in self.streams]
        lengths = [number for kept, lost in taken for number in (len(kept), lost)]
        self.send(b"O", struct.pack("<4Q", *lengths) + taken[0][0] + taken[1][0])

    def send(self, letter: bytes, payload: bytes) -> None:
        with contextlib.suppress(OSError):
            self.status.sendall(HEAD.pack(letter, len(payload)) + payload)


def _kill_tree(pid: int, usage: Usage) -> None:
    if not usage.usable:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        return
    for member in usage.members():
        with contextlib.suppress(OSError):
            os.kill(member, signal.SIGKILL)


def _kill_orphans() -> None:
    """Without namespaces: what the child left behind was handed to this process. Kill until nothing is left."""
    for _ in range(200):
        own = Usage(os.getpid())
        if own.usable:
            for pid in set(own.members()) - {os.getpid()}:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def _become_subreaper() -> None:
    with contextlib.suppress(OSError, AttributeError):
        confine._libc().prctl(36, 1, 0, 0, 0)


def main(session: socket.socket, status: socket.socket, limits: dict[str, Any], run: Any) -> None:
    """Supervise one child that calls `run(session, limits)`. Never returns: this is a forked process of its own."""
    try:
        if limits["isolated"]:
            confine.enter_namespaces()
        else:
            _become_subreaper()
        pipes = [os.pipe(), os.pipe(), os.pipe()]
        pid = os.fork()
        if pid == 0:
            _child(session, pipes, limits, run)
        session.close()
        for _, writer in pipes:
            os.close(writer)
        _await_jail(pipes.pop()[0])
        Supervisor(pid, status, [Stream(reader, limits["output_bytes"]) for reader, _ in pipes], limits).run()
    except BaseException as error:
        with contextlib.suppress(BaseException):
            text = f"{type(error).__name__}: {error}".encode()
            status.sendall(HEAD.pack(b"F", len(text)) + text)
    os._exit(0)


def _await_jail(reader: int) -> None:
    """Until the child says that it has jailed itself. OSError with its own words when it could not."""
    with os.fdopen(reader, "rb") as file:
        words = file.read()
    if words != b"jailed":
        raise OSError(words.decode(errors="replace") or "the child ended while it was being jailed")


def _child(session: socket.socket, pipes: list[tuple[int, int]], limits: dict[str, Any], run: Any) -> None:
    try:
        nothing = os.open("/dev/null", os.O_RDONLY)
        for fd, target in ((nothing, 0), (pipes[0][1], 1), (pipes[1][1], 2)):
            os.dup2(fd, target)
        _keep_only(session.detach(), pipes[2][1])
        os.setsid()
        os.nice(5)  # what watches comes before what is watched
        if not limits["isolated"]:
            confine.limit_resources(limits)
            os.chdir(limits["scratch"])
        else:
            confine.jail(limits)
        os.write(4, b"jailed")
        os.close(4)
    except BaseException as error:
        with contextlib.suppress(BaseException):
            os.write(4, f"{type(error).__name__}: {error}".encode())
        os._exit(70)
    with contextlib.suppress(BaseException):
        run(3, limits)
    os._exit(0)


def _keep_only(session: int, ready: int) -> None:
    """The session as 3, the way to say "jailed" as 4, no other descriptor of the server or another session."""
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (session, ready)]
    os.dup2(high[0], 3, inheritable=False)
    os.dup2(high[1], 4, inheritable=False)
    os.closerange(5, 1 << 16)
