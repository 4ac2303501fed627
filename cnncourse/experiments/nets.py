"""Small nets to experiment on: every choice that a chapter compares is an argument."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from cnncourse.errors import whole

ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = MappingProxyType({
    "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU, "leaky ReLU": nn.LeakyReLU, "PReLU": nn.PReLU,
    "softplus": nn.Softplus, "ELU": nn.ELU, "SELU": nn.SELU, "GELU": nn.GELU, "Swish": nn.SiLU,
})  # fmt: skip


def mlp(
    depth: int = 2,
    width: int = 64,
    *,
    inputs: int = 64,
    classes: int = 10,
    activation: str = "ReLU",
    init: str | float = "he",
    batch_norm: bool = False,
    dropout: float = 0.0,
) -> nn.Sequential:
    """`depth` hidden layers of `width` units between `inputs` numbers (of any shape) and `classes` logits.

    A hidden layer is linear, batch norm if asked, activation, dropout. For `init` see `initialise`.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    fan_in = whole("mlp: inputs", inputs, 1)
    for _ in range(whole("mlp: depth", depth, 0)):
        layers.append(nn.Linear(fan_in, width))
        layers += [nn.BatchNorm1d(width)] if batch_norm else []
        layers.append(_activation(activation)())
        layers += [nn.Dropout(dropout)] if dropout else []
        fan_in = width
    return initialise(nn.Sequential(*layers, nn.Linear(fan_in, classes)), init, activation)


def cnn(
    channels: tuple[int, ...] = (16, 32),
    *,
    in_channels: int = 1,
    classes: int = 10,
    activation: str = "ReLU",
    init: str | float = "he",
    batch_norm: bool = False,
) -> nn.Sequential:
    """A 3×3 convolution, activation and 2×2 max pooling for each of `channels`; the mean of each map; logits."""
    layers: list[nn.Module] = []
    for c_in, c_out in zip((in_channels, *channels), channels, strict=False):
        layers.append(nn.Conv2d(c_in, c_out, 3, padding=1))
        layers += [nn.BatchNorm2d(c_out)] if batch_norm else []
        layers += [_activation(activation)(), nn.MaxPool2d(2)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], classes)]
    return initialise(nn.Sequential(*layers, *head), init, activation)


def initialise(net: nn.Sequential, init: str | float, activation: str = "ReLU") -> nn.Sequential:
    """Draw all weights again from normal distributions around 0; biases become 0. Returns the net.

    "he": variance g² / fan_in with `gain(activation)` g; "xavier": 2 / (fan_in + fan_out); a number is the standard
    deviation itself. Sources: Glorot & Bengio 2010, proceedings.mlr.press/v9/glorot10a; He et al. 2015,
    arXiv:1502.01852. Raises ValueError for another `init`.
    """
    if init not in ("he", "xavier") and (isinstance(init, str) or not init > 0):
        raise ValueError(f"initialise: init is {init!r}; expected 'he', 'xavier' or a standard deviation > 0")
    factor = gain(activation)
    for layer in net.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            if init == "xavier":
                nn.init.xavier_normal_(layer.weight)
            else:
                sigma = factor / math.sqrt(layer.weight[0].numel()) if init == "he" else float(init)
                nn.init.normal_(layer.weight, std=sigma)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return net


def gain(activation: str) -> float:
    """The g for which weights of variance g² / fan_in keep the mean square of a layer's outputs at 1.

    g² = 1 / E[f(z)²] with z standard normal, by the trapezoid rule; for ReLU that is He's 2.
    """
    z = torch.linspace(-10, 10, 20001, dtype=torch.float64)
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    with torch.no_grad():
        f: Tensor = _activation(activation)().double()(z)
    return 1 / math.sqrt(torch.trapezoid(f.square() * density, z).item())


def _activation(name: str) -> Callable[[], nn.Module]:
    if name not in ACTIVATIONS:
        raise ValueError(f"activation is {name!r}; expected one of {', '.join(map(repr, ACTIVATIONS))}")
    return ACTIVATIONS[name]
