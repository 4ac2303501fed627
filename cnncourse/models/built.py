"""A network built from the lectures' notation: `from_grammar("[(CONV-RELU)*2-POOL]*3-(FC-RELU)*1-SOFTMAX")`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import torch
from torch import Tensor, nn

from cnncourse import layers
from cnncourse.errors import per_axis, whole
from cnncourse.models._check import check_chance, check_counts
from cnncourse.models.alexnet import response_norm
from cnncourse.models.grammar import Word, expand, fail

Each: TypeAlias = "int | Sequence[int]"
_ACTIVATIONS: dict[str, type[nn.Module]] = {"RELU": nn.ReLU, "TANH": nn.Tanh, "SIGMOID": nn.Sigmoid}
_POOLS = {"POOL": nn.MaxPool2d, "MAXPOOL": nn.MaxPool2d, "AVGPOOL": nn.AvgPool2d}


def from_grammar(
    text: str,
    *,
    in_channels: int = 3,
    input_size: Each = 32,
    num_classes: int = 10,
    channels: Each = 32,
    max_channels: int = 512,
    kernel_size: Each = 3,
    stride: Each = 1,
    padding: Each | str | Sequence[int | str] | None = None,
    dilation: Each = 1,
    groups: Each = 1,
    pool_size: Each = 2,
    pool_stride: Each | None = None,
    hidden: Each = 128,
    dropout: float = 0.5,
    softmax: bool = False,
    optional: bool | Sequence[bool] = True,
    max_parameters: int = 200_000_000,
    **numbers: int,
) -> nn.Sequential:
    """The network that `text` describes: images (N, in_channels, H, W) of `input_size` → logits (N, num_classes).

    The notation: CONV, RELU, TANH, SIGMOID, POOL (MAXPOOL), AVGPOOL, GAP (average over the map), NORM (LRN), BN,
    DROPOUT, FC, SOFTMAX, joined by `-` or `→`; brackets ( ) and [ ] with `*3`, `×3` or `x3` behind them for a
    repetition; `*N` for one whose number is given as an argument, N=2 (it may be 0); `?` behind a part that may be
    missing, which `optional` decides: for all, or for each time that one is met. Case and spaces do not matter.

    - `channels` counts the filters of the first CONV; they double behind each pooling, up to `max_channels`. A list
      gives one number for each CONV. So do lists for `kernel_size`, `stride`, `dilation`, `groups`, and `padding`; by
      default that is D times half the kernel, rounded down: with stride 1 and an odd kernel the map keeps its size.
      "same" keeps it for every kernel, stride 1 given: an even one gets the odd row of zeros behind the map, and its
      layer is the course's own `layers.Conv2d`, since torch's warns there.
    - Poolings take windows of `pool_size`, moved by `pool_stride` (default: pool_size); lists give one for each.
    - `hidden` is the number of units of an FC, or a list of one for each but the one that gives the scores; the size of
      what comes in is found by itself.
    - SOFTMAX stands for the class scores: a fully connected layer with `num_classes` units, called `logits`, unless a
      bare FC, with nothing behind it, stands before it; then that FC is it. So `FC-SOFTMAX` and `SOFTMAX` are the same.
      A bare FC at the end of a text without SOFTMAX gives the logits, too; other texts end in features.
    - The scores are logits, as `cross_entropy` wants them. `softmax=True` adds the softmax: probabilities come out.

    Layers are called conv1_1, relu1_1, pool1, conv2_1, ...: stage and place in the stage, as in VGG; fc1, relu_fc1,
    logits. Weights start by He's rule for what comes in, biases at 0.

    Raises ValueError that shows the text with a caret under the character that is at fault: for what cannot be read, a
    CONV or pooling behind an FC, a map smaller than its window, groups that do not divide the channels, "same" with a
    stride, or a net of more than 1,000 layers or `max_parameters` weights; and for lists of the wrong length. TypeError
    for numbers that are not whole.

    >>> from_grammar("[CONV-RELU-POOL]*2-SOFTMAX", channels=8, input_size=8)
    Sequential(
      (conv1_1): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
      (relu1_1): ReLU()
      (pool1): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
      (conv2_1): Conv2d(8, 16, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
      (relu2_1): ReLU()
      (pool2): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
      (flatten): Flatten(start_dim=1, end_dim=-1)
      (logits): Linear(in_features=64, out_features=10, bias=True)
    )
    """
    check_counts("from_grammar", in_channels=in_channels, num_classes=num_classes, max_channels=max_channels)
    check_counts("from_grammar", max_parameters=max_parameters)
    check_chance("from_grammar: dropout", dropout)
    words = expand(text, numbers, optional)
    convs, full = (sum(word.name == name for word in words) for name in ("CONV", "FC"))
    pools = sum(word.name in _POOLS for word in words)
    ending = [word.name for word in words[-2:]]
    bare = ending[-1] == "FC" or ending == ["FC", "SOFTMAX"]  # the last FC gives the scores
    kernels, dilations = _each("kernel_size", kernel_size, convs, 1), _each("dilation", dilation, convs, 1)
    windows = _each("pool_size", pool_size, pools, 1)
    steps = windows if pool_stride is None else _each("pool_stride", pool_stride, pools, 1)
    sizes = _Sizes(
        channels=_filters(words, channels, convs, max_channels),
        kernels=kernels,
        strides=_each("stride", stride, convs, 1),
        paddings=_paddings(padding, kernels, dilations),
        dilations=dilations,
        groups=_each("groups", groups, convs, 1),
        units=_each("hidden", hidden, full - bare, 1) + [num_classes] * bare,
        pools=list(zip(windows, steps, strict=True)),
        dropout=dropout,
    )
    side = per_axis("from_grammar: input_size", input_size, 2, 1)
    builder = _Builder(text, sizes, torch.empty(1, in_channels, *side, device="meta"), max_parameters)
    for place, word in enumerate(words):
        builder.add(word, first=place == 0, last=place == len(words) - 1)
    if bare or ending[-1] == "SOFTMAX":
        builder.finish(words[-1], None if bare else num_classes, softmax)
    elif softmax:
        fail(text, words[-1].at, "softmax=True, but the text ends in features; expected FC or SOFTMAX at its end")
    return builder.network()


@dataclass
class _Sizes:
    """What the notation leaves open; lists have a number for each layer of a kind, and are used up from the front."""

    channels: list[int]
    kernels: list[int]
    strides: list[int]
    paddings: list[int | str]
    dilations: list[int]
    groups: list[int]
    units: list[int]
    pools: list[tuple[int, int]]
    dropout: float


def _paddings(
    padding: Each | str | Sequence[int | str] | None, kernels: Sequence[int], dilations: Sequence[int]
) -> list[int | str]:
    """A number of rows, or "same", for each CONV."""
    if padding is None:
        return [d * (k // 2) for k, d in zip(kernels, dilations, strict=True)]
    given: Sequence[int | str] | int = ["same"] * len(kernels) if padding == "same" else padding
    if isinstance(given, str):
        raise ValueError(f"from_grammar: padding is {given!r}; expected whole numbers or 'same'")
    numbers = given if isinstance(given, int) else [0 if p == "same" else cast(int, p) for p in given]
    listed = _each("padding", numbers, len(kernels), 0)
    return [p if isinstance(given, int) or given[k] != "same" else "same" for k, p in enumerate(listed)]


def _each(what: str, value: Each, count: int, least: int) -> list[int]:
    """One number for each of `count` layers."""
    if isinstance(value, Sequence):
        if len(value) != count:
            raise ValueError(
                f"from_grammar: {what} has {len(value)} numbers; expected {count}, one for each such layer"
            )
        return [whole(f"from_grammar: {what}", number, least) for number in value]
    return [whole(f"from_grammar: {what}", value, least)] * count


def _filters(words: Sequence[Word], channels: Each, count: int, most: int) -> list[int]:
    """The filters of each CONV: as listed, or `channels`, twice as many behind each pooling, up to `most`."""
    if isinstance(channels, Sequence):
        return _each("channels", channels, count, 1)
    now, filters = whole("from_grammar: channels", channels, 1), list[int]()
    for word in words:
        if word.name == "CONV":
            filters.append(now)
        elif word.name in _POOLS and filters:
            now = max(now, min(2 * now, most))
    return filters


class _Builder:
    """Collects the layers one by one, and runs each without data, on the meta device, to learn the shape behind it.

    Nothing of the network's size is allocated before it is known to fit.
    """

    def __init__(self, text: str, sizes: _Sizes, x: Tensor, most: int) -> None:
        self.text, self.sizes, self.x, self.most = text, sizes, x, most
        self.layers: OrderedDict[str, Callable[[], nn.Module]] = OrderedDict()
        self.parameters, self.stage, self.place, self.full = 0, 1, 0, 0

    def add(self, word: Word, first: bool, last: bool) -> None:
        """The layer that `word` stands for."""
        name, at = word.name, word.at
        if name == "INPUT" and not first:
            fail(self.text, at, "INPUT in the middle; expected at the beginning, or nowhere")
        if name == "SOFTMAX" and not last:
            fail(self.text, at, "SOFTMAX in the middle; expected at the end, or nowhere")
        if self.flat and name in ("CONV", "NORM", "LRN", "GAP", *_POOLS):
            fail(self.text, at, f"{name} behind FC, which leaves no map; expected every {name} before the first FC")
        if name == "CONV":
            self._conv(word)
        elif name in _POOLS:
            self._pool(word)
        elif name == "FC":
            self._fc(word, self.sizes.units.pop(0))
        elif name not in ("INPUT", "SOFTMAX"):
            self._other(word)

    @property
    def flat(self) -> bool:
        """True behind the first FC."""
        return self.x.dim() == 2

    def _conv(self, word: Word) -> None:
        s = self.sizes
        c, k, stride, p = s.channels.pop(0), s.kernels.pop(0), s.strides.pop(0), s.paddings.pop(0)
        d, groups, c_in = s.dilations.pop(0), s.groups.pop(0), self.x.shape[1]
        if c_in % groups or c % groups:
            fail(self.text, word.at, f"groups={groups} does not divide {c_in} channels in and {c} out; expected 1, or "
                 "a divisor of both")  # fmt: skip
        span = d * (k - 1)
        own = p == "same" and span % 2 == 1
        if p == "same":
            if stride != 1:
                fail(
                    self.text, word.at, f"padding='same' with stride {stride}; expected stride 1, or padding in numbers"
                )
            p = "same" if own else span // 2
        self._fits(word, span + 1, span // 2 + 1 if own else int(p))
        self.place += 1
        kind = layers.Conv2d if own else nn.Conv2d
        self._append(f"conv{self.stage}_{self.place}", word, lambda: _he(kind(c_in, c, k, stride, p, d, groups)))

    def _pool(self, word: Word) -> None:
        kernel, stride = self.sizes.pools.pop(0)
        self._fits(word, kernel, 0)
        self._append(f"pool{self.stage}", word, lambda: _POOLS[word.name](kernel, stride))
        self.stage, self.place = self.stage + 1, 0

    def _fits(self, word: Word, kernel: int, padding: int) -> None:
        """Fail unless a window fits on the map."""
        H, W = self.x.shape[2:]
        if min(H, W) + 2 * padding < kernel:
            fail(
                self.text,
                word.at,
                f"the map is {H} × {W} here, smaller than the window {kernel} × {kernel} of {word.name} (stage "
                f"{self.stage}, padding {padding}); expected a larger input_size, or fewer poolings",
            )

    def _fc(self, word: Word, units: int, name: str | None = None) -> None:
        if not self.flat:
            self._append("flatten", word, nn.Flatten)
        self.full += 1
        width = self.x.shape[1]
        self._append(name or f"fc{self.full}", word, lambda: _he(nn.Linear(width, units)))

    def _other(self, word: Word) -> None:
        """A layer without a window: its name says what it stands behind."""
        c, where = self.x.shape[1], f"_fc{self.full}" if self.flat else f"{self.stage}_{self.place}"
        factories: dict[str, Callable[[], nn.Module]] = {
            **_ACTIVATIONS,
            "GAP": lambda: nn.AdaptiveAvgPool2d(1),
            "NORM": response_norm,
            "LRN": response_norm,
            "BN": (lambda: nn.BatchNorm1d(c)) if self.flat else (lambda: nn.BatchNorm2d(c)),
            "DROPOUT": lambda: nn.Dropout(self.sizes.dropout),
        }
        short = {"GAP": "gap", "DROPOUT": f"drop{where}", "LRN": f"norm{where}"}
        self._append(short.get(word.name, f"{word.name.lower()}{where}"), word, factories[word.name])

    def _append(self, name: str, word: Word, factory: Callable[[], nn.Module]) -> None:
        try:
            with torch.device("meta"):
                layer = factory().eval()
                self.x = layer(self.x)
        except (RuntimeError, OverflowError) as error:  # without data, only a number beyond all memory can fail
            fail(
                self.text,
                word.at,
                f"too large for any machine ({str(error).splitlines()[0]}); expected smaller numbers",
            )
        self.parameters += sum(p.numel() for p in layer.parameters())
        if self.parameters > self.most:
            fail(
                self.text,
                word.at,
                f"{self.parameters:,} weights and biases up to here; expected at most max_parameters={self.most:,}. "
                "Pool more before the first FC, take fewer channels or hidden units, or raise max_parameters",
            )
        unused = (name if i == 1 else f"{name}_{i}" for i in range(1, len(self.layers) + 2))
        self.layers[next(n for n in unused if n not in self.layers)] = factory

    def finish(self, word: Word, classes: int | None, softmax: bool) -> None:
        """The class scores: a layer of their own for `classes`, or the FC that stands at the end, renamed."""
        if classes is None:
            self.layers["logits"] = self.layers.popitem()[1]
        else:
            self._fc(word, classes, name="logits")
        if softmax:
            self._append("probs", word, lambda: nn.Softmax(dim=1))

    def network(self) -> nn.Sequential:
        """The layers, now with numbers in them."""
        return nn.Sequential(OrderedDict((name, factory()) for name, factory in self.layers.items()))


def _he(layer: nn.Conv2d | nn.Linear | layers.Conv2d) -> nn.Module:
    """`layer` with weights by He's rule and biases at 0."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(cast(Tensor, layer.bias))
    return layer
