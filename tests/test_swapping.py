"""`swap` and `to_reference`: other layers, the same weights, the original untouched."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from cnncourse import layers, swap, to_reference
from cnncourse.swapping import FunctionLayer


def small() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Sequential(nn.Conv2d(4, 4, 3, stride=2, groups=2, bias=False), nn.Flatten()),
    )  # fmt: skip


def my_conv2d(x: Tensor, weight: Tensor, bias: Any = None, stride: Any = (1, 1), padding: Any = (0, 0)) -> Tensor:
    assert isinstance(stride, tuple)
    assert isinstance(padding, tuple)
    return layers.conv2d(x, weight, bias, stride, padding)


def state(model: nn.Module) -> list[Any]:
    """All that `swap` must not change: which modules, their attributes, and the values of the tensors."""
    mine = [(id(m), sorted((k, repr(v)) for k, v in vars(m).items())) for m in model.modules()]
    return [mine, {name: value.tolist() for name, value in model.state_dict().items()}]


def test_the_same_network_on_our_layers() -> None:
    model, x = small().eval(), torch.randn(2, 3, 8, 8)
    before = state(model)
    ours = to_reference(model)
    assert state(model) == before
    assert [type(m) for m in ours.modules() if hasattr(m, "kernel_size")] == [layers.Conv2d, layers.Conv2d]
    assert_close(ours(x), model(x))
    mine, theirs = dict(ours.named_parameters()), dict(model.named_parameters())
    assert mine.keys() == theirs.keys()
    assert all(mine[name] is theirs[name] for name in mine)
    assert all(a is b for a, b in zip(ours.buffers(), model.buffers(), strict=True))
    assert ours.state_dict().keys() == model.state_dict().keys()


def test_one_gradient_serves_both() -> None:
    model, x = small(), torch.randn(2, 3, 8, 8)
    weight = model[0].weight
    swap(model, {nn.Conv2d: layers.Conv2d})(x).square().sum().backward()
    ours = weight.grad
    weight.grad = None
    model(x).square().sum().backward()
    assert_close(ours, weight.grad, rtol=1e-4, atol=1e-4)


def test_a_function_takes_the_layers_place() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 0)), nn.Tanh(), nn.Conv2d(4, 2, 3, bias=False)
    )
    ours, x = swap(model, {nn.Conv2d: my_conv2d}), torch.randn(2, 3, 8, 8)
    assert_close(ours(x), model(x))
    assert isinstance(ours.get_submodule("0"), FunctionLayer)
    assert "my_conv2d, stride=(2, 1), padding=(1, 0)" in repr(ours)
    assert ours.state_dict().keys() == model.state_dict().keys()


@pytest.mark.parametrize(("padding", "kernel"), [("valid", 2), ("same", 3), ("same", (1, 5)), (2, 3)])
def test_a_function_gets_its_padding_in_numbers(padding: Any, kernel: Any) -> None:
    model, x = nn.Conv2d(1, 2, kernel, padding=padding), torch.randn(1, 1, 6, 7)
    assert_close(swap(model, {nn.Conv2d: my_conv2d})(x), model(x))


def test_torchs_own_functions_and_ours_and_lambdas() -> None:
    model, x = small().eval(), torch.randn(2, 3, 8, 8)
    for function in (F.conv2d, layers.conv2d, lambda *args, **options: F.conv2d(*args, **options)):
        assert_close(swap(model, {nn.Conv2d: function})(x), model(x))  # type: ignore[dict-item]
    plain = nn.Conv2d(1, 1, 3, bias=False)
    assert_close(swap(plain, {nn.Conv2d: lambda x, w: F.conv2d(x, w)})(x[:, :1]), plain(x[:, :1]))


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_each_number_of_axes(axes: int) -> None:
    kind: Any = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
    function: Any = (layers.conv1d, layers.conv2d, layers.conv3d)[axes - 1]
    model, x = kind(2, 3, 2, dilation=2), torch.randn(1, 2, *[5] * axes)
    assert_close(to_reference(model)(x), model(x))
    assert_close(swap(model, {kind: function})(x), model(x))


def test_hooks_flags_dtype_and_marks_are_kept() -> None:
    model, seen = small().double(), []
    model.eval()[0].train()
    model[0].register_forward_hook(lambda m, args, kwargs, y: seen.append("after"), with_kwargs=True)
    model[0].register_forward_pre_hook(lambda m, args, kwargs: seen.append("before"), with_kwargs=True)
    model[0].register_full_backward_hook(lambda m, dx, dy: seen.append("back"))
    model[1].register_forward_hook(lambda m, args, y: seen.append("norm"))
    model[0].mark = "first"
    ours: Any = to_reference(model)
    ours(torch.randn(1, 3, 8, 8, dtype=torch.float64, requires_grad=True)).sum().backward()
    assert seen == ["before", "after", "norm", "back"]
    assert [m.training for m in ours.modules()] == [m.training for m in model.modules()]
    assert ours[0].mark == "first"
    ours[1].register_forward_hook(lambda m, args, y: seen.append("only ours"))
    ours[0].register_forward_hook(lambda m, args, y: seen.append("only ours"))
    model(torch.randn(1, 3, 8, 8, dtype=torch.float64))
    assert "only ours" not in seen


class Tied(nn.Module):
    """The same layer twice, also held in a list and by a bound method."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 1, 3, padding=1)
        self.again = self.first
        self.path = [self.first, self.again]
        self.run = self._run

    def _run(self, x: Tensor) -> Tensor:
        for layer in self.path:
            x = layer(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x)


def test_a_layer_that_occurs_twice_stays_one() -> None:
    model = Tied()
    ours: Any = swap(model, {nn.Conv2d: layers.Conv2d})
    assert ours.first is ours.again is ours.path[0]
    assert ours.run.__self__ is ours
    model.first.register_forward_hook(lambda *_: pytest.fail("the original layer ran"))
    ours.first._forward_hooks.clear()
    ours(torch.randn(1, 1, 4, 4))


def test_random_numbers_are_left_alone() -> None:
    model, before = small(), torch.get_rng_state()
    to_reference(model)
    assert torch.equal(torch.get_rng_state(), before)


def test_other_layers_than_convolutions() -> None:
    class MyLinear(nn.Linear):
        pass

    class Shout(nn.ReLU):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    model = nn.Sequential(
        nn.Linear(3, 4, bias=False), nn.ReLU(inplace=True), nn.BatchNorm1d(4, eps=0.5), nn.Dropout(0.3)
    )
    ours: Any = swap(model, {nn.Linear: MyLinear, nn.ReLU: Shout})
    assert type(ours[0]) is MyLinear
    assert ours[0].weight is model[0].weight
    assert ours[1].inplace
    norm: Any = swap(model, {nn.BatchNorm1d: type("MyNorm", (nn.BatchNorm1d,), {})})[2]  # type: ignore[index]
    assert norm.eps == 0.5
    assert norm.running_mean is model[2].running_mean


class UpAndDown(nn.Module):
    """Layers without parameters, one with two outputs and one with two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.MaxPool2d((3, 2), stride=2, padding=1, return_indices=True)
        self.up = nn.MaxUnpool2d((3, 2), stride=2, padding=1)
        self.wide = nn.ConvTranspose2d(2, 4, 3, stride=2, output_padding=1, groups=2)
        self.rest = nn.Sequential(
            nn.AvgPool2d(3, padding=1, ceil_mode=True, count_include_pad=False), nn.AdaptiveAvgPool2d((None, 2))
        )

    def forward(self, x: Tensor) -> Tensor:
        y, index = self.down(x)
        back: Tensor = self.rest(self.wide(self.up(y, index, x.shape[-2:]), output_size=(20, 18)))
        return back


def test_poolings_and_transposed_convolutions_become_ours() -> None:
    model, x = UpAndDown(), torch.randn(2, 2, 9, 8)
    ours = to_reference(model)
    kinds = [type(m).__module__.split(".")[0] for m in ours.modules() if not list(m.children())]
    assert kinds == ["cnncourse"] * 5
    assert repr(ours) == repr(model)
    assert ours.get_submodule("wide").weight is model.wide.weight
    assert_close(ours(x), model(x))


class SquareMaxPool(nn.Module):
    """A pooling that has no padding, dilation or ceil_mode."""

    def __init__(self, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.K, self.S = kernel_size, stride

    def forward(self, x: Tensor) -> Tensor:
        return x.unfold(2, self.K, self.S).unfold(3, self.K, self.S).amax(dim=(4, 5))


def test_a_pooling_may_lack_arguments_at_their_defaults() -> None:
    model, x = nn.Sequential(nn.MaxPool2d(3, 2), nn.ReLU()), torch.randn(2, 2, 9, 8)
    assert_close(swap(model, {nn.MaxPool2d: SquareMaxPool})(x), model(x))
    for name, layer in {"padding": nn.MaxPool2d(3, 2, 1), "ceil_mode": nn.MaxPool2d(3, 2, ceil_mode=True)}.items():
        with pytest.raises(ValueError, match=f"no argument {name}, but the layer needs {name}="):
            swap(layer, {nn.MaxPool2d: SquareMaxPool})


class Own(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        return -super().forward(x)


class SamePlain(nn.Conv2d):
    """A subclass that computes the same."""


class NoGroups(nn.Module):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(out_channels, in_channels, *kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels))


class OtherNames(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, **_: Any) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(out_channels, in_channels, *kernel_size))


def test_a_subclass_that_computes_the_same_is_swapped() -> None:
    assert isinstance(to_reference(nn.Sequential(SamePlain(1, 1, 3))).get_submodule("0"), layers.Conv2d)


def test_a_class_may_lack_arguments_at_their_defaults() -> None:
    assert isinstance(swap(nn.Conv2d(1, 2, 3), {nn.Conv2d: NoGroups}), NoGroups)


CONV = nn.Conv2d(2, 2, 3)
WRONG: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "no module": ([CONV], {nn.Conv2d: F.conv2d}, TypeError, "model is a list"),
    "no mapping": (CONV, nn.Conv2d, TypeError, "layers is a type"),
    "a name for a class": (CONV, {"conv": F.conv2d}, TypeError, "'conv' is no module class"),
    "neither class nor function": (CONV, {nn.Conv2d: 3}, TypeError, "Conv2d maps to 3"),
    "a class of another kind": (CONV, {nn.Conv2d: int}, TypeError, "maps to <class 'int'>"),
    "a module, not a class": (CONV, {nn.Conv2d: layers.Conv2d(2, 2, 3)}, TypeError, "expected a module class"),
    "nothing to swap": (CONV, {nn.Linear: nn.Linear}, ValueError, "no Linear; its modules are Conv2d"),
    "a function for Linear": (nn.Linear(2, 2), {nn.Linear: F.linear}, TypeError, "expected a module class"),
    "function without dilation": (nn.Conv2d(1, 1, 3, dilation=2), {nn.Conv2d: my_conv2d}, ValueError, "dilation=.2"),
    "function without groups": (nn.Conv2d(2, 2, 3, groups=2), {nn.Conv2d: my_conv2d}, ValueError, "groups=2"),
    "function without bias": (CONV, {nn.Conv2d: lambda x, w: x}, TypeError, r"\(input, weight, bias"),
    "function whose third is stride": (CONV, {nn.Conv2d: lambda x, w, stride: x}, TypeError, r"\(input, weight, bias"),
    "other padding mode": (
        nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), {nn.Conv2d: my_conv2d}, ValueError, "'reflect'",
    ),
    "reflect in a class": (
        nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), {nn.Conv2d: layers.Conv2d}, ValueError, "'reflect'",
    ),
    "odd zeros": (nn.Conv2d(1, 1, 2, padding="same"), {nn.Conv2d: my_conv2d}, ValueError, "odd number"),
    "own forward": (nn.Sequential(Own(1, 1, 3)), {nn.Conv2d: my_conv2d}, ValueError, "Own, a Conv2d with a forward"),
    "class without groups": (nn.Conv2d(2, 2, 3, groups=2), {nn.Conv2d: NoGroups}, ValueError, "no argument groups"),
    "class with other parameters": (CONV, {nn.Conv2d: OtherNames}, TypeError, "torch's names"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    model, mapping, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        swap(model, mapping)


def test_a_parametrized_layer_is_refused() -> None:
    model = nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 2, 3))
    for new in (layers.Conv2d, my_conv2d):
        with pytest.raises(TypeError, match="swap"):
            swap(model, {nn.Conv2d: new})
    with pytest.raises(TypeError, match="to_reference: model is a int"):
        to_reference(3)  # type: ignore[arg-type]
