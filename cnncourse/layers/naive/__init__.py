"""Each layer as its formula reads: loops over every output. Slow; to read, and to check the fast ones against."""

from cnncourse.layers.naive.conv import conv1d, conv2d, conv2d_input, conv2d_weight, conv3d
from cnncourse.layers.naive.conv_transpose import conv_transpose1d, conv_transpose2d
from cnncourse.layers.naive.linear import linear
from cnncourse.layers.naive.loss import cross_entropy, softmax
from cnncourse.layers.naive.norm import batch_norm, local_response_norm
from cnncourse.layers.naive.pool import (
    adaptive_avg_pool2d,
    avg_pool2d,
    avg_pool2d_input,
    channel_max_pool,
    max_pool2d,
    max_pool2d_input,
    max_unpool2d,
)

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "avg_pool2d_input",
    "batch_norm",
    "channel_max_pool",
    "conv1d",
    "conv2d",
    "conv2d_input",
    "conv2d_weight",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cross_entropy",
    "linear",
    "local_response_norm",
    "max_pool2d",
    "max_pool2d_input",
    "max_unpool2d",
    "softmax",
]
