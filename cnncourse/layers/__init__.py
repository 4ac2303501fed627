"""Reference layers: forward and hand-derived backward, named and behaving as in `torch.nn.functional` and `torch.nn`.

Three implementations of the same convolution stand side by side, for reading in this order:

* `layers.naive`: loops, as the formula reads.
* `layers.windows`: all windows at once, one matrix product (im2col).
* `layers.conv2d` and its kin: any number of axes, groups, dilation, and the backward pass written out.
"""

from cnncourse.layers import naive, windows
from cnncourse.layers.activation_modules import (
    ELU,
    GELU,
    SELU,
    Dropout,
    LeakyReLU,
    LogSoftmax,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from cnncourse.layers.activations import elu, gelu, leaky_relu, prelu, relu, selu, sigmoid, silu, softplus, tanh
from cnncourse.layers.conv import conv1d, conv2d, conv3d
from cnncourse.layers.conv_modules import Conv1d, Conv2d, Conv3d
from cnncourse.layers.conv_transpose import conv_transpose1d, conv_transpose2d
from cnncourse.layers.conv_transpose_modules import ConvTranspose1d, ConvTranspose2d
from cnncourse.layers.dropout import dropout
from cnncourse.layers.linear import linear
from cnncourse.layers.linear_modules import CrossEntropyLoss, Linear, MSELoss
from cnncourse.layers.loss import cross_entropy, mse_loss
from cnncourse.layers.matrix import conv_matrix
from cnncourse.layers.norm import batch_norm, local_response_norm
from cnncourse.layers.norm_modules import BatchNorm1d, BatchNorm2d, BatchNorm3d, LocalResponseNorm
from cnncourse.layers.pool import adaptive_avg_pool2d, avg_pool2d, channel_max_pool, max_pool2d
from cnncourse.layers.pool_modules import AdaptiveAvgPool2d, AvgPool2d, ChannelMaxPool, MaxPool2d, MaxUnpool2d
from cnncourse.layers.probabilities import log_softmax, softmax
from cnncourse.layers.size import output_size
from cnncourse.layers.unpool import max_unpool2d

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "ChannelMaxPool",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "Dropout",
    "LeakyReLU",
    "Linear",
    "LocalResponseNorm",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "MaxUnpool2d",
    "PReLU",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "batch_norm",
    "channel_max_pool",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_matrix",
    "conv_transpose1d",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "elu",
    "gelu",
    "leaky_relu",
    "linear",
    "local_response_norm",
    "log_softmax",
    "max_pool2d",
    "max_unpool2d",
    "mse_loss",
    "naive",
    "output_size",
    "prelu",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
    "windows",
]
