"""Exercise `replace_head`: a trained network with a new last layer for other classes."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.subject import Made, Subject
from cnncourse.checks.transfer.nets import State, changed, cotangents, listed, pictures, weights
from cnncourse.models import SmallNet, small_vgg_from

BASE = """
import torch
from torch import nn

def replace_head(state, classes):
    from cnncourse.models import small_vgg_from

    net = small_vgg_from(state)
    net.classifier = nn.Linear(net.classifier.in_features, classes)
    nn.init.zeros_(net.classifier.weight)
    nn.init.zeros_(net.classifier.bias)
    return net
"""
NEW = "    net.classifier = nn.Linear(net.classifier.in_features, classes)\n"
WEIGHT = "    nn.init.zeros_(net.classifier.weight)\n"
BIAS = "    nn.init.zeros_(net.classifier.bias)\n"
END = "    return net\n"

MISTAKES = catalogue(
    "replace_head",
    BASE,
    [
        wrong(
            "old_head",
            "The old head is still there: setting out_features changes no weight. Put a new nn.Linear in its place.",
            (NEW + WEIGHT + BIAS, "    net.classifier.out_features = classes\n"),
        ),
        wrong(
            "old_head_cleared",
            "The old head is filled with zeros, but still has a row for each old class. Put a new nn.Linear there.",
            (NEW, ""),
        ),
        wrong(
            "first_rows",
            "You keep the first rows of the old head. What they know is about the old classes: begin with zeros.",
            (
                WEIGHT + BIAS,
                "    with torch.no_grad():\n"
                "        net.classifier.weight.copy_(state['classifier.weight'][:classes])\n"
                "        net.classifier.bias.copy_(state['classifier.bias'][:classes])\n",
            ),
        ),
        wrong(
            "random_head",
            "The new head has the random numbers that nn.Linear begins with. Fill weight and bias with zeros.",
            (WEIGHT + BIAS, ""),
        ),
        wrong("random_bias", "The weight of the new head is zero, its bias is not yet.", (BIAS, "")),
        wrong("random_weight", "The bias of the new head is zero, its weight is not yet.", (WEIGHT, "")),
        wrong(
            "ones",
            "The new head is full of ones. Fill it with zeros: nn.init.zeros_.",
            (WEIGHT, WEIGHT.replace("zeros_", "ones_")),
            (BIAS, BIAS.replace("zeros_", "ones_")),
        ),
        wrong(
            "no_bias",
            "The new head has no bias. It has one, as the old one had.",
            (NEW, NEW.replace("classes)", "classes, bias=False)")),
            (BIAS, ""),
        ),
        wrong(
            "from_the_old_logits",
            "The new head takes as many numbers as there were classes. It takes the features: classifier.in_features.",
            (NEW, NEW.replace("in_features", "out_features")),
        ),
        wrong(
            "head_on_head",
            "You put a layer behind the old head. The new head takes the place of the old one.",
            (
                NEW + WEIGHT + BIAS,
                "    new = nn.Linear(net.classifier.out_features, classes)\n"
                "    nn.init.zeros_(new.weight)\n"
                "    nn.init.zeros_(new.bias)\n"
                "    net.classifier = nn.Sequential(net.classifier, new)\n",
            ),
        ),
        wrong(
            "beside_the_old",
            "You made a second head under another name, which forward never calls. It must be net.classifier.",
            (
                NEW + WEIGHT + BIAS,
                "    net.head = nn.Linear(net.classifier.in_features, classes)\n"
                "    nn.init.zeros_(net.head.weight)\n"
                "    nn.init.zeros_(net.head.bias)\n",
            ),
        ),
        wrong(
            "body_cleared",
            "You filled every parameter with zeros, those of the body, too. Only the head begins anew.",
            (WEIGHT + BIAS, "    for p in net.parameters():\n        nn.init.zeros_(p)\n"),
        ),
        wrong(
            "body_frozen",
            "The body does not learn any more. Nothing is frozen in this exercise: that is a choice for later.",
            (END, "    net.features.requires_grad_(False)\n" + END),
        ),
        wrong(
            "head_frozen",
            "The new head does not learn: its parameters require no gradient.",
            (END, "    net.classifier.requires_grad_(False)\n" + END),
        ),
        wrong(
            "statistics_reset",
            "The running statistics of the body are those of a new network. Leave what batch norm has learned.",
            (
                END,
                "    for layer in net.modules():\n"
                "        if isinstance(layer, nn.BatchNorm2d):\n"
                "            layer.reset_running_stats()\n" + END,
            ),
        ),
        wrong(
            "new_body",
            "The body has new random weights. Replace the head alone.",
            (
                NEW,
                "    for layer in net.modules():\n"
                "        if isinstance(layer, nn.Conv2d):\n"
                "            layer.reset_parameters()\n" + NEW,
            ),
        ),
    ],
)


def reference(state: State, classes: int) -> SmallNet:
    """The network with its head written anew, by hand."""
    net = small_vgg_from(state)
    old = net.classifier.weight
    net.classifier = nn.Linear(old.shape[1], classes, dtype=old.dtype)
    net.load_state_dict({**state, "classifier.weight": old.new_zeros(classes, old.shape[1]),
                         "classifier.bias": old.new_zeros(classes)})  # fmt: skip
    return net


def _head(net: Made, state: State) -> tuple[Any, ...]:
    """The head's parameters with their shapes, its numbers, and what has changed of the body."""
    now = net.state()
    head = {name: value for name, value in now.items() if not name.startswith("features.")}
    body = {name: value for name, value in state.items() if name.startswith("features.")}
    shapes = ", ".join(f"{name} {'×'.join(map(str, value.shape))}" for name, value in head.items())
    return (f"head: {shapes}", *head.values(), f"changed in the body: {listed(changed(body, now))}")


def new_head(replace_head: Subject, state: State, classes: int) -> Any:
    """What became of the weights."""
    return _head(replace_head.make(state, classes), state)


def _learning(net: Made, images: Tensor, classes: int) -> tuple[Any, ...]:
    """The logits in evaluation mode, and what could learn from them."""
    net.train(False)
    logits = net(images)
    found = net.vjp([images], cotangents(len(images), classes, images.dtype), wrt=[])
    return logits, f"can learn: {listed(found.parameters)}"


def in_use(replace_head: Subject, state: State, classes: int, images: Tensor) -> Any:
    """What the network does."""
    return _learning(replace_head.make(state, classes), images, classes)


def all_of_it(replace_head: Subject, state: State, classes: int, images: Tensor) -> Any:
    """Both at once."""
    net = replace_head.make(state, classes)
    return (*_head(net, state), *_learning(net, images, classes))


def public() -> list[Case]:
    """One small network, and what became of it."""
    small, other = weights((2, 3), 5, seed=501), weights((2, 4), 6, seed=502)
    images = pictures(2, 4, 8, seed=503)
    return [
        Case("from 5 classes to 3: the weights", (small, 3), weight=0.2, use=new_head),
        Case("from 5 classes to 3: two images", (small, 3, images), weight=0.2, use=in_use),
        Case("from 6 classes to 4: the weights", (other, 4), weight=0.2, use=new_head),
        Case("from 6 classes to 4: two images", (other, 4, images), weight=0.2, use=in_use),
    ]


EXERCISE = Exercise("replace_head", 2.0, reference, public, MISTAKES)
