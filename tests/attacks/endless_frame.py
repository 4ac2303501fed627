"""Promises a frame of four gigabytes and sends it byte by byte."""
# ruff: noqa

OUTCOME = (
    "wire",
    "limit",
)

import os
import time


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    os.write(3, b"CNW1\xff\xff\xff\xff")
    while True:
        os.write(3, b"[")
        time.sleep(0.001)
