"""Taking whole filters out of a chain of layers, so that it really becomes smaller, and faster."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.errors import whole

_PASS = (nn.ReLU, nn.MaxPool2d, nn.AvgPool2d, nn.Dropout, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


def keep_filters(net: nn.Sequential, at: int, count: int) -> nn.Sequential:
    """A copy of the chain whose convolution `net[at]` keeps the `count` filters of the largest sum of |w|, in order.

    Batch norm after it and the inputs of the next convolution or linear layer shrink with it, up to that layer; for a
    linear layer after `nn.Flatten`, whole maps go. Source: Li et al. 2017, arXiv:1608.08710.
    Raises TypeError for a layer that is no convolution or one in between that is not known, ValueError for a count out
    of range or groups.
    """
    net = copy.deepcopy(net)
    layer = net[at]
    if not isinstance(layer, nn.Conv2d):
        raise TypeError(f"keep_filters: net[{at}] is a {type(layer).__name__}; expected a torch.nn.Conv2d")
    channels = layer.out_channels
    if layer.groups != 1 or whole("keep_filters: count", count, 1) > channels:
        raise ValueError(f"keep_filters: count={count}, groups={layer.groups}; expected 1 to {channels}, one group")
    sizes = layer.weight.detach().abs().flatten(1).sum(1)
    kept = torch.topk(sizes, count).indices.sort().values
    _rows(layer, kept)
    layer.out_channels = count
    for after in list(net)[at + 1 :]:
        if isinstance(after, nn.BatchNorm2d):
            _rows(after, kept)
            after.num_features = count
        elif isinstance(after, (nn.Conv2d, nn.Linear)):
            _columns(after, kept, channels)
            return net
        elif not isinstance(after, (*_PASS, nn.Flatten)):
            raise TypeError(f"keep_filters: a {type(after).__name__} follows; expected batch norm, ReLU, pooling")
    raise ValueError(f"keep_filters: no convolution or linear layer follows net[{at}]; its filters are the output")


def _rows(layer: nn.Module, kept: Tensor) -> None:
    tensors = [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]
    for name, value in tensors:
        if value.dim():
            _put(layer, name, value.detach()[kept])


def _columns(layer: Any, kept: Tensor, channels: int) -> None:
    weight = layer.weight.detach()
    if isinstance(layer, nn.Conv2d):
        if layer.groups != 1:
            raise ValueError(f"keep_filters: the next convolution has {layer.groups} groups; expected one")
        _put(layer, "weight", weight[:, kept])
        layer.in_channels = len(kept)
        return
    places = weight.shape[1] // channels
    _put(layer, "weight", weight.view(len(weight), channels, places)[:, kept].flatten(1))
    layer.in_features = len(kept) * places


def _put(layer: nn.Module, name: str, value: Tensor) -> None:
    value = value.clone().contiguous()
    setattr(layer, name, nn.Parameter(value) if name in layer._parameters else value)
