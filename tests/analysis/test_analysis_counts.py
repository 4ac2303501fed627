"""What `analyze` counts: by hand, against published figures, and against torch's own counters."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cnncourse import analyze, layers, models


def test_lenet_by_hand() -> None:
    a = analyze(models.lenet5(), (1, 32, 32))
    assert [row.name for row in a] == [
        "c1", "act1", "s2", "c3", "act3", "s4", "c5", "act5", "flatten()", "f6", "act6", "output",
    ]  # fmt: skip
    weights = [(row.parameters, row.macs) for row in a if row.parameters]
    assert weights == [
        (6 * 26, 28 * 28 * 6 * 25), (16 * 151, 10 * 10 * 16 * 150), (120 * 401, 120 * 400), (84 * 121, 84 * 120),
        (10 * 85, 10 * 84),
    ]  # fmt: skip
    assert a.totals.parameters == a.totals.trainable == 61_706
    values = [4704, 4704, 1176, 1600, 1600, 400, 120, 120, 0, 84, 84, 10]  # flatten gives a view
    assert [row.output_bytes for row in a] == [4 * n for n in values]
    assert a.totals.output_bytes == 4 * sum(values)
    # tanh keeps its output, and that is the input of what follows, which average pooling needs for its shape only
    assert [row.training_bytes for row in a] == [4 * n for n in [0, 4704, 1176, 0, 1600, 400, 0, 120, 0, 0, 84, 10]]
    assert a.totals.training_bytes == 4 * (1024 + 4704 + 1176 + 1600 + 400 + 120 + 84 + 10)
    assert (a.totals.peak_bytes, a.totals.peak_at) == (4 * (1024 + 2 * 4704), "act1")
    assert [row.receptive_field.size if row.receptive_field else None for row in a] == [
        5, 5, 6, 14, 14, 16, 32, 32, None, None, None, None,
    ]  # fmt: skip


def test_alexnets_first_layer_as_published() -> None:
    a = analyze(nn.Sequential(nn.Conv2d(3, 96, 11, stride=4)), (3, 227, 227))
    row = a["0"]
    assert (row.macs, row.activations, row.parameters) == (105_415_200, 290_400, 34_944)
    assert (row.kind, row.detail, row.shape) == ("Conv2d", "11×11 /4", (1, 96, 55, 55))


@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [
        # Parameters and giga-multiply-adds as torchvision's documentation states them, to its two digits.
        ("alexnet", 61_100_840, 0.71e9),
        ("vgg16", 138_357_544, 15.47e9),
        ("resnet18", 11_689_512, 1.81e9),
        ("resnet50", 25_557_032, 4.09e9),
        ("densenet121", 7_978_856, 2.83e9),
    ],
)
def test_published_models(name: str, parameters: int, macs: float) -> None:
    with torch.device("meta"):  # weights without data: quickly made
        model = getattr(models, name)()
    totals = analyze(model, (3, 224, 224)).totals
    assert totals.parameters == parameters
    assert totals.macs == pytest.approx(macs, abs=0.005e9)


def test_a_layer_that_did_not_run_is_listed_last() -> None:
    with torch.device("meta"):
        model = models.googlenet()
    a = analyze(model, (3, 224, 224))  # its auxiliary classifiers run in training only
    idle = [row for row in a if row.shape is None]
    assert a.rows[-len(idle) :] == tuple(idle)
    assert {row.name.partition(".")[0] for row in idle} == {"aux1", "aux2"}
    assert sum(row.parameters for row in a) == a.totals.parameters == 13_004_888
    assert sum(row.macs for row in a) == a.totals.macs == pytest.approx(1.50e9, abs=0.005e9)


@st.composite
def nets(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    """A random chain of layers over one, two or three axes, and an input for it."""
    axes = draw(st.integers(1, 3))
    batch, side = draw(st.integers(1, 3)), draw(st.integers(9, 14))
    shape = (batch, draw(st.sampled_from([2, 4])), *(side + draw(st.integers(0, 2)) for _ in range(axes)))
    convs = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
    backs = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
    norms = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
    pools = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
    chain: list[nn.Module] = []
    c = shape[1]
    for kind in draw(
        st.lists(st.sampled_from(["conv", "back", "norm", "relu", "pool", "drop"]), min_size=1, max_size=5)
    ):
        if kind in ("conv", "back"):
            k, s, g = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.sampled_from([1, 2]))
            new, bias = draw(st.sampled_from([2, 6])), draw(st.booleans())
            make: Any = (convs if kind == "conv" else backs)[axes]
            chain.append(make(c, new, k, stride=s, padding=1, groups=g, bias=bias))
            c = new
        else:
            chain.append({
                "norm": lambda: norms[axes](c), "relu": lambda: nn.ReLU(inplace=draw(st.booleans())),  # noqa: B023
                "pool": lambda: pools[axes](2, stride=1), "drop": lambda: nn.Dropout(0.5),
            }[kind]())  # fmt: skip
    if draw(st.booleans()):
        chain += [nn.Flatten(), nn.LazyLinear(3), nn.Tanh()]
    net = nn.Sequential(*chain)
    with torch.no_grad():
        net.eval()(torch.zeros(shape))
    return net.train(), shape


def flops(model: nn.Module, x: Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(x)
    return int(counter.get_total_flops())


def held(model: nn.Module, x: Tensor) -> int:
    """Bytes of the input, the output and all that autograd saves, each storage once, without parameters and buffers."""
    storages: dict[int, int] = {}

    def pack(t: Tensor) -> Tensor:
        storages[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
        return t

    pack(x)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        y = model(x)
    pack(y)
    for t in (*model.parameters(), *model.buffers()):
        storages.pop(t.untyped_storage().data_ptr(), None)
    return sum(storages.values())


@settings(max_examples=40)
@given(nets())
def test_random_nets_against_torchs_counters(drawn: tuple[nn.Module, tuple[int, ...]]) -> None:
    model, shape = drawn
    a = analyze(model, shape[1:], batch_size=shape[0])
    x = torch.randn(shape)
    assert a.notes == ()
    assert 2 * a.totals.macs == flops(model, x)
    assert a.totals.training_bytes == held(model, x)
    assert a.totals.parameters == sum(row.parameters for row in a) == sum(p.numel() for p in model.parameters())
    with torch.no_grad():
        for row, module in zip(a, model.eval().children(), strict=True):  # type: ignore[call-overload]
            x = module(x)
            assert row.shape == x.shape


class Block(nn.Module):
    """Functions between layers, a shortcut, and a branch that is concatenated."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(c)
        self.weight = nn.Parameter(torch.randn(c, 2, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn(self.conv(x)))
        y = self.conv(y) + x  # called twice: its weights are counted once
        pooled = F.max_pool2d(F.conv2d(y, self.weight, groups=y.shape[1] // 2), 3, stride=1, padding=1)
        return torch.cat([y, pooled], 1)


@pytest.mark.parametrize("shape", [(1, 4, 9, 7), (3, 4, 8, 8)])
def test_a_functional_model_with_branches(shape: tuple[int, ...]) -> None:
    model = Block(4)
    a = analyze(model, shape)
    n, positions = shape[0], shape[2] * shape[3]
    assert [(row.name, row.macs, row.parameters) for row in a] == [
        ("conv", n * positions * 144, 144), ("bn", 0, 8), ("relu()", 0, 0), ("conv#2", n * positions * 144, 0),
        ("add()", 0, 0), ("conv2d()", n * positions * 8, 8), ("max_pool2d()", 0, 0), ("cat()", 0, 0),
    ]  # fmt: skip
    assert [row.inputs for row in a] == [(-1,), (0,), (1,), (2,), (3, -1), (4,), (5,), (4, 6)]
    assert [row.receptive_field.size for row in a if row.receptive_field] == [3, 3, 3, 5, 5, 5, 7, 7]
    assert a["conv2d()"].detail == "1×1 g2"
    assert a.totals.training_bytes == held(model, torch.randn(shape))


def test_reference_layers_cost_what_torchs_do() -> None:
    ours = nn.Sequential(layers.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), nn.Flatten(), nn.Linear(150, 3))
    theirs = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), nn.Flatten(), nn.Linear(150, 3))
    one, other = analyze(ours, (4, 10, 10)), analyze(theirs, (4, 10, 10))
    for row, same in zip(one, other, strict=True):
        assert (row.macs, row.parameters, row.shapes, row.detail, row.output_bytes, row.receptive_field) == (
            same.macs, same.parameters, same.shapes, same.detail, same.output_bytes, same.receptive_field,
        )  # fmt: skip


class Products(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        v = (a @ b)[0] @ b[0][0]  # (2, 3, 4) by (2, 4, 5), then a matrix by a vector
        return torch.einsum("nij,njk->nik", a, b) + v[:, None] @ b[0][:1]  # the same, and (3, 1) by (1, 5)


def test_products_of_several_inputs() -> None:
    a = analyze(Products(), [(3, 4), (4, 5)], batch_size=2)
    assert a.input_shapes == ((2, 3, 4), (2, 4, 5))
    assert [row.macs for row in a if row.macs] == [2 * 3 * 4 * 5, 3 * 5, 2 * 3 * 4 * 5, 3 * 5]


def test_attention() -> None:
    model = nn.TransformerEncoderLayer(16, 2, 8, batch_first=True)
    a = analyze(model, (10, 16))
    assert a["self_attn.multi_head_attention_forward()"].macs == 10 * 16 * 48 + 2 * (2 * 10 * 10 * 8) + 10 * 16 * 16
    assert sum(row.parameters for row in a) == sum(p.numel() for p in model.parameters())
    q = nn.Parameter(torch.randn(2, 3, 5, 8))

    class Attends(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(q.to(x.device), x, x)

    # 5 queries and 7 keys of 8 numbers: a score for each pair, then as many numbers weighted. torch counts 0 on a CPU.
    assert analyze(Attends(), (2, 3, 7, 8), device="cpu").totals.macs == 2 * 3 * (5 * 7 * 8 + 5 * 7 * 8)


def test_token_inputs_and_double_precision() -> None:
    model = nn.Sequential(nn.Embedding(50, 8), nn.LSTM(8, 4, batch_first=True)).double()
    a = analyze(model, (12,), dtype=torch.long)
    assert a["1"].shapes == ((1, 12, 4), (1, 1, 4), (1, 1, 4))
    assert a["0"].output_bytes == 12 * 8 * 8
    assert a["1"].parameters == 4 * 4 * (8 + 4 + 2)


def test_batches_scale_everything_but_weights() -> None:
    one, four = (analyze(models.lenet5(), (n, 1, 32, 32)).totals for n in (1, 4))
    assert four.parameters == one.parameters
    assert (four.macs, four.output_bytes, four.peak_bytes, four.training_bytes) == (
        4 * one.macs, 4 * one.output_bytes, 4 * one.peak_bytes, 4 * (one.training_bytes or 0),
    )  # fmt: skip
    assert analyze(models.lenet5(), (1, 32, 32), batch_size=4).totals == four


class Idles(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        mask = torch.ones(3, device=x.device)
        x = F.dropout(x, training=self.training).contiguous().float()
        return x * mask


def test_constants_and_calls_that_change_nothing_are_no_rows() -> None:
    a = analyze(Idles(), (3,))
    assert [(row.name, row.inputs) for row in a] == [("mul()", (-1,))]
    assert a.totals.output_bytes == 12
    assert a.totals.peak_bytes == 3 * 12


class Passes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(x) + x


def test_a_layer_that_gives_its_input_back_is_still_a_branch() -> None:
    a = analyze(Passes(), (3,))
    assert [(row.name, row.inputs) for row in a] == [("drop", (-1,)), ("add()", (0, -1))]
