"""The network browser: its views are those that a gradient measures, its sums those of analyze, its refusals told."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from cnncourse import analyze, models
from cnncourse.analysis.units import short
from cnncourse.widgets import NetworkBrowser

Run = Callable[[str, str, Any], Any]
COSTS = ("parameters", "macs", "memory")


def _odd_net() -> nn.Sequential:
    """Strides, paddings and dilations that differ between the sides."""
    return nn.Sequential(
        nn.Conv2d(1, 2, (3, 2), stride=(2, 1), padding=(1, 0), bias=False),
        nn.ReLU(),
        nn.AvgPool2d(2, stride=(1, 3)),
        nn.Conv2d(2, 1, 3, padding=2, dilation=(1, 2), bias=False),
    )


def _measured(net: nn.Module, size: tuple[int, ...], unit: tuple[int, int]) -> tuple[list[int], list[int]]:
    """First and last row and column of the image that unit (i, j) of the last map depends on."""
    for p in net.parameters():
        nn.init.constant_(p, 1.0)
    x = torch.ones(1, *size, requires_grad=True)
    net(x)[0, 0, unit[0], unit[1]].backward()
    assert x.grad is not None
    rows, columns = x.grad[0].sum(0).nonzero(as_tuple=True)
    return [int(rows.min()), int(rows.max())], [int(columns.min()), int(columns.max())]


def test_a_unit_sees_what_its_gradient_reaches(run: Run) -> None:
    size, net = (1, 17, 20), _odd_net()
    browser = NetworkBrowser({"odd": analyze(net, size)})
    name, _, _, shape, *_, field, _ = browser.networks["odd"]["layers"][-1]
    assert name == "3"
    assert isinstance(field[0], list)
    units, exact = [(i, j) for i in range(shape[1]) for j in range(shape[2])], 0
    given = {"field": field, "units": units, "input": list(size)}
    seen = run("_network_math.js", "given.units.map((unit) => m.viewOf(given.field, unit, given.input))", given)
    for unit, view in zip(units, seen, strict=True):
        rows, columns = _measured(net, size, unit)
        inside = view["top"] >= 0 and view["left"] >= 0 and view["top"] + view["height"] <= 17
        if inside and view["left"] + view["width"] <= 20:
            assert [rows, columns] == [view["rows"], view["columns"]], unit
            exact += 1
        else:  # padding inside the net takes some of the view, never adds to it
            assert view["rows"][0] <= rows[0] <= rows[1] <= view["rows"][1], unit
            assert view["columns"][0] <= columns[0] <= columns[1] <= view["columns"][1], unit
    assert exact >= 2


def test_the_nearest_unit_is_the_one_whose_middle_is_nearest(run: Run) -> None:
    layers = NetworkBrowser(["lenet5", "alexnet_2012", "resnet18"]).networks
    draw = random.Random(4)
    cases = []
    for network in layers.values():
        side = network["input"][1]
        for layer in (one for one in network["layers"] if one[7]):
            cases += [{"field": layer[7], "shape": layer[3], "y": draw.uniform(0, side), "x": draw.uniform(0, side)}]
    got = run("_network_math.js", "given.map((g) => m.nearestUnit(g.field, g.shape, g.y, g.x))", cases)
    for case, found in zip(cases, got, strict=True):
        size, jump, start = case["field"]
        for at, count, unit in zip((case["y"], case["x"]), case["shape"][1:], found, strict=True):
            gaps = [abs(start + i * jump + size / 2 - at) for i in range(count)]
            assert gaps[unit] == pytest.approx(min(gaps), abs=1e-6)


def test_a_layer_without_a_field_sees_all_of_the_image(run: Run) -> None:
    view = run("_network_math.js", "m.viewOf(null, [0, 0], [3, 20, 30])", None)
    assert (view["whole"], view["rows"], view["columns"]) == (True, [0, 19], [0, 29])
    edge = run("_network_math.js", "m.viewOf([3, 1, -1], [0, 19], [1, 20, 20])", None)
    assert (edge["whole"], edge["rows"], edge["columns"], edge["top"]) == (False, [0, 1], [18, 19], -1)


def test_shares_are_parts_of_the_sum(run: Run) -> None:
    stored = NetworkBrowser("googlenet_2014").networks["GoogLeNet, 2014"]["layers"]
    for place, cost in zip((4, 5, 6), COSTS, strict=True):
        shares = run("_network_math.js", f"m.sharesOf(m.unpackLayers(given), '{cost}')", stored)
        values = [row[place] for row in stored]
        for k, one in enumerate(shares):
            assert one["share"] == pytest.approx(values[k] / sum(values), abs=1e-6)
            assert one["upTo"] == pytest.approx(sum(values[: k + 1]) / sum(values), abs=1e-6)
            assert one["height"] == pytest.approx(values[k] / max(values), abs=1e-6)
    assert run("_network_math.js", "m.sharesOf([{ macs: 0 }], 'macs')", None) == [{"share": 0, "upTo": 0, "height": 0}]


def test_counts_are_written_as_in_the_tables_of_analyze(run: Run) -> None:
    draw = random.Random(5)
    numbers = [0, 7, 999, 1000, 61706, 999_949, 999_950, 999_951, 105_415_200]
    numbers += [draw.randrange(10 ** draw.randint(1, 12)) for _ in range(80)]
    got = run("_network_math.js", "given.map((n) => m.shortCount(n))", numbers)
    assert got == [short(n) for n in numbers]
    assert run("_network_math.js", "[0, 1e-6, 0.0123, 0.456, 1].map(m.percent)", None) == [
        "0 %", "< 0.01 %", "1.2 %", "46 %", "100 %",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["lenet5", "alexnet_2012", "googlenet_2014", "resnet18"])
def test_the_layers_add_up_to_what_analyze_counts(name: str) -> None:
    browser = NetworkBrowser({"it": name})
    layers = browser.networks["it"]["layers"]
    with torch.device("meta"):
        analysis = analyze(getattr(models, name)(), browser.networks["it"]["input"])
    ran = [row for row in analysis if row.shapes]
    assert sum(layer[4] for layer in layers) == sum(row.parameters for row in ran)
    assert sum(layer[5] for layer in layers) == analysis.totals.macs
    assert sum(layer[6] for layer in layers) == analysis.totals.output_bytes
    for name, _, _, shape, *_, field, sources in layers:
        row = analysis[name]
        assert shape == list(max(row.shapes, key=lambda s: torch.Size(s).numel())[1:])
        assert (field is None) == (row.receptive_field is None)
        assert all(-1 <= source < layers.index(next(one for one in layers if one[0] == name)) for source in sources)


def test_branches_know_whom_they_read(run: Run) -> None:
    layers = NetworkBrowser({"it": "resnet18"}).networks["it"]["layers"]
    names = [layer[0] for layer in layers]
    added = names.index("layer1.0.add()")
    assert sorted(names[n] for n in layers[added][8]) == ["layer1.0.conv2", "maxpool"]
    readers = run("_network_math.js", f"m.readersOf(m.unpackLayers(given), {names.index('maxpool')})", layers)
    assert sorted(names[n] for n in readers) == ["layer1.0.add()", "layer1.0.conv1"]


def test_arguments() -> None:
    made = NetworkBrowser(["lenet5", "vgg11"], network="vgg11", layer="features.3", cost="memory", photo="coffee")
    assert (made.network, made.layer, made.cost) == ("vgg11", "features.3", "memory")
    assert sorted(made.pictures) == ["digit", "photo"]
    assert NetworkBrowser("alphago_policy").pictures == {}
    own = NetworkBrowser({"mine": analyze(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), (3, 9, 11))})
    assert (own.network, own.layer, own.networks["mine"]["input"]) == ("mine", "0", [3, 9, 11])
    assert own.networks["mine"]["layers"] == [["0", "Conv2d 3×3", "ReLU", [4, 7, 9], 112, 6804, 2016, [3, 1, 0], [-1]]]


@pytest.mark.parametrize(
    ("models", "options", "kind", "complaint"),
    [
        ("vgg12", {}, ValueError, "models='vgg12' is unknown.*'vgg11'"),
        ("from_grammar", {}, ValueError, "unknown"),
        (["lenet5"], {"layer": "conv9"}, ValueError, "layer='conv9'.*'c1'"),
        (["lenet5"], {"network": "vgg16"}, ValueError, "network='vgg16'.*'LeNet-5, 1998'"),
        (["lenet5"], {"cost": "time"}, ValueError, "cost='time'.*'memory'"),
        (["vgg11"], {"photo": "nobody"}, ValueError, "nobody"),
        ([], {}, ValueError, "models is empty"),
        (3, {}, TypeError, "models is 3; expected names"),
        ({"mine": nn.ReLU()}, {}, TypeError, "'mine' is a ReLU; expected a name or an Analysis"),
        (["vgg11"], {"photo": 3}, TypeError, "3"),
    ],
)  # fmt: skip
def test_refuses_with_a_reason(models: Any, options: dict[str, Any], kind: type[Exception], complaint: str) -> None:
    with pytest.raises(kind, match=complaint):
        NetworkBrowser(models, **options)


def test_refuses_inputs_that_are_no_image() -> None:
    with pytest.raises(ValueError, match=r"takes inputs \(1, 8\); expected one image"):
        NetworkBrowser({"line": analyze(nn.Linear(8, 2), (8,))})
    with pytest.raises(ValueError, match="expected one image"):
        NetworkBrowser({"batch": analyze(nn.Conv2d(3, 2, 3), (4, 3, 8, 8))})


def test_refuses_more_layers_than_it_can_show() -> None:
    with pytest.raises(ValueError, match=r"1219 layers; expected at most 1,200"):
        NetworkBrowser({f"net {k}": "vgg16" for k in range(53)})
