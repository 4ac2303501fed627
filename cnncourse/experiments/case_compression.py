"""The experiment of the chapter *Compression*: one net, three times, made smaller in every way that the chapter has."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Adam

from cnncourse.compress import (
    deflated,
    factorize_conv2d,
    factorize_linear,
    keep_filters,
    prune,
    rounded,
    save,
    shared,
    weighted,
    with_teacher,
)
from cnncourse.data import patches
from cnncourse.device import seed_everything
from cnncourse.experiments.making import Experiment
from cnncourse.experiments.training import Training
from cnncourse.train import accuracy, cosine, fit, one_cycle, predict

Pair = tuple[Tensor, Tensor]
Note = Callable[[str, nn.Module], None]
ZEROS = (50, 70, 80, 90, 95)  # per cent of all weights
AGAIN = (80, 90, 95)  # those trained on
BITS = (8, 6, 5, 4, 3, 2)  # uniform, per layer and per filter
CODES = (5, 4, 3, 2, 1)  # bits of a code
CODES_AGAIN = (2,)
RANKS = (32, 16, 8, 4)  # of the first linear layer; those of the convolutions are half
RANKS_AGAIN = (8, 4)
WIDTHS = (16, 8)  # filters that the second and third convolution keep
STUDENT = (8, 12, 16, 0)
EPOCHS, MORE = 8, 2  # of the first training, and of training on


@cache
def train_crops() -> Pair:
    """2,100 crops of 32×32, and each mirrored left to right."""
    data = patches("train", 2100, 32)
    return torch.cat([data.images, data.images.flip(3)]) - 0.5, data.labels.repeat(2)


@cache
def held_out_crops() -> Pair:
    """1,050 crops from other cells of the same photographs."""
    data = patches("test", 1050, 32)
    return data.images - 0.5, data.labels


def crop_net(first: int = 16, second: int = 32, third: int = 48, hidden: int = 128) -> nn.Sequential:
    """Three convolutions (5×5 with stride 2, then 3×3) with batch norm and pooling to 4×4, one hidden layer, 21 logits.

    With `hidden` 0 the mean of each map goes to the logits.
    """
    start = nn.Conv2d(3, first, 5, stride=2, padding=2, bias=False)
    layers: list[nn.Module] = [start, nn.BatchNorm2d(first), nn.ReLU()]
    for c_in, c_out in ((first, second), (second, third)):
        layers += [nn.MaxPool2d(2), nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()]
    if not hidden:
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(third, 21))
    head = [nn.Flatten(), nn.Linear(third * 16, hidden), nn.ReLU(), nn.Linear(hidden, 21)]
    return nn.Sequential(*layers, *head)


def train_on(net: nn.Module, epochs: int = MORE, lr: float = 0.003, max_steps: int | None = None) -> nn.Module:
    """Train a compressed net on: Adam, with a rate that falls from `lr` along a cosine."""
    optimizer = Adam(net.parameters(), lr=lr)
    images, labels = train_crops()
    steps = epochs * -(-len(images) // 64)
    fit(
        net, (images, labels), epochs=epochs, batch_size=64, optimizer=optimizer, schedule=cosine(optimizer, steps),
        device="cpu", progress=False, max_steps=max_steps,
    )  # fmt: skip
    return net.eval()


def pruned(net: nn.Module, percent: int) -> nn.Module:
    """A copy without the smallest weights, all layers taken together."""
    net = copy.deepcopy(net)
    prune.global_unstructured(weighted(net), percent / 100)
    return net


def thinner(net: nn.Module, rank: int) -> nn.Sequential:
    """A copy with the hidden layer of this rank, and the second and third convolution of 3/4 of it, in channels."""
    new = nn.Sequential(*copy.deepcopy(net).children())
    for at, layer in enumerate(new):
        if isinstance(layer, nn.Linear) and layer.in_features > 500:
            new[at] = factorize_linear(layer, rank)
        elif isinstance(layer, nn.Conv2d) and at:
            new[at] = factorize_conv2d(layer, max(2, 3 * rank // 4))
    return new


def narrower(net: nn.Module, width: int) -> nn.Sequential:
    """A copy whose second and third convolution keep this many of their filters."""
    chain = nn.Sequential(*copy.deepcopy(net).children())
    for at in [at for at, layer in enumerate(chain) if isinstance(layer, nn.Conv2d)][1:]:
        chain = keep_filters(chain, at, width)
    return chain


def every_way(net: nn.Module) -> dict[str, float]:
    """Scores and file sizes of the trained net under every way of making it smaller: "accuracy: 90 % cut" …"""
    found: dict[str, float] = {}
    note = partial(_note, found)
    seed = torch.initial_seed() % 2**32  # that of the training which made the net
    note("as trained", net)
    for percent in ZEROS:
        note(f"{percent} % cut", pruned(net, percent))
    sparse = {percent: train_on(pruned(net, percent)) for percent in AGAIN}
    for percent, small in sparse.items():
        note(f"{percent} % cut, trained on", small)
    coded = shared(sparse[90], 4)
    note("90 % cut, then codes of 4", coded)
    note("90 % cut, then codes of 4, trained on", train_on(coded))
    _rounding(net, note)
    for rank in RANKS:
        note(f"rank {rank}", thinner(net, rank))
    for rank in RANKS_AGAIN:
        note(f"rank {rank}, trained on", train_on(thinner(net, rank)))
    for width in WIDTHS:
        note(f"{width} filters", narrower(net, width))
        note(f"{width} filters, trained on", train_on(narrower(net, width)))
    _students(net, note, seed)
    return found


def _rounding(net: nn.Module, note: Note) -> None:
    for bits in BITS:
        note(f"{bits} bits", rounded(net, bits, None))
        note(f"{bits} bits, a scale for each filter", rounded(net, bits, 0))
    for bits in CODES:
        note(f"codes of {bits}", shared(net, bits))
    for bits in CODES_AGAIN:
        note(f"codes of {bits}, trained on", train_on(shared(net, bits)))


def _students(net: nn.Module, note: Note, seed: int) -> None:
    """The same small net from the same start: taught by the labels, and by what the large net says."""
    images, labels = train_crops()
    told, loss = with_teacher(images, predict(net, images, device="cpu"), labels)
    ways: dict[str, tuple[Pair, Callable[[Tensor, Tensor], Tensor] | None]] = {
        "student, labels": ((images, labels), None),
        "student, teacher": (told, loss),
    }
    for name, (data, how) in ways.items():
        seed_everything(seed)
        small = crop_net(*STUDENT)
        optimizer = Adam(small.parameters(), lr=0.01)
        schedule = one_cycle(optimizer, EPOCHS * -(-len(images) // 64))
        fit(
            small, data, epochs=EPOCHS, optimizer=optimizer, schedule=schedule, loss=how, device="cpu",
            progress=False, seed=seed,
        )  # fmt: skip
        note(name, small.eval())


def _note(found: dict[str, float], name: str, net: nn.Module) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net"
        found[f"accuracy: {name}"] = accuracy(net.eval(), held_out_crops(), device="cpu")
        found[f"bytes: {name}"] = save(net, file)
        found[f"deflated: {name}"] = deflated(file)
        save(net, file, "bytes")
        found[f"bytes deflated: {name}"] = deflated(file)


EXPERIMENTS = (
    Experiment(
        "compression",
        "A net for crops, and everything that it becomes when it is made smaller.",
        "32×32 crops of 21 photographs, the label is which one: 2,100 from 78 % of each photograph's cells, each also "
        "mirrored, to train; 1,050 from the other 22 % held out; the same photographs, other places",
        {
            "net": Training(
                build=crop_net,
                train=train_crops,
                val=held_out_crops,
                epochs=EPOCHS,
                batch_size=64,
                optimizer=partial(Adam, lr=0.003),
                schedule=one_cycle,
                measure=every_way,
            ),
            "student": Training(
                build=partial(crop_net, *STUDENT),
                train=train_crops,
                val=held_out_crops,
                epochs=EPOCHS,
                batch_size=64,
                optimizer=partial(Adam, lr=0.01),
                schedule=one_cycle,
            ),
        },
    ),
)
