"""Which weights a network has, and what stands in them."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn
from torch.nn.utils import parametrize

from cnncourse.errors import whole


def weighted(model: nn.Module) -> list[tuple[nn.Conv2d | nn.Linear, str]]:
    """Every convolution and linear layer with the name of its weight: what the functions of this package take.

    Biases and batch norm are left out: they are few.
    """
    return [(layer, "weight") for layer in model.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]


def sparsity(model: nn.Module) -> float:
    """The share of the weights of convolutions and linear layers that are exactly 0. Raises ValueError if none is."""
    weights = [layer.weight for layer, _ in weighted(model)]
    if not weights:
        raise ValueError(f"sparsity: {type(model).__name__} has no convolution and no linear layer; expected one")
    return sum(int((w == 0).sum()) for w in weights) / sum(w.numel() for w in weights)


def plain(model: nn.Module) -> nn.Module:
    """A copy with masks and code books written into the weights, so that each layer is what it was before them."""
    model = copy.deepcopy(model)
    for layer in list(model.modules()):
        for name in list(getattr(layer, "parametrizations", {})):
            write_in(layer, name)
    return model


def plain_state(model: nn.Module) -> dict[str, Tensor]:
    """The state dict of `plain(model)`: under the keys of the unchanged network."""
    return {key: value.detach() for key, value in plain(model).state_dict().items()}


def write_in(layer: nn.Module, name: str) -> None:
    """Make a parametrized weight an ordinary one of the same value."""
    # A copy of a parametrized layer shares the class that torch made for it, and removing takes the weight out of that
    # class, from the first layer as well: so this one gets a class of its own.
    made = type(layer)
    keep = {key: value for key, value in vars(made).items() if key not in ("__dict__", "__weakref__")}
    layer.__class__ = type(made.__name__, made.__bases__, keep)
    parametrize.remove_parametrizations(layer, name, leave_parametrized=True)
    ordered = sorted(layer._parameters.items(), key=lambda entry: entry[0] != "weight")  # it was put last
    layer._parameters.clear()
    layer._parameters.update(ordered)


def effective(who: str, module: nn.Module, name: str) -> Tensor:
    """The weight as the layer uses it, without gradient. Raises ValueError if there is none of that name."""
    value = getattr(module, name, None)
    if not isinstance(value, Tensor):
        have = ", ".join(repr(key) for key, _ in module.named_parameters(recurse=False)) or "no parameter"
        raise ValueError(f"{who}: {type(module).__name__} has no tensor {name!r}; it has {have}")
    return value.detach()


def how_many(who: str, amount: Any, total: int) -> int:
    """As in torch: a share of `total` for a float from 0 to 1 (rounded to a whole number), else the number itself."""
    if isinstance(amount, float):
        if not 0 <= amount <= 1:
            raise ValueError(f"{who}: amount is {amount}; expected a share from 0.0 to 1.0, or a whole number")
        return round(amount * total)
    number = whole(f"{who}: amount", amount, 0)
    if number > total:
        raise ValueError(f"{who}: amount is {number}, but only {total} are left; expected at most {total}")
    return number
