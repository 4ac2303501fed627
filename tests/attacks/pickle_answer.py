"""Answers with objects that run code when somebody unpickles them, and replaces pickle for good measure."""
# ruff: noqa

OUTCOME = ("error",)

import pickle


class Bomb:
    def __reduce__(self):
        return print, ("LEAK",)

    def __eq__(self, other):
        return True


pickle.dumps = pickle.dump = lambda *a, **k: b"cos\nsystem\n(S'touch /tmp/owned'\ntR."


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return Bomb()
