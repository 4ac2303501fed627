"""Exercise `conv2d`: the forward pass of a convolutional layer (cross-correlation, NCHW)."""

from __future__ import annotations

import torch

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small

BASE = """
import torch

def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    N, C_in, H, W = x.shape
    C_out, _, K_h, K_w = weight.shape
    S_h, S_w = stride
    P_h, P_w = padding
    padded = x.new_zeros(N, C_in, H + 2 * P_h, W + 2 * P_w)
    padded[:, :, P_h : P_h + H, P_w : P_w + W] = x
    H_out = (H + 2 * P_h - K_h) // S_h + 1
    W_out = (W + 2 * P_w - K_w) // S_w + 1
    y = x.new_zeros(N, C_out, H_out, W_out)
    for i in range(H_out):
        for j in range(W_out):
            top, left = i * S_h, j * S_w
            window = padded[:, :, top : top + K_h, left : left + K_w]
            y[:, :, i, j] = torch.einsum("nckl,ockl->no", window, weight)
    if bias is not None:
        y = y + bias[:, None, None]
    return y
"""
SUM = 'torch.einsum("nckl,ockl->no", window, weight)'
STORE = 'y[:, :, i, j] = torch.einsum("nckl,ockl->no", window, weight)'

MISTAKES = catalogue(
    "conv2d",
    BASE,
    [
        wrong(
            "kernel_flipped",
            "Your kernel is flipped. A convolutional layer slides the kernel as it stands (cross-correlation).",
            (SUM, 'torch.einsum("nckl,ockl->no", window, weight.flip(2, 3))'),
        ),
        wrong(
            "kernel_flipped_once",
            "Your kernel is upside down: its first row belongs to the first row of the window.",
            (SUM, 'torch.einsum("nckl,ockl->no", window, weight.flip(2))'),
        ),
        wrong(
            "kernel_transposed",
            "Rows and columns of the window (or of the kernel) are exchanged.",
            ("nckl,ockl", "nclk,ockl"),
        ),
        wrong(
            "stride_ignored",
            "The number of windows is right, but neighbouring ones start one pixel apart instead of one stride.",
            ("i * S_h, j * S_w", "i, j"),
        ),
        wrong(
            "stride_not_used",
            "The stride is not used: your result is as large as for stride (1, 1).",
            ("S_h, S_w = stride", "S_h, S_w = 1, 1"),
        ),
        wrong(
            "stride_swapped",
            "The two strides are exchanged: the first is for rows (height), the second for columns (width).",
            ("S_h, S_w = stride", "S_w, S_h = stride"),
        ),
        wrong(
            "one_stride_for_both",
            "You use the vertical stride for both directions.",
            ("S_h, S_w = stride", "S_h = S_w = stride[0]"),
        ),
        wrong(
            "kernel_as_stride",
            "Your window moves by its own size, so that windows never overlap. It moves by the stride.",
            ("S_h, S_w = stride", "S_h, S_w = K_h, K_w"),
        ),
        wrong(
            "padding_ignored",
            "The padding is not used: put zeros around the input before the window moves.",
            ("P_h, P_w = padding", "P_h, P_w = 0, 0"),
        ),
        wrong(
            "padding_swapped",
            "The two paddings are exchanged: the first is for rows (above and below), the second for columns.",
            ("P_h, P_w = padding", "P_w, P_h = padding"),
        ),
        wrong(
            "padding_one",
            "You pad by 1 whatever the padding is.",
            ("P_h, P_w = padding", "P_h, P_w = min(padding[0], 1), min(padding[1], 1)"),
        ),
        wrong(
            "padding_one_side",
            "All the zeros lie below and to the right of the image. Half of them belong above and to the left.",
            ("padded[:, :, P_h : P_h + H, P_w : P_w + W] = x", "padded[:, :, :H, :W] = x"),
        ),
        wrong(
            "padding_repeats_border",
            "You pad with copies of the border pixels. The padding of this layer is zeros.",
            (
                "padded[:, :, P_h : P_h + H, P_w : P_w + W] = x",
                'padded = torch.nn.functional.pad(x, (P_w, P_w, P_h, P_h), mode="replicate")',
            ),
        ),
        wrong("bias_missing", "The bias is not added.", ("if bias is not None", "if False")),
        wrong(
            "bias_per_input_channel",
            "The bias is added once for every input channel. It belongs to the filter: add it once, after the sum.",
            ("y + bias", "y + C_in * bias"),
        ),
        wrong(
            "bias_along_width",
            "The bias is spread along the width. Each of its entries belongs to one output channel (axis 1).",
            ("bias[:, None, None]", "bias"),
        ),
        wrong(
            "first_bias_only",
            "Every output channel gets the bias of the first filter.",
            ("bias[:, None, None]", "bias[0]"),
        ),
        wrong(
            "first_image_only",
            "Only the first image of the batch is filled in.",
            (STORE, 'y[:1, :, i, j] = torch.einsum("nckl,ockl->no", window[:1], weight)'),
        ),
        wrong(
            "first_channel_only",
            "Only the first input channel is used. Each filter spans all channels: add up all their products.",
            (SUM, 'torch.einsum("nckl,ockl->no", window[:, :1], weight[:, :1])'),
        ),
        wrong(
            "last_channel_only",
            "Only the last input channel counts: each channel replaces the one before it. Add them up.",
            (SUM, 'torch.einsum("nckl,ockl->no", window[:, -1:], weight[:, -1:])'),
        ),
        wrong(
            "first_filter_only",
            "All output channels show the first filter. Output channel o is made by weight[o].",
            (SUM, 'torch.einsum("nckl,ockl->no", window, weight[:1].expand_as(weight))'),
        ),
        wrong(
            "channels_averaged",
            "You average over the input channels. The products of all channels are added.",
            (SUM, f"{SUM} / C_in"),
        ),
        wrong(
            "window_averaged",
            "You average over the window. The products are added, not averaged.",
            (SUM, f"{SUM} / (C_in * K_h * K_w)"),
        ),
        wrong(
            "height_for_width",
            "The number of columns is computed from the height. It depends on W and on the second stride and padding.",
            ("W_out = (W + 2 * P_w - K_w) // S_w + 1", "W_out = H_out"),
            (
                "window = padded[:, :, top : top + K_h, left : left + K_w]",
                "window = padded[:, :, top : top + K_h, left : left + K_w]\n"
                "            if window.shape[3] < K_w:\n                continue",
            ),
        ),
        wrong(
            "last_window_missing",
            "The last row and the last column of windows are missing: count the positions, not the steps between them.",
            ("// S_h + 1", "// S_h"),
            ("// S_w + 1", "// S_w"),
        ),
        wrong(
            "whole_numbers",
            "The result is cut to whole numbers: the tensor that you write into has an integer dtype. Use x's.",
            (STORE, STORE.replace("= torch", "= torch.trunc(torch") + ")"),
        ),
    ],
)

reference = torch.nn.functional.conv2d


def public() -> list[Case]:
    """One new thing a case."""
    one = (small(1, 1, 3, 4, seed=1), torch.tensor([[[[1.0, 2.0], [0.0, -1.0]]]]))
    channels = (small(1, 2, 3, 3, seed=2), small(1, 2, 2, 2, seed=3))
    filters = (small(1, 1, 3, 4, seed=4), small(2, 1, 2, 2, seed=5), torch.tensor([10.0, 20.0]))
    halves = (small(1, 1, 2, 3, seed=6), torch.tensor([[[[0.5, 1.5]]]]), torch.tensor([0.25]))
    strides = (small(1, 1, 5, 5, seed=7), small(1, 1, 3, 2, seed=8))
    padded = (small(1, 1, 2, 3, seed=9, low=1), small(1, 1, 3, 2, seed=10))
    everything = (small(2, 2, 4, 5, seed=11), small(2, 2, 3, 2, seed=12), torch.tensor([1.0, -1.0]))
    return [
        Case("one channel, one filter", one, weight=0.3),
        Case("two input channels", channels, weight=0.3),
        Case("two filters with bias", filters, weight=0.3),
        Case("halves and quarters, in float64", tuple(t.double() for t in halves), weight=0.3),
        Case("stride (2, 1)", strides, {"stride": (2, 1)}, weight=0.3),
        Case("padding (2, 1)", padded, {"padding": (2, 1)}, weight=0.3),
        Case("two images, everything", everything, {"stride": (2, 3), "padding": (2, 0)}, weight=0.3),
    ]


FORBIDDEN = (
    "torch.conv2d",
    "torch.nn.functional.conv2d",
    "torch.nn.functional.conv_transpose2d",
    "torch.nn.Conv2d",
    "torch.nn.grad",
    "cnncourse.layers",
)
EXERCISE = Exercise("conv2d", 4.0, reference, public, MISTAKES, FORBIDDEN)
