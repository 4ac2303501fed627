"""Convolution as one matrix product: lay every window out as a row (im2col), and multiply.

Source: Chellapilla, Puri & Simard 2006, inria-00112631. Autograd takes care of the backward pass.
"""

from __future__ import annotations

from torch import Tensor

from cnncourse.layers.geometry import Size, geometry, pad, sliding


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
) -> Tensor:
    """Cross-correlate images with filters, as `layers.conv2d` without groups.

    Shapes: input (N, C, H, W), weight (C_out, C, K, K), bias (C_out) -> (N, C_out, H', W').
    Cost: the rows hold every pixel as often as a window covers it, K * K / S**2 times the input.
    """
    g = geometry("windows.conv2d", input, weight, bias, stride, padding, dilation, 1, 2)
    rows = sliding(pad(input, g), g).permute(0, 2, 3, 1, 4, 5).flatten(3)  # (N, H', W', C*K*K): one window a row
    y = rows @ weight.flatten(1).T  # (N, H', W', C_out)
    y = y if bias is None else y + bias
    return y.permute(0, 3, 1, 2)
