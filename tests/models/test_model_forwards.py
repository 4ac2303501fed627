"""What every architecture does with images: shapes, gradients, errors, the same again from a seed or a state dict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from cnncourse import models, receptive_field
from cnncourse.device import seed_everything

# name, arguments, size of one input, number of outputs; sizes are odd or not square where the net allows it
CASES: dict[str, tuple[str, dict[str, Any], tuple[int, int, int], int]] = {
    "lenet5": ("lenet5", {}, (1, 32, 32), 10),
    "alexnet": ("alexnet", {"num_classes": 7}, (3, 63, 95), 7),
    "alexnet_2012": ("alexnet_2012", {"num_classes": 7}, (3, 227, 227), 7),
    "alexnet_2012 1": ("alexnet_2012", {"groups": 1, "in_channels": 1}, (1, 227, 227), 1000),
    "zfnet": ("zfnet", {}, (3, 224, 224), 1000),
    **{name: (name, {"num_classes": 5}, (3, 32, 45), 5) for name in (
        "vgg11", "vgg11_bn", "vgg11_lrn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg16_1x1", "vgg19", "vgg19_bn")},
    "nin": ("nin", {"in_channels": 2}, (2, 32, 27), 10),
    "googlenet": ("googlenet", {"num_classes": 6}, (3, 47, 64), 6),
    "googlenet_2014": ("googlenet_2014", {"num_classes": 6}, (3, 224, 224), 6),
    **{name: (name, {"num_classes": 5, "in_channels": 4}, (4, 33, 50), 5) for name in (
        "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "plain18", "plain34")},
    "resnet50 1x1": ("resnet50", {"stride_on": "1x1"}, (3, 64, 33), 1000),
    "cifar_resnet": ("cifar_resnet", {"depth": 8}, (3, 32, 29), 10),
    "cifar_plain": ("cifar_plain", {"depth": 14, "num_classes": 3}, (3, 32, 32), 3),
    **{name: (name, {"num_classes": 5}, (3, 29, 40), 5) for name in (
        "densenet121", "densenet161", "densenet169", "densenet201")},
    "alphago_policy": ("alphago_policy", {}, (48, 19, 19), 361),
    "alphago_policy 9": ("alphago_policy", {"board": 9, "planes": 5, "channels": 8, "layers": 3}, (5, 9, 9), 81),
}  # fmt: skip
# Nets so small, or in so small a form, that numbers are computed; the others run on the meta device, without numbers.
SMALL: dict[str, tuple[str, dict[str, Any], tuple[int, int, int], int]] = {
    name: CASES[name] for name in ("lenet5", "nin", "cifar_resnet", "cifar_plain", "alphago_policy 9", "resnet18")
}
# The same code as a case that stays, only longer: logits are enough.
LONGER = {"resnet34", "resnet101", "resnet152", "plain34", "densenet161", "densenet169", "densenet201"}
SHORT = [case for case in CASES if case not in LONGER]


def build(case: str, **more: Any) -> nn.Module:
    name, options, _size, _outputs = CASES[case]
    model: nn.Module = getattr(models, name)(**options, **more)
    return model


def on_meta(case: str) -> nn.Module:
    with torch.device("meta"):
        return build(case)


def images(case: str, n: int = 2, device: str = "meta") -> Tensor:
    return torch.randn(n, *CASES[case][2], device=device)


@pytest.mark.parametrize("case", CASES)
def test_one_row_of_logits_for_each_image(case: str) -> None:
    model = on_meta(case).eval()
    assert tuple(model(images(case, 3)).shape) == (3, CASES[case][3])
    assert tuple(model(images(case, 0)).shape) == (0, CASES[case][3])


@pytest.mark.parametrize("case", SHORT)
def test_every_parameter_gets_a_gradient(case: str) -> None:
    model = on_meta(case).train()
    out = model(images(case))
    sum(part.sum() for part in (out if isinstance(out, tuple) else (out,))).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("case", SHORT)
def test_wrong_images_are_refused_with_the_shape_and_a_remedy(case: str) -> None:
    model, (c, h, w) = on_meta(case).eval(), CASES[case][2]
    with pytest.raises(ValueError, match=rf"\({c}, {h}, {w}\); expected \(N, {c}, .*x\[None\]"):
        model(torch.zeros(c, h, w, device="meta"))
    with pytest.raises(ValueError, match=rf"\(2, {c + 1}, {h}, {w}\); expected \(N, {c}, "):
        model(torch.zeros(2, c + 1, h, w, device="meta"))
    with pytest.raises(ValueError, match=r"permute\(0, 3, 1, 2\)"):
        model(torch.zeros(2, h, w, c, device="meta"))


@pytest.mark.parametrize(
    ("case", "least"), [("alexnet", 63), ("vgg16", 32), ("nin", 6), ("googlenet", 15), ("densenet121", 29)]
)
def test_the_smallest_image_is_what_the_message_says(case: str, least: int) -> None:
    model, c = on_meta(case).eval(), CASES[case][2][0]
    model(torch.zeros(1, c, least, least, device="meta"))
    with pytest.raises(ValueError, match=rf"H, W >= {least}"):
        model(torch.zeros(1, c, least + 5, least - 1, device="meta"))


@pytest.mark.parametrize("case", SHORT)
def test_the_forward_can_be_followed_symbolically(case: str) -> None:
    model = on_meta(case).eval()
    graph = fx.symbolic_trace(model)
    assert tuple(graph(images(case)).shape) == tuple(model(images(case)).shape)
    called = [model.get_submodule(str(node.target)) for node in graph.graph.nodes if node.op == "call_module"]
    assert len(called) == len({id(module) for module in called}), "a module that runs twice cannot be hooked"
    functions = {node.target for node in graph.graph.nodes if node.op == "call_function"}
    assert not functions & {F.relu, torch.relu, F.max_pool2d, F.avg_pool2d, F.dropout}, "not seen by hooks on modules"
    assert receptive_field(model).size != 1


@pytest.mark.parametrize(
    ("name", "layer", "size", "jump"),
    [
        ("alexnet", "features.12", 195, 32),  # Araujo, Norris & Sim 2019, doi:10.23915/distill.00021
        ("alexnet_2012", "features.pool5", 195, 32),
        ("vgg16", "features.30", 212, 32),
        ("vgg19", "features.36", 268, 32),
        ("resnet18", "layer4", 435, 32),
        ("googlenet_2014", "inception5b", 699 + 16, 32),  # 699 there, for a pool4 of 2×2 where the paper has 3×3
    ],
)
def test_published_receptive_fields(name: str, layer: str, size: int, jump: int) -> None:
    with torch.device("meta"):
        field = receptive_field(getattr(models, name)().eval(), layer)
    assert (field.size, field.jump) == (size, jump)


@pytest.mark.parametrize("case", SMALL)
def test_same_seed_same_net_and_back_from_a_state_dict(case: str, tmp_path: Path) -> None:
    nets = []
    for seed in (3, 3, 4):
        seed_everything(seed)
        nets.append(build(case).eval())
    x = images(case, device="cpu")
    y = [net(x) for net in nets]
    assert torch.equal(y[0], y[1])
    assert not torch.equal(y[0], y[2])
    torch.save(nets[0].state_dict(), tmp_path / "net.pth")
    assert torch.equal(build(case, weights=tmp_path / "net.pth").eval()(x), y[0])


@pytest.mark.parametrize("case", ["nin", "cifar_resnet", "alphago_policy 9"])
def test_gradients_are_numbers_and_not_all_zero(case: str) -> None:
    model = build(case).train()
    F.cross_entropy(model(images(case, 4, "cpu")), torch.tensor([0, 1, 2, 3])).backward()
    for name, p in model.named_parameters():
        assert p.grad is not None, name
        assert bool(p.grad.isfinite().all()), name
        assert bool(p.grad.any()), name


@pytest.mark.parametrize("name", ["googlenet", "googlenet_2014"])
def test_auxiliary_heads_run_in_training_only(name: str) -> None:
    with torch.device("meta"):
        model, bare = getattr(models, name)(4), getattr(models, name)(4, aux_logits=False)
        x = torch.zeros(2, 3, 224, 224)
    out = model.train()(x)
    assert isinstance(out, models.GoogLeNetOutputs)
    assert [tuple(part.shape) for part in out] == [(2, 4)] * 3
    ran: list[str] = []
    for head in ("aux1", "aux2"):
        model.get_submodule(head).register_forward_hook(lambda *_, head=head: ran.append(head))
    assert tuple(model.eval()(x).shape) == (2, 4)
    assert ran == []
    assert tuple(bare.train()(x).shape) == (2, 4)
    names = {n for n, _ in bare.named_parameters()}
    assert names == {n for n, _ in model.named_parameters() if not n.startswith("aux")}


def test_heads_sit_behind_4a_and_4d() -> None:
    with torch.device("meta"):
        model = models.googlenet().train()
        heads = model(torch.zeros(2, 3, 64, 64))
    for head, expected in ((heads.aux_logits1, "aux1"), (heads.aux_logits2, "aux2")):
        model.zero_grad()
        head.sum().backward(retain_graph=True)
        reached = {name.partition(".")[0] for name, p in model.named_parameters() if p.grad is not None}
        assert expected in reached
        assert ("inception4d" in reached, "inception4e" in reached) == (expected == "aux2", False)
        assert "inception4a" in reached


BAD = [
    ("vgg16", {"num_classes": 0}, ValueError, "num_classes is 0"),
    ("alexnet", {"in_channels": 1.5}, TypeError, r"in_channels is 1\.5"),
    ("alexnet", {"dropout": 1}, ValueError, "dropout is 1;"),
    ("alexnet_2012", {"groups": 3}, ValueError, "groups is 3; expected 2"),
    ("zfnet", {"maps": (384, 384)}, ValueError, "maps is .* three numbers"),
    ("resnet50", {"stride_on": "5x5"}, ValueError, "stride_on is '5x5'; expected '3x3'"),
    ("cifar_resnet", {"depth": 21}, ValueError, r"depth is 21; expected 6n \+ 2.*below is 20"),
    ("cifar_resnet", {"depth": True}, TypeError, "depth is True"),
    ("alphago_policy", {"board": 0}, ValueError, "board is 0"),
    ("googlenet", {"transform_input": True, "in_channels": 1}, ValueError, "in_channels=1, expected 3"),
]


@pytest.mark.parametrize(("name", "options", "kind", "message"), BAD, ids=lambda value: str(value))
def test_bad_arguments(name: str, options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with torch.device("meta"), pytest.raises(kind, match=message):
        getattr(models, name)(**options)


def test_bad_blocks() -> None:
    with torch.device("meta"):
        for arguments, message in (
            (((2, 2, 2),), "four numbers"),
            (((2, 2, 2, 0),), "blocks is 0"),
        ):
            with pytest.raises(ValueError, match=message):
                models.ResNet(*arguments)
        with pytest.raises(ValueError, match="plain network of bottlenecks"):
            models.ResNet((1, 1, 1, 1), bottleneck=True, shortcut=False)
        with pytest.raises(ValueError, match="config is 'F'; expected one of A, B, C, D, E"):
            models.VGG("F")
