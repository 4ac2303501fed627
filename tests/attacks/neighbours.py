"""Looks for other submissions: abstract sockets, shared memory, files in /tmp and /dev/shm, message queues."""
# ruff: noqa

OUTCOME = ("wrong",)

import ctypes
import os
import socket

libc = ctypes.CDLL(None, use_errno=True)
for call in (
    lambda: libc.shmget(4711, 4096, 0o1666),
    lambda: libc.msgget(4711, 0o1666),
    lambda: libc.semget(4711, 1, 0o1666),
):
    if call() >= 0:
        print("LEAK System V")
for folder in ("/tmp", "/dev/shm/", "/tmp/work", "/var/tmp", "/run"):
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        if name not in ("work", "shm", "ipython", "matplotlib"):
            print("LEAK", folder, name)
    try:
        open(folder + "/neighbour", "w").write("here I was")
    except OSError:
        pass
mine = socket.socket(socket.AF_UNIX)
try:
    mine.connect("\0neighbour")
    print("LEAK socket")
except OSError:
    mine.bind("\0neighbour")
    mine.listen()


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return weight
