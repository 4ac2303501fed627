"""The transposed convolutions as modules, with torch's arguments and parameter names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cnncourse.errors import per_axis
from cnncourse.layers.conv_modules import _Conv
from cnncourse.layers.conv_transpose import conv_transpose1d, conv_transpose2d
from cnncourse.layers.geometry import Size
from cnncourse.layers.size import length_in


class _ConvTranspose(_Conv):
    """What both modules share: the order of the arguments, and a weight of shape (C_in, C_out / groups, *K).

    weight and bias start as those of the convolutions, with F = C_out / groups * prod(K), as in torch.
    """

    padding: tuple[int, ...]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        self.output_padding = per_axis(f"{type(self).__name__}: output_padding", output_padding, self.axes, 0)

    def _channels(self) -> tuple[int, int]:
        return self.in_channels, self.out_channels // self.groups

    def _checked_padding(self, padding: Size | str) -> tuple[int, ...]:
        return per_axis(f"{type(self).__name__}: padding", padding, self.axes, 0)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Spread out, as the function of the same name.

        `output_size` (the lengths, or the whole shape) takes the place of output_padding: of the S lengths along an
        axis that a convolution leads to the input's, it names one.
        """
        extra = self.output_padding if output_size is None else self._extra(input, list(output_size))
        return type(self).function(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )

    def _extra(self, input: Tensor, output_size: list[int]) -> tuple[int, ...]:
        options = (self.kernel_size, self.stride, self.padding, self.dilation)
        least = [length_in(*numbers) for numbers in zip(input.shape[-self.axes :], *options, strict=True)]
        asked = output_size[-self.axes :] if len(output_size) == input.dim() else output_size
        extra = tuple(size - low for size, low in zip(asked, least, strict=False))
        if len(asked) != self.axes or not all(0 <= e < s for e, s in zip(extra, self.stride, strict=True)):
            raise ValueError(
                f"{type(self).__name__}: output_size is {tuple(output_size)} for an input of {tuple(input.shape)}; "
                f"expected {self.axes} lengths, each from {least} to less than the stride {self.stride} more"
            )
        return extra


class ConvTranspose1d(_ConvTranspose):
    """`conv_transpose1d` with its own weight and bias; arguments as `torch.nn.ConvTranspose1d`."""

    axes = 1
    function = staticmethod(conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """`conv_transpose2d` with its own weight and bias; arguments as `torch.nn.ConvTranspose2d`."""

    axes = 2
    function = staticmethod(conv_transpose2d)
