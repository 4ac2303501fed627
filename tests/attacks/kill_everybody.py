"""Sends SIGKILL to everybody, to its parent, to low process numbers and to process groups."""
# ruff: noqa

OUTCOME = ("wrong",)

import os
import signal

for pid in (-1, 0, os.getppid(), *range(2, 400)):
    if pid in (0, os.getpid()):
        continue
    try:
        os.kill(pid, signal.SIGKILL)
        print("LEAK killed", pid) if pid != -1 else None
    except OSError:
        pass


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return os.getpid()
