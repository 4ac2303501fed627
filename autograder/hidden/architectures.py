"""Hidden cases of lesson 04: tables and modules in which all numbers differ, random by seed.

A case about a module asks for all of it at once (the fit, training, gradient, running statistics, evaluation), and
about a residual block in each of the forms that its shortcut has, so that any single mistake loses most of the points.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from torch import nn

from cnncourse.checks import Case
from cnncourse.checks.architectures import basic_block, bottleneck, dense_block, inception, vgg
from cnncourse.checks.architectures.modules import RTOL, Args, block, everything
from cnncourse.checks.subject import Subject

Shape = tuple[int, int, int, int]


def cases(exercise: str, seed: int) -> list[Case]:
    """The hidden cases of `exercise` for `seed`. KeyError if there is no such exercise."""
    return _MAKERS[exercise](random.Random(f"04_architectures/{exercise}/{seed}"))


# Counting


def several(count: Subject, *calls: tuple[Any, ...]) -> object:
    """The answers to several calls."""
    return tuple(count(*args) for args in calls)


def _conv_cost(rng: random.Random) -> list[Case]:
    made = []
    for k in range(8):
        c_in, c_out, height, width = rng.sample(range(3, 30), 4)
        kernel, stride, padding = rng.choice((3, 5, 7)), rng.choice((2, 3)), rng.randint(2, 3)
        height, width = (_not_filled(side + 12, kernel, stride, padding) for side in (height, width))
        args = (c_in, c_out, kernel, height, width, stride, padding)
        made.append(Case(f"random {k + 1}", ((*args, True), (*args, False)), use=several))
    return made


def _not_filled(side: int, kernel: int, stride: int, padding: int) -> int:
    """The side, or a little more, so that the last window leaves pixels over."""
    while (side + 2 * padding - kernel) % stride == 0 or (side + padding - kernel) // stride == (
        side + 2 * padding - kernel
    ) // stride:
        side += 1
    return side


def _stack_of_3x3(rng: random.Random) -> list[Case]:
    fields = rng.sample(range(5, 32, 2), 6)
    return [Case(f"random {k + 1}", (field, rng.randint(2, 400))) for k, field in enumerate(fields)]


def _table(rng: random.Random, stages: int) -> list[tuple[int, list[int]]]:
    """Stages of different widths with filters of different sides, a 1×1 and a 5×5 among them."""
    widths = rng.sample(range(2, 7), stages)
    kernels = [[3, 1], [5, 3], [3, 3, 1], [1, 3, 5]]
    return [(width, rng.choice(kernels)) for width in widths]


def _vgg_weights(rng: random.Random) -> list[Case]:
    made = []
    for k in range(7):
        stages = rng.randint(2, 4)
        size = rng.randint(2, 5) * 2**stages + rng.randint(1, 2**stages - 1)
        widths = rng.sample(range(3, 60), stages)
        table = [(width, rng.choice(([3, 1], [5, 3], [3, 3, 1], [7, 3]))) for width in widths]
        hidden = tuple(rng.sample(range(5, 90), rng.randint(1, 3)))
        made.append(Case(f"random {k + 1}", (table, rng.randint(1, 2), size, hidden, rng.randint(91, 200))))
    return made


def _inception_cost(rng: random.Random) -> list[Case]:
    made = []
    for k in range(6):
        c_in, *filters = rng.sample(range(2, 200), 7)
        height, width = rng.sample(range(2, 30), 2)
        made.append(Case(f"random {k + 1}", (c_in, tuple(filters), height, width)))
    return made


def _block_weights(rng: random.Random) -> list[Case]:
    made = []
    for k in range(6):
        c, other, width = rng.sample(range(2, 50), 3)
        calls = (
            *(("basic", c, c), ("basic", c, c, 2), ("basic", c, other), ("basic", c, other, 2)),
            *(("bottleneck", 4 * width, width), ("bottleneck", 4 * width, width, 2)),
            *(("bottleneck", width, width), ("bottleneck", 4 * width + 1, width, 3)),
        )
        made.append(Case(f"random {k + 1}", calls, use=several))
    return made


# Modules


def _case(rng: random.Random, name: str, reference: type[nn.Module], *given: tuple[Args, Shape]) -> Case:
    blocks = tuple(block(reference, args, shape, rng.getrandbits(40)) for args, shape in given)
    return Case(name, blocks, weight=3.0, rtol=RTOL, use=everything)


def _map(rng: random.Random, channels: int) -> Shape:
    """Two or three images, height and width different."""
    height, width = rng.sample(range(3, 7), 2)
    return rng.randint(2, 3), channels, height, width


def _vgg(rng: random.Random) -> list[Case]:
    made = []
    for k in range(3):
        given: list[tuple[Args, Shape]] = []
        for batch_norm in (False, True):
            c, (height, width) = rng.randint(1, 4), rng.sample(range(4, 9), 2)
            args = (_table(rng, 2), c, rng.randint(2, 5), batch_norm)
            given.append((args, (2, c, 4 * height, 4 * width)))
        made.append(_case(rng, f"random {k + 1}", vgg.Reference, *given))
    return made


def _inception(rng: random.Random) -> list[Case]:
    made = []
    for k in range(3):
        c_in, *filters = rng.sample(range(2, 10), 7)
        made.append(_case(rng, f"random {k + 1}", inception.Reference, ((c_in, tuple(filters)), _map(rng, c_in))))
    return made


def _basic_block(rng: random.Random) -> list[Case]:
    made = []
    for k in range(3):
        a, b = rng.sample(range(2, 6), 2)
        forms: tuple[Args, ...] = ((a, a), (a, b), (a, a, 2), (a, b, rng.choice((2, 3))))
        given = [(args, _map(rng, a)) for args in forms]
        made.append(_case(rng, f"random {k + 1}", basic_block.Reference, *given))
    return made


def _bottleneck(rng: random.Random) -> list[Case]:
    made = []
    for k in range(3):
        a, b = rng.sample(range(2, 5), 2)
        forms: tuple[Args, ...] = ((4 * a, a), (b, b), (4 * b, b, 2), (a + 4 * b, b, rng.choice((2, 3))))
        given = [(args, _map(rng, args[0])) for args in forms]
        made.append(_case(rng, f"random {k + 1}", bottleneck.Reference, *given))
    return made


def _dense_block(rng: random.Random) -> list[Case]:
    made = []
    for k in range(3):
        c_in, growth = rng.sample(range(2, 6), 2)
        args = (c_in, rng.randint(2, 4), growth)
        made.append(_case(rng, f"random {k + 1}", dense_block.Reference, (args, _map(rng, c_in))))
    return made


_MAKERS: dict[str, Callable[[random.Random], list[Case]]] = {
    "conv_cost": _conv_cost,
    "stack_of_3x3": _stack_of_3x3,
    "vgg_weights": _vgg_weights,
    "VGG": _vgg,
    "inception_cost": _inception_cost,
    "Inception": _inception,
    "block_weights": _block_weights,
    "BasicBlock": _basic_block,
    "Bottleneck": _bottleneck,
    "DenseBlock": _dense_block,
}
