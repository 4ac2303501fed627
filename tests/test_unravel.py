"""A net taken apart: blocks left out, and the gradient as a sum over paths."""

from __future__ import annotations

import itertools
from math import comb

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cnncourse.experiments.case_resnet import reuse, taken_apart, wired
from cnncourse.experiments.unravel import Unravelled, blocks_of, without
from cnncourse.models import cifar_plain, cifar_resnet, small_resnet


def trained_looking(net: nn.Module) -> nn.Module:
    """In evaluation mode, with statistics that are not those of a fresh net."""
    torch.manual_seed(0)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.3)
            nn.init.uniform_(layer.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return net.eval()


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(3, 3, 16, 12, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module", params=["small", "cifar"])
def taken(request: pytest.FixtureRequest, images: torch.Tensor) -> Unravelled:
    net = small_resnet(5) if request.param == "small" else cifar_resnet(14, 5)
    return Unravelled(trained_looking(net).double(), images.double(), torch.tensor([0, 3, 4]))


def test_all_paths_together_are_the_gradient(taken: Unravelled) -> None:
    ways = list(itertools.product([False, True], repeat=len(taken)))
    total = sum((taken.along(way) for way in ways), torch.zeros(()))
    assert len(ways) == 2**6
    torch.testing.assert_close(total, taken.whole)


def test_sums_by_length_are_those_of_their_paths(taken: Unravelled) -> None:
    sums = taken.by_length()
    assert len(sums) == len(taken) + 1
    for k in (0, 1, 4, 6):
        ways = [way for way in itertools.product([False, True], repeat=len(taken)) if sum(way) == k]
        assert len(ways) == comb(6, k)
        torch.testing.assert_close(sums[k], sum((taken.along(way) for way in ways), torch.zeros(())))


def test_the_whole_gradient_is_the_nets(images: torch.Tensor) -> None:
    net, labels = trained_looking(small_resnet(5)), torch.tensor([0, 3, 4])
    x = net.relu(net.bn1(net.conv1(net.centre(images)))).detach().requires_grad_()  # type: ignore[operator]
    y = net.fc(net.layer3(net.layer2(net.layer1(x))).mean((2, 3)))  # type: ignore[operator]
    loss = cross_entropy(y, labels, reduction="sum")
    torch.testing.assert_close(Unravelled(net, images, labels).whole, torch.autograd.grad(loss, x)[0])


def test_a_block_left_out_gives_what_was_on_its_shortcut(images: torch.Tensor) -> None:
    net = trained_looking(small_resnet(5))
    fitted, same = blocks_of(net)["layer2.0"], blocks_of(net)["layer2.1"]
    x = torch.rand(2, 24, 6, 4)
    before = net(images)
    with without(fitted, same):
        y = fitted(x)
        assert fitted.downsample is not None
        torch.testing.assert_close(y, fitted.downsample(x).relu())
        torch.testing.assert_close(same(y), y)
        assert not torch.allclose(net(images), before)
    torch.testing.assert_close(net(images), before)


def test_a_plain_block_left_out_hands_on_its_input() -> None:
    net = trained_looking(cifar_plain(14, 5))
    blocks = list(blocks_of(net).values())
    x = torch.rand(2, 16, 6, 4)
    with without(*blocks):
        torch.testing.assert_close(blocks[1](x), x)
        halved = blocks[2](x)
    torch.testing.assert_close(halved, torch.cat([x[:, :, ::2, ::2], torch.zeros(2, 16, 3, 2)], 1))


def test_what_cannot_be_unravelled_is_named(images: torch.Tensor) -> None:
    labels = torch.zeros(3, dtype=torch.long)
    for net in (cifar_plain(8, 5).eval(), nn.Conv2d(3, 5, 3)):
        with pytest.raises(ValueError, match="expected a net of residual basic blocks"):
            Unravelled(net, images, labels)
    with pytest.raises(ValueError, match=r"expected model\.eval\(\)"):
        Unravelled(small_resnet(5).train(), images, labels)
    with pytest.raises(ValueError, match="a path of 2 choices; expected one for each of 6 blocks"):
        Unravelled(small_resnet(5).eval(), images, labels).along([True, False])


def test_what_is_measured_has_its_names() -> None:
    residual, plain = (taken_apart(trained_looking(build(14, 10, 1))) for build in (cifar_resnet, cifar_plain))
    lesions = {f"without {k}" for k in range(1, 7)} | {"without any 2", "without any 4"}
    assert set(plain) == lesions
    assert set(residual) == lesions | {f"{what} of {k}" for what in ("all", "one") for k in range(7)}
    assert all(0 <= residual[name] <= 1 for name in lesions)


def test_wirings_weigh_about_the_same_and_differ_in_what_is_read() -> None:
    add, dense = wired("sum", 11), wired("dense", 8)
    sizes = [sum(p.numel() for p in net.parameters()) for net in (add, dense)]
    assert max(sizes) < 1.08 * min(sizes)
    assert [sum(isinstance(m, nn.Conv2d) for m in net.modules()) for net in (add, dense)] == [25, 25]
    x = torch.rand(2, 11, 8, 8)
    for layer in add[2].layers:  # type: ignore[union-attr]
        nn.init.zeros_(layer.conv2.weight)  # type: ignore[arg-type, union-attr]
    torch.testing.assert_close(add[2](x), x)
    assert dense[2](torch.rand(2, 16, 8, 8)).shape == (2, 16 + 12 * 8, 8, 8)
    with pytest.raises(ValueError, match="expected 'sum' or 'dense'"):
        wired("ring", 8)


def test_reuse_is_read_off_the_weights() -> None:
    net = wired("dense", 4)
    layer = net[2].denselayer3  # reads 16 channels of the input, 4 of layer 1, 4 of layer 2
    nn.init.zeros_(layer.conv1.weight)  # type: ignore[arg-type, union-attr]
    layer.conv1.weight.data[:, 20:] = -2.0  # type: ignore[union-attr, index, operator]
    layer.norm1.weight.data[20:] = 0.5  # type: ignore[union-attr, index, operator]
    found = reuse(net)
    assert len(found) == 12 * 13 / 2
    assert [found[f"{made} to 3"] for made in range(3)] == [0.0, 0.0, 1.0]
