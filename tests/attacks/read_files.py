"""Reads files of the host: the repository, gradebooks, home folders, passwords, other submissions."""
# ruff: noqa

OUTCOME = ("wrong",)

import os

for place in (
    "/etc/shadow",
    "/etc/machine-id",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/root/.bashrc",
    "/var/log",
    "/home",
):
    if os.path.exists(place):
        print("LEAK", place)
for folder, inside, names in os.walk("/"):
    inside[:] = [name for name in inside if name not in ("usr", "lib", "site")]
    for name in names:
        if "planted-secret" in name or name.startswith("gradebook") or name == ".bash_history":
            print("LEAK", folder, name)
for module in ("autograder", "cnncourse.checks.convolution", "autograder.hidden"):
    try:
        __import__(module)
        print("LEAK", module)
    except ImportError:
        pass


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return x
