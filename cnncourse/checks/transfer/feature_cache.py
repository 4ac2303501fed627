"""Exercise `FeatureCache`: the features of each image are computed once and kept."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.subject import Subject
from cnncourse.checks.transfer.nets import State, pictures, weights
from cnncourse.models import small_vgg_from

BASE = """
import torch
from torch import nn

class FeatureCache(nn.Module):
    def __init__(self, state):
        super().__init__()
        from cnncourse.models import small_vgg_from

        self.net = small_vgg_from(state)
        self.kept = {}

    def forward(self, images, numbers):
        self.net.eval()
        new = [k for k, number in enumerate(numbers) if number not in self.kept]
        if new:
            with torch.no_grad():
                maps = self.net.features(self.net.centre(images[new]))
                rows = maps.mean(dim=(2, 3))
            for k, row in zip(new, rows):
                self.kept[numbers[k]] = row
        return torch.stack([self.kept[number] for number in numbers])
"""
KEPT = "        self.kept = {}\n"
EVAL = "        self.net.eval()\n"
NEW = "        new = [k for k, number in enumerate(numbers) if number not in self.kept]\n"
ROWS = "                rows = maps.mean(dim=(2, 3))\n"
MAPS = "maps = self.net.features(self.net.centre(images[new]))"
KEEP = "                self.kept[numbers[k]] = row\n"
END = "        return torch.stack([self.kept[number] for number in numbers])\n"

MISTAKES = catalogue(
    "FeatureCache",
    BASE,
    [
        wrong(
            "batch_statistics",
            "Your features depend on the other images of the batch: the network is in training mode. Call eval().",
            (EVAL, ""),
        ),
        wrong(
            "eval_only_once",
            "You called eval() when the object was made. A later train() undoes it: set the mode in forward.",
            (EVAL, ""),
            (KEPT, KEPT + "        self.net.eval()\n"),
        ),
        wrong(
            "never_kept",
            "Every image is computed again each time. Look whether its number is known, and give what was kept.",
            (NEW, "        new = list(range(len(numbers)))\n"),
        ),
        wrong(
            "all_or_nothing",
            "One new image in a batch makes you compute all of them again. Compute the new ones alone.",
            (
                NEW,
                "        known = all(number in self.kept for number in numbers)\n"
                "        new = [] if known else list(range(len(numbers)))\n",
            ),
        ),
        wrong(
            "by_place",
            "You keep features by their place in the batch. What belongs to an image is its number.",
            (NEW, "        new = [k for k in range(len(numbers)) if k not in self.kept]\n"),
            (KEEP, "                self.kept[k] = row\n"),
            (END, "        return torch.stack([self.kept[k] for k in range(len(numbers))])\n"),
        ),
        wrong(
            "rows_exchanged",
            "The rows stand in another order than the images: first the known ones, then the new. Keep the order.",
            (NEW, NEW + "        order = sorted(range(len(numbers)), key=lambda k: k in new)\n"),
            (END, "        return torch.stack([self.kept[numbers[k]] for k in order])\n"),
        ),
        wrong(
            "by_size_of_number",
            "The rows stand in the order of the numbers. They belong in the order of the images of the batch.",
            (END, END.replace("in numbers", "in sorted(numbers)")),
        ),
        wrong(
            "last_batch_only",
            "Only the last batch is kept. Keep what was computed before, too.",
            (
                NEW,
                NEW + "        self.kept = {n: row for n, row in self.kept.items() if n in numbers}\n",
            ),
        ),
        wrong(
            "only_new",
            "You give back the rows of the new images alone. Each image of the batch has its row.",
            (
                END,
                "        rows = [self.kept[numbers[k]] for k in new]\n"
                "        return torch.stack(rows) if rows else images.new_zeros(0, self.net.classifier.in_features)\n",
            ),
        ),
        wrong(
            "shared_by_all",
            "Two caches share what they keep, as a class attribute is one for all. Make the dictionary in __init__.",
            (KEPT, ""),
            ("class FeatureCache(nn.Module):\n", "class FeatureCache(nn.Module):\n    kept = {}\n\n"),
        ),
        wrong(
            "graph_kept",
            "With each row you keep the graph that led to it, and all its memory. Compute under torch.no_grad().",
            ("            with torch.no_grad():\n", "            if True:\n"),
        ),
        wrong(
            "not_centred",
            "The pixels go into the first convolution as they are. net.centre comes first, as in the network.",
            (MAPS, MAPS.replace("self.net.centre(images[new])", "images[new]")),
        ),
        wrong(
            "logits",
            "You keep the logits. The features are what the head is given: without net.classifier.",
            (ROWS, "                rows = self.net.classifier(maps.mean(dim=(2, 3)))\n"),
        ),
        wrong(
            "largest",
            "You take the largest value of each map. The network takes the average: net.avgpool.",
            (ROWS, "                rows = maps.amax(dim=(2, 3))\n"),
        ),
        wrong(
            "sum",
            "You add up each map. The network takes the average.",
            (ROWS, "                rows = maps.sum(dim=(2, 3))\n"),
        ),
        wrong(
            "all_pixels",
            "You keep whole maps, flattened. The head sees one number a map, its average.",
            (ROWS, "                rows = maps.flatten(1)\n"),
        ),
        wrong(
            "over_channels",
            "You average over the channels. Average over rows and columns: one number a channel.",
            (ROWS, "                rows = maps.mean(dim=1).flatten(1)\n"),
        ),
        wrong(
            "one_stage_less",
            "You stop before the last pooling. The features come from behind the whole of net.features.",
            (MAPS, MAPS.replace("self.net.features(", "self.net.features[:-1](")),
        ),
    ],
)


class Reference(nn.Module):
    """Image by image, through the network with a head that hands on what it is given."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.net = small_vgg_from(state)
        self.rows: dict[int, Tensor] = {}

    def forward(self, images: Tensor, numbers: list[int]) -> Tensor:
        """(N, C)"""
        head, self.net.classifier = self.net.classifier, nn.Identity()  # type: ignore[assignment]
        self.net.eval().requires_grad_(False)
        for image, number in zip(images.detach(), numbers, strict=True):
            if number not in self.rows:
                self.rows[number] = self.net(image[None])[0]
        self.net.requires_grad_(True).classifier = head
        return torch.stack([self.rows[number] for number in numbers])


def one_batch(cache: Subject, state: State, images: Tensor, numbers: list[int]) -> Any:
    """Features of images that are all new."""
    return cache.make(state)(images, numbers)


def again(cache: Subject, state: State, images: Tensor, numbers: list[int], batches: list[list[int]]) -> Any:
    """All images once; then batches of them in which each has become darker, so that a row that was kept shows."""
    net = cache.make(state)
    first = net(images, numbers)
    net.train(True)
    later = [net(images[[numbers.index(n) for n in batch]] / 2, batch) for batch in batches]
    return first, *later


def old_and_new(
    cache: Subject, state: State, images: Tensor, numbers: list[int], known: int, state_2: State | None
) -> Any:
    """The first `known` images; then all in reverse, darker, with gradients asked for; then the first, then the others.

    `state_2`: another cache has seen all the images before.
    """
    other = cache.make(state_2 or state)
    seen = other(1 - images, numbers) if state_2 else None
    net = cache.make(state)
    first = net(images[:known], numbers[:known])
    net.train(True)
    mixed, order = images.flip(0) / 2, numbers[::-1]
    cotangents = torch.ones(len(numbers), first.shape[1], dtype=first.dtype)
    pulled = net.vjp([mixed, order], cotangents, wrt=[0])
    learned = sorted({name.split(".")[1] for name, value in pulled.parameters.items() if value.any()})
    gradients = f"gradients reach: {', '.join(learned) or 'nothing'}"
    last = [net(1 - images[part], numbers[part]) for part in (slice(known), slice(known, None))]
    return seen, first, pulled.output, gradients, *last


def public() -> list[Case]:
    """A batch, the same again, old and new ones mixed, two caches."""
    state, other = weights((2, 3), 2, seed=521), weights((2, 3), 2, seed=522)
    images = pictures(3, 4, 8, seed=523)
    return [
        Case("three new images", (state, images, [4, 7, 2]), weight=0.2, use=one_batch),
        Case("some of them again, darker", (state, images, [4, 7, 2], [[7, 4], [2]]), weight=0.2, use=again),
        Case("one known, two new", (state, images, [0, 2, 1], 1, None), weight=0.2, use=old_and_new),
        Case("two caches", (state, images, [3, 1, 2], 2, other), weight=0.2, use=old_and_new),
    ]


EXERCISE = Exercise("FeatureCache", 4.0, Reference, public, MISTAKES)
