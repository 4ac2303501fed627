"""Exercise `max_pool2d_backward`: the gradient goes to the winner of each window, of equals to the first."""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.pooling.max_pool2d import FORBIDDEN
from cnncourse.checks.pooling.windows import backward_drafts
from cnncourse.checks.small import small

BASE = """
import math
import torch

def max_pool2d_backward(x, grad_output, kernel_size, stride, padding=(0, 0)):
    N, C, H, W = x.shape
    K_h, K_w = kernel_size
    S_h, S_w = stride
    P_h, P_w = padding
    padded = x.new_full((N, C, H + 2 * P_h, W + 2 * P_w), -math.inf)
    padded[:, :, P_h : P_h + H, P_w : P_w + W] = x
    dx = padded.new_zeros(padded.shape)
    n, c = torch.arange(N)[:, None], torch.arange(C)
    H_out, W_out = grad_output.shape[2:]
    for i in range(H_out):
        for j in range(W_out):
            top, left = i * S_h, j * S_w
            dy = grad_output[:, :, i, j]
            window = padded[:, :, top : top + K_h, left : left + K_w]
            winner = window.flatten(2).argmax(dim=2)
            a, b = winner // K_w, winner % K_w
            dx[n, c, top + a, left + b] += dy
    return dx[:, :, P_h : P_h + H, P_w : P_w + W]
"""
WINNER = "window.flatten(2).argmax(dim=2)"
PLACE = "winner // K_w, winner % K_w"
ADD = "dx[n, c, top + a, left + b] += dy"
ROOM = "dx[:, :, top : top + K_h, left : left + K_w]"
EQUAL = "(window == window.amax(dim=(2, 3), keepdim=True))"
REAL = "window.isfinite()"

MISTAKES = catalogue(
    "max_pool2d_backward",
    BASE,
    [
        wrong(
            "ties_all",
            "Where several pixels are the largest, each gets the whole gradient. Only the first of them gets it.",
            (ADD, f"{ROOM} += dy[:, :, None, None] * {EQUAL}"),
        ),
        wrong(
            "ties_shared",
            "Where several pixels are the largest, you share the gradient among them. The first gets all of it.",
            (ADD, f"equal = {EQUAL}\n            {ROOM} += (dy / equal.sum((2, 3)))[:, :, None, None] * equal"),
        ),
        wrong(
            "ties_last",
            "Where several pixels are the largest, the last one gets the gradient. The rule is: the first, row by row.",
            (WINNER, "K_h * K_w - 1 - window.flatten(2).flip(2).argmax(dim=2)"),
        ),
        wrong(
            "ties_column_by_column",
            "Of equal pixels you take the first column by column. Go through the window row by row.",
            (WINNER, "window.transpose(2, 3).flatten(2).argmax(dim=2)"),
            (PLACE, "winner % K_h, winner // K_h"),
        ),
        wrong(
            "overwritten",
            "A pixel that wins in several windows keeps only the last gradient. It collects from all of them: add.",
            ("+= dy", "= dy"),
        ),
        wrong(
            "wins_averaged",
            "You average over the windows in which a pixel wins. What they send back is added.",
            ("    n, c = ", "    times = torch.zeros_like(dx)\n    n, c = "),
            (ADD, f"{ADD}\n            times[n, c, top + a, left + b] += 1"),
            ("return dx[", "return (dx / times.clamp(min=1))["),
        ),
        wrong(
            "whole_window",
            "Every pixel of the window gets the gradient. Only the winner took part in the result.",
            (ADD, f"{ROOM} += dy[:, :, None, None] * {REAL}"),
        ),
        wrong(
            "spread_evenly",
            "You spread the gradient over the window, as average pooling does. All of it belongs to the winner.",
            (ADD, f"{ROOM} += (dy / (K_h * K_w))[:, :, None, None] * {REAL}"),
        ),
        wrong(
            "smallest_wins",
            "The gradient goes to the smallest pixel of each window.",
            (WINNER, "window.masked_fill(window.isinf(), math.inf).flatten(2).argmin(dim=2)"),
        ),
        wrong(
            "largest_magnitude",
            "The gradient goes to the pixel with the largest absolute value. The largest value won.",
            (WINNER, "window.masked_fill(window.isinf(), 0).abs().flatten(2).argmax(dim=2)"),
        ),
        wrong(
            "times_value",
            "You multiply by the winner's value. The result is the winner itself, so the factor is 1.",
            ("+= dy", "+= dy * padded[n, c, top + a, left + b]"),
        ),
        wrong(
            "upstream_ignored",
            "The gradient that arrives is not used: each window sends a 1 to its winner. Send grad_output there.",
            ("+= dy", "+= 1"),
        ),
        wrong(
            "divided_by_height",
            "Entry k of a window lies in row k // K_w and column k % K_w: divide by the width, not the height.",
            (PLACE, "winner // K_h, winner % K_h"),
        ),
        wrong(
            "row_and_column_exchanged",
            "Row and column of the winner are exchanged: k // K_w is the row, k % K_w the column.",
            (PLACE, "winner % K_w, winner // K_w"),
        ),
        wrong(
            "corner_forgotten",
            "The winner's place in its window is used as a place in the image. Add the window's corner: top and left.",
            ("top + a, left + b", "a, b"),
        ),
        wrong(
            "padding_zeros",
            "You pad with zeros: where all pixels are negative the padding wins, and the gradient is lost. Use -inf.",
            ("-math.inf", "0.0"),
        ),
        wrong(
            "same_winner_for_all_channels",
            "All channels use the winner of the first. Each channel has a winner of its own.",
            (WINNER, f"{WINNER}[:, :1].expand(N, C)"),
        ),
        wrong(
            "same_winner_for_all_images",
            "All images use the winner of the first. Each image has a winner of its own.",
            (WINNER, f"{WINNER}[:1].expand(N, C)"),
        ),
        wrong(
            "batch_averaged",
            "You divide by the number of images. Each image has its own gradient, no average is taken.",
            ("+= dy", "+= dy / N"),
        ),
        wrong(
            "first_image_only",
            "Only the first image of the batch gets a gradient.",
            ("n, c = torch.arange(N)[:, None]", "n, c = torch.arange(min(N, 1))[:, None]"),
            ("dy = grad_output[:, :, i, j]", "dy = grad_output[:1, :, i, j]"),
            (WINNER, f"{WINNER}[:1]"),
        ),
        *backward_drafts(),
    ],
)


def reference(
    x: Tensor,
    grad_output: Tensor,
    kernel_size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int] = (0, 0),
) -> Tensor:
    """Autograd through the library's forward pass."""
    x = x.detach().clone().requires_grad_(True)
    y = torch.nn.functional.max_pool2d(x, kernel_size, stride, padding)
    (dx,) = torch.autograd.grad(y, x, grad_output)
    return dx


def public() -> list[Case]:
    """Windows in which nobody is the only winner, and one new thing a case."""
    plain = torch.tensor([[[[1.0, 3.0, 2.0, 0.0], [4.0, 2.0, 1.0, 5.0]]]])
    relu = torch.tensor([[[[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.0]]]])
    ties = torch.tensor([[[[1.0, 2.0, 0.0], [2.0, 2.0, 1.0], [0.0, 1.0, 1.0]]]])
    overlap = small(1, 1, 4, 6, seed=212, low=-2, high=2)
    strides = small(1, 1, 6, 8, seed=213, low=-2, high=1)
    padded = small(1, 1, 4, 5, seed=214, low=-4, high=-1)
    everything = small(2, 2, 5, 4, seed=215, low=-3, high=-1)
    return [
        Case("2×2 windows", (plain, torch.tensor([[[[10.0, 20.0]]]]), (2, 2), (2, 2)), weight=0.3),
        Case("ties, as after a ReLU", (relu, torch.tensor([[[[10.0, 20.0]]]]), (2, 2), (2, 2)), weight=0.3),
        Case("overlap and ties", (ties, small(1, 1, 2, 2, seed=211, low=1), (2, 2), (1, 1)), weight=0.3),
        Case("windows (2, 3), stride (1, 1)", (overlap, small(1, 1, 3, 4, seed=216), (2, 3), (1, 1)), weight=0.3),
        Case(
            "stride (2, 3), pixels left over", (strides, small(1, 1, 2, 2, seed=217, low=1), (3, 4), (2, 3)), weight=0.3
        ),
        Case(
            "padding (1, 2), negative pixels",
            (padded, small(1, 1, 2, 6, seed=218), (3, 4), (2, 1), (1, 2)),
            weight=0.3,
        ),
        Case(
            "two images, two channels, everything",
            (everything.double(), small(2, 2, 6, 3, seed=219).double(), (4, 2), (1, 2), (2, 1)),
            weight=0.3,
        ),
    ]


EXERCISE = Exercise("max_pool2d_backward", 4.0, reference, public, MISTAKES, FORBIDDEN)
