"""Writes until the disk is full, then makes a million empty files."""
# ruff: noqa

OUTCOME = ("wrong",)

import os

written = 0
for folder in ("/tmp/work", "/tmp", "/dev/shm/", "/", "/usr", "/opt", "/var/tmp"):
    for number in range(64):
        try:
            with open(f"{folder}/fill{number}", "wb") as file:
                for _ in range(64):
                    written += file.write(b"x" * (1 << 20))
                    file.flush()
        except OSError:
            pass
if written > 300 << 20:
    print("LEAK", written)
made = 0
try:
    while made < 1_000_000:
        os.mkdir(f"/tmp/work/d{made}")
        made += 1
except OSError:
    pass
if made > 10_000:
    print("LEAK", made)


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return written
