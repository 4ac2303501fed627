"""Hides memory where no process is charged for it: shared anonymous pages, memfd, System V, pipes."""
# ruff: noqa

OUTCOME = ("wrong",)

import mmap
import os

try:
    mmap.mmap(-1, 1 << 30)
    print("LEAK shared anonymous memory")
except OSError:
    pass
try:
    os.memfd_create("hoard")
    print("LEAK memfd")
except OSError:
    pass
if os.path.exists("/dev/zero"):
    print("LEAK /dev/zero")
pipes = []
try:
    while len(pipes) < 4096:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        pipes.append(os.write(writer, b"x" * (1 << 20)))
except OSError:
    pass
if sum(pipes) > 256 << 20:
    print("LEAK pipes")


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return 0
