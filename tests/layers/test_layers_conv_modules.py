"""Conv1d, Conv2d, Conv3d: torch's arguments, parameters, initial values and state dicts."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from cnncourse import layers

PAIRS: list[tuple[Any, Any, int]] = [
    (layers.Conv1d, nn.Conv1d, 1),
    (layers.Conv2d, nn.Conv2d, 2),
    (layers.Conv3d, nn.Conv3d, 3),
]
OPTIONS: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": 3, "stride": 2, "padding": 2, "dilation": 2, "groups": 2, "bias": False},
    {"kernel_size": 3, "padding": "same"},
    {"kernel_size": 1, "dtype": torch.float64},
]


@pytest.mark.parametrize(("Ours", "Torchs", "axes"), PAIRS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_is_torchs(Ours: Any, Torchs: Any, axes: int, options: dict[str, Any]) -> None:
    torch.manual_seed(3)
    theirs = Torchs(4, 6, **options)
    torch.manual_seed(3)
    ours = Ours(4, 6, **options)
    assert isinstance(ours, nn.Module)
    assert repr(ours) == repr(theirs)
    assert_close(ours.state_dict(), theirs.state_dict())  # the same initial values from the same seed
    ours.load_state_dict(Torchs(4, 6, **options).state_dict())
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 4, *(7, 6, 5)[:axes], dtype=options.get("dtype", torch.float32))
    assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)
    assert_close(ours(x[0]), theirs(x[0]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("Ours", "Torchs", "axes"), PAIRS)
def test_arguments_have_torchs_names_order_and_defaults(Ours: Any, Torchs: Any, axes: int) -> None:
    def told(kind: Any) -> list[tuple[str, Any]]:
        return [(p.name, p.default) for p in inspect.signature(kind).parameters.values()]

    assert told(Ours) == told(Torchs)


def test_an_axis_can_have_its_own() -> None:
    options: dict[str, Any] = {"kernel_size": (3, 2), "stride": (2, 1), "padding": (0, 3), "dilation": (1, 2)}
    ours, theirs = layers.Conv2d(2, 3, **options), nn.Conv2d(2, 3, **options)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 2, 8, 7)
    assert_close(ours(x), theirs(x))
    assert repr(ours) == repr(theirs)


def test_it_trains_moves_and_copies_as_a_module() -> None:
    layer = layers.Conv2d(1, 2, 3)
    before = layer.weight.detach().clone()
    layer(torch.randn(4, 1, 5, 5)).sum().backward()
    torch.optim.SGD(layer.parameters(), lr=0.1).step()
    assert not torch.equal(layer.weight, before)
    assert torch.equal(copy.deepcopy(layer).weight, layer.weight)
    assert layer.double()(torch.randn(1, 1, 5, 5, dtype=torch.float64)).dtype == torch.float64
    assert layers.Conv2d(1, 2, 3, device="meta").weight.is_meta


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no channels": ({"in_channels": 0}, ValueError, "in_channels is 0"),
    "half a channel": ({"out_channels": 1.5}, TypeError, "out_channels is 1.5"),
    "groups": ({"groups": 3}, ValueError, "groups=3 does not divide"),
    "kernel": ({"kernel_size": (3, 3, 3)}, ValueError, "kernel_size is .3, 3, 3."),
    "stride": ({"stride": 0}, ValueError, "stride is 0"),
    "padding": ({"padding": "full"}, ValueError, "'full'"),
    "negative padding": ({"padding": -1}, ValueError, "padding is -1"),
    "same": ({"padding": "same", "stride": 2}, ValueError, "expected stride 1"),
    "dilation": ({"dilation": "2"}, TypeError, "dilation is '2'"),
    "padding_mode": ({"padding_mode": "reflect"}, ValueError, "expected 'zeros'.*torch.nn.functional.pad"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    options, error, message = WRONG[name]
    with pytest.raises(error, match=f"Conv2d: .*{message}|{message}"):
        layers.Conv2d(**{"in_channels": 4, "out_channels": 2, "kernel_size": 3, **options})


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("kind", ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d"])
def test_the_result_may_be_changed_in_place(kind: str, padding: int) -> None:
    """As `nn.ReLU(inplace=True)` does behind it; one image and one channel too, whose crop is contiguous."""
    axes = int(kind[-2])
    for channels in (1, 3):
        ours = getattr(layers, kind)(2, channels, 3, padding=padding, bias=False)
        theirs = getattr(nn, kind)(2, channels, 3, padding=padding, bias=False)
        theirs.load_state_dict(ours.state_dict())
        x = torch.randn(1, 2, *(6, 5, 4)[:axes])
        one, two = (nn.Sequential(net, nn.ReLU(inplace=True))(x) for net in (ours, theirs))
        torch.testing.assert_close(one, two)
        one.sum().backward()
        two.sum().backward()
        torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


def test_on_the_meta_device_only_shapes_are_computed() -> None:
    y = layers.Conv2d(3, 4, 3, device="meta")(torch.empty(2, 3, 8, 9, device="meta"))
    assert y.device.type == "meta"
    assert tuple(y.shape) == (2, 4, 6, 7)
