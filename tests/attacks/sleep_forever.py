"""Sleeps until somebody loses patience, all signals blocked."""
# ruff: noqa

OUTCOME = ("limit",)

import signal
import time

signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    while True:
        time.sleep(1e6)
