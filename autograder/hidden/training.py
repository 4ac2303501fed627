"""Hidden cases of lesson 03: graphs in shuffled order, sides that all differ, both modes, random by seed.

Most cases ask for everything at once, so that any single mistake loses most of the points. Graphs and boxes are drawn
until every catalogued mistake shows in them.
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
from cnncourse.checks.training import LESSON, graph_backward, graph_forward
from cnncourse.checks.training.graph_order import any_order
from cnncourse.checks.training.graphs import Graph, Values


def cases(exercise: str, seed: int) -> list[Case]:
    """The hidden cases of `exercise` for `seed`. KeyError if there is no such exercise."""
    return _MAKERS[exercise](random.Random(f"03_training/{exercise}/{seed}"))


# Graphs

_OPS = ("add", "mul", "max", "max", "inv", "twin", "add", "mul")


def _graph(rng: random.Random) -> tuple[Graph, list[int], Values, int]:
    """A graph with its nodes in random places, an order, its values (inputs only), and the node asked for."""
    while True:
        built, start = _built(rng)
        values = graph_forward.reference(built, list(range(len(built))), start)
        ties = any(op == "max" and abs(values[a] - values[b]) < 0.2 for op, (a, b, *_) in _pairs(built))
        if not ties and all(0.2 < abs(v) < 30 for v in values):
            break
    place = list(range(len(built)))
    rng.shuffle(place)
    graph: Graph = [("input", [])] * len(built)
    moved: Values = [None] * len(built)
    for node, (op, inputs) in enumerate(built):
        graph[place[node]] = (op, [place[k] for k in inputs])
        moved[place[node]] = start[node]
    order: list[int] = []
    while len(order) < len(graph):
        ready = [n for n, (_, uses) in enumerate(graph) if n not in order and all(k in order for k in uses)]
        order.append(rng.choice(ready))
    return graph, order, moved, place[-3]


def _pairs(graph: Graph) -> list[tuple[str, list[int]]]:
    return [(op, inputs) for op, inputs in graph if len(inputs) == 2]


def _built(rng: random.Random) -> tuple[Graph, Values]:
    """Inputs first, then nodes that use up what has not been used; the last two lead away from the third last."""
    count = rng.randint(3, 4)
    graph: Graph = [("input", [])] * count
    start: Values = [rng.choice((-1, 1)) * rng.uniform(0.5, 2.5) for _ in range(count)]
    unused = list(range(count))
    ops = list(_OPS)
    rng.shuffle(ops)
    for op in [*ops, "add"]:
        first = unused.pop(rng.randrange(len(unused)))
        second = rng.choice([k for k in (unused or range(len(graph))) if k != first])
        if op in ("inv", "twin"):
            graph.append(("inv", [first]) if op == "inv" else (rng.choice(("add", "mul")), [first, first]))
        else:
            unused = [k for k in unused if k != second]
            graph.append((op, rng.sample([first, second], 2)))
        unused.append(len(graph) - 1)
    for op in ("mul", "add"):
        graph.append((op, rng.sample(range(len(graph)), 2)))
    return graph, start + [None] * (len(graph) - count)


def _graph_order(rng: random.Random) -> list[Case]:
    exercise = LESSON.exercise("graph_order")
    made = [telling(exercise, lambda: Case("", (_graph(rng)[0],), use=any_order)) for _ in range(8)]
    made.append(Case("", ([("input", []), ("input", [])],), weight=0.2, use=any_order))
    return _named(made)


def _graph_forward(rng: random.Random) -> list[Case]:
    exercise = LESSON.exercise("graph_forward")
    return _named([telling(exercise, lambda: Case("", _graph(rng)[:3])) for _ in range(8)])


def _graph_backward(rng: random.Random) -> list[Case]:
    exercise = LESSON.exercise("graph_backward")
    return _named([telling(exercise, lambda: graph_backward.case("", *_graph(rng))) for _ in range(8)])


def _named(made: list[Case]) -> list[Case]:
    return [replace(case, name=f"random {k + 1}") for k, case in enumerate(made)]


# Loss, step, dropout


def _cross_entropy(rng: random.Random) -> list[Case]:
    """Rows of every kind in one batch: ordinary, far up, far down, surely wrong, surely right."""
    made = []
    for k in range(8):
        N, C = rng.sample(range(5, 9), 2)
        logits = 2 * noise(rng, N, C)
        labels = [rng.randrange(C) for _ in range(N)]
        labels[0], labels[1] = int(logits[0].argmin()), int(logits[1].argmin())
        if k < 6:
            logits[0] += 1e4
            logits[1] -= 1e4
            logits[2, labels[2]] -= rng.uniform(1000, 9000)
            logits[3, labels[3]] += rng.uniform(1000, 9000)
        if k == 5:
            logits = strided(logits)
        dtype = torch.float64 if k < 7 else torch.float32
        made.append(Case("", (logits.to(dtype), torch.tensor(labels))))
    one = noise(rng, 1, 5, dtype=torch.float32)
    made.append(Case("", (one, one.argmin(dim=1)), weight=0.2))
    return _named(made)


def _sgd_step(rng: random.Random) -> list[Case]:
    made = []
    for k in range(8):
        shape = [rng.randint(2, 4) for _ in range(k % 4 + 1)]
        dtype = torch.float64 if k % 2 else torch.float32
        p, g, v = (noise(rng, *shape, dtype=dtype) for _ in range(3))
        settings = rng.uniform(0.05, 0.4), rng.uniform(0.5, 0.9), rng.uniform(0.1, 0.4)
        made.append(Case("", (strided(p), g, strided(v), *settings) if k == 5 else (p, g, v, *settings)))
    p, g, v = (noise(rng, 2, 3) for _ in range(3))
    made.append(Case("", (p, g, v, 0.1, 0.9, 0.0), weight=0.2))
    made.append(Case("", (p, g, v, 0.1, 0.0, 0.3), weight=0.2))
    return _named(made)


def both_modes(subject: Subject, *args: Any) -> Any:
    """In training, and then in evaluation."""
    return subject(*args, True), subject(*args, False)


def both_modes_with_eps(subject: Subject, *args: Any) -> Any:
    """The same where the last argument comes after the mode."""
    *before, eps = args
    return subject(*before, True, eps), subject(*before, False, eps)


def _dropout(rng: random.Random) -> list[Case]:
    made = []
    for k in range(8):
        shape = (rng.randint(2, 3), 2, *rng.sample(range(3, 6), 2))
        x = noise(rng, *shape, dtype=torch.float64 if k % 2 else torch.float32)
        p = rng.uniform(0.1, 0.4) if k % 3 else rng.uniform(0.6, 0.85)
        mask = torch.rand(shape, generator=torch.Generator().manual_seed(rng.getrandbits(40))) >= p
        mask[0, 0, 0, 0], mask[0, 0, 0, 1] = True, False
        args = (strided(x) if k == 5 else x, mask, p)
        if k < 2:
            made += [Case("", (*args, training)) for training in (True, False)]
        else:
            made.append(Case("", args, use=both_modes))
    x = noise(rng, 2, 3)
    made.append(Case("", (x, torch.ones(2, 3, dtype=torch.bool), 0.0, True), weight=0.2))
    made.append(Case("", (x[:0], torch.ones(0, 3, dtype=torch.bool), 0.3, True), weight=0.2))
    return _named(made)


# Batch normalisation


def _layer(rng: random.Random, k: int, images: int | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Input, weight, bias, running mean and running variance; each channel has its own level and spread."""
    N, C, H, W = images or rng.randint(2, 4), rng.randint(2, 4), *rng.sample(range(2, 6), 2)
    dtype = torch.float64 if k % 2 else torch.float32
    level, spread = 2 * noise(rng, 1, C, 1, 1), 0.5 + noise(rng, 1, C, 1, 1).abs()
    x = (level + spread * noise(rng, N, C, H, W)).to(dtype)
    weight, bias = (1.5 + 0.5 * noise(rng, C)).to(dtype), (noise(rng, C) + 1).to(dtype)
    mean, var = noise(rng, C, dtype=dtype), (0.3 + noise(rng, C).square()).to(dtype)
    return (strided(x) if k == 5 else x), weight, bias, mean, var


def _batch_norm(rng: random.Random) -> list[Case]:
    made = []
    for k in range(8):
        args, eps = _layer(rng, k), rng.uniform(0.3, 2)
        if k < 2:
            made += [Case("", (*args, training, eps)) for training in (True, False)]
        else:
            made.append(Case("", (*args, eps), use=both_modes_with_eps))
    made.append(Case("", (*_layer(rng, 1, images=1), True), weight=0.2))
    return _named(made)


def _running_statistics(rng: random.Random) -> list[Case]:
    made = []
    for k in range(8):
        x, _, _, mean, var = _layer(rng, k)
        share = rng.uniform(0.15, 0.4) if k % 2 else rng.uniform(0.6, 0.9)
        made.append(Case("", (x, mean, var, share)))
    x, _, _, mean, var = _layer(rng, 1, images=1)
    made.append(Case("", (x, mean, var), weight=0.2))
    return _named(made)


def _batch_norm_backward(rng: random.Random) -> list[Case]:
    made = []
    for k in range(8):
        x, weight, *_ = _layer(rng, k)
        grad = noise(rng, *x.shape, dtype=x.dtype) + 0.5
        made.append(Case("", (strided(grad) if k == 5 else grad, x, weight, rng.uniform(0.3, 2))))
    x, weight, *_ = _layer(rng, 1, images=1)
    made.append(Case("", (noise(rng, *x.shape), x, weight), weight=0.2))
    return _named(made)


# Images with boxes


def _flip(rng: random.Random) -> list[Case]:
    made = []
    for k in range(8):
        C, (H, W), R = rng.randint(2, 3), rng.sample(range(5, 10), 2), rng.randint(2, 4)
        dtype = torch.float64 if k % 2 else torch.float32
        image = noise(rng, C, H, W, dtype=dtype)
        boxes = [_span(rng, 0.3, W - 0.2) + _span(rng, 0.3, H - 0.2) for _ in range(R)]
        table = torch.tensor([[x1, y1, x2, y2] for x1, x2, y1, y2 in boxes], dtype=dtype)
        made.append(Case("", (strided(image), strided(table)) if k == 5 else (image, table)))
    made.append(Case("", (noise(rng, 1, 3, 4), torch.zeros(0, 4, dtype=torch.float64)), weight=0.2))
    return _named(made)


def _span(rng: random.Random, low: float, high: float) -> list[float]:
    """Two numbers between `low` and `high`, the smaller one first."""
    return sorted([rng.uniform(low, high), rng.uniform(low, high)])


def _edges(rng: random.Random, start: int, length: int, side: int) -> dict[str, list[float]]:
    """Where a box may lie along an axis of `side` pixels of which [start, start + length] is kept."""
    end = start + length
    middle = start + length / 2
    before, after = rng.uniform(0, start - 0.2), rng.uniform(end + 0.2, side)
    return {
        "inside": [rng.uniform(start, middle - 0.3), rng.uniform(middle + 0.3, end)],
        "before": [before, rng.uniform(middle, end - 0.2)],
        "hardly before": [0.0, start + rng.uniform(0.1, 0.3) * start],
        "after": [rng.uniform(start + 0.2, middle), after],
        "around": [before, after],
        "out before": [before / 2, before + 0.1],
        "out after": [rng.uniform(end + 0.1, side - 0.3), float(side)],
        "touching": [before, float(start)] if rng.random() < 0.5 else [float(end), float(side)],
    }


_PLACES = (
    *(
        ("inside", "inside"),
        ("before", "inside"),
        ("inside", "before"),
        ("after", "after"),
        ("hardly before", "inside"),
    ),
    *(("around", "after"), ("out before", "around"), ("inside", "out after"), ("out after", "out before")),
    *(("touching", "inside"), ("around", "touching"), ("inside", "hardly before")),
)


def _crop_case(rng: random.Random, k: int) -> Case:
    H, W = rng.sample(range(9, 14), 2)
    (top, left), (height, width) = rng.sample(range(1, 4), 2), rng.sample(range(3, 6), 2)
    dtype = torch.float64 if k % 2 else torch.float32
    rows = []
    for across, down in rng.sample(_PLACES, len(_PLACES)):
        (x1, x2), (y1, y2) = _edges(rng, left, width, W)[across], _edges(rng, top, height, H)[down]
        rows.append([x1, y1, x2, y2])
    labels = torch.tensor(rng.sample(range(20), len(rows)))
    image, boxes = noise(rng, 2, H, W, dtype=dtype), torch.tensor(rows, dtype=dtype)
    return Case("", (strided(image) if k == 5 else image, boxes, labels, top, left, height, width))


def _crop(rng: random.Random) -> list[Case]:
    exercise = LESSON.exercise("crop")
    made = [telling(exercise, lambda k=k: _crop_case(rng, k)) for k in range(8)]  # type: ignore[misc]
    image, far = noise(rng, 1, 6, 8), torch.tensor([[0.0, 0.0, 2.0, 1.5]], dtype=torch.float64)
    made.append(Case("", (image, far, torch.tensor([4]), 2, 3, 3, 4), weight=0.2))
    made.append(Case("", (image, far[:0], torch.tensor([4])[:0], 2, 3, 3, 4), weight=0.2))
    return _named(made)


_MAKERS: dict[str, Callable[[random.Random], list[Case]]] = {
    "graph_order": _graph_order,
    "graph_forward": _graph_forward,
    "graph_backward": _graph_backward,
    "cross_entropy": _cross_entropy,
    "cross_entropy_grad": _cross_entropy,
    "sgd_step": _sgd_step,
    "dropout": _dropout,
    "dropout_backward": _dropout,
    "batch_norm": _batch_norm,
    "running_statistics": _running_statistics,
    "batch_norm_backward": _batch_norm_backward,
    "flip": _flip,
    "crop": _crop,
}
