"""Exercise `training_work`: the multiply-adds of a training in which the lower layers stand still."""

from __future__ import annotations

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise

BASE = """
def training_work(layers, frozen, images, epochs, cached):
    lower, upper = sum(layers[:frozen]), layers[frozen:]
    step = 3 * sum(upper) - upper[0]
    rounds = 1 if cached else epochs
    return images * (rounds * lower + epochs * step)
"""
SPLIT = "lower, upper = sum(layers[:frozen]), layers[frozen:]"
STEP = "3 * sum(upper) - upper[0]"
ROUNDS = "    rounds = 1 if cached else epochs\n"
END = "images * (rounds * lower + epochs * step)"

MISTAKES = catalogue(
    "training_work",
    BASE,
    [
        wrong(
            "lowest_input",
            "The lowest layer that learns needs no gradient by its input: nobody below it asks for one.",
            (STEP, "3 * sum(upper)"),
        ),
        wrong(
            "top_input",
            "You spare the gradient by the input of the top layer. It is the lowest that learns which needs none.",
            (STEP, "3 * sum(upper) - upper[-1]"),
        ),
        wrong(
            "forward_only",
            "You count the way forward only. Each layer that learns also computes gradients.",
            (STEP, "sum(upper)"),
        ),
        wrong(
            "backward_once",
            "Going back, a layer computes two things: the gradient by its weights and that by its input.",
            (STEP, "2 * sum(upper)"),
        ),
        wrong(
            "lowest_not_at_all",
            "The lowest layer that learns is not counted in full: forward and by its weights, two times its work.",
            (STEP, "3 * sum(upper) - 2 * upper[0]"),
        ),
        wrong(
            "backward_only",
            "The way forward is missing in the layers that learn.",
            (STEP, "2 * sum(upper) - upper[0]"),
        ),
        wrong(
            "frozen_goes_back",
            "You go back through the frozen layers. No gradient is needed there.",
            ("= sum(layers[:frozen]),", "= 2 * sum(layers[:frozen]),"),
        ),
        wrong(
            "all_learn",
            "You count as if every layer learned. The frozen ones are run forward only.",
            (SPLIT, "lower, upper = 0, layers"),
        ),
        wrong(
            "frozen_for_nothing",
            "The frozen layers cost nothing in your count. They still run forward.",
            (END, "images * epochs * step"),
        ),
        wrong(
            "cache_for_nothing",
            "With a cache the frozen layers still run once for each image.",
            ("1 if cached", "0 if cached"),
        ),
        wrong(
            "no_cache",
            "The cache is not used: with it the frozen layers run once, not each epoch.",
            (ROUNDS, "    rounds = epochs\n"),
        ),
        wrong(
            "always_cached",
            "Without a cache the frozen layers run again in every epoch.",
            (ROUNDS, "    rounds = 1\n"),
        ),
        wrong(
            "cache_exchanged",
            "With and without cache have changed places.",
            ("1 if cached else epochs", "epochs if cached else 1"),
        ),
        wrong(
            "all_cached",
            "The layers that learn change with every step: a cache helps the frozen ones only.",
            (END, "images * rounds * (lower + step)"),
        ),
        wrong("one_image", "This is the work for one image.", (END, "rounds * lower + epochs * step")),
        wrong(
            "once_for_all_images",
            "The frozen layers run for each image.",
            (END, "rounds * lower + images * epochs * step"),
        ),
        wrong(
            "one_epoch",
            "This is the work of one epoch.",
            (END, "images * (lower + step)"),
        ),
        wrong(
            "one_layer_more",
            "You froze one layer too many.",
            (SPLIT, "lower, upper = sum(layers[: frozen + 1]), layers[frozen + 1 :]"),
        ),
        wrong(
            "upper_end",
            "You froze layers at the top. The first `frozen` layers of the list are frozen.",
            (SPLIT, "lower, upper = sum(layers[len(layers) - frozen :]), layers[: len(layers) - frozen]"),
        ),
    ],
)  # fmt: skip


def reference(layers: list[int], frozen: int, images: int, epochs: int, cached: bool) -> int:
    """Layer by layer."""
    total = 0
    for number, work in enumerate(layers):
        forward = images if cached and number < frozen else images * epochs
        by_weights = images * epochs if number >= frozen else 0
        by_input = images * epochs if number > frozen else 0
        total += work * (forward + by_weights + by_input)
    return total


def public() -> list[Case]:
    """Numbers for paper and pencil."""
    net = [7, 50, 20, 5]
    return [
        Case("nothing frozen, one image, once", (net, 0, 1, 1, False), weight=0.2),
        Case("two layers frozen", (net, 2, 10, 3, False), weight=0.2),
        Case("two layers frozen, with a cache", (net, 2, 10, 3, True), weight=0.2),
        Case("all but the last, with a cache", (net, 3, 100, 20, True), weight=0.2),
        Case("one layer frozen", ([6, 11, 2, 4, 3], 1, 7, 4, False), weight=0.2),
    ]


EXERCISE = Exercise("training_work", 2.0, reference, public, MISTAKES)
