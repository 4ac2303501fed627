"""Answers with objects that run a command when they are unpickled, copied, printed or measured."""
# ruff: noqa

OUTCOME = ("error",)

import os
import pickle


class Bomb:
    def __reduce__(self):
        return os.system, ("touch /tmp/exploded",)

    __reduce_ex__ = lambda self, version: self.__reduce__()
    __deepcopy__ = __copy__ = lambda self, *a: os.system("touch /tmp/exploded")
    __len__ = lambda self: 10**18
    __repr__ = __str__ = lambda self: pickle.dumps(self).hex()


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return {"weight": Bomb(), Bomb(): pickle.dumps(Bomb())} if x.shape[0] % 2 else [pickle.dumps(Bomb())]
