"""Where a wrong answer differs from the right one, in one sentence that holds no value of the case.

So the same sentence may be shown for a public case and, `without_sizes`, for a hidden one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cnncourse.checks.values import Junk, Plain, close, matches, plain, tolerance

_ERRORS = {
    "NotImplementedError": "Not finished yet: write the body, and take out the line that raises NotImplementedError.",
    "IndexError": "IndexError: an index runs past the end of an axis. Compare the loop's range with the shape.",
    "RuntimeError": "RuntimeError, most often two tensors whose shapes do not fit. Print the shapes before that line.",
    "ValueError": "ValueError, most often a shape or tuple with more or fewer entries than you unpack. Print it.",
    "TypeError": "TypeError: compare the function's arguments with the ones that the exercise gives, and their types.",
    "NameError": "NameError: a name is used before it has a value. Run the cells in order from the top.",
    "UnboundLocalError": "UnboundLocalError: a name gets its value on one path only, for example inside an `if`.",
    "AttributeError": "AttributeError: an object has no such attribute. Is it a tensor, a number or None?",
    "ZeroDivisionError": "ZeroDivisionError: something is divided by zero.",
    "RecursionError": "RecursionError: the function calls itself without end.",
    "MemoryError": "MemoryError: far more memory is asked for than this small case needs.",
    "ImportError": "ImportError: a module that is not part of this lesson. Use torch and plain Python.",
    "ForbiddenCall": "It calls a function that the exercise asks you to write yourself.",
    "ModuleNotFoundError": "ModuleNotFoundError: a module that is not part of this lesson. Use torch and plain Python.",
}
_PROBLEMS = ("missing ", "unexpected ", "shape of ")  # how `Made.load` begins to say what does not fit
_SIZES = r"\(\d*(?:, ?\d+)*,?\)"
AXES = {1: ("",), 2: ("rows", "columns"), 4: ("images", "channels", "rows", "columns")}


def describe_error(kind: str, type_name: str) -> str:
    """What to do about a call that gave no answer."""
    if kind == "limit":
        return (
            "It ran out of time or memory. The cases are small: look for a loop without end or a needless large tensor."
        )
    if kind == "missing":
        return "There is no function of this name. Keep the name that the exercise gives, and run its cell."
    return _ERRORS.get(type_name, f"It stops with {type_name}. Call it yourself on a small input to see the line.")


def without_sizes(sentence: str) -> str:
    """A sentence of `describe` without the shapes in it: those of a hidden case are nobody's business."""
    sentence = re.sub(f"The shape is {_SIZES}; expected {_SIZES}", "The shape is wrong", sentence)
    return re.sub(f" of shape {_SIZES}", "", sentence)


def describe(got: Plain, expected: Plain, args: tuple[Any, ...], rtol: float | None, atol: float | None) -> str:
    """One sentence on how `got` differs from `expected`. `args` serve to notice an answer that repeats an input."""
    try:
        return _describe(got, expected, args, rtol, atol)
    except Exception:  # a strange answer must not stop the check
        return "The answer is wrong."


def _describe(got: Plain, expected: Plain, args: tuple[Any, ...], rtol: float | None, atol: float | None) -> str:
    if got is None:
        return "The function returns None: it needs a `return` at its end."
    if isinstance(got, tuple) and got and all(isinstance(v, str) and v.startswith(_PROBLEMS) for v in got):
        return "Its parameters do not fit: a name or a shape is not the one asked for, or one is missing or too many."
    if isinstance(expected, Tensor):
        if not isinstance(got, Tensor):
            return f"The function returns {_kind(got)}; expected a tensor of shape {tuple(expected.shape)}."
        return _tensor(got, expected, args, rtol, atol)
    if isinstance(expected, tuple):
        return _tuple(got, expected, rtol, atol)
    return _number(got, expected)


def _kind(value: Plain) -> str:
    if isinstance(value, Junk):
        return value.what
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, tuple):
        return f"a tuple or list of {len(value)}"
    return {bool: "True or False", int: "a whole number", float: "a float", str: "a text"}.get(type(value), "None")


def _tuple(got: Plain, expected: tuple[Plain, ...], rtol: float | None, atol: float | None) -> str:
    if not isinstance(got, tuple) or len(got) != len(expected):
        return f"The function returns {_kind(got)}; expected {len(expected)} values."
    wrong = [k for k, (g, e) in enumerate(zip(got, expected, strict=True)) if not matches(g, e, rtol, atol)]
    if matches(got[::-1], expected, rtol, atol):
        return "The values are right, in the wrong order."
    if all(type(v) is int for v in (*got, *expected)) and sorted(map(str, got)) == sorted(map(str, expected)):
        return "Every value is there, but they stand in a wrong order."
    k = wrong[0]
    return f"Value {k + 1} of {len(expected)} is wrong. {describe(got[k], expected[k], (), rtol, atol)}"


def _number(got: Plain, expected: Plain) -> str:
    if isinstance(got, str) and isinstance(expected, str):
        return "It says something else than expected: compare the two lines."
    if isinstance(got, bool) or not isinstance(got, int | float) or not isinstance(expected, int | float):
        return f"The function returns {_kind(got)}; expected {_kind(expected)}."
    if got != got:
        return "The result is NaN (not a number): look for a division by zero or a value that was never set."
    if got == expected:
        return "The value is right, but it is a float. A size is a whole number: int, not float."
    if got in (float("inf"), float("-inf")):
        return "The result is infinite."
    if got == -expected:
        return "The sign is wrong."
    if type(expected) is int and abs(got - expected) == 1:
        return f"The result is too {'large' if got > expected else 'small'} by one."
    if not got:
        return "The result is zero."
    return f"The result is too {'large' if got > expected else 'small'}."


def _tensor(got: Tensor, expected: Tensor, args: tuple[Any, ...], rtol: float | None, atol: float | None) -> str:
    if got.shape != expected.shape:
        return _shape(got, expected)
    if got.dtype != expected.dtype:
        return _dtype(got, expected)
    if not expected.is_floating_point():
        return "Some values are wrong."
    return _values(got, expected, args, rtol, atol)


def _shape(got: Tensor, expected: Tensor) -> str:
    g, e = tuple(got.shape), tuple(expected.shape)
    says = f"The shape is {g}; expected {e}"
    if len(g) != len(e):
        if tuple(n for n in g if n != 1) == tuple(n for n in e if n != 1):
            return f"{says}: only axes of size 1 are missing or too many."
        return f"{says}: {'an axis is missing' if len(g) < len(e) else 'there are too many axes'}."
    if len(e) > 1 and (*g[:-2], g[-1], g[-2]) == e:
        return f"{says}: rows and columns are exchanged."
    if len(e) == 4 and (g[1], g[0], *g[2:]) == e:
        return f"{says}: the first two axes are exchanged."
    wrong = [k for k in range(len(e)) if g[k] != e[k]]
    if 0 in [g[k] for k in wrong]:
        return f"{says}: nothing is left of an axis. With P = 0 a slice like [P:-P] takes nothing."
    if len(e) in AXES and len(e) > 1:
        names = " and ".join(AXES[len(e)][k] for k in wrong)
        by_one = all(abs(g[k] - e[k]) == 1 for k in wrong)
        return f"{says}: the number of {names} is wrong{', by one' if by_one else ''}."
    return f"{says}."


def _dtype(got: Tensor, expected: Tensor) -> str:
    names = [str(t.dtype).removeprefix("torch.") for t in (got, expected)]
    says = f"The dtype is {names[0]}; expected {names[1]}, as the input has"
    if got.is_complex():
        return f"{says}: take the real part."
    if matches(got.to(torch.float32), expected.to(torch.float32), 1e-4):
        return f"{says}. The values are right: make the result with `x.new_zeros(...)` or `dtype=x.dtype`."
    return f"{says}."


def _values(got: Tensor, expected: Tensor, args: tuple[Any, ...], rtol: float | None, atol: float | None) -> str:
    g, e = got.double(), expected.double()
    if bool(g.isnan().any()):
        return "There are NaNs in the result: a division by zero, or memory that was never filled (torch.empty)."
    if bool(g.isinf().any()):
        return "There are infinite values in the result."
    if not bool(g.count_nonzero()):
        return "The result is all zeros: is it ever written to?"
    limit = tolerance(expected, rtol, atol)

    def same(a: Tensor, b: Tensor = e) -> bool:
        return a.shape == b.shape and bool(((a - b).abs() <= 2 * limit).all())

    if any(isinstance(p := plain(a), Tensor) and same(p.double(), g) for a in args if isinstance(a, Tensor)):
        return "The result is one of the inputs, unchanged."
    for sentence in (
        _as_a_whole(g, e, same),
        _moved(g, same),
        _precision(g, e),
        _parts(close(got, expected, rtol, atol)),
    ):
        if sentence:
            return sentence
    if e.numel() == 1:
        return f"The value is too {'large' if bool(g > e) else 'small'}."
    return "Values are wrong all over the result."


def _as_a_whole(g: Tensor, e: Tensor, same: Callable[..., bool]) -> str:
    if same(-g):
        return "The sign is wrong everywhere."
    if e.numel() < 2:  # any wrong number is off by a constant, and by a factor
        return ""
    factor = float((g * e).sum() / (e * e).sum()) if bool(e.count_nonzero()) else 0.0
    if factor and same(g / factor):
        return f"The result is {'too large' if abs(factor) > 1 else 'too small'} by one constant factor."
    if same(g - (g - e).mean()):
        return "The result is off by one constant everywhere."
    each = e.numel() // e.shape[1] if e.dim() == 4 else 0  # values of a channel
    if each > 1 and same(g - (g - e).mean((0, 2, 3), keepdim=True)):
        return "Each channel is off by a constant of its own: look at the bias."
    return ""


def _moved(g: Tensor, same: Callable[..., bool]) -> str:
    axes = range(max(0, g.dim() - 2), g.dim())
    names = ("rows", "columns")[-len(axes) :] if g.dim() > 1 else ("entries",)
    for axis, name in zip(axes, names, strict=True):
        if same(g.flip(axis)):
            return f"The {name} are in reverse order."
        for step in (-2, -1, 1, 2):
            if same(g.roll(step, axis)):
                return f"The {name} are displaced by {abs(step)} and wrap around."
    if g.dim() > 1 and same(g.flip(-1, -2)):
        return "The result is turned by 180 degrees: both rows and columns are in reverse order."
    if g.dim() > 1 and same(g.transpose(-1, -2)):
        return "Rows and columns of the result are exchanged."
    return "The channels are in another order." if g.dim() == 4 and same(g.flip(1)) else ""


def _precision(g: Tensor, e: Tensor) -> str:
    if bool(((g - e).abs() <= 1e-5 * e.abs().max()).all()):
        return "The values are nearly right, but digits are lost: keep the dtype of the input throughout."
    if bool((g == e.trunc()).all()):
        return "The values are cut to whole numbers: the tensor that you write into has an integer dtype."
    return ""


def _parts(right: Tensor) -> str:
    """Which region holds all the wrong values."""
    wrong = ~right
    if right.dim() == 4:
        for axis, name in ((0, "image"), (1, "channel")):
            bad = wrong.transpose(0, axis).flatten(1).any(1)
            if 0 < int(bad.sum()) < len(bad):
                first = not bool(bad[0])
                says = f": only the first {name} is right" if first and bool(bad[1:].all()) else ""
                return f"Some {name}s are right, others wrong{says}."
    if right.dim() > 1 and min(right.shape[-2:]) > 2:
        if not bool(wrong[..., :-1, :].any()) or not bool(wrong[..., :, :-1].any()):
            return "Only the last row or column is wrong."
        if not bool(wrong[..., 1:-1, 1:-1].any()):
            return "Only the border is wrong, the inside is right: look at the padding and at the last row and column."
    if right.dim() == 1 and len(right) > 2 and not bool(wrong[1:-1].any()):
        return "Only the ends are wrong, the inside is right."
    share = float(wrong.double().mean())
    return f"{share:.0%} of the values are wrong, the others are right." if share < 1 else ""
