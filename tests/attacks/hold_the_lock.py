"""One native call that never comes back and holds the interpreter's lock, so that no thread or signal gets through."""
# ruff: noqa

OUTCOME = ("limit",)

import re


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return bool(re.match(r"(a|aa)+$", "a" * 100 + "b"))
