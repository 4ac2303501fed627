"""Asks the kernel directly: ptrace, namespaces, mounts, bpf, keys, io_uring, handles, another personality."""
# ruff: noqa

OUTCOME = ("wrong",)

import ctypes
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)
numbers = {
    "x86_64": (101, 310, 311, 272, 308, 165, 166, 155, 161, 321, 298, 323, 250, 425, 304, 435, 438, 442, 246, 175, 319),
    "aarch64": (117, 270, 271, 97, 268, 40, 39, 41, 51, 280, 241, 282, 219, 425, 265, 435, 438, 442, 104, 105, 279),
}[platform.machine()]
for number in (*numbers, *range(457, 480)):
    if libc.syscall(ctypes.c_long(number), 0, 0, 0, 0, 0, 0) >= 0:
        print("LEAK system call", number)
for flag in (0x10000000, 0x20000000, 0x00020000, 0x40000000):
    if libc.unshare(flag) == 0:
        print("LEAK unshare", hex(flag))
if libc.mount(b"proc", b"/tmp/work", b"proc", 0, None) == 0 or libc.umount2(b"/proc", 2) == 0:
    print("LEAK mount")
if libc.setuid(0) == 0 or os.getuid() == 0 or libc.setgroups(0, None) == 0:
    print("LEAK root")
if libc.prctl(27, 0, 0, 0, 0) not in (0, -1) or libc.prctl(39, 0, 0, 0, 0) != 1:
    print("LEAK privileges")


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return libc.getuid()
