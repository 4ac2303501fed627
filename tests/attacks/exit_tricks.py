"""Leaves code for the end of the process: atexit, __del__, thread shutdown, a flood of exceptions."""
# ruff: noqa

OUTCOME = (
    "error",
    "crash",
)

import atexit
import os
import sys
import threading


class Last:
    def __del__(self):
        os.system("sleep 1000 &")


keep = Last()
for _ in range(100):
    atexit.register(lambda: os.fork())
threading._register_atexit(lambda: os.fork()) if hasattr(threading, "_register_atexit") else None
sys.unraisablehook = lambda *a: os.fork()


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    raise SystemExit(0)
