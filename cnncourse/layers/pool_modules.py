"""The poolings as modules, with torch's arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from cnncourse.errors import per_axis, whole
from cnncourse.layers.geometry import Size
from cnncourse.layers.pool import adaptive_avg_pool2d, avg_pool2d, channel_max_pool, max_pool2d
from cnncourse.layers.pool_geometry import window
from cnncourse.layers.unpool import max_unpool2d


class MaxPool2d(nn.Module):
    """`max_pool2d`; arguments as `torch.nn.MaxPool2d`. (N, C, H, W) -> (N, C, H', W'), with indices if asked."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        window("MaxPool2d", kernel_size, stride, padding, dilation)
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """Max-pool; a pair with the indices if `return_indices`."""
        return max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        """The arguments, as torch prints them."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(nn.Module):
    """`avg_pool2d`; arguments as `torch.nn.AvgPool2d`. (N, C, H, W) -> (N, C, H', W')."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        window("AvgPool2d", kernel_size, stride, padding)
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Average each window."""
        return avg_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The arguments, as torch prints them."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(nn.Module):
    """`adaptive_avg_pool2d`; arguments as `torch.nn.AdaptiveAvgPool2d`. (N, C, H, W) -> (N, C, *output_size)."""

    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """Average into a map of the size asked for."""
        return adaptive_avg_pool2d(input, self.output_size)

    def extra_repr(self) -> str:
        """The argument, as torch prints it."""
        return f"output_size={self.output_size}"


class MaxUnpool2d(nn.Module):
    """`max_unpool2d`; arguments as `torch.nn.MaxUnpool2d`. (N, C, H', W') and indices -> (N, C, H, W)."""

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__()
        self.kernel_size = per_axis("MaxUnpool2d: kernel_size", kernel_size, 2, 1)
        self.stride = self.kernel_size if stride is None else per_axis("MaxUnpool2d: stride", stride, 2, 1)
        self.padding = per_axis("MaxUnpool2d: padding", padding, 2, 0)

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Put each maximum back to its pixel."""
        return max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        """The arguments, as torch prints them."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class ChannelMaxPool(nn.Module):
    """`channel_max_pool` (maxout): the largest of each `pieces` consecutive channels. (N, C, ...) -> (N, C', ...)."""

    def __init__(self, pieces: int, dim: int = 1) -> None:
        super().__init__()
        self.pieces = whole("ChannelMaxPool: pieces", pieces, 1)
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Take the largest channel of each group."""
        return channel_max_pool(input, self.pieces, self.dim)

    def extra_repr(self) -> str:
        """The arguments that are not at their defaults."""
        return f"pieces={self.pieces}" if self.dim == 1 else f"pieces={self.pieces}, dim={self.dim}"
