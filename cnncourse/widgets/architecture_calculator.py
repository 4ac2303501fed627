"""The architecture calculator: a network as a grammar, and what each of its layers gives and costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anywidget
import torch
import traitlets
from torch import nn

from cnncourse.layers import Conv2d
from cnncourse.models import from_grammar
from cnncourse.models.grammar import WORDS, Word, expand
from cnncourse.widgets._base import one_of, script, style, whole, yes_or_no

_WHO = "ArchitectureCalculator"
_MOST_WORDS, _MOST_SIDE, _MOST_CHANNELS = 64, 1024, 4096
_OPTIONS = {"channels", "max_channels", "kernel_size", "stride", "padding", "dilation", "groups", "pool_size",
            "pool_stride", "hidden"}  # fmt: skip
Layer = dict[str, Any]
_WIDE: dict[str, Any] = {"input_size": 224, "num_classes": 1000}
_EXAMPLES: dict[str, dict[str, Any]] = {
    "the lectures' exercise": {
        "text": "[CONV-POOL]*2-FC-SOFTMAX", "input_size": 256, "channels": 16, "kernel_size": 4, "padding": "same",
        "pool_size": 4,
    },
    "the lectures' pattern": {"text": "[(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K-SOFTMAX", "N": 2, "M": 3, "K": 1},
    "LeNet-5": {
        "text": "(CONV-TANH-AVGPOOL)*2-CONV-TANH-FC-TANH-FC", "in_channels": 1, "channels": [6, 16, 120],
        "kernel_size": 5, "padding": 0, "hidden": 84,
    },
    "AlexNet, ungrouped": {
        "text": "(CONV-RELU-NORM-POOL)*2-(CONV-RELU)*3-POOL-(FC-RELU-DROPOUT)*2-SOFTMAX", "input_size": 227,
        "num_classes": 1000, "channels": [96, 256, 384, 384, 256], "kernel_size": [11, 5, 3, 3, 3],
        "stride": [4, 1, 1, 1, 1], "padding": [0, 2, 1, 1, 1], "pool_size": 3, "pool_stride": 2, "hidden": 4096,
    },
    "VGG-16": {
        "text": "[(CONV-RELU)*2-POOL]*2-[(CONV-RELU)*3-POOL]*3-(FC-RELU)*2-SOFTMAX", "channels": 64, "hidden": 4096,
        **_WIDE,
    },
    "depthwise separable": {
        "text": "CONV-RELU-[(CONV-CONV-RELU)*2-POOL]*2-GAP-SOFTMAX", "channels": [32, 32, 32, 32, 64, 64, 64, 64, 128],
        "kernel_size": [3, 3, 1, 3, 1, 3, 1, 3, 1], "groups": [1, 32, 1, 32, 1, 64, 1, 64, 1],
    },
}  # fmt: skip


class ArchitectureCalculator(anywidget.AnyWidget):
    """Type a network, or edit its layers, and read off shapes, units, weights, multiply-adds and receptive fields.

    The text is that of `models.from_grammar`, the numbers are those that `analyze` gives for the network it builds:
    weights without biases (which stand beside them), multiply-adds for one image, the receptive field's side in pixels.

    `text` is such a text or the name of an example (`ArchitectureCalculator.examples`); `options` are `from_grammar`'s
    (in_channels, input_size, num_classes, channels, kernel_size, stride, padding, dilation, groups, pool_size,
    pool_stride, hidden, and numbers for names behind a *), `optional` is True or False. At most 64 layers,
    4,096 channels, sides of 1,024.

    Raises ValueError or TypeError as `from_grammar` does, and for more than the figure holds.
    """

    _esm = script("architecture_calculator.js")
    _css = style("architecture_calculator.css")

    examples = traitlets.Dict().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    numbers = traitlets.Dict().tag(sync=True)
    optional = traitlets.Bool(True).tag(sync=True)
    input_size: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[C, H, W]"""
    num_classes = traitlets.Int(10).tag(sync=True)
    layers: traitlets.List[Any] = traitlets.List().tag(sync=True)

    def __init__(self, text: str = "the lectures' exercise", *, optional: bool = True, **options: Any) -> None:
        if text in _EXAMPLES:
            options = {**_EXAMPLES[text], **options}
            text = options.pop("text")
        elif isinstance(text, str) and text and not any(word in text.upper() for word in WORDS):
            one_of(_WHO, "text", text, _EXAMPLES)
        examples = {name: _state(optional=True, **example) for name, example in _EXAMPLES.items()}
        super().__init__(examples=examples, **_state(text, optional=yes_or_no(_WHO, "optional", optional), **options))


def _state(
    text: str,
    *,
    optional: bool,
    in_channels: int = 3,
    input_size: Any = 32,
    num_classes: int = 10,
    **options: Any,
) -> dict[str, Any]:
    """What the figure holds: from_grammar's arguments, written out layer by layer."""
    numbers = {name: value for name, value in options.items() if name not in _OPTIONS}
    words = expand(text, numbers, optional)
    if len(words) > _MOST_WORDS:
        raise ValueError(f"{_WHO}: {len(words)} layers; expected at most {_MOST_WORDS}. Lower a number behind a *.")
    sides = list(input_size) if isinstance(input_size, (tuple, list)) else [input_size, input_size]
    if len(sides) != 2:
        raise ValueError(f"{_WHO}: input_size={input_size!r}; expected a side, or height and width.")
    image = [whole(_WHO, "in_channels", in_channels, 1, _MOST_CHANNELS)]
    image += [whole(_WHO, "input_size", side, 1, _MOST_SIDE) for side in sides]
    whole(_WHO, "num_classes", num_classes, 1, _MOST_CHANNELS)
    with torch.device("meta"):
        net = from_grammar(
            text, in_channels=image[0], input_size=image[1:], num_classes=num_classes, optional=optional, **options
        )
    return {
        "text": text, "numbers": numbers, "optional": optional, "input_size": image, "num_classes": num_classes,
        "layers": _layers(words, net),
    }  # fmt: skip


def _layers(words: list[Word], net: nn.Sequential) -> list[Layer]:
    """One entry for each word, with the numbers that the built network has."""
    modules = iter([module for module in net if not isinstance(module, nn.Flatten)])
    listed = []
    for word in words:
        built = None if word.name in ("INPUT", "SOFTMAX") else next(modules)
        listed.append({"kind": word.name, **_numbers(built)})
    return listed


def _numbers(module: nn.Module | None) -> Mapping[str, Any]:
    """What of a layer can be changed."""
    if isinstance(module, (nn.Conv2d, Conv2d)):
        padding = module.padding if isinstance(module.padding, str) else module.padding[0]
        return {
            "channels": module.out_channels, "kernel": module.kernel_size[0], "stride": module.stride[0],
            "padding": padding, "dilation": module.dilation[0], "groups": module.groups,
        }  # fmt: skip
    if isinstance(module, (nn.MaxPool2d, nn.AvgPool2d)):
        return {"kernel": module.kernel_size, "stride": module.stride}
    return {"units": module.out_features} if isinstance(module, nn.Linear) else {}
