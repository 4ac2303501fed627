"""Opens files until none can be opened any more."""
# ruff: noqa

OUTCOME = (
    "error",
    "wrong",
    "crash",
)

import os

held = []
try:
    while len(held) < 100_000:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
if len(held) > 5000:
    print("LEAK", len(held))


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return open("/tmp/work/more", "w").fileno()
