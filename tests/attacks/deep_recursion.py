"""Recurses until the stack of the interpreter itself is gone."""
# ruff: noqa

OUTCOME = ("crash", "limit", "error")

import sys


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    sys.setrecursionlimit(1 << 30)

    class Deep:
        def __repr__(self):
            return repr([self])

    return repr(Deep())
