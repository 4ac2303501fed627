"""Writes into the interpreter's memory, so that numbers, True and the empty tuple are others."""
# ruff: noqa

OUTCOME = ("wrong", "error", "crash", "wire", "limit", "missing")

import ctypes


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    ctypes.memmove(id(1) + 24, id(7) + 24, 4)
    ctypes.memmove(id(False) + 24, id(True) + 24, 4)
    return False
