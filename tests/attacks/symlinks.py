"""Plants symbolic and hard links to secrets and hopes that the grader follows them."""
# ruff: noqa

OUTCOME = ("wrong",)

import os

for number, target in enumerate(
    ("/etc/shadow", "/proc/1/root/etc/passwd", "/proc/self/cwd", "../../../../../home", "/srv")
):
    link = f"/tmp/work/link{number}"
    try:
        os.symlink(target, link)
        if os.path.exists(link):
            print("LEAK", os.path.realpath(link), os.listdir(link) if os.path.isdir(link) else open(link).read())
    except OSError:
        pass
for target in ("/etc/passwd", "/usr/bin/su"):
    try:
        os.link(target, "/tmp/work/hard")
        print("LEAK", target)
    except OSError:
        pass


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return sum(1 for _ in os.scandir("/tmp/work"))
