"""Weight sharing: a layer keeps a code book of 2^b values, and for each weight the number of its value.

Han et al. 2016, arXiv:1510.00149: the values are found by k-means, and trained on: each gets the sum of its weights'
gradients.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from cnncourse.compress.weights import effective, plain, weighted, write_in
from cnncourse.errors import whole


class CodeBook(nn.Module):
    """values (k,) ↦ values[codes], a parametrization; code k stands for an exact 0 that is never trained."""

    codes: Tensor

    def __init__(self, codes: Tensor, start: Tensor) -> None:
        super().__init__()
        self.register_buffer("codes", codes)
        self._start = start

    def forward(self, values: Tensor) -> Tensor:
        """(k,) to the weight's shape."""
        return torch.cat([values, values.new_zeros(1)])[self.codes]

    def right_inverse(self, weight: Tensor) -> Tensor:
        """The code book that was found when the weight was shared."""
        return self._start.to(weight)


def kmeans(values: Tensor, k: int, iterations: int = 50) -> tuple[Tensor, Tensor]:
    """Centres (k,), ascending, and for each value the number of its nearest one, of the values' shape.

    Lloyd's steps on numbers: boundaries half way between centres, centres to the mean of what lies between. The centres
    start evenly spread from the least value to the greatest, which keeps the rare large weights (Han et al. 2016). A
    centre that nobody is near stays where it is.
    Raises ValueError for k or iterations below 1 and for no values.
    """
    whole("kmeans: k", k, 1)
    whole("kmeans: iterations", iterations, 1)
    if values.numel() == 0:
        raise ValueError(f"kmeans: values have shape {tuple(values.shape)}; expected at least one")
    flat = values.detach().double().flatten()
    centres = torch.linspace(flat.min().item(), flat.max().item(), k, dtype=torch.float64, device=flat.device)
    for _ in range(iterations):
        numbers = torch.bucketize(flat, (centres[1:] + centres[:-1]) / 2)
        counts = torch.bincount(numbers, minlength=k)
        sums = torch.zeros_like(centres).index_add_(0, numbers, flat)
        moved = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
        if torch.equal(moved, centres):
            break
        centres = moved
    numbers = torch.bucketize(flat, (centres[1:] + centres[:-1]) / 2)
    return centres.to(values.dtype), numbers.view(values.shape)


def share(module: nn.Module, name: str, bits: int) -> nn.Module:
    """Replace a weight by at most 2^bits values; returns the module. What is exactly 0 stays so, and costs one value.

    The values are a parameter, so training on moves them and leaves the codes. A mask of `prune` is taken over.
    Raises ValueError for bits outside 1 … 8 and for a name that the module does not have.
    """
    weight = effective("share", module, name)
    if whole("share: bits", bits, 1) > 8:
        raise ValueError(f"share: bits is {bits}; expected 1 to 8")
    if parametrize.is_parametrized(module, name):
        write_in(module, name)
    some = weight != 0
    k = 2**bits - int(not bool(some.all()))
    codes = torch.full(weight.shape, k, dtype=torch.int64, device=weight.device)
    centres = weight.new_zeros(k)
    if bool(some.any()):
        centres, codes[some] = kmeans(weight[some], k)
    parametrize.register_parametrization(module, name, CodeBook(codes, centres))
    return module


def shared(model: nn.Module, bits: int) -> nn.Module:
    """A copy of the model in which every convolution and linear layer has a code book of its own, by `share`."""
    model = plain(model)
    for layer, name in weighted(model):
        share(layer, name, bits)
    return model
