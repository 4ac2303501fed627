"""Pooling and transposed convolutions as modules: torch's arguments, parameters, printed form and state dicts."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from pooling_oracle import refuses
from torch import nn
from torch.testing import assert_close

from cnncourse import layers

POOLS: list[tuple[str, dict[str, Any]]] = [
    ("MaxPool2d", {"kernel_size": 2}),
    ("MaxPool2d", {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1, "dilation": (1, 2)}),
    ("MaxPool2d", {"kernel_size": 3, "stride": 2, "return_indices": True, "ceil_mode": True}),
    ("AvgPool2d", {"kernel_size": 3}),
    ("AvgPool2d", {"kernel_size": (3, 2), "stride": 2, "padding": (1, 0), "ceil_mode": True}),
    ("AvgPool2d", {"kernel_size": 3, "padding": 1, "count_include_pad": False}),
    ("AvgPool2d", {"kernel_size": 3, "divisor_override": 2}),
    ("AdaptiveAvgPool2d", {"output_size": 3}),
    ("AdaptiveAvgPool2d", {"output_size": (None, 2)}),
]


@pytest.mark.parametrize(("name", "options"), POOLS, ids=str)
def test_a_pooling_is_torchs(name: str, options: dict[str, Any]) -> None:
    ours, theirs = getattr(layers, name)(**options), getattr(nn, name)(**options)
    assert repr(ours) == repr(theirs)
    assert not ours.state_dict()
    x = torch.randn(2, 3, 8, 9)
    assert_close(ours(x), theirs(x))
    assert_close(ours(x[0]), theirs(x[0]))


TRANSPOSED: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1, "groups": 2, "bias": False, "dilation": 2},
    {"kernel_size": 2, "stride": 3, "output_padding": 2, "dtype": torch.float64},
    {"kernel_size": 2, "stride": 2, "output_padding": 1, "bias": False},
]


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("options", TRANSPOSED, ids=str)
def test_a_transposed_convolution_is_torchs(axes: int, options: dict[str, Any]) -> None:
    kinds: Any = (layers.ConvTranspose1d, layers.ConvTranspose2d), (nn.ConvTranspose1d, nn.ConvTranspose2d)
    torch.manual_seed(3)
    theirs = kinds[1][axes - 1](4, 6, **options)
    torch.manual_seed(3)
    ours = kinds[0][axes - 1](4, 6, **options)
    assert repr(ours) == repr(theirs)
    assert_close(ours.state_dict(), theirs.state_dict())  # the same initial values from the same seed
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 4, *(7, 6)[:axes], dtype=options.get("dtype", torch.float32))
    assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)
    assert_close(ours(x[0]), theirs(x[0]), rtol=1e-5, atol=1e-5)


def test_every_output_size_is_torchs_or_both_refuse() -> None:
    accepted = 0
    for stride, dilation in ((1, 1), (2, 1), (3, 2)):
        ours = layers.ConvTranspose2d(2, 3, 3, stride=stride, dilation=dilation)
        theirs = nn.ConvTranspose2d(2, 3, 3, stride=stride, dilation=dilation)
        theirs.load_state_dict(ours.state_dict())
        x = torch.randn(2, 2, 4, 3)
        for height in range(4, 18):
            for size in [(height, 3 * stride), (height, 3 * stride + 2), (2, 3, height, 9), (height,)]:
                if refuses(theirs, x, list(size)):
                    with pytest.raises(ValueError, match="ConvTranspose2d: output_size is"):
                        ours(x, size)
                else:
                    accepted += 1
                    assert_close(ours(x, size), theirs(x, list(size)), rtol=1e-5, atol=1e-5)
    assert accepted > 5


def test_unpooling_is_torchs() -> None:
    ours, theirs = layers.MaxUnpool2d(2, (3, 2), 1), nn.MaxUnpool2d(2, (3, 2), 1)
    assert repr(ours) == repr(theirs)
    pool = layers.MaxPool2d(2, (3, 2), 1, return_indices=True)
    y, index = pool(torch.randn(2, 3, 7, 8))
    assert_close(ours(y, index, (7, 8)), theirs(y, index, (7, 8)))
    assert_close(ours(y, index, output_size=(8, 8)), theirs(y, index, output_size=(8, 8)))


def test_maxout() -> None:
    layer = layers.ChannelMaxPool(3)
    x = torch.randn(2, 6, 4, 5)
    assert_close(layer(x), x.reshape(2, 2, 3, 4, 5).amax(dim=2))
    assert_close(layers.ChannelMaxPool(3, dim=-3)(x[0]), layer(x)[0])
    assert repr(layer) == "ChannelMaxPool(pieces=3)"
    assert repr(layers.ChannelMaxPool(3, dim=-3)) == "ChannelMaxPool(pieces=3, dim=-3)"


@pytest.mark.parametrize(
    "name", ["MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "MaxUnpool2d", "ConvTranspose1d", "ConvTranspose2d"]
)
def test_arguments_have_torchs_names_order_and_defaults(name: str) -> None:
    def told(kind: Any) -> list[tuple[str, Any]]:
        return [(p.name, p.default) for p in inspect.signature(kind).parameters.values()]

    assert told(getattr(layers, name)) == told(getattr(nn, name))
    assert told(getattr(layers, name).forward)[:2] == told(getattr(nn, name).forward)[:2]


FUNCTIONS = ["max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "max_unpool2d"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_take_torchs_arguments_by_position(name: str) -> None:
    x = torch.randn(1, 2, 6, 6)
    index = torch.nn.functional.max_pool2d(x, 2, return_indices=True)[1]
    positional: dict[str, tuple[Any, ...]] = {
        "max_pool2d": (x, 3, 2, 1, 2, True, True),
        "avg_pool2d": (x, 3, 2, 1, True, False, 5),
        "adaptive_avg_pool2d": (x, 4),
        "max_unpool2d": (x[:, :, :3, :3], index, 2, 2, 0, (7, 6)),
    }
    ours, theirs = getattr(layers, name), getattr(torch.nn.functional, name)
    assert_close(ours(*positional[name]), theirs(*positional[name]))


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "kernel 0": (lambda: layers.MaxPool2d(0), ValueError, "MaxPool2d: kernel_size is 0"),
    "padding": (lambda: layers.AvgPool2d(3, padding=2), ValueError, "AvgPool2d: padding is .*at most half"),
    "stride": (lambda: layers.MaxUnpool2d(2, stride=0), ValueError, "MaxUnpool2d: stride is 0"),
    "pieces": (lambda: layers.ChannelMaxPool(0), ValueError, "ChannelMaxPool: pieces is 0"),
    "output_padding": (lambda: layers.ConvTranspose2d(1, 1, 2, output_padding=-1), ValueError, "output_padding is -1"),
    "words": (lambda: layers.ConvTranspose2d(1, 1, 2, padding="same"), TypeError, "ConvTranspose2d: padding is 'same'"),
    "groups": (lambda: layers.ConvTranspose2d(4, 6, 2, groups=4), ValueError, "groups=4 does not divide"),
    "mode": (lambda: layers.ConvTranspose1d(1, 1, 2, padding_mode="reflect"), ValueError, "expected 'zeros'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()
