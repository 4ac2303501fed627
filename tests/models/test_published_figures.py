"""Parameters, multiply-adds and state dicts of every architecture, against what is published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision_keys import STATES, torchvision_state

from cnncourse import models

# Parameters and 1e9 multiply-adds for one image of 224 × 224: torchvision's documentation.
TORCHVISION = {
    "alexnet": (61_100_840, 0.71),
    "vgg11": (132_863_336, 7.61),
    "vgg11_bn": (132_868_840, 7.61),
    "vgg13": (133_047_848, 11.31),
    "vgg13_bn": (133_053_736, 11.31),
    "vgg16": (138_357_544, 15.47),
    "vgg16_bn": (138_365_992, 15.47),
    "vgg19": (143_667_240, 19.63),
    "vgg19_bn": (143_678_248, 19.63),
    "resnet18": (11_689_512, 1.81),
    "resnet34": (21_797_672, 3.66),
    "resnet50": (25_557_032, 4.09),
    "resnet101": (44_549_160, 7.80),
    "resnet152": (60_192_808, 11.51),
    "densenet121": (7_978_856, 2.83),
    "densenet161": (28_681_000, 7.73),
    "densenet169": (14_149_480, 3.36),
    "densenet201": (20_013_928, 4.29),
}


def on_meta(build: Callable[..., nn.Module], *arguments: Any, **options: Any) -> nn.Module:
    """The model without memory for its numbers."""
    with torch.device("meta"):
        return build(*arguments, **options)


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def multiply_adds(model: nn.Module, *size: int) -> int:
    """Of the convolutions and fully connected layers, for one input of this size."""
    total = 0

    def add(layer: Any, _inputs: Any, output: Tensor) -> None:
        nonlocal total
        total += output.numel() * layer.weight[0].numel()

    hooks = [m.register_forward_hook(add) for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        model.eval()(torch.zeros(1, *size, device="meta"))
    for hook in hooks:
        hook.remove()
    return total


@pytest.mark.parametrize("name", TORCHVISION)
def test_parameters_and_multiply_adds_are_torchvisions(name: str) -> None:
    count, giga = TORCHVISION[name]
    model = on_meta(getattr(models, name))
    assert parameters(model) == count
    assert round(multiply_adds(model, 3, 224, 224) / 1e9, 2) == giga


@pytest.mark.parametrize("name", STATES)
def test_state_dict_is_torchvisions(name: str) -> None:
    ours = {key: tuple(value.shape) for key, value in on_meta(getattr(models, name)).state_dict().items()}
    expected = torchvision_state(name)
    assert sorted(ours.items()) == sorted(expected.items())


def test_googlenet_without_and_with_its_heads() -> None:
    assert parameters(on_meta(models.googlenet)) == 13_004_888
    bare = on_meta(models.googlenet, aux_logits=False)
    assert parameters(bare) == 6_624_904
    assert round(multiply_adds(bare, 3, 224, 224) / 1e9, 1) == 1.5
    assert set(bare.state_dict()) == {key for key in torchvision_state("googlenet") if not key.startswith("aux")}


def test_alexnet_as_published() -> None:
    assert parameters(on_meta(models.alexnet_2012)) == 60_965_224
    assert parameters(on_meta(models.alexnet_2012, groups=1)) == 62_378_344
    # the paper's numbers of units: conv2 to conv5 and the three layers at the end, in the order that they come
    model, units = on_meta(models.alexnet_2012), []
    order = [name for name, _ in model.features.named_children()]
    assert order[:8] == ["conv1", "relu1", "norm1", "pool1", "conv2", "relu2", "norm2", "pool2"]
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(lambda _m, _i, output: units.append(output[0].numel()))
    model(torch.zeros(1, 3, 227, 227, device="meta"))
    assert units[1:] == [186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]


def test_alexnet_normalises_as_the_paper_says() -> None:
    a = torch.rand(2, 7, 3, 4) * 10  # b = a / (2 + 1e-4 * sum of a² over 5 channels)^0.75
    squares = torch.nn.functional.pad(a.square(), (0, 0, 0, 0, 2, 2))
    sums = torch.stack([squares[:, c : c + 5].sum(dim=1) for c in range(7)], dim=1)
    norm = on_meta(models.alexnet_2012).get_submodule("features.norm1")
    torch.testing.assert_close(norm(a), a / (2 + 1e-4 * sums) ** 0.75)


def test_vgg_table_2_in_millions() -> None:
    told = {"vgg11": 133, "vgg11_lrn": 133, "vgg13": 133, "vgg16_1x1": 134, "vgg16": 138, "vgg19": 144}
    assert {name: round(parameters(on_meta(getattr(models, name))) / 1e6) for name in told} == told


def test_vgg_a_lrn_normalises_once_behind_the_first_layer() -> None:
    kinds = [type(layer).__name__ for layer in on_meta(models.vgg11_lrn).features]
    assert kinds[:4] == ["Conv2d", "ReLU", "LocalResponseNorm", "MaxPool2d"]
    assert kinds.count("LocalResponseNorm") == 1


def test_vgg_c_has_1x1_where_d_has_3x3() -> None:
    c, d = (
        [layer.kernel_size[0] for layer in on_meta(build).modules() if isinstance(layer, nn.Conv2d)]
        for build in (models.vgg16_1x1, models.vgg16)
    )
    assert d == [3] * 13
    assert c == [3, 3, 3, 3, 3, 3, 1, 3, 3, 1, 3, 3, 1]
    maps: list[int] = []
    for layer in (model := on_meta(models.vgg16_1x1)).modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _m, _i, out: maps.append(out.shape[-1]))
    model(torch.zeros(1, 3, 224, 224, device="meta"))
    assert maps == [224] * 2 + [112] * 2 + [56] * 3 + [28] * 3 + [14] * 3


def test_zfnet_maps_of_figure_3() -> None:
    model, maps = on_meta(models.zfnet), {}
    for name, layer in model.named_modules():
        layer.register_forward_hook(lambda _m, _i, out, name=name: maps.update({name: tuple(out.shape[1:])}))
    model(torch.zeros(1, 3, 224, 224, device="meta"))
    told = {"conv1": (96, 110, 110), "pool1": (96, 55, 55), "conv2": (256, 26, 26), "pool2": (256, 13, 13),
            "conv3": (384, 13, 13), "conv4": (384, 13, 13), "conv5": (256, 13, 13), "pool5": (256, 6, 6)}  # fmt: skip
    assert {name: maps[f"features.{name}"] for name in told} == told
    by_hand = 96 * (49 * 3 + 1) + 256 * (25 * 96 + 1) + 384 * (9 * 256 + 1) + 384 * (9 * 384 + 1) + 256 * (9 * 384 + 1)
    assert parameters(model) == by_hand + 4096 * (256 * 36 + 1) + 4096 * 4097 + 1000 * 4097
    wide = on_meta(models.zfnet, maps=(512, 1024, 512))
    assert [wide.get_submodule(f"features.conv{i}").weight.shape[0] for i in (3, 4, 5)] == [512, 1024, 512]


def test_nin_as_its_authors_published_it() -> None:
    by_hand = 192 * 76 + 160 * 193 + 96 * 161 + 192 * (25 * 96 + 1) + 2 * 192 * 193
    by_hand += 192 * (9 * 192 + 1) + 192 * 193 + 10 * 193
    assert parameters(on_meta(models.nin)) == by_hand == 966_986


def test_googlenet_2014_weights_of_table_1() -> None:
    model = on_meta(models.googlenet_2014, aux_logits=False)
    weights = sum(p.numel() for name, p in model.named_parameters() if name.endswith("weight"))
    assert (weights, parameters(model)) == (6_990_272, 6_998_552)
    assert parameters(on_meta(models.googlenet_2014)) == 13_378_280  # with both heads, as in Caffe's published model
    ops = multiply_adds(model, 3, 224, 224)
    assert round(ops / 1e9, 2) == 1.58


@pytest.mark.parametrize(("name", "giga"), [("resnet50", 3.86), ("resnet101", 7.57), ("resnet152", 11.28)])
def test_the_papers_resnets_cost_less(name: str, giga: float) -> None:
    papers = on_meta(getattr(models, name), stride_on="1x1")
    assert parameters(papers) == TORCHVISION[name][0]
    assert round(multiply_adds(papers, 3, 224, 224) / 1e9, 2) == giga  # the paper: 3.8, 7.6, 11.3


def test_the_stride_is_where_it_is_asked_for() -> None:
    for where, strides in (("3x3", [(1, 1), (2, 2)]), ("1x1", [(2, 2), (1, 1)])):
        model = on_meta(models.ResNet, (1, 1, 1, 1), True, stride_on=where)
        assert [model.get_submodule(f"layer2.0.conv{i}").stride for i in (1, 2)] == strides
        assert [model.get_submodule(f"layer1.0.conv{i}").stride for i in (1, 2)] == [(1, 1), (1, 1)]


@pytest.mark.parametrize(("plain", "residual"), [("plain18", "resnet18"), ("plain34", "resnet34")])
def test_plain_nets_are_the_residual_ones_without_shortcuts(plain: str, residual: str) -> None:
    expected = {key for key in torchvision_state(residual) if "downsample" not in key}
    assert set(on_meta(getattr(models, plain)).state_dict()) == expected


@pytest.mark.parametrize(
    ("depth", "millions", "digits"), [(20, 0.27, 2), (32, 0.46, 2), (44, 0.66, 2), (56, 0.85, 2), (110, 1.7, 1)]
)
def test_cifar_resnet_table_6(depth: int, millions: float, digits: int) -> None:
    counts = {parameters(on_meta(build, depth)) for build in (models.cifar_resnet, models.cifar_plain)}
    assert len(counts) == 1  # option A: shortcuts have no parameters
    assert round(counts.pop() / 1e6, digits) == millions
    layers = [m for m in on_meta(models.cifar_resnet, depth).modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert len(layers) == depth


def test_alphago_as_published() -> None:
    by_hand = 192 * (25 * 48 + 1) + 11 * 192 * (9 * 192 + 1) + 192 + 19 * 19
    assert parameters(on_meta(models.alphago_policy)) == by_hand
    layers = [m for m in on_meta(models.alphago_policy).modules() if isinstance(m, nn.Conv2d)]
    assert [(m.weight.shape[0], m.kernel_size, m.padding) for m in layers] == [
        (192, (5, 5), (2, 2)), *[(192, (3, 3), (1, 1))] * 11, (1, (1, 1), (0, 0)),
    ]  # fmt: skip
