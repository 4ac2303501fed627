"""Waits for input that never comes, and for a password."""
# ruff: noqa

OUTCOME = ("error",)

import getpass
import sys

print(repr(sys.stdin.read()))


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return input("expected answer? ") or getpass.getpass()
