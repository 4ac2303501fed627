"""Spreads the memory over many processes, each below the limit."""
# ruff: noqa

OUTCOME = (
    "limit",
    "crash",
)

import os
import time


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    for _ in range(30):
        if os.fork() == 0:
            hoard = b"x" * (100 << 20)
            time.sleep(60)
            os._exit(len(hoard) % 7)
    time.sleep(60)
