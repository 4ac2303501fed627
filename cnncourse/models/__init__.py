"""Architectures, one a file, built on `torch.nn`."""

from __future__ import annotations

from cnncourse.models.lenet import LeNet5, lenet5

__all__ = ["LeNet5", "lenet5"]
