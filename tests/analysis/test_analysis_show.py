"""How an analysis is shown: table, HTML, plain data, drawing."""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Callable
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from PIL import Image
from torch import Tensor, nn

from cnncourse import analyze, models
from cnncourse.analysis import Analysis
from cnncourse.analysis.graph import Graph, graph, layout
from cnncourse.analysis.units import bytes_, short


@lru_cache
def resnet() -> Analysis:
    with torch.device("meta"):
        return analyze(models.resnet18(), (3, 64, 64))


@lru_cache
def googlenet() -> Analysis:
    with torch.device("meta"):
        return analyze(models.googlenet(), (3, 64, 64))


@lru_cache
def lenet() -> Analysis:
    return analyze(models.lenet5(), (1, 32, 32))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (7, "7"), (999, "999"), (1000, "1.000 k"), (61_706, "61.71 k"), (105_415_200, "105.4 M"),
        (999_949, "999.9 k"), (999_951, "1.000 M"), (15_470_264_320, "15.47 G"), (10**18, "1000.0 P"),
    ],
)  # fmt: skip
def test_numbers_have_four_digits_and_a_unit(number: int, text: str) -> None:
    assert short(number) == text
    assert bytes_(number).replace("B", "").strip() == text.strip()


def test_the_table() -> None:
    lines = lenet().table().splitlines()
    assert lines[0] == "LeNet5"
    assert lines[1].split() == ["layer", "kind", "shape", "params", "mult-adds", "output", "training", "field"]
    c3 = next(line for line in lines if line.startswith("c3"))
    assert re.split(r" {2,}", c3) == ["c3", "Conv2d 5×5", "1×16×10×10", "2.416 k", "240.0 k", "6.400 kB", "0", "14"]
    total = next(line for line in lines if line.startswith("total"))
    assert re.split(r" {2,}", total) == ["total", "61.71 k", "416.5 k", "58.41 kB", "36.47 kB"]
    assert "Peak of inference: 41.73 kB, in act1" in lenet().table()
    assert str(lenet()) == repr(lenet()) == lenet().table()
    exact = next(line for line in lenet().table(exact=True).splitlines() if line.startswith("c3"))
    assert re.split(r" {2,}", exact)[3:] == ["2,416", "240,000", "6,400", "0", "14"]


def deep(name: str, depth: int) -> nn.Module:
    net: nn.Module = nn.Sequential(nn.Conv2d(2048, 2048, 3), nn.AdaptiveAvgPool2d(1000))
    for _ in range(depth):
        wrap = nn.Sequential()
        wrap.add_module(name, net)
        net = wrap
    return net


def very_deep() -> Analysis:
    with torch.device("meta"):
        return analyze(deep("a_rather_long_name", 6), (64, 2048, 999, 999))


@pytest.mark.parametrize("make", [resnet, googlenet, very_deep])
def test_no_line_is_wider_than_the_terminal(make: Callable[[], Analysis]) -> None:
    a = make()
    assert max(map(len, a.table().splitlines())) <= 100
    assert all(short(row.macs) in a.table() for row in a)  # numbers are never cut


class Tags(HTMLParser):
    """Checks that tags are closed in order; collects the text of each cell."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


def test_the_html_is_well_formed_and_says_the_same() -> None:
    tags = Tags()
    tags.feed(resnet()._repr_html_())
    assert tags.open == []
    assert not {"script", "iframe", "img", "link"} & set(tags.seen)
    assert tags.seen.count("table") == tags.seen.count("caption") == 1
    assert tags.cells[:4] == ["layer", "kind", "shape", "parameters"]
    for row in resnet():
        assert row.name in tags.cells
        assert short(row.macs) in tags.cells
    assert 'scope="row"' in resnet()._repr_html_()
    widths = [float(w) for w in re.findall(r'bar params" style="width:([\d.]+)%', resnet()._repr_html_())]
    assert sum(widths) == pytest.approx(100, abs=0.05 * len(widths))


def test_names_are_escaped() -> None:
    model = nn.Sequential()
    model.add_module("<b>&\"'", nn.Linear(3, 2))
    html = analyze(model, (3,))._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;&amp;&quot;&#x27;" in html
    svg = analyze(model, (3,)).to_svg()
    assert ElementTree.fromstring(svg).tag.endswith("svg")


def test_plain_data() -> None:
    data = resnet().to_dict()
    assert json.loads(json.dumps(data)) == data
    assert [row["name"] for row in data["rows"]] == [row.name for row in resnet()]
    assert data["totals"]["parameters"] == 11_689_512
    block = next(row for row in data["rows"] if row["name"] == "layer2.0.conv1")
    assert block["within"] == ["", "layer2", "layer2.0"]
    assert block["receptive_field"] == {"size": 51, "jump": 8, "start": -25}
    assert block["shapes"] == [[1, 128, 8, 8]]


def texts(fig: Figure) -> list[str]:
    return [text.get_text() for text in fig.axes[0].texts]


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (lenet, {}), (resnet, {}), (resnet, {"depth": 1}), (resnet, {"inside": "layer2"}), (googlenet, {"depth": 1}),
        (googlenet, {"inside": "inception3a"}), (lenet, {"width": 4}),
    ],
)  # fmt: skip
def test_every_box_has_its_label_inside_it(make: Callable[[], Analysis], options: dict[str, Any]) -> None:
    a = make()
    fig = a.plot(**options)
    drawn = graph(a, options.get("depth"), options.get("inside", ""))
    shown = texts(fig)
    for box in drawn.boxes:
        assert box.name in shown
        assert box.shape in shown
    canvas = FigureCanvasAgg(fig).get_renderer()
    frames = [p for p in fig.axes[0].patches if isinstance(p, Rectangle) and p.get_linewidth() > 0]
    assert len(frames) == len(drawn.boxes)
    extents = [p.get_window_extent(canvas) for p in frames]
    for one, other in itertools.combinations(extents, 2):
        assert not one.overlaps(other)
    width, height = fig.get_size_inches() * fig.dpi
    for text in fig.axes[0].texts:
        box = text.get_window_extent(canvas)
        assert box.x0 >= 0
        assert box.x1 <= width
        inside = [e for e in extents if e.y0 - 1 <= (box.y0 + box.y1) / 2 <= e.y1 + 1 and e.x0 <= box.x0 <= e.x1]
        assert box.y1 > height - 60 or (inside and box.x1 <= inside[0].x1 + 1), text.get_text()


def test_long_nets_are_grouped() -> None:
    assert [box.name for box in graph(resnet(), 1, "").boxes] == [
        "input", "conv1", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "flatten()", "fc",
    ]  # fmt: skip
    blocks = graph(resnet(), None, "").boxes
    assert "layer3.1" in [box.name for box in blocks]
    assert len(blocks) <= 28
    everything = graph(resnet(), 99, "").boxes
    for boxes in (blocks, everything, graph(resnet(), 1, "").boxes):
        assert sum(box.parameters for box in boxes) == resnet().totals.parameters
        assert sum(box.macs for box in boxes) == resnet().totals.macs
        assert sum(box.output_bytes for box in boxes) == resnet().totals.output_bytes
        named = [name for box in boxes for name in box.rows]
        assert sorted(named) == sorted(row.name for row in resnet())
    conv1 = everything[1]
    assert (conv1.name, conv1.then) == ("conv1", ["BN", "ReLU"])


def test_branches_stand_side_by_side_and_shortcuts_go_around() -> None:
    inception = graph(googlenet(), None, "inception3a")
    at = layout(inception).at
    rows: dict[float, list[str]] = {}
    for n, box in enumerate(inception.boxes):
        rows.setdefault(at[n][1], []).append(box.name)
    assert list(rows.values()) == [
        ["input"], ["branch1.conv", "branch2.0.conv", "branch3.0.conv", "branch4.0"],
        ["branch2.1.conv", "branch3.1.conv", "branch4.1.conv"], ["cat()"],
    ]  # fmt: skip
    assert len({x for x, _ in at.values()}) == 5  # four columns, and the middle
    block = graph(resnet(), None, "layer1.1")
    assert [(block.boxes[a].name, block.boxes[b].name) for a, b in block.edges] == [
        ("input", "conv1"), ("conv1", "conv2"), ("conv2", "add()"), ("input", "add()"),
    ]  # fmt: skip
    assert {x for x, _ in layout(block).at.values()} == {0.0}


@pytest.mark.parametrize("seed", range(20))
def test_any_graph_is_laid_out_from_top_to_bottom(seed: int) -> None:
    draw = np.random.default_rng(seed)
    n = int(draw.integers(1, 14))
    pairs = [
        (a, b) for b in range(1, n) for a in range(b) if draw.random() < 0.25 or (a == b - 1 and draw.random() < 0.5)
    ]
    placed = layout(Graph([None] * n, pairs))  # type: ignore[list-item]
    assert sorted(placed.at) == list(range(n))
    assert all(placed.at[a][1] < placed.at[b][1] for a, b in pairs)
    for one, other in itertools.combinations(placed.at.values(), 2):
        assert abs(one[0] - other[0]) >= 1 - 1e-9 or abs(one[1] - other[1]) >= 1 - 1e-9
    assert all(abs(x) + 0.5 <= placed.width / 2 + 1e-9 for x, _ in placed.at.values())


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(2 * n, 2, 3, padding=1) for n in range(1, 5))

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for layer in self.layers:
            seen.append(layer(torch.cat(seen, 1)))
        return torch.cat(seen, 1)


def test_dense_shortcuts_get_lanes_of_their_own() -> None:
    fig = analyze(Dense(), (2, 8, 8)).plot()
    patches = fig.axes[0].patches
    arrows = [p.get_path().vertices for p in patches if isinstance(p, FancyArrowPatch)]
    arrows = [v[v[:, 0] > 0.01] for v in arrows]  # without the corner of the axes, which closes the arrow's head
    right = max(p.get_x() + p.get_width() for p in patches if isinstance(p, Rectangle) and p.get_linewidth())
    lanes = [(v[:, 0].max(), v[:, 1].min(), v[:, 1].max()) for v in arrows if v[:, 0].max() > right + 0.05]
    assert len(lanes) == 4 + 3 + 2 + 1 + 0  # x and each layer's output reach every later cat, past the next one
    for (x, top, bottom), (other, upper, lower) in itertools.combinations(lanes, 2):
        assert abs(x - other) > 0.05 or bottom <= upper or lower <= top
    picture = io.BytesIO()
    fig.savefig(picture, format="png", dpi=50)
    pixels = np.asarray(Image.open(picture).convert("L"))
    assert (pixels[:, :3] > 200).all()  # nothing reaches the rim
    assert (pixels[:, -3:] > 200).all()


def test_costs_as_bars() -> None:
    fig = lenet().plot_costs()
    columns = [[bar.get_width() for bar in ax.patches] for ax in fig.axes]
    boxes = graph(lenet(), None, "").boxes[1:]
    assert columns == [[b.parameters for b in boxes], [b.macs for b in boxes], [b.output_bytes for b in boxes]]
    assert [tick.get_text() for tick in fig.axes[0].get_yticklabels()] == [b.name for b in boxes]
    assert fig.axes[0].get_title() == "parameters\n61.71 k"


def test_svg_is_the_same_each_time(tmp_path: Path) -> None:
    svg = lenet().to_svg()
    assert svg == lenet().to_svg()
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    lenet().plot().savefig(tmp_path / "lenet.pdf")


@pytest.mark.parametrize("call", ["plot", "plot_costs", "to_svg"])
def test_wrong_parts_and_depths_are_named(call: str) -> None:
    with pytest.raises(ValueError, match=r"no module 'layer9'.*layer1, layer1.0"):
        getattr(resnet(), call)("layer9")
    with pytest.raises(ValueError, match="depth is 0"):
        getattr(resnet(), call)(depth=0)
