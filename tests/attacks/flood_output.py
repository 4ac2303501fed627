"""Prints without end, to both streams, from several processes."""
# ruff: noqa

OUTCOME = (
    "limit",
    "crash",
)

import os
import sys

line = "x" * 65535 + "\n"


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    os.fork()
    while True:
        sys.stdout.write(line)
        os.write(2, line.encode())
