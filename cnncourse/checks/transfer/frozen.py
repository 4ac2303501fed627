"""Exercise `Frozen`: the lower stages of a network stay as they are, batch norm's statistics included."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.subject import Subject
from cnncourse.checks.transfer.nets import LAYERS, State, changed, cotangents, listed, pictures, weights
from cnncourse.models import small_vgg_from

BASE = """
import torch
from torch import nn

class Frozen(nn.Module):
    def __init__(self, state, stages):
        super().__init__()
        from cnncourse.models import small_vgg_from

        self.net = small_vgg_from(state)
        self.stages = stages
        self.net.features[: 7 * stages].requires_grad_(False)
        self.train()

    def train(self, mode=True):
        super().train(mode)
        self.net.features[: 7 * self.stages].eval()
        return self

    def forward(self, images):
        return self.net(images)
"""
LEARN = "        self.net.features[: 7 * stages].requires_grad_(False)\n"
START = "        self.train()\n"
MODE = "        super().train(mode)\n"
EVAL = "        self.net.features[: 7 * self.stages].eval()\n"
BOTH = ("[: 7 * stages]", "[: 7 * self.stages]")


def other_part(part: str) -> tuple[tuple[str, str], ...]:
    """Another slice in both places."""
    return (BOTH[0], part), (BOTH[1], part.replace("stages", "self.stages"))


MISTAKES = catalogue(
    "Frozen",
    BASE,
    [
        wrong(
            "statistics_move",
            "In training the frozen batch norms still use and update the batch's statistics. "
            "Put them back into evaluation in train().",
            (EVAL, ""),
        ),
        wrong(
            "eval_only_once",
            "You called eval() once. The next net.train() undoes it: train() itself must put the frozen part back.",
            (EVAL, ""),
            (START, EVAL),
        ),
        wrong(
            "not_from_the_start",
            "A new module is in training mode, also its frozen part, until train() is called. "
            "Call it at the end of __init__.",
            (START, ""),
        ),
        wrong(
            "momentum_zero",
            "With momentum 0 the running statistics stand still, but the batch's own are used. Use evaluation mode.",
            (
                EVAL,
                "        for layer in self.net.features[: 7 * self.stages]:\n"
                "            if isinstance(layer, nn.BatchNorm2d):\n"
                "                layer.momentum = 0.0\n",
            ),
        ),
        wrong(
            "all_in_evaluation",
            "The whole network stays in evaluation. The upper stages learn: their batch norms follow train(mode).",
            (EVAL, "        self.net.eval()\n"),
        ),
        wrong(
            "still_learns",
            "The frozen parameters still learn. On a layer, requires_grad = False only makes a new attribute; "
            "requires_grad_(False) is meant.",
            (LEARN, LEARN.replace("requires_grad_(False)", "requires_grad = False")),
        ),
        wrong(
            "convolutions_only",
            "Weight and bias of the frozen batch norms still learn. All parameters of a frozen stage stand still.",
            (
                LEARN,
                "        for layer in self.net.features[: 7 * stages]:\n"
                "            if isinstance(layer, nn.Conv2d):\n"
                "                layer.requires_grad_(False)\n",
            ),
        ),
        wrong(
            "batch_norm_only",
            "Only the batch norms are frozen. The convolutions of these stages must not learn either.",
            (
                LEARN,
                "        for layer in self.net.features[: 7 * stages]:\n"
                "            if isinstance(layer, nn.BatchNorm2d):\n"
                "                layer.requires_grad_(False)\n",
            ),
        ),
        wrong("one_stage_more", "One stage too many is frozen.", *other_part("[: 7 * (stages + 1)]")),
        wrong("one_stage_less", "One stage too few is frozen.", *other_part("[: 7 * (stages - 1)]")),
        wrong(
            "layers_for_stages",
            "You froze that many layers. A stage has 7 of them: convolution, batch norm, ReLU, again, and pooling.",
            *other_part("[:stages]"),
        ),
        wrong(
            "upper_end",
            "The upper stages are frozen. What is general lies below: freeze the first ones.",
            *other_part("[-7 * stages :]"),
        ),
        wrong(
            "whole_body",
            "All stages are frozen, whatever `stages` is.",
            (LEARN, "        self.net.features.requires_grad_(False)\n"),
            (EVAL, "        self.net.features.eval()\n"),
        ),
        wrong(
            "nothing_learns",
            "No parameter learns any more. Freeze those of the first stages only.",
            (LEARN, "        self.net.requires_grad_(False)\n"),
        ),
        wrong(
            "head_frozen",
            "The head does not learn. It is the one part that always must.",
            (LEARN, LEARN + "        self.net.classifier.requires_grad_(False)\n"),
        ),
        wrong(
            "no_gradient",
            "You run the whole network without gradients, so that the upper stages do not learn.",
            (
                "        return self.net(images)\n",
                "        with torch.no_grad():\n            return self.net(images)\n",
            ),
        ),
        wrong(
            "never_in_evaluation",
            "The upper stages never come to evaluation mode: hand `mode` on to super().train().",
            (MODE, "        super().train()\n"),
        ),
        wrong(
            "modes_exchanged",
            "Training and evaluation have changed places in the upper stages.",
            (MODE, "        super().train(not mode)\n"),
        ),
        wrong(
            "parameters_alone_by_stage",
            "The parameters are right, but the statistics of the last frozen stage still move.",
            (EVAL, EVAL.replace("self.stages", "(self.stages - 1)")),
        ),
        wrong(
            "statistics_reset",
            "You reset the running statistics of the frozen batch norms. Keep those that they have learned.",
            (
                LEARN,
                LEARN + "        for layer in self.net.features[: 7 * stages]:\n"
                "            if isinstance(layer, nn.BatchNorm2d):\n"
                "                layer.reset_running_stats()\n",
            ),
        ),
    ],
)


class Reference(nn.Module):
    """Its lower stages without modes: always the running statistics, never a gradient."""

    def __init__(self, state: State, stages: int) -> None:
        super().__init__()
        self.net = small_vgg_from(state)
        self.lower = LAYERS * stages
        for number, layer in enumerate(self.net.features):
            for parameter in layer.parameters():
                parameter.requires_grad = number >= self.lower

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        maps = self.net.centre(images)
        for number, layer in enumerate(self.net.features):
            if number < self.lower and isinstance(layer, nn.BatchNorm2d):
                mean, var = layer.running_mean, layer.running_var
                maps = batch_norm(maps, mean, var, layer.weight, layer.bias, training=False, eps=layer.eps)
            else:
                maps = layer(maps)
        return self.net.classifier(maps.mean(dim=(2, 3)))  # type: ignore[no-any-return]


def in_training(frozen: Subject, state: State, stages: int, images: Tensor) -> Any:
    """What comes out at once, in training and in evaluation; what can learn, and which statistics move."""
    net = frozen.make(state, stages)
    start = net(images)
    net.train(True)
    classes = state["classifier.bias"].shape[0]
    pulled = net.vjp([images], cotangents(len(images), classes, images.dtype), wrt=[])
    learning = [
        name if gradient.abs().max() > 1e-9 else f"{name} (without a gradient)"
        for name, gradient in pulled.parameters.items()
    ]
    before = dict(net.buffers())
    trained = net((1 - images) ** 2)
    moving = changed(before, dict(net.buffers()))
    net.train(False)
    still = dict(net.buffers())
    evaluated = net(images)
    moving += [f"{name} in evaluation" for name in changed(still, dict(net.buffers()))]
    return f"learning: {listed(learning)}", f"moving: {listed(moving)}", start, trained, evaluated


def public() -> list[Case]:
    """Two and three stages, of which some are frozen."""
    two, three = weights((2, 3), 2, 511, torch.float64), weights((2, 3, 2), 3, 512, torch.float64)
    images, others = pictures(3, 8, 4, 513, torch.float64), pictures(2, 8, 16, 514, torch.float64)
    return [
        Case("the first of two stages", (two, 1, images), weight=0.25, use=in_training, rtol=1e-6),
        Case("one of three", (three, 1, others), weight=0.25, use=in_training, rtol=1e-6),
        Case("two of three", (three, 2, others), weight=0.25, use=in_training, rtol=1e-6),
    ]


EXERCISE = Exercise("Frozen", 4.0, Reference, public, MISTAKES)
