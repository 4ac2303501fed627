"""Never ends already in the cell, so that no function is ever graded."""
# ruff: noqa

OUTCOME = ("limit",)

import itertools

for _ in itertools.count():
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        continue


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return x
