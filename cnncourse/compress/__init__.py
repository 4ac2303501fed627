"""Trained networks made smaller: pruning, low rank, shared and rounded weights, distillation, files.

`prune` has the names of `torch.nn.utils.prune`. Pruning, sharing and rounding leave a layer what it is and change its
weights; `save` then writes a file that is small because of what the weights have become.
"""

from __future__ import annotations

from cnncourse.compress import prune
from cnncourse.compress.distill import distillation_loss, with_teacher
from cnncourse.compress.files import deflated, load, save
from cnncourse.compress.filters import keep_filters
from cnncourse.compress.low_rank import factorize_conv2d, factorize_linear, singular_values
from cnncourse.compress.quantize import dequantize, quantize, rounded
from cnncourse.compress.share import kmeans, share, shared
from cnncourse.compress.time import milliseconds
from cnncourse.compress.weights import plain, plain_state, sparsity, weighted

__all__ = [
    "deflated",
    "dequantize",
    "distillation_loss",
    "factorize_conv2d",
    "factorize_linear",
    "keep_filters",
    "kmeans",
    "load",
    "milliseconds",
    "plain",
    "plain_state",
    "prune",
    "quantize",
    "rounded",
    "save",
    "share",
    "shared",
    "singular_values",
    "sparsity",
    "weighted",
    "with_teacher",
]
