"""Reference layers: forward and hand-derived backward, named and behaving as in `torch.nn.functional` and `torch.nn`.

Three implementations of the same convolution stand side by side, for reading in this order:

* `layers.naive`: loops, as the formula reads.
* `layers.windows`: all windows at once, one matrix product (im2col).
* `layers.conv2d` and its kin: any number of axes, groups, dilation, and the backward pass written out.
"""

from cnncourse.layers import naive, windows
from cnncourse.layers.conv import conv1d, conv2d, conv3d
from cnncourse.layers.conv_modules import Conv1d, Conv2d, Conv3d
from cnncourse.layers.matrix import conv_matrix
from cnncourse.layers.size import output_size

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_matrix",
    "naive",
    "output_size",
    "windows",
]
