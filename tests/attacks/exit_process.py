"""Ends the process in the middle of a call, with success as its exit code."""
# ruff: noqa

OUTCOME = ("crash",)

import os


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    os._exit(0)
