"""Architectures, one a file, built on `torch.nn`."""

from __future__ import annotations

from cnncourse.models.lenet import LeNet5, lenet5
from cnncourse.models.small import SmallNet, small_alexnet, small_vgg

__all__ = ["LeNet5", "SmallNet", "lenet5", "small_alexnet", "small_vgg"]
