"""Makes links, pipes, sockets and empty files until no more can be made."""
# ruff: noqa

OUTCOME = ("wrong",)

import os

made = 0
for make in (
    lambda n: open(f"e{n}", "w").close(),
    lambda n: os.mkfifo(f"p{n}"),
    lambda n: os.symlink("/", f"s{n}"),
    lambda n: os.link("e0", f"l{n}"),
):
    try:
        for number in range(100_000):
            make(number)
            made += 1
    except OSError:
        pass
if made > 150_000:
    print("LEAK", made)


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return made
