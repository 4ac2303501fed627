"""Computes for ever and ignores every polite signal."""
# ruff: noqa

OUTCOME = ("limit",)

import signal

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGXCPU, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
