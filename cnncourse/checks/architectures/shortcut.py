"""What the residual blocks share: how a shortcut joins, when it needs a projection, and the mistakes in both."""

from __future__ import annotations

from torch import nn

from cnncourse.checks.catalogue import wrong

WHEN = "if stride != 1 or c_in != c_out:"
FIT = "nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))"
END = "torch.relu(y + shortcut)"

JOIN = (
    wrong(
        "no_shortcut",
        "Nothing is added: yours is a plain block. The shortcut joins in front of the last ReLU.",
        (END, "torch.relu(y + 0 * shortcut)"),
    ),
    wrong(
        "added_behind_the_relu",
        "You add the shortcut behind the last ReLU. First add, then cut off what is negative.",
        (END, "torch.relu(y) + shortcut"),
    ),
    wrong(
        "last_relu_missing",
        "The ReLU behind the addition is missing.",
        (END, "y + shortcut"),
    ),
)
PROJECTION = (
    wrong(
        "projection_missing",
        "There is no projection. Where channels or stride change, a 1×1 convolution with batch norm fits x to y.",
        (WHEN, "if False:"),
    ),
    wrong(
        "projection_always",
        "Every block of yours has a projection. Where x has the shape of y it is added as it is.",
        (WHEN, "if True:"),
    ),
    wrong(
        "projection_by_stride_only",
        "A projection is also needed where the number of channels changes at stride 1.",
        (WHEN, "if stride != 1:"),
    ),
    wrong(
        "projection_by_channels_only",
        "A projection is also needed where the stride makes the map smaller and the channels stay.",
        (WHEN, "if c_in != c_out:"),
    ),
    wrong(
        "projection_without_batch_norm",
        "The projection's batch norm is missing: downsample holds the convolution (0) and its batch norm (1).",
        (FIT, "nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False))"),
    ),
)


def projection(c_in: int, c_out: int, stride: int) -> nn.Module | None:
    """1×1 and batch norm where the shapes differ, else None."""
    if stride == 1 and c_in == c_out:
        return None
    return nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))
