"""The fully connected layer and the losses as modules, with torch's arguments and parameter names."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.errors import whole
from cnncourse.layers.linear import linear
from cnncourse.layers.loss import check_reduction, cross_entropy, mse_loss


class Linear(nn.Module):
    """`linear` with its own weight and bias; arguments as `torch.nn.Linear`. (..., F_in) -> (..., F_out).

    Both start uniform in [-1/sqrt(F_in), 1/sqrt(F_in)], as in torch.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_features = whole("Linear: in_features", in_features, 0)
        self.out_features = whole("Linear: out_features", out_features, 0)
        self.weight = nn.Parameter(torch.empty(out_features, in_features, device=device, dtype=dtype))
        self.bias: nn.Parameter | None
        self.register_parameter(
            "bias", nn.Parameter(torch.empty(out_features, device=device, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights and biases."""
        bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
        for parameter in self.parameters(recurse=False):
            if parameter.numel():
                nn.init.uniform_(parameter, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        """x W^T + b."""
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The arguments, as torch prints them."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class CrossEntropyLoss(nn.Module):
    """`cross_entropy` as a module; arguments as `torch.nn.CrossEntropyLoss`. The weight is a buffer."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        check_reduction("CrossEntropyLoss", reduction, size_average, reduce)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """How surprising the targets are, given the logits."""
        return cross_entropy(
            input,
            target,
            self._buffers["weight"],
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class MSELoss(nn.Module):
    """`mse_loss` as a module; arguments as `torch.nn.MSELoss`."""

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__()
        check_reduction("MSELoss", reduction, size_average, reduce)
        self.reduction = reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The squared error."""
        return mse_loss(input, target, reduction=self.reduction)
