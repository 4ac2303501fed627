"""Answers with an object that is equal to everything and has every attribute."""
# ruff: noqa

OUTCOME = ("error",)


class Anything:
    def __eq__(self, other):
        return True

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        return self

    def __bool__(self):
        return True

    __hash__ = None
    __lt__ = __le__ = __gt__ = __ge__ = __eq__
    __sub__ = __rsub__ = __array__ = lambda self, *a, **k: 0
    dtype = property(lambda self: __import__("torch").float32)


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return Anything()
