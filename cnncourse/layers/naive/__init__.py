"""Each layer as its formula reads: loops over every output. Slow; to read, and to check the fast ones against."""

from cnncourse.layers.naive.conv import conv1d, conv2d, conv2d_input, conv2d_weight, conv3d

__all__ = ["conv1d", "conv2d", "conv2d_input", "conv2d_weight", "conv3d"]
