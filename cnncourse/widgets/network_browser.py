"""The network browser: pick a network, walk through its layers, and see what each gives, costs and looks at."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from functools import cache
from math import prod
from typing import Any

import anywidget
import numpy as np
import torch
import traitlets
from PIL import Image

from cnncourse import models as architectures
from cnncourse.analysis import Analysis, Row, analyze
from cnncourse.analysis.graph import Graph, graph
from cnncourse.widgets._base import one_of, script, style
from cnncourse.widgets._photos import photo as load

_WHO = "NetworkBrowser"
_DEFAULT = ("lenet5", "alexnet_2012", "vgg16", "googlenet_2014", "resnet50")
_MOST = 1200  # layers of all networks together
_SIDE = 224
_DEEP = 99  # more than any network nests its modules: every layer by itself
COSTS = ("macs", "parameters", "memory")
_TITLES = {
    "lenet5": "LeNet-5, 1998", "alexnet_2012": "AlexNet, 2012", "alexnet": "AlexNet, one GPU, 2014",
    "zfnet": "ZFNet, 2013", "nin": "Network in Network, 2013", "vgg16": "VGG-16, 2014", "vgg19": "VGG-19, 2014",
    "googlenet_2014": "GoogLeNet, 2014", "resnet18": "ResNet-18, 2015", "resnet34": "ResNet-34, 2015",
    "resnet50": "ResNet-50, 2015", "plain34": "plain net of 34 layers, 2015", "densenet121": "DenseNet-121, 2016",
    "alphago_policy": "AlphaGo's policy network, 2016",
}  # fmt: skip
_INPUTS = {
    "lenet5": (1, 32, 32), "alexnet_2012": (3, 227, 227), "nin": (3, 32, 32), "cifar_resnet": (3, 32, 32),
    "cifar_plain": (3, 32, 32), "small_vgg": (3, 64, 64), "small_alexnet": (3, 64, 64), "alphago_policy": (48, 19, 19),
}  # fmt: skip
Models = str | Sequence[str] | Mapping[str, "str | Analysis"]


class NetworkBrowser(anywidget.AnyWidget):
    """Walk through networks layer by layer: shape, parameters, multiply-adds, memory, and what one unit sees.

    A step is a layer with what follows it alone (batch norm, ReLU), as in the boxes of `Analysis.plot`. All numbers are
    those of `analyze` for one image: parameters with biases; multiply-adds of convolutions and matrix products; memory
    is what the layer's outputs take in bytes. The frame on the picture is the receptive field of one unit, which the
    pointer or the arrow keys move: the largest possible view. What lies outside of the picture is padding; near the
    border, padding between the layers takes some of the rest, too.

    `models` is the name of a function of `cnncourse.models`, a list of such names, or a dict from titles to names or to
    what `analyze(model, (C, H, W))` gave for a network of your own:

    >>> browser = NetworkBrowser({"LeNet-5": "lenet5", "mine": analyze(torch.nn.Conv2d(3, 8, 5), (3, 64, 64))})
    >>> browser.network, browser.layer
    ('LeNet-5', 'c1')

    `network` is the title (or the name) shown first, `layer` its layer by name, `cost` what the bars show: "macs",
    "parameters" or "memory". Networks for three channels look at `photo`, a name of `cnncourse.data.photos()`, those
    for one channel at a handwritten digit, others at an empty board.

    Raises ValueError or TypeError for a name that is unknown, an input that is no image, or more than 1,200 layers.
    """

    _esm = script("network_browser.js")
    _css = style("network_browser.css")

    networks: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    """{title: {input: [C, H, W], picture, layers: [[name, kind, then, shape, parameters, macs, bytes, field, from]]}};
    field is [size, jump, start], a number or a pair each, or None; from are numbers of layers, -1 for the input."""
    pictures: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    network = traitlets.Unicode().tag(sync=True)
    layer = traitlets.Unicode().tag(sync=True)
    cost = traitlets.Unicode("macs").tag(sync=True)
    unit: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[row, column] of the unit whose view is framed; [] is the one in the middle."""

    def __init__(
        self,
        models: Models = _DEFAULT,
        *,
        network: str | None = None,
        layer: str | None = None,
        cost: str = "macs",
        photo: str = "chelsea",
    ) -> None:
        asked = _asked(models)
        networks = {title: _network(title, model) for title, model in asked.items()}
        total = sum(len(one["layers"]) for one in networks.values())
        if total > _MOST:
            raise ValueError(f"{_WHO}: {total} layers; expected at most {_MOST:,}. Show fewer networks.")
        names = {name: title for title, name in asked.items() if isinstance(name, str)}
        first = (
            next(iter(networks)) if network is None else one_of(_WHO, "network", names.get(network, network), networks)
        )
        layers = [row[0] for row in networks[first]["layers"]]
        super().__init__(
            networks=networks,
            pictures=_pictures({one["picture"] for one in networks.values()}, photo),
            network=first,
            layer=layers[0] if layer is None else one_of(_WHO, "layer", layer, layers),
            cost=one_of(_WHO, "cost", cost, COSTS),
        )


def _asked(models: Any) -> dict[str, str | Analysis]:
    """What is shown, by title."""
    if isinstance(models, str):
        models = [models]
    if not isinstance(models, Mapping):
        if not isinstance(models, Sequence) or not all(isinstance(name, str) for name in models):
            raise TypeError(
                f"{_WHO}: models is {models!r:.80}; expected names of cnncourse.models such as ['lenet5', 'vgg16'], or "
                "a dict from titles to names or to what analyze(model, (C, H, W)) gives."
            )
        models = {_TITLES.get(name, name): name for name in models}
    if not models:
        raise ValueError(f"{_WHO}: models is empty; expected at least one name, such as 'lenet5'.")
    return {str(title): model for title, model in models.items()}


def _network(title: str, model: Any) -> dict[str, Any]:
    """One network as the script reads it."""
    if isinstance(model, str):
        known = [name for name in architectures.__all__ if name.islower() and name != "from_grammar"]
        model = _named(one_of(_WHO, "models", model, known))
    if not isinstance(model, Analysis):
        raise TypeError(
            f"{_WHO}: {title!r} is a {type(model).__name__}; expected a name or an Analysis: analyze(model, (C, H, W))."
        )
    sizes = model.input_shapes[0]
    if len(sizes) != 4 or sizes[0] != 1:
        raise ValueError(f"{_WHO}: {title!r} takes inputs {sizes}; expected one image, analyze(model, (C, H, W)).")
    picture = {1: "digit", 3: "photo"}.get(sizes[1], "board")
    return {"input": list(sizes[1:]), "picture": picture, "layers": _layers(model, graph(model, _DEEP, ""))}


@cache
def _named(name: str) -> Analysis:
    """The analysis of a function of `cnncourse.models`, with its own input size, without memory for its weights."""
    with torch.device("meta"):
        return analyze(getattr(architectures, name)(), _INPUTS.get(name, (3, _SIDE, _SIDE)))


def _layers(analysis: Analysis, drawn: Graph) -> list[list[Any]]:
    """One list for each box behind the input's."""
    listed = []
    for number, box in enumerate(drawn.boxes[1:], 1):
        row = analysis[box.rows[0]]
        kind = row.kind if "()" in row.name else box.kind
        sources = [a - 1 for a, b in drawn.edges if b == number]
        costs = [box.parameters, box.macs, box.output_bytes]
        listed.append([box.name, kind, " + ".join(box.then), _shape(row), *costs, _field(row), sources])
    return listed


def _shape(row: Row) -> list[int]:
    """A row's output without the batch."""
    return list(max(row.shapes, key=prod)[1:])


def _field(row: Row) -> list[int | list[int]] | None:
    """[size, jump, start] of its receptive field."""
    if row.receptive_field is None:
        return None
    return [list(side) if isinstance(side, tuple) else side for side in row.receptive_field]


def _pictures(wanted: set[str], name: str) -> dict[str, dict[str, str]]:
    """What the networks look at: {kind: {address, shows}}."""
    from cnncourse.data import digits, photos

    pictures = {}
    if "photo" in wanted:
        pixels = load(_WHO, name, _SIDE, gray=False)
        top, left = ((length - _SIDE) // 2 for length in pixels.shape[:2])
        square = pixels[top : top + _SIDE, left : left + _SIDE]
        pictures["photo"] = {"address": _address(square, "jpeg"), "shows": photos()[name].shows}
    if "digit" in wanted:
        digit = 255 - np.rint(digits("test").images[0, 0].numpy() * 255).astype(np.uint8)
        pictures["digit"] = {"address": _address(digit, "png"), "shows": "a handwritten digit"}
    return pictures


def _address(pixels: Any, kind: str) -> str:
    """A data address of an image."""
    memory = io.BytesIO()
    Image.fromarray(pixels).save(memory, kind.upper(), **({"quality": 82} if kind == "jpeg" else {}), optimize=True)
    return f"data:image/{kind};base64," + base64.b64encode(memory.getvalue()).decode("ascii")
