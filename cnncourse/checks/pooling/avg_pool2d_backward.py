"""Exercise `avg_pool2d_backward`: every pixel of a window gets an equal share of its gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.pooling.avg_pool2d import FORBIDDEN
from cnncourse.checks.pooling.windows import backward_drafts
from cnncourse.checks.small import small

BASE = """
import torch

def avg_pool2d_backward(input_size, grad_output, kernel_size, stride, padding=(0, 0), count_include_pad=True):
    N, C, H, W = input_size
    K_h, K_w = kernel_size
    S_h, S_w = stride
    P_h, P_w = padding
    image = grad_output.new_zeros(H + 2 * P_h, W + 2 * P_w)
    image[P_h : P_h + H, P_w : P_w + W] = 1
    dx = grad_output.new_zeros(N, C, H + 2 * P_h, W + 2 * P_w)
    H_out, W_out = grad_output.shape[2:]
    for i in range(H_out):
        for j in range(W_out):
            top, left = i * S_h, j * S_w
            count = K_h * K_w
            if not count_include_pad:
                count = image[top : top + K_h, left : left + K_w].sum()
            dy = grad_output[:, :, i, j]
            dx[:, :, top : top + K_h, left : left + K_w] += (dy / count)[:, :, None, None]
    return dx[:, :, P_h : P_h + H, P_w : P_w + W]
"""
ADD = "dx[:, :, top : top + K_h, left : left + K_w] += (dy / count)[:, :, None, None]"
COUNT = "count = K_h * K_w"
FLAG = "if not count_include_pad:"
OWN = "image[top : top + K_h, left : left + K_w].sum()"
CROP = "dx[:, :, P_h : P_h + H, P_w : P_w + W]"

MISTAKES = catalogue(
    "avg_pool2d_backward",
    BASE,
    [
        wrong(
            "overwritten",
            "Where windows overlap, a later one replaces what an earlier one gave. A pixel collects from all of them.",
            ("] += (dy", "] = (dy"),
        ),
        wrong(
            "not_divided",
            "Every pixel gets the whole gradient. It was divided by the count going forward, so it is going back.",
            ("(dy / count)", "dy"),
        ),
        wrong(
            "padding_always_counted",
            "You always divide by K_h * K_w. With count_include_pad=False divide by the window's pixels on the image.",
            (FLAG, "if False:"),
        ),
        wrong(
            "padding_never_counted",
            "You always divide by the pixels on the image. With count_include_pad=True the padding counts too: "
            "K_h * K_w.",
            (FLAG, "if True:"),
        ),
        wrong(
            "flag_reversed",
            "count_include_pad is reversed: True divides by K_h * K_w, False by the pixels on the image.",
            (FLAG, "if count_include_pad:"),
        ),
        wrong(
            "far_side_counted",
            "You take the padding below and to the right for the image. Only rows before H and columns before W count.",
            ("image[P_h : P_h + H, P_w : P_w + W] = 1", "image[P_h:, P_w:] = 1"),
        ),
        wrong(
            "near_side_counted",
            "You take the padding above and to the left for the image. Count only pixels from 0 on.",
            ("image[P_h : P_h + H, P_w : P_w + W] = 1", "image[: P_h + H, : P_w + W] = 1"),
        ),
        wrong(
            "square_assumed",
            "You divide by K_h * K_h. A window need not be square.",
            (COUNT, "count = K_h * K_h"),
            (OWN, "image[top : top + K_h, left : left + K_w].sum().clamp(max=K_h * K_h)"),
        ),
        wrong(
            "overlap_averaged",
            "You average where windows overlap. A pixel that is in three windows receives the sum of three parts.",
            ("    for i in", "    times = torch.zeros_like(dx)\n    for i in"),
            (ADD, f"{ADD}\n            times[:, :, top : top + K_h, left : left + K_w] += 1"),
            (CROP, "(dx / times.clamp(min=1))[:, :, P_h : P_h + H, P_w : P_w + W]"),
        ),
        wrong(
            "one_pixel_only",
            "The whole gradient goes to one pixel of each window. All of its pixels took part alike.",
            (ADD, "dx[:, :, top + K_h // 2, left + K_w // 2] += dy"),
        ),
        wrong(
            "upstream_ignored",
            "The gradient that arrives is not used: each window sends back 1 / count. Send grad_output / count.",
            ("(dy / count)", "(torch.ones_like(dy) / count)"),
        ),
        wrong(
            "channels_mixed",
            "All channels get the same gradient. Every channel has its own.",
            ("dy = grad_output[:, :, i, j]", "dy = grad_output[:, :, i, j].sum(dim=1, keepdim=True)"),
        ),
        wrong(
            "batch_averaged",
            "You divide by the number of images. Each image has its own gradient, no average is taken.",
            ("(dy / count)", "(dy / count / N)"),
        ),
        wrong(
            "first_image_only",
            "Only the first image of the batch gets a gradient.",
            (ADD, ADD.replace("dx[:, :", "dx[:1, :").replace("(dy /", "(dy[:1] /")),
        ),
        wrong(
            "kernel_swapped",
            "Height and width of the window are exchanged: kernel_size is (rows, columns).",
            ("K_h, K_w = kernel_size", "K_w, K_h = kernel_size"),
        ),
        *backward_drafts(),
    ],
)


def reference(
    input_size: tuple[int, ...],
    grad_output: Tensor,
    kernel_size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int] = (0, 0),
    count_include_pad: bool = True,
) -> Tensor:
    """Autograd through the library's forward pass."""
    x = grad_output.new_zeros(input_size).requires_grad_(True)
    y = torch.nn.functional.avg_pool2d(
        x, kernel_size, stride, padding, ceil_mode=False, count_include_pad=count_include_pad
    )
    (dx,) = torch.autograd.grad(y, x, grad_output)
    return dx


def public() -> list[Case]:
    """One new thing a case."""
    plain = ((1, 1, 2, 4), torch.tensor([[[[4.0, 8.0]]]]))
    overlap = ((1, 1, 4, 6), small(1, 1, 3, 4, seed=232))
    strides = ((1, 1, 6, 8), small(1, 1, 2, 2, seed=233, low=1))
    padded = ((1, 1, 4, 5), small(1, 1, 2, 6, seed=234))
    everything = ((2, 2, 5, 4), small(2, 2, 6, 3, seed=235).double())
    return [
        Case("2×2 windows, side by side", (*plain, (2, 2), (2, 2)), weight=0.3),
        Case("windows that overlap", (*overlap, (2, 3), (1, 1)), weight=0.3),
        Case("stride (2, 3), pixels left over", (*strides, (3, 4), (2, 3)), weight=0.3),
        Case("padding (1, 2) counts", (*padded, (3, 4), (2, 1), (1, 2), True), weight=0.3),
        Case("padding (1, 2) does not count", (*padded, (3, 4), (2, 1), (1, 2), False), weight=0.3),
        Case("two images, everything, in float64", (*everything, (4, 2), (1, 2), (2, 1), False), weight=0.3),
    ]


EXERCISE = Exercise("avg_pool2d_backward", 3.0, reference, public, MISTAKES, FORBIDDEN)
