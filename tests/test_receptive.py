"""Receptive fields: the formula, models followed symbolically, and what a gradient finds."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from cnncourse import layers, measured_receptive_field, models, receptive_field, swap, to_reference
from cnncourse.layers import Conv2d, conv2d


def seen_by_unit(unit: int, specs: list[tuple[int, ...]]) -> set[int]:
    """Every pixel that one unit depends on, followed backwards tap by tap."""
    pixels = {unit}
    for kernel, stride, dilation, padding in reversed(specs):
        pixels = {i * stride + tap * dilation - padding for i in pixels for tap in range(kernel)}
    return pixels


spec = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), st.integers(0, 3))


@given(st.lists(spec, max_size=4), st.integers(0, 3))
def test_the_formula_is_the_box_around_all_taps(specs: list[tuple[int, ...]], unit: int) -> None:
    size, jump, start = receptive_field(specs)
    pixels = seen_by_unit(unit, specs)
    assert isinstance(start, int)
    assert isinstance(jump, int)
    assert (min(pixels), max(pixels) - min(pixels) + 1) == (start + unit * jump, size)


def test_published_fields() -> None:
    assert receptive_field([(3, 1)] * 2).size == 5  # two 3x3 see 5x5 (VGG)
    assert receptive_field([(3, 1)] * 3).size == 7
    assert receptive_field([(3, 1, 1), (3, 1, 2), (3, 1, 4)]).size == 15  # dilated by 1, 2, 4
    vgg16 = [(3, 1)] * 2 + [(2, 2)] + [(3, 1)] * 2 + [(2, 2)] + ([(3, 1)] * 3 + [(2, 2)]) * 3
    assert receptive_field(vgg16)[:2] == (212, 32)  # Araujo, Norris & Sim 2019, table 1


def test_an_axis_can_have_its_own() -> None:
    assert receptive_field([((3, 5), (2, 1)), (3, 1)]) == (7, (2, 1), 0)
    assert receptive_field([((1, 5), 1, (1, 2), (0, 4))]) == ((1, 9), 1, (0, -4))
    assert receptive_field([]) == (1, 1, 0)


def chain() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 2, (3, 5), stride=(2, 1), dilation=(2, 1), padding=1), nn.BatchNorm2d(2), nn.Tanh(),
        nn.Sequential(nn.AvgPool2d((2, 3), (1, 2)), Conv2d(2, 2, (4, 1), padding="same")),
        nn.Flatten(), nn.LazyLinear(3),
    )  # fmt: skip


def test_a_chain_of_modules() -> None:
    specs = [((3, 5), (2, 1), (2, 1), 1), ((2, 3), (1, 2)), ((4, 1), 1, 1, (1, 0))]
    assert receptive_field(chain()) == receptive_field(specs)
    assert receptive_field(chain(), "3.1") == receptive_field(chain(), "3") == receptive_field(specs)
    assert receptive_field(chain(), "2") == receptive_field(specs[:1])
    assert receptive_field(nn.Conv2d(1, 1, 3)) == (3, 1, 0)
    assert receptive_field(nn.Sequential(nn.Conv1d(1, 1, 3, padding="valid"), nn.MaxPool1d(2))) == (4, 2, 0)


def test_lenet() -> None:
    model = models.lenet5()
    assert [receptive_field(model, name)[:2] for name in ("c1", "s2", "c3", "s4", "c5")] == [
        (5, 1), (6, 2), (14, 2), (16, 4), (32, 4),
    ]  # fmt: skip
    assert receptive_field(model) == receptive_field(model, "act5")
    assert receptive_field(to_reference(model), "c3") == receptive_field(model, "c3")
    assert receptive_field(swap(model, {nn.Conv2d: conv2d}), "c3") == receptive_field(model, "c3")


class Residual(nn.Module):
    """Order of definition is not order of use; functions between the modules; branches that meet."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.last = nn.Conv2d(2, 2, (1, 3))
        self.wide = nn.Conv2d(1, 1, 5, padding=2)
        self.narrow = nn.Conv2d(1, 1, 3, padding=1, stride=stride)
        self.first = nn.Conv2d(1, 1, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.first(x)), 3, stride=2)
        y = torch.cat([self.wide(x) + x, self.narrow(x)], dim=1)
        y = self.last(y)
        return y * y.mean(dim=(2, 3), keepdim=True)


def test_a_forward_is_followed_through_functions_and_branches() -> None:
    before = [(3, 2), (3, 2)]
    assert receptive_field(Residual(), "narrow") == receptive_field([*before, (3, 1, 1, 1)])
    assert receptive_field(Residual(), "last") == receptive_field([*before, (5, 1, 1, 2), ((1, 3), 1)])
    assert receptive_field(Residual()) == receptive_field(Residual(), "last")
    x = torch.randn(64, 1, 96, 96)
    assert measured_receptive_field(Residual(), "last", x) == receptive_field(Residual(), "last")


def test_it_changes_nothing() -> None:
    model = chain()
    before = [(id(m), m.training, len(m._forward_hooks)) for m in model.modules()]
    receptive_field(model)
    with pytest.raises(ValueError, match="no field"):
        receptive_field(model, "5")
    measured_receptive_field(model, "3.1", torch.randn(2, 1, 40, 40))
    with pytest.raises(ValueError, match="unit"):
        measured_receptive_field(model, "3.1", torch.randn(2, 1, 40, 40), unit=(99, 0))
    with pytest.raises(RuntimeError, match="channels"):
        measured_receptive_field(model, "3.1", torch.randn(2, 7, 40, 40))
    assert [(id(m), m.training, len(m._forward_hooks)) for m in model.modules()] == before
    assert all(p.grad is None for p in model.parameters())


windows = st.tuples(*[st.tuples(st.integers(1, 3), st.integers(1, 3)) for _ in range(4)])


@given(st.lists(windows, min_size=1, max_size=3))
@settings(max_examples=25)
def test_the_gradient_finds_what_the_formula_says(specs: list[Any]) -> None:
    model = nn.Sequential(*[nn.Conv2d(1, 1, k, s, tuple(q - 1 for q in p), d) for k, s, d, p in specs]).double()
    x = torch.randn(1, 1, 280, 280, dtype=torch.float64)
    field = receptive_field(model)
    assert measured_receptive_field(model, str(len(specs) - 1), x) == field


def test_a_chosen_unit_and_the_border() -> None:
    model, x = nn.Sequential(nn.Conv2d(1, 1, 5, padding=2)), torch.randn(1, 1, 12, 12)
    assert measured_receptive_field(model, "0", x, unit=(0, 6)) == ((3, 5), 1, (0, -2))  # two rows lie outside
    assert measured_receptive_field(model, "0", x, unit=(11, 11))[:2] == (3, 1)
    assert measured_receptive_field(nn.Sequential(nn.Conv1d(1, 1, 4)), "0", torch.randn(1, 1, 4)) == (4, 0, 0)


def test_zero_weights_shrink_what_is_measured() -> None:
    conv = nn.Conv2d(1, 1, 3)
    with torch.no_grad():
        conv.weight[..., 0] = 0
    assert measured_receptive_field(nn.Sequential(conv), "0", torch.randn(1, 1, 9, 9)).size == (3, 2)


def test_an_in_place_relu_behind_the_layer_hides_nothing() -> None:
    conv = nn.Conv2d(1, 1, 3)
    nn.init.constant_(conv.bias, -1e3)  # type: ignore[arg-type]
    model = nn.Sequential(conv, nn.ReLU(inplace=True))
    x = torch.randn(1, 1, 9, 9)
    assert measured_receptive_field(model, "0", x).size == 3
    with pytest.raises(ValueError, match="dead ReLU"):
        measured_receptive_field(model, "1", x)


def test_deeper_layers_see_more() -> None:
    sizes = [measured_receptive_field(chain(), name, torch.randn(4, 1, 64, 64)).size for name in ("0", "3.0", "3.1")]
    assert all(a != b for a, b in pairwise(sizes))


@pytest.mark.parametrize(
    ("model", "layer", "field"),
    [
        (models.vgg16, None, (212, 32)),  # this and two more: Araujo, Norris & Sim 2019, table 1
        (models.alexnet_2012, "features.pool5", (195, 32)),
        (lambda: models.resnet50(stride_on="1x1"), None, (483, 32)),
        (models.resnet50, None, (427, 32)),  # torchvision's: 7, 11, then 35, 91, 267, 427 behind the four stages
        (models.googlenet, "inception3a", (43, 8)),  # 7, 11, 19, 27, and the 3×3 (torchvision's "5×5") of a branch
        (models.densenet121, "features.denseblock1", (11 + 6 * 2 * 4, 4)),
    ],
)
def test_the_models_of_the_course(model: Any, layer: str | None, field: tuple[int, int]) -> None:
    assert receptive_field(model(), layer)[:2] == field


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2, 1, 5, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.conv2d(x, self.weight, None, stride=2, padding=(2, 1)))
        return F.conv2d(x, weight=self.weight[:, :, :1]) if self.training else F.max_pool2d(x, 3, 1)


def test_convolutions_called_as_functions() -> None:
    assert receptive_field(Functional().eval()) == receptive_field([((5, 3), 2, 1, (2, 1)), (3, 1)])
    assert receptive_field(Functional().train()) == receptive_field(
        [((5, 3), 2, 1, (2, 1))]
    )  # then the weight is unknown


class Ours(nn.Module):
    """Torch's functions and those of the course by the same names."""

    def __init__(self, functions: Any) -> None:
        super().__init__()
        self.functions, self.weight = functions, nn.Parameter(torch.randn(2, 1, 3, 5))

    def forward(self, x: Tensor) -> Tensor:
        x = self.functions.relu(self.functions.conv2d(x, self.weight, stride=2, padding=(0, 1)))
        x = self.functions.max_pool2d(x, 3, (2, 1), padding=1, dilation=2)
        return self.functions.avg_pool2d(x, (1, 2))


def test_our_functions_are_followed_as_torchs() -> None:
    assert receptive_field(Ours(layers)) == receptive_field(Ours(F)) == ((11, 15), 4, (-2, -3))


def test_our_poolings_are_followed_as_torchs() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(2))
    ours = to_reference(model)
    assert type(ours.get_submodule("3")) is layers.AdaptiveAvgPool2d
    assert receptive_field(ours) == receptive_field(model) == (7, 4, -1)
    maxout = nn.Sequential(nn.Conv2d(1, 4, 3), layers.ChannelMaxPool(2), nn.Conv2d(2, 1, 3))
    assert receptive_field(maxout) == (5, 1, 0)
    up = nn.Sequential(nn.Conv2d(1, 4, 3), layers.ConvTranspose2d(4, 4, 2, 2), nn.Conv2d(4, 1, 3))
    assert receptive_field(up) == (3, 1, 0)  # behind it, no field of a fixed size


class Choosy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


MODEL = chain()
X = torch.zeros(1, 1, 40, 40)
WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "a number": (lambda: receptive_field(3), TypeError, "got a int; expected a model or a list"),
    "numbers for layers": (lambda: receptive_field([3, 2]), ValueError, r"a layer is 3; expected \(kernel, stride"),
    "one layer": (lambda: receptive_field((3, 1)), ValueError, r"One layer\? Pass \[\(3, 1\)\]"),
    "too many numbers": (lambda: receptive_field([(3, 1, 1, 0, 0)]), ValueError, "expected .kernel, stride"),
    "kernel 0": (lambda: receptive_field([(3, 1), (0, 1)]), ValueError, "layer 1: kernel is 0"),
    "stride 1.5": (lambda: receptive_field([(3, 1.5)]), TypeError, "layer 0: stride is 1.5"),
    "two and three axes": (lambda: receptive_field([((3, 3), 1), ((3, 3, 3), 1)]), ValueError, "one for each axis"),
    "a layer of a list": (lambda: receptive_field([(3, 1)], "0"), TypeError, "cut the list"),
    "unknown layer": (lambda: receptive_field(MODEL, "conv9"), ValueError, "no layer 'conv9'.*it has 0, 1"),
    "behind flatten": (lambda: receptive_field(MODEL, "5"), ValueError, r"4 \(Flatten\) sees all"),
    "unused": (lambda: receptive_field(nn.ModuleDict({"a": nn.ReLU()}), "a"), ValueError, "cannot follow|no part"),
    "different steps": (lambda: receptive_field(Residual(stride=2), "last"), ValueError, r"\(4, 4\) and \(8, 8\)"),
    "transposed": (
        lambda: receptive_field(nn.Sequential(nn.ConvTranspose2d(1, 1, 2), nn.ReLU()), "1"), ValueError, "Transpose",
    ),
    "1-D and 2-D": (
        lambda: receptive_field(nn.Sequential(nn.MaxPool1d(2), nn.MaxPool2d(2))), ValueError, "one number of axes",
    ),
    "values decide": (lambda: receptive_field(Choosy()), ValueError, "cannot follow.*measured_receptive_field"),
    "measured: no model": (lambda: measured_receptive_field([], "0", X), TypeError, "got a list"),
    "measured: no tensor": (lambda: measured_receptive_field(MODEL, "0", [1]), TypeError, "a list; expected"),
    "measured: layer": (lambda: measured_receptive_field(MODEL, "x", X), ValueError, "no layer 'x'"),
    "measured: no map": (lambda: measured_receptive_field(MODEL, "4", X), ValueError, "expected a map with 2 axes"),
    "measured: unit": (lambda: measured_receptive_field(MODEL, "0", X, (1,)), ValueError, r"unit is \(1,\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("model", [nn.Linear(3, 3), nn.Sequential(nn.Flatten(), nn.Linear(3, 3))])
def test_a_model_that_sees_everything_at_once_is_refused(model: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"nothing in .* has a field of a fixed size"):
        receptive_field(model)
