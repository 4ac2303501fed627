"""Exercise `conv2d_input`: the gradient of the loss by the input of a convolutional layer."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.convolution.conv2d import FORBIDDEN
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small

BASE = """
import torch

def conv2d_input(input_size, weight, grad_output, stride, padding):
    N, C_in, H, W = input_size
    C_out, _, K_h, K_w = weight.shape
    S_h, S_w = stride
    P_h, P_w = padding
    H_out, W_out = grad_output.shape[2:]
    padded = grad_output.new_zeros(N, C_in, H + 2 * P_h, W + 2 * P_w)
    for i in range(H_out):
        for j in range(W_out):
            top, left = i * S_h, j * S_w
            share = torch.einsum("no,ockl->nckl", grad_output[:, :, i, j], weight)
            padded[:, :, top : top + K_h, left : left + K_w] += share
    return padded[:, :, P_h : P_h + H, P_w : P_w + W]
"""
SHARE = 'torch.einsum("no,ockl->nckl", grad_output[:, :, i, j], weight)'
ADD = "padded[:, :, top : top + K_h, left : left + K_w] += share"
CLIPPED = (
    "room = padded[:, :, top : top + K_h, left : left + K_w]\n"
    "            room += share[:, :, : room.shape[2], : room.shape[3]]"
)
CROP = "padded[:, :, P_h : P_h + H, P_w : P_w + W]"

MISTAKES = catalogue(
    "conv2d_input",
    BASE,
    [
        wrong(
            "overwritten",
            "Where windows overlap, a later one replaces what an earlier one gave. A pixel collects from all of them.",
            ("+= share", "= share"),
        ),
        wrong(
            "stride_ignored",
            "The stride is not used: window (i, j) started at row i * stride, not at row i.",
            ("i * S_h, j * S_w", "i, j"),
        ),
        wrong(
            "stride_swapped",
            "The two strides are exchanged: the first is for rows, the second for columns.",
            ("S_h, S_w = stride", "S_w, S_h = stride"),
        ),
        wrong(
            "one_stride_for_both",
            "You use the vertical stride for both directions.",
            ("S_h, S_w = stride", "S_h = S_w = stride[0]"),
        ),
        wrong(
            "kernel_as_stride",
            "Your windows lie side by side, a kernel apart. In the forward pass they started one stride apart.",
            ("S_h, S_w = stride", "S_h, S_w = K_h, K_w"),
        ),
        wrong(
            "crop_one",
            "You cut off a border of 1 whatever the padding is. Cut off as much as the forward pass put on.",
            (CROP, "padded[:, :, 1:-1, 1:-1]"),
        ),
        wrong(
            "not_cropped",
            "Your gradient still has its padding. The zeros around the image are not part of the input: cut them off.",
            (CROP, "padded"),
        ),
        wrong(
            "padding_ignored",
            "The first window did not start at the first pixel but on the padding: shift everything up and left by it.",
            (CROP, "padded[:, :, :H, :W]"),
        ),
        wrong(
            "padding_swapped",
            "The two paddings are exchanged: the first is for rows, the second for columns.",
            ("P_h, P_w = padding", "P_w, P_h = padding"),
            (ADD, CLIPPED),
        ),
        wrong(
            "kernel_flipped",
            "Your kernel is flipped. Only gathering needs that; spreading the gradient out uses it as it stands.",
            (SHARE, SHARE.replace("weight)", "weight.flip(2, 3))")),
        ),
        wrong(
            "kernel_transposed",
            "Rows and columns of the kernel are exchanged.",
            ("no,ockl->nckl", "no,oclk->nckl"),
        ),
        wrong(
            "first_image_only",
            "Only the first image of the batch gets a gradient.",
            (ADD, "padded[:1, :, top : top + K_h, left : left + K_w] += share[:1]"),
        ),
        wrong(
            "first_filter_only",
            "Only the first filter sends back its gradient. Add up what all output channels send.",
            (SHARE, 'torch.einsum("no,ockl->nckl", grad_output[:, :1, i, j], weight[:1])'),
        ),
        wrong(
            "channels_mixed",
            "All input channels get the same gradient. Channel c receives through weight[:, c].",
            (SHARE, f"{SHARE}.sum(1, keepdim=True)"),
        ),
        wrong(
            "filters_averaged",
            "You average over the output channels. What they send back is added.",
            (SHARE, f"{SHARE} / C_out"),
        ),
        wrong(
            "batch_averaged",
            "You divide by the number of images. Each image has its own gradient, no average is taken.",
            (SHARE, f"{SHARE} / N"),
        ),
        wrong(
            "overlap_averaged",
            "You average where windows overlap. A pixel that is in three windows receives the sum of three parts.",
            ("    for i in", "    count = torch.zeros_like(padded)\n    for i in"),
            (ADD, f"{ADD}\n            count[:, :, top : top + K_h, left : left + K_w] += 1"),
            (CROP, "(padded / count.clamp(min=1))[:, :, P_h : P_h + H, P_w : P_w + W]"),
        ),
        wrong(
            "upstream_ignored",
            "The gradient that arrives is not used. Each window sends back the kernel times grad_output there.",
            (SHARE, SHARE.replace("grad_output[:, :, i, j]", "torch.ones_like(grad_output[:, :, i, j])")),
        ),
        wrong(
            "last_windows_missing",
            "The last row and the last column of windows send nothing back: a range stops before its end.",
            ("range(H_out)", "range(H_out - 1)"),
            ("range(W_out)", "range(W_out - 1)"),
        ),
        wrong(
            "untouched_pixels_missing",
            "Your result covers only the pixels that a window reached. Where the last window did not fit, the gradient "
            "is zero, but it is there: the result has the shape input_size.",
            (
                "padded = grad_output.new_zeros(N, C_in, H + 2 * P_h, W + 2 * P_w)",
                "padded = grad_output.new_zeros(N, C_in, (H_out - 1) * S_h + K_h, (W_out - 1) * S_w + K_w)\n"
                "    H, W = padded.shape[2] - 2 * P_h, padded.shape[3] - 2 * P_w",
            ),
        ),
        wrong(
            "height_for_width",
            "The height is used for the width as well. Images are not always square.",
            ("N, C_in, H, W = input_size", "N, C_in, H, _ = input_size\n    W = H"),
            (ADD, CLIPPED),
        ),
    ],
)


def reference(
    input_size: tuple[int, ...],
    weight: Tensor,
    grad_output: Tensor,
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> Tensor:
    """Autograd through the library's forward pass."""
    x = torch.zeros(input_size, dtype=weight.dtype, requires_grad=True)
    y = torch.nn.functional.conv2d(x, weight, stride=stride, padding=padding)
    (dx,) = torch.autograd.grad(y, x, grad_output)
    return dx


def public() -> list[Case]:
    """One new thing a case."""
    one = ((1, 1, 2, 3), torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[1.0, 0.0], [0.0, 10.0]]]]))
    overlap = ((1, 1, 3, 4), torch.tensor([[[[1.0, 2.0], [0.0, -1.0]]]]), small(1, 1, 2, 3, seed=21))
    filters = ((1, 2, 2, 3), small(2, 2, 2, 2, seed=22), small(1, 2, 1, 2, seed=23))
    strides = ((1, 1, 5, 4), small(1, 1, 3, 2, seed=24), small(1, 1, 2, 3, seed=25))
    left_over = ((1, 1, 4, 6), small(1, 1, 2, 3, seed=26), small(1, 1, 1, 2, seed=27))
    padded = ((1, 1, 3, 2), small(1, 1, 3, 2, seed=28), small(1, 1, 5, 3, seed=29))
    everything = ((2, 2, 4, 5), small(2, 2, 3, 2, seed=30), small(2, 2, 6, 2, seed=31))
    return [
        Case("one filter, no overlap in rows", (*one, (1, 1), (0, 0)), weight=0.3),
        Case("windows that overlap", (*overlap, (1, 1), (0, 0)), weight=0.3),
        Case("two filters, two channels", (*filters, (1, 1), (0, 0)), weight=0.3),
        Case("stride (2, 1)", (*strides, (2, 1), (0, 0)), weight=0.3),
        Case("stride (3, 2), pixels left over", (*left_over, (3, 2), (0, 0)), weight=0.3),
        Case("padding (2, 1)", (*padded, (1, 1), (2, 1)), weight=0.3),
        Case("two images, everything", (*everything, (1, 2), (2, 0)), weight=0.3),
    ]


EXERCISE = Exercise("conv2d_input", 4.0, reference, public, MISTAKES, FORBIDDEN)
