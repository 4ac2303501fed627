"""Writes through a null pointer."""
# ruff: noqa

OUTCOME = ("crash",)

import ctypes


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    ctypes.memset(0, 1, 1 << 20)
    return x
