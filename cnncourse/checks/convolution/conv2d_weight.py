"""Exercise `conv2d_weight`: the gradient of the loss by the weights of a convolutional layer."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.convolution.conv2d import FORBIDDEN
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.small import small

BASE = """
import torch

def conv2d_weight(input, weight_size, grad_output, stride, padding):
    N, C_in, H, W = input.shape
    C_out, _, K_h, K_w = weight_size
    S_h, S_w = stride
    P_h, P_w = padding
    H_out, W_out = grad_output.shape[2:]
    padded = input.new_zeros(N, C_in, H + 2 * P_h, W + 2 * P_w)
    padded[:, :, P_h : P_h + H, P_w : P_w + W] = input
    dw = input.new_zeros(C_out, C_in, K_h, K_w)
    for i in range(H_out):
        for j in range(W_out):
            top, left = i * S_h, j * S_w
            window = padded[:, :, top : top + K_h, left : left + K_w]
            dw += torch.einsum("no,nckl->ockl", grad_output[:, :, i, j], window)
    return dw
"""
CANVAS = "input.new_zeros(N, C_in, H + 2 * P_h, W + 2 * P_w)"
ROOMY = "input.new_zeros(N, C_in, H + 2 * P_h + 20, W + 2 * P_w + 20)"
PART = 'torch.einsum("no,nckl->ockl", grad_output[:, :, i, j], window)'
END = "    return dw\n"

MISTAKES = catalogue(
    "conv2d_weight",
    BASE,
    [
        wrong(
            "overwritten",
            "Only the last window counts: each replaces what the others gave. The weights meet all windows, so add.",
            ("dw +=", "dw ="),
        ),
        wrong(
            "first_image_only",
            "Only the first image counts. The same weights saw every image: add up over the batch.",
            (PART, PART.replace("i, j], window", "i, j][:1], window[:1]")),
        ),
        wrong(
            "batch_averaged",
            "You average over the batch. The gradient is the sum over the images; any averaging is done by the loss.",
            (END, "    return dw / N\n"),
        ),
        wrong(
            "positions_averaged",
            "You average over the positions of the window. The gradient is the sum over all positions.",
            (END, "    return dw / (H_out * W_out)\n"),
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
            (CANVAS, ROOMY),
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
            "padding_ignored",
            "The padding is not used: pad the input as the forward pass did before you take windows from it.",
            ("P_h, P_w = padding", "P_h, P_w = 0, 0"),
            ("H + 2 * P_h, W + 2 * P_w", "H + 2 * padding[0], W + 2 * padding[1]"),
        ),
        wrong(
            "padding_swapped",
            "The two paddings are exchanged: the first is for rows, the second for columns.",
            ("P_h, P_w = padding", "P_w, P_h = padding"),
            (CANVAS, ROOMY),
        ),
        wrong(
            "padding_one",
            "You pad by 1 whatever the padding is.",
            ("P_h, P_w = padding", "P_h, P_w = min(padding[0], 1), min(padding[1], 1)"),
            ("H + 2 * P_h, W + 2 * P_w", "H + 2 * padding[0], W + 2 * padding[1]"),
        ),
        wrong(
            "kernel_flipped",
            "Your gradient is flipped: entry (k, l) collects what entry (k, l) of the kernel was multiplied with.",
            (END, "    return dw.flip(2, 3)\n"),
        ),
        wrong(
            "kernel_transposed",
            "Rows and columns of your gradient are exchanged.",
            ("->ockl", "->oclk"),
            ("dw +=", "dw = dw.reshape(C_out, C_in, K_w, K_h) +"),
        ),
        wrong(
            "channels_exchanged",
            "Input and output channels are exchanged: the gradient has the weights' shape, output channels first.",
            (END, "    return dw.transpose(0, 1)\n"),
        ),
        wrong(
            "channels_mixed",
            "All input channels have the same gradient. weight[o, c] only ever met channel c.",
            (END, "    return dw.sum(1, keepdim=True).expand_as(dw)\n"),
        ),
        wrong(
            "filters_mixed",
            "All filters have the same gradient. weight[o] receives only through output channel o.",
            (END, "    return dw.sum(0, keepdim=True).expand_as(dw)\n"),
        ),
        wrong(
            "upstream_ignored",
            "The gradient that arrives is not used. Each window is weighted with grad_output at its position.",
            (PART, PART.replace("grad_output[:, :, i, j]", "torch.ones_like(grad_output[:, :, i, j])")),
        ),
        wrong(
            "last_windows_missing",
            "The last row and the last column of windows are missing: a range stops before its end.",
            ("range(H_out)", "range(H_out - 1)"),
            ("range(W_out)", "range(W_out - 1)"),
        ),
        wrong(
            "height_for_width",
            "The height of the kernel is used for its width as well. Kernels are not always square.",
            ("C_out, _, K_h, K_w = weight_size", "C_out, _, K_h, _ = weight_size\n    K_w = K_h"),
        ),
    ],
)


def reference(
    input: Tensor, weight_size: tuple[int, ...], grad_output: Tensor, stride: tuple[int, int], padding: tuple[int, int]
) -> Tensor:
    """Autograd through the library's forward pass."""
    w = torch.zeros(weight_size, dtype=input.dtype, requires_grad=True)
    y = torch.nn.functional.conv2d(input, w, stride=stride, padding=padding)
    (dw,) = torch.autograd.grad(y, w, grad_output)
    return dw


def public() -> list[Case]:
    """One new thing a case."""
    one = (small(1, 1, 3, 4, seed=41), (1, 1, 2, 2), torch.tensor([[[[1.0, 0.0, 0.0], [0.0, 0.0, 10.0]]]]))
    images = (small(2, 1, 2, 3, seed=42), (1, 1, 1, 2), small(2, 1, 2, 2, seed=43))
    filters = (small(1, 2, 3, 3, seed=44), (3, 2, 2, 2), small(1, 3, 2, 2, seed=45))
    strides = (small(1, 1, 7, 4, seed=46), (1, 1, 3, 2), small(1, 1, 3, 3, seed=47))
    padded = (small(1, 1, 3, 2, seed=48), (1, 1, 3, 2), small(1, 1, 5, 3, seed=49))
    everything = (small(2, 2, 4, 6, seed=50), (3, 2, 3, 2), small(2, 3, 6, 3, seed=51))
    return [
        Case("two positions", (*one, (1, 1), (0, 0)), weight=0.3),
        Case("two images", (*images, (1, 1), (0, 0)), weight=0.3),
        Case("two channels, three filters", (*filters, (1, 1), (0, 0)), weight=0.3),
        Case("stride (2, 1)", (*strides, (2, 1), (0, 0)), weight=0.3),
        Case("padding (2, 1)", (*padded, (1, 1), (2, 1)), weight=0.3),
        Case("everything", (*everything, (1, 2), (2, 0)), weight=0.3),
    ]


EXERCISE = Exercise("conv2d_weight", 4.0, reference, public, MISTAKES, FORBIDDEN)
