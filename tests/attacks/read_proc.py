"""Reads command lines, environments and memory of other processes through /proc."""
# ruff: noqa

OUTCOME = ("wrong",)

import glob
import os

for path in glob.glob("/proc/*") + glob.glob("/proc/*/*"):
    print("LEAK", path)
for pid in range(1, 64):
    for name in ("environ", "mem", "maps", "cmdline", "root", "cwd", "fd"):
        if os.path.lexists(f"/proc/{pid}/{name}"):
            print("LEAK", pid, name)
if os.getppid() != 0:
    print("LEAK parent", os.getppid())


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return len(os.listdir("/proc"))
