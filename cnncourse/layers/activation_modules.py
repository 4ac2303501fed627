"""The activations, softmax and dropout as modules, with torch's arguments and parameter names."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.errors import whole
from cnncourse.layers import activations as of
from cnncourse.layers.dropout import dropout
from cnncourse.layers.probabilities import log_softmax, softmax


def _options(inplace: bool, **others: object) -> str:
    """The options as torch prints them."""
    return ", ".join([*(f"{name}={value!r}" for name, value in others.items()), *["inplace=True"] * inplace])


class ReLU(nn.Module):
    """`relu` as a module; arguments as `torch.nn.ReLU`."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """max(x, 0)."""
        return of.relu(input, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return _options(self.inplace)


class LeakyReLU(nn.Module):
    """`leaky_relu` as a module; arguments as `torch.nn.LeakyReLU`."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """x, or negative_slope * x where x is negative."""
        return of.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return _options(self.inplace, negative_slope=self.negative_slope)


class PReLU(nn.Module):
    """`prelu` with its own weight, one or one per channel, which starts at `init`; arguments as `torch.nn.PReLU`."""

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.num_parameters = whole("PReLU: num_parameters", num_parameters, 1)
        self.init = init
        self.weight = nn.Parameter(torch.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to its initial value."""
        nn.init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """x, or weight * x where x is negative."""
        return of.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The options."""
        return _options(False, num_parameters=self.num_parameters)


class ELU(nn.Module):
    """`elu` as a module; arguments as `torch.nn.ELU`."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """x, or alpha * (e^x - 1) where x is negative."""
        return of.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return _options(self.inplace, alpha=self.alpha)


class SELU(nn.Module):
    """`selu` as a module; arguments as `torch.nn.SELU`."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """A scaled elu."""
        return of.selu(input, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return _options(self.inplace)


class GELU(nn.Module):
    """`gelu` as a module; arguments as `torch.nn.GELU`."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """x * Phi(x)."""
        return of.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """The options."""
        return _options(False, approximate=self.approximate)


class SiLU(nn.Module):
    """`silu` as a module; arguments as `torch.nn.SiLU`."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """x / (1 + e^-x)."""
        return of.silu(input, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return _options(self.inplace)


class Softplus(nn.Module):
    """`softplus` as a module; arguments as `torch.nn.Softplus`."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """log(1 + e^(beta x)) / beta."""
        return of.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """The options."""
        return _options(False, beta=self.beta, threshold=self.threshold)


class Sigmoid(nn.Module):
    """`sigmoid` as a module."""

    def forward(self, input: Tensor) -> Tensor:
        """1 / (1 + e^-x)."""
        return of.sigmoid(input)


class Tanh(nn.Module):
    """`tanh` as a module."""

    def forward(self, input: Tensor) -> Tensor:
        """tanh(x)."""
        return of.tanh(input)


class Softmax(nn.Module):
    """`softmax` along `dim` as a module; argument as `torch.nn.Softmax`."""

    function = staticmethod(softmax)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """The function of the same name."""
        return self.function(input, self.dim)

    def extra_repr(self) -> str:
        """The options."""
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """`log_softmax` along `dim` as a module; argument as `torch.nn.LogSoftmax`."""

    function = staticmethod(log_softmax)


class Dropout(nn.Module):
    """`dropout` in training, nothing in evaluation; arguments as `torch.nn.Dropout`."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p is {p}; expected a probability, from 0 to 1")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Set numbers to 0, each with probability p, if this module is in training."""
        return dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"p={self.p}, inplace={self.inplace}"
