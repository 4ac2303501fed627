"""Leaves timers, threads and signals behind that go off in the middle of the next question."""
# ruff: noqa

OUTCOME = ("wrong", "error", "crash", "wire", "limit")

import signal
import threading


def surprise(*args):
    raise KeyboardInterrupt


for number in (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF):
    signal.signal(number, surprise)


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)
    threading.Timer(0.01, lambda: signal.raise_signal(signal.SIGINT)).start()
    return 0
