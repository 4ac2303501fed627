"""Hunts through frames, garbage collector, trace hooks and modules for hidden cases and expected answers."""
# ruff: noqa

OUTCOME = (
    "wrong",
    "error",
)

import gc
import inspect
import sys

found = []


def look(thing):
    if isinstance(thing, str) and "planted-" + "secret" in thing:
        found.append(thing)


def tracer(frame, event, arg):
    for value in list(frame.f_locals.values()):
        look(value)
    return tracer


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    sys.settrace(tracer)
    for frame in inspect.stack():
        for value in list(frame.frame.f_locals.values()) + list(frame.frame.f_globals):
            look(value)
    for thing in gc.get_objects():
        if type(thing) is dict:
            for key in list(thing):
                if key in ("expected", "reference", "hidden_cases"):
                    value = thing[key]
                    if hasattr(value, "shape") and value.shape == x.shape:
                        return value
    for module in list(sys.modules):
        if module.startswith("autograder") or module.startswith("cnncourse.checks"):
            print("LEAK", module)
    if found:
        print("LEAK", found)
    return x * 0
