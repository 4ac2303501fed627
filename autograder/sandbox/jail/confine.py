"""Namespaces, mounts, capabilities and limits of one child: what is taken away before student code runs."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from pathlib import Path
from typing import Any

from . import seccomp

_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
_CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_SLAVE = 1, 2, 4, 8, 0x4000, 0x80000
_PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP, _PR_CAP_AMBIENT = 38, 24, 47
_SYS_MOUNT_SETATTR, _AT_RECURSIVE, _AT_FDCWD = 442, 0x8000, -100
SCRATCH = "/tmp/work"


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def enter_namespaces() -> None:
    """New user, pid, network, IPC and host name namespaces; this process's *children* live in the pid namespace."""
    uid, gid = os.getuid(), os.getgid()
    flags = _CLONE_NEWUSER | _CLONE_NEWPID | _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS
    _check(_libc().unshare(flags), "new namespaces")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        fd = os.open(f"/proc/self/{name}", os.O_WRONLY)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    encoded = [None if part is None else part.encode() for part in (source, target, kind)]
    _check(_libc().mount(*encoded, ctypes.c_ulong(flags), options and options.encode()), f"mount {target}")


class _MountAttr(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns"))


def private_mounts(scratch_bytes: int, files: int) -> None:
    """Everything read-only, /proc covered, and a scratch of its own under /tmp that ends with the process."""
    _check(_libc().unshare(_CLONE_NEWNS), "new mount namespace")
    _mount("none", "/", None, _MS_REC | _MS_SLAVE)
    attributes = _MountAttr(_MS_RDONLY | _MS_NOSUID, 0, 0, 0)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    call = (ctypes.c_long(_SYS_MOUNT_SETATTR), ctypes.c_int(_AT_FDCWD), b"/", ctypes.c_uint(_AT_RECURSIVE))
    _check(_libc().syscall(*call, ctypes.byref(attributes), size), "mount everything read-only")
    flags = _MS_NOSUID | _MS_NODEV
    _mount("tmpfs", "/proc", "tmpfs", flags | _MS_NOEXEC | _MS_RDONLY, "size=4k,nr_inodes=2,mode=0555")
    _mount("tmpfs", "/tmp", "tmpfs", flags, f"size={scratch_bytes},nr_inodes={files},mode=0700")
    for folder in (SCRATCH, "/tmp/shm"):
        Path(folder).mkdir(mode=0o700)
    os.chdir(SCRATCH)


class _CapHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapData(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable"))


def drop_capabilities() -> None:
    """No capability, none to be had again, no new privileges by exec."""
    libc = _libc()
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    for capability in range(64):
        if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    libc.prctl(_PR_CAP_AMBIENT, 4, 0, 0, 0)
    header = _CapHeader(0x20080522, 0)
    data = (_CapData * 2)()
    _check(libc.capset(ctypes.byref(header), ctypes.byref(data)), "drop capabilities")


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))


def limit_resources(limits: dict[str, Any]) -> None:
    """rlimits of the child. Memory is watched from outside, too; here one huge allocation becomes a MemoryError."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, limits["file_bytes"])
    _limit(resource.RLIMIT_NOFILE, limits["files"])
    _limit(resource.RLIMIT_NPROC, limits["processes"] + (0 if limits["isolated"] else _tasks()))
    _limit(resource.RLIMIT_AS, _mapped_bytes() + limits["memory_bytes"] + (2 << 30))
    _limit(resource.RLIMIT_MEMLOCK, 1 << 20)
    for name in ("RLIMIT_MSGQUEUE", "RLIMIT_RTPRIO"):
        if hasattr(resource, name):
            _limit(getattr(resource, name), 0)


def _tasks() -> int:
    """Threads of this user on the whole machine: without namespaces the limit counts them all."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            total += len(list((entry / "task").iterdir())) if entry.stat().st_uid == os.getuid() else 0
    return total


def _mapped_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 8 << 30


def jail(limits: dict[str, Any]) -> None:
    """Everything of this file that a child does to itself; the namespaces of `enter_namespaces` are there already."""
    limit_resources(limits)
    private_mounts(limits["scratch_bytes"], limits["scratch_files"])
    drop_capabilities()
    seccomp.install()
