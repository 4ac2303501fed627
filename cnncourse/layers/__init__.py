"""Reference layers: forward and hand-derived backward, named and behaving as in `torch.nn.functional` and `torch.nn`.

Three implementations of the same convolution stand side by side, for reading in this order:

* `layers.naive`: loops, as the formula reads.
* `layers.windows`: all windows at once, one matrix product (im2col).
* `layers.conv2d` and its kin: any number of axes, groups, dilation, and the backward pass written out.
"""

from cnncourse.layers import naive, windows
from cnncourse.layers.conv import conv1d, conv2d, conv3d
from cnncourse.layers.conv_modules import Conv1d, Conv2d, Conv3d
from cnncourse.layers.conv_transpose import conv_transpose1d, conv_transpose2d
from cnncourse.layers.conv_transpose_modules import ConvTranspose1d, ConvTranspose2d
from cnncourse.layers.matrix import conv_matrix
from cnncourse.layers.pool import adaptive_avg_pool2d, avg_pool2d, channel_max_pool, max_pool2d
from cnncourse.layers.pool_modules import AdaptiveAvgPool2d, AvgPool2d, ChannelMaxPool, MaxPool2d, MaxUnpool2d
from cnncourse.layers.size import output_size
from cnncourse.layers.unpool import max_unpool2d

__all__ = [
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "ChannelMaxPool",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "MaxPool2d",
    "MaxUnpool2d",
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "channel_max_pool",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_matrix",
    "conv_transpose1d",
    "conv_transpose2d",
    "max_pool2d",
    "max_unpool2d",
    "naive",
    "output_size",
    "windows",
]
