"""Answers with subclasses of float, int and str that compare as they like."""
# ruff: noqa

OUTCOME = ("error",)


class Yes(float):
    def __eq__(self, other):
        return True

    def __sub__(self, other):
        return 0.0

    __hash__ = float.__hash__


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return [Yes(1.0)]
