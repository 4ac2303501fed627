"""Hidden cases of lesson 05: narrow networks of random weights, tables and lists in which every mistake shows.

Where one small number is the answer, a case asks for several at once, so that nothing is right by chance.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from autograder.hidden.draw import noise, strided, telling
from cnncourse.checks import Case
from cnncourse.checks.subject import Subject
from cnncourse.checks.transfer import LESSON
from cnncourse.checks.transfer.cheapest import several_tables
from cnncourse.checks.transfer.feature_cache import old_and_new, one_batch
from cnncourse.checks.transfer.frozen import in_training
from cnncourse.checks.transfer.low_rank import one_after_the_other
from cnncourse.checks.transfer.nets import State, pictures, weights
from cnncourse.checks.transfer.parameter_groups import Factors, sorted_groups
from cnncourse.checks.transfer.rank_for import several_shares
from cnncourse.checks.transfer.replace_head import all_of_it


def cases(exercise: str, seed: int) -> list[Case]:
    """The hidden cases of `exercise` for `seed`. KeyError if there is no such exercise."""
    return _MAKERS[exercise](random.Random(f"05_transfer/{exercise}/{seed}"))


def _named(made: list[Case]) -> list[Case]:
    return [replace(case, name=f"random {k + 1}") for k, case in enumerate(made)]


# Networks


def _widths(rng: random.Random, stages: int) -> list[int]:
    """Different in neighbouring stages."""
    widths = [rng.randint(2, 4)]
    while len(widths) < stages:
        widths.append(rng.choice([w for w in (2, 3, 4) if w != widths[-1]]))
    return widths


def _state(rng: random.Random, stages: int, classes: int, dtype: torch.dtype = torch.float32) -> State:
    return weights(_widths(rng, stages), classes, rng.getrandbits(32), dtype)


def _images(rng: random.Random, count: int, stages: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Not square, and two pixels or more are left of each side after pooling along one of them."""
    height, width = rng.sample([2**stages, 2 ** (stages + 1)], 2)
    return pictures(count, height, width, rng.getrandbits(32), dtype)


def _replace_head(rng: random.Random) -> list[Case]:
    made = []
    for k in range(4):
        stages = 1 + k % 2
        before, after = rng.sample(range(2, 8), 2)
        args = (_state(rng, stages, before), after, _images(rng, rng.randint(1, 3), stages))
        made.append(Case("", args, use=all_of_it))
    return _named(made)


def _feature_cache(rng: random.Random) -> list[Case]:
    made = []
    for k in range(4):
        stages, count = 1 + k % 2, rng.randint(4, 5)
        images, numbers = _images(rng, count, stages), rng.sample(range(50), count)
        while numbers == sorted(numbers) or numbers == sorted(numbers, reverse=True):
            rng.shuffle(numbers)
        state = _state(rng, stages, 3)
        other = {name: value if value.dim() < 2 else value + 0.3 for name, value in state.items()}
        args = (state, strided(images) if k == 2 else images, numbers, rng.randint(2, count - 1), other)
        made.append(Case("", args, use=old_and_new))
    state, images = _state(rng, 2, 3), _images(rng, 1, 2)
    made.append(Case("", (state, images, [rng.randint(2, 99)]), weight=0.2, use=one_batch))
    return _named(made)


def _frozen(rng: random.Random) -> list[Case]:
    made = []
    for k in range(3):
        stages = 2 + k % 2
        frozen = 1 if stages == 2 else rng.randint(1, 2)
        state = _state(rng, stages, rng.randint(2, 3), torch.float64)
        images = _images(rng, rng.randint(2, 3), stages, torch.float64)
        made.append(Case("", (state, frozen, images), use=in_training, rtol=1e-6))
    for stages, frozen in ((1, 0), (3, 3)):
        state, images = _state(rng, stages, 2, torch.float64), _images(rng, 2, stages, torch.float64)
        made.append(Case("", (state, frozen, images), weight=0.1, use=in_training, rtol=1e-6))
    return _named(made)


# Rates and work


def _layer_names(rng: random.Random) -> list[str]:
    numbers = sorted({1, rng.randint(10, 13), rng.randint(14, 19), 2, rng.randint(20, 25), *rng.sample(range(26), 3)})
    names = [f"features.{k}.{kind}" for k in numbers for kind in ("weight", "bias")]
    return [*names, "head.weight", "head.bias", "net.features.1.weight", "net.features.1.bias", "scale"]


def _factors(rng: random.Random, names: list[str]) -> Factors:
    """A layer whose number begins others, whole names, the whole body, in an order in which the first one counts."""
    layers = sorted({name.rsplit(".", 1)[0] for name in names if name.startswith("features.")})
    rates = rng.sample([0.01, 0.1, 0.5, 2.0], 4)
    whole = rng.choice([name for name in names if name.startswith("features.2")])
    chosen = rng.sample([layer for layer in layers if layer != "features.1"], 2)
    factors = [("features.1", 0), (whole, rates[0]), ("features.2", rates[1]), (chosen[0], rates[2])]
    rng.shuffle(factors)
    late = [("features", rates[3]), (chosen[1], rates[1]), ("head", rates[2]), ("head.bias", rates[0])]
    rng.shuffle(late)
    return [*factors, *late]


def _parameter_groups(rng: random.Random) -> list[Case]:
    exercise = LESSON.exercise("parameter_groups")

    def draw() -> Case:
        names = _layer_names(rng)
        return Case("", (names, _factors(rng, names), rng.uniform(0.03, 3)), use=sorted_groups)

    made = [telling(exercise, draw) for _ in range(7)]
    made.append(Case("", (_layer_names(rng), [], 0.1), weight=0.2, use=sorted_groups))
    return _named(made)


def with_and_without(training_work: Subject, layers: list[int], frozen: int, images: int, epochs: int) -> Any:
    """Without a cache, and with it."""
    return tuple(training_work(layers, frozen, images, epochs, cached) for cached in (False, True))


def _training_work(rng: random.Random) -> list[Case]:
    exercise = LESSON.exercise("training_work")

    def draw() -> Case:
        layers = rng.sample(range(3, 99), rng.randint(4, 7))
        frozen = rng.randint(1, len(layers) - 2)
        return Case("", (layers, frozen, rng.randint(2, 60), rng.randint(2, 30)), use=with_and_without)

    made = [telling(exercise, draw) for _ in range(7)]
    made.append(Case("", ([5, 8, 3], 0, rng.randint(2, 9), rng.randint(2, 9)), weight=0.2, use=with_and_without))
    return _named(made)


def _table(rng: random.Random) -> Tensor:
    """Ways that become better with their cost, until they do not, where no mean lies just at the bar."""
    while True:
        ways, runs = rng.randint(3, 7), rng.randint(3, 6)
        level = torch.tensor([rng.uniform(-1, 3) for _ in range(ways)], dtype=torch.float64).cumsum(0)
        scores = 60 + level[:, None] + 2.5 * noise(rng, ways, runs)
        means = scores.mean(dim=1)
        top = means.sort(descending=True).values
        best = scores[means.argmax()]
        bar = means.max() - best.std() / runs**0.5
        if top[0] - top[1] > 0.05 and bool(((means - bar).abs() > 0.05).all()):
            return scores


def _cheapest(rng: random.Random) -> list[Case]:
    exercise = LESSON.exercise("cheapest")

    def draw() -> Case:
        tables = [_table(rng) for _ in range(25)]
        return Case("", (tables,), use=several_tables)

    return _named([telling(exercise, draw) for _ in range(4)])


# Low rank


def _bank(rng: random.Random, k: int) -> Tensor:
    """Filters whose singular values are well apart; more of them than the input has channels."""
    while True:
        C_in, (height, width) = rng.randint(2, 3), rng.sample((1, 2, 3), 2)
        C_out = rng.randint(C_in + 2, C_in + 4)
        bank = noise(rng, C_out, C_in, height, width)
        values = torch.linalg.svdvals(bank.flatten(1))
        if len(values) >= 4 and bool((values[1:] < 0.93 * values[:-1]).all()):
            return strided(bank) if k == 5 else bank.to(torch.float32 if k % 2 else torch.float64)


def _low_rank(rng: random.Random) -> list[Case]:
    made = []
    for k in range(7):
        bank = _bank(rng, k)
        rank = rng.randint(2, min(bank.flatten(1).shape) - 1)
        rtol = 1e-7 if bank.dtype == torch.float64 else 1e-3
        made.append(Case("", (bank, rank), use=one_after_the_other, rtol=rtol))
    made.append(Case("", (_bank(rng, 0), 1), weight=0.2, use=one_after_the_other, rtol=1e-7))
    return _named(made)


def _rank_for(rng: random.Random) -> list[Case]:
    exercise = LESSON.exercise("rank_for")

    def draw() -> Case:
        bank = noise(rng, rng.randint(5, 7), rng.randint(2, 3), *rng.sample((2, 3, 4), 2))
        squares = torch.linalg.svdvals(bank.flatten(1)) ** 2
        kept = squares.cumsum(0) / squares.sum()
        shares: list[float] = []
        while len(shares) < 6:
            share = rng.uniform(0.1, 0.97)
            if bool(((kept - share).abs() > 1e-3).all()):
                shares.append(share)
        return Case("", (bank, shares), use=several_shares)

    return _named([telling(exercise, draw) for _ in range(7)])


def several_layers(break_even: Subject, sizes: list[tuple[int, int, int]]) -> Any:
    """One rank for each layer."""
    return tuple(break_even(*size) for size in sizes)


def _break_even(rng: random.Random) -> list[Case]:
    exercise = LESSON.exercise("break_even")

    def draw() -> Case:
        sizes = [(*rng.sample(range(3, 200), 2), rng.choice((2, 3, 5, 7))) for _ in range(3)]
        K = rng.choice((1, 2, 3))
        a, b = rng.sample(range(1, 6), 2)
        many = rng.randint(1, 4) * K * K
        sizes.append((many * a * (a + b) // K**2, many * b * (a + b), K))  # divides without rest
        side, C_in = rng.choice((1, 2)), rng.randint(2, 4)
        sizes.append((C_in, (C_in * side**2) ** 2 - C_in * side**2 + 1, side))  # leaves a rest of 1
        rng.shuffle(sizes)
        return Case("", (sizes,), use=several_layers)

    return _named([telling(exercise, draw) for _ in range(4)])


_MAKERS: dict[str, Callable[[random.Random], list[Case]]] = {
    "replace_head": _replace_head,
    "FeatureCache": _feature_cache,
    "training_work": _training_work,
    "Frozen": _frozen,
    "parameter_groups": _parameter_groups,
    "cheapest": _cheapest,
    "low_rank": _low_rank,
    "rank_for": _rank_for,
    "break_even": _break_even,
}
