"""Leaves processes behind that have left their session, group and parent."""
# ruff: noqa

OUTCOME = ("wrong",)

import os
import subprocess
import time

subprocess.Popen("setsid nohup sleep 1000 >/dev/null 2>&1 &", shell=True)
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    for fd in range(64):
        try:
            os.close(fd)
        except OSError:
            pass
    while True:
        time.sleep(1)


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return 0
