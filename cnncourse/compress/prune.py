"""Pruning by magnitude, under the names of `torch.nn.utils.prune`.

A pruned weight is w · m with a mask m of zeros and ones. The mask is a parametrization, so it stays while the network
is trained on: what was cut remains 0, and gets no gradient.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from cnncourse.compress.weights import effective, how_many, write_in
from cnncourse.errors import whole


class Mask(nn.Module):
    """w ↦ w · mask, a parametrization."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight: Tensor) -> Tensor:
        """Any shape, same shape."""
        return weight * self.mask


def l1_unstructured(module: nn.Module, name: str, amount: float) -> nn.Module:
    """Cut those entries of a weight that are smallest in absolute value; returns the module.

    `amount`: a float is a share, an int a number, of the entries that are not cut yet, as in torch.
    Raises ValueError for a name that the module does not have and for an amount out of range.
    """
    mask = _mask(module, name)
    mask &= ~_smallest(effective("l1_unstructured", module, name).abs(), mask, "l1_unstructured", amount)
    return _register(module, name, mask)


def ln_structured(module: nn.Module, name: str, amount: float, n: float, dim: int) -> nn.Module:
    """Cut whole slices along `dim` (0: filters, 1: input channels), those of the smallest L_n norm; returns the module.

    `amount` as in `l1_unstructured`, of the slices that are left. Raises ValueError also for a `dim` there is not.
    """
    weight = effective("ln_structured", module, name)
    if not -weight.dim() <= dim < weight.dim():
        raise ValueError(f"ln_structured: dim is {dim}; the weight has {weight.dim()} dimensions")
    mask = _mask(module, name)
    rows = weight.movedim(dim, 0).flatten(1)
    alive = mask.movedim(dim, 0).flatten(1).any(dim=1)
    cut = _smallest(torch.linalg.vector_norm(rows, n, dim=1), alive, "ln_structured", amount)
    mask.movedim(dim, 0)[cut] = False
    return _register(module, name, mask)


def global_unstructured(parameters: Iterable[tuple[nn.Module, str]], amount: float) -> None:
    """Cut the smallest entries of all the weights together: layers with many small ones lose more.

    `parameters` are pairs such as `cnncourse.compress.weighted(model)` gives, `amount` as in `l1_unstructured`. (The
    function in torch takes a pruning method as well; this one has the L1 method only.)
    Raises ValueError for no parameters and for an amount out of range.
    """
    pairs = list(parameters)
    if not pairs:
        raise ValueError("global_unstructured: got no parameters; expected pairs such as (model.conv1, 'weight')")
    masks = [_mask(module, name) for module, name in pairs]
    sizes = torch.cat([effective("global_unstructured", m, name).abs().flatten() for m, name in pairs])
    cut = _smallest(sizes, torch.cat([mask.flatten() for mask in masks]), "global_unstructured", amount)
    parts = torch.split(cut, [mask.numel() for mask in masks])
    for (module, name), mask, part in zip(pairs, masks, parts, strict=True):
        _register(module, name, mask & ~part.view_as(mask))


def is_pruned(module: nn.Module) -> bool:
    """Whether the module or one inside it has a mask."""
    return any(isinstance(inner, Mask) for inner in module.modules())


def remove(module: nn.Module, name: str) -> nn.Module:
    """Make pruning permanent: the weight is an ordinary parameter again, with zeros in it; returns the module.

    Raises ValueError if that weight is not pruned.
    """
    if _find(module, name) is None:
        raise ValueError(f"remove: {name!r} of {type(module).__name__} is not pruned; expected a pruned weight")
    write_in(module, name)
    return module


def _find(module: nn.Module, name: str) -> Mask | None:
    chain = getattr(module, "parametrizations", {})
    return next((step for step in chain[name] if isinstance(step, Mask)), None) if name in chain else None


def _mask(module: nn.Module, name: str) -> Tensor:
    """A copy of the mask that is there, or one of ones."""
    found = _find(module, name)
    weight = effective("prune", module, name)
    return torch.ones_like(weight, dtype=torch.bool) if found is None else found.mask.bool()


def _smallest(sizes: Tensor, alive: Tensor, who: str, amount: float) -> Tensor:
    """Which of the entries that are alive are cut: True at the smallest."""
    count = how_many(who, amount, whole("alive", int(alive.sum()), 0))
    order = torch.where(alive, sizes, torch.full_like(sizes, torch.inf)).flatten()
    cut = torch.zeros_like(order, dtype=torch.bool)
    cut[torch.topk(order, count, largest=False).indices] = True
    return cut.view_as(alive)


def _register(module: nn.Module, name: str, mask: Tensor) -> nn.Module:
    found = _find(module, name)
    weight = effective("prune", module, name)
    if found is not None:
        found.mask.copy_(mask)
    else:
        parametrize.register_parametrization(module, name, Mask(mask.to(weight.dtype)))
    return module
