"""The convolutions as modules, with torch's arguments and parameter names: state dicts go back and forth."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from cnncourse.errors import per_axis, whole
from cnncourse.layers.conv import conv1d, conv2d, conv3d
from cnncourse.layers.geometry import Size


class _Conv(nn.Module):
    """What the modules share: parameters, their initial values, and how they print.

    weight and bias start uniform in [-1/sqrt(F), 1/sqrt(F)], F = C_in / groups * prod(K), as in torch.
    """

    axes: ClassVar[int]
    function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if padding_mode != "zeros":
            raise ValueError(
                f"{name}: padding_mode is {padding_mode!r}; expected 'zeros'. For another, pad the input with "
                f"torch.nn.functional.pad(x, ..., mode={padding_mode!r}) and give padding=0."
            )
        self.in_channels = whole(f"{name}: in_channels", in_channels, 1)
        self.out_channels = whole(f"{name}: out_channels", out_channels, 1)
        self.groups = whole(f"{name}: groups", groups, 1)
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: groups={groups} does not divide in_channels={in_channels} and out_channels={out_channels}"
            )
        self.kernel_size = per_axis(f"{name}: kernel_size", kernel_size, self.axes, 1)
        self.stride = per_axis(f"{name}: stride", stride, self.axes, 1)
        self.padding = self._checked_padding(padding)
        self.dilation = per_axis(f"{name}: dilation", dilation, self.axes, 1)
        self.padding_mode = padding_mode
        shape = (*self._channels(), *self.kernel_size)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias: nn.Parameter | None = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _channels(self) -> tuple[int, int]:
        """The first two sides of the weight."""
        return self.out_channels, self.in_channels // self.groups

    def _checked_padding(self, padding: Size | str) -> tuple[int, ...] | str:
        name = type(self).__name__
        if not isinstance(padding, str):
            return per_axis(f"{name}: padding", padding, self.axes, 0)
        if padding not in ("valid", "same"):
            raise ValueError(
                f"{name}: padding is {padding!r}; expected a whole number, one per axis, 'valid' or 'same'"
            )
        if padding == "same" and any(s != 1 for s in self.stride):
            raise ValueError(f"{name}: padding='same' with stride {self.stride}; expected stride 1")
        return padding

    def reset_parameters(self) -> None:
        """Draw new weights and biases."""
        bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        """Cross-correlate, as the function of the same name."""
        return type(self).function(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        """The arguments that are not at their defaults, as torch prints them."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        zeros, ones = (0,) * self.axes, (1,) * self.axes
        defaults: dict[str, Any] = {"padding": zeros, "dilation": ones, "output_padding": zeros, "groups": 1}
        for name, default in defaults.items():
            if (value := getattr(self, name, default)) != default:
                text += f", {name}={value}"
        return text if self.bias is not None else text + ", bias=False"


class Conv1d(_Conv):
    """`conv1d` with its own weight and bias; arguments as `torch.nn.Conv1d`. (N, C_in, L) -> (N, C_out, L')."""

    axes = 1
    function = staticmethod(conv1d)


class Conv2d(_Conv):
    """`conv2d` with its own weight and bias; arguments as `torch.nn.Conv2d`. (N, C_in, H, W) -> (N, C_out, H', W')."""

    axes = 2
    function = staticmethod(conv2d)


class Conv3d(_Conv):
    """`conv3d` with its own weight and bias; arguments as `torch.nn.Conv3d`. (N, C_in, T, H, W) -> (N, C_out, ...)."""

    axes = 3
    function = staticmethod(conv3d)
