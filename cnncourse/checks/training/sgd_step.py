"""Exercise `sgd_step`: one step of gradient descent with momentum and weight decay, in torch's convention."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small

BASE = """
import torch

def sgd_step(p, g, v, lr, momentum, weight_decay):
    g = g + weight_decay * p
    v = momentum * v + g
    p = p - lr * v
    return p, v
"""
DECAY = "    g = g + weight_decay * p\n"
VELOCITY = "    v = momentum * v + g\n"
STEP = "    p = p - lr * v\n"

MISTAKES = catalogue(
    "sgd_step",
    BASE,
    [
        wrong(
            "rate_in_velocity",
            "You put the rate into the velocity, as the papers do. Here it stays outside: v = m v + g, then p - lr v.",
            (VELOCITY, "    v = momentum * v + lr * g\n"),
            (STEP, "    p = p - v\n"),
        ),
        wrong(
            "signed_velocity",
            "Your velocity has the minus and the rate in it. Here v = m v + g points uphill, and the step is p - lr v.",
            (VELOCITY, "    v = momentum * v - lr * g\n"),
            (STEP, "    p = p + v\n"),
        ),
        wrong(
            "uphill",
            "You go uphill. The gradient points to where the loss grows: subtract it.",
            (STEP, "    p = p + lr * v\n"),
        ),
        wrong(
            "averaged",
            "You average: the new gradient enters with 1 - momentum. Here it enters whole: v = m v + g.",
            (VELOCITY, "    v = momentum * v + (1 - momentum) * g\n"),
        ),
        wrong(
            "old_velocity",
            "You step with the old velocity. First bring it up to date, then step with the new one.",
            (VELOCITY, "    new = momentum * v + g\n"),
            ("return p, v", "return p, new"),
        ),
        wrong(
            "gradient_step",
            "The velocity is right, but you step along the gradient. Step along the velocity.",
            (STEP, "    p = p - lr * g\n"),
        ),
        wrong(
            "velocity_not_kept",
            "The step is right, but you return the old velocity, so that the next step has forgotten this one.",
            (VELOCITY + STEP, "    p = p - lr * (momentum * v + g)\n"),
        ),
        wrong("no_momentum", "The old velocity is not used: v = m v + g.", ("momentum * v + g", "g")),
        wrong(
            "velocity_not_damped",
            "The old velocity enters whole. Multiply it by the momentum, or it never slows down.",
            ("momentum * v + g", "v + g"),
        ),
        wrong(
            "gradient_damped",
            "You multiply the new gradient by the momentum as well. Only the old velocity is: v = m v + g.",
            ("momentum * v + g", "momentum * (v + g)"),
        ),
        wrong(
            "rate_on_gradient_only",
            "The rate scales the gradient's part of the step, but not the old velocity's. The whole step is lr * v.",
            (VELOCITY + STEP, "    p = p - lr * g - momentum * v\n    v = momentum * v + g\n"),
        ),
        wrong(
            "nesterov",
            "This is Nesterov's step, along g + m v. The plain one goes along v.",
            (STEP, "    p = p - lr * (g + momentum * v)\n"),
        ),
        wrong(
            "no_decay",
            "The weight decay is not used: it adds weight_decay * p to the gradient, before the velocity.",
            (DECAY, ""),
        ),
        wrong(
            "decay_beside",
            "Your decay does not pass through the velocity (that is AdamW's way). "
            "Here it is added to the gradient first.",
            (DECAY, ""),
            (STEP, "    p = p - lr * v - lr * weight_decay * p\n"),
        ),
        wrong(
            "decay_without_rate",
            "You shrink p by weight_decay itself. The decay is part of the gradient: add it to g.",
            (DECAY, ""),
            (STEP, "    p = p - lr * v - weight_decay * p\n"),
        ),
        wrong(
            "decay_grows",
            "Your decay makes weights grow: its sign is wrong. The gradient of λ/2 |p|² is + λ p.",
            ("g + weight_decay", "g - weight_decay"),
        ),
        wrong(
            "decay_of_velocity",
            "You let the velocity decay. Weight decay pulls at the weights: add weight_decay * p to the gradient.",
            ("weight_decay * p", "weight_decay * v"),
        ),
        wrong(
            "decay_doubled",
            "Your decay is twice as strong: the penalty is λ/2 |p|², so that its gradient is λ p, without a 2.",
            ("weight_decay * p", "2 * weight_decay * p"),
        ),
        wrong(
            "decay_by_size",
            "You add the same decay to every weight, whatever its size. It is proportional: weight_decay * p.",
            ("weight_decay * p", "weight_decay * torch.sign(p)"),
        ),
        wrong("rate_missing", "The rate is not used: the step is lr * v.", ("lr * v", "v")),
        wrong(
            "exchanged",
            "The two results have changed places: first the parameter, then the velocity.",
            ("return p, v", "return v, p"),
        ),
        wrong(
            "parameter_only",
            "You return the parameter alone. The velocity is needed in the next step: return both.",
            ("return p, v", "return p"),
        ),
    ],
)


def reference(
    p: Tensor, g: Tensor, v: Tensor, lr: float, momentum: float, weight_decay: float
) -> tuple[Tensor, Tensor]:
    """torch's own optimizer, given the velocity."""
    weight = torch.nn.Parameter(p.clone())
    weight.grad = g.clone()
    optimizer = torch.optim.SGD([weight], lr=lr, momentum=momentum, weight_decay=weight_decay)
    optimizer.state[weight]["momentum_buffer"] = v.clone()
    optimizer.step()
    velocity = optimizer.state[weight]["momentum_buffer"]
    return weight.detach(), velocity if momentum else g + weight_decay * p


def public() -> list[Case]:
    """Numbers that can be done in one's head."""
    p, g, v = (small(3, seed=k) for k in (203, 202, 205))
    matrix = tuple(small(2, 3, seed=k).double() for k in (204, 205, 206))
    return [
        Case("the first step: v is zero", (p, g, torch.zeros(3), 0.5, 0.5, 0.0), weight=0.125),
        Case("with a velocity", (p, g, v, 0.5, 0.25, 0.0), weight=0.25),
        Case("with weight decay", (p, g, v, 0.5, 0.25, 2.0), weight=0.25),
        Case("a matrix, in float64", (*matrix, 0.1, 0.9, 0.01), weight=0.25),
    ]


EXERCISE = Exercise("sgd_step", 2.0, reference, public, MISTAKES, forbidden=("torch.optim", "cnncourse.train"))
