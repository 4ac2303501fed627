"""The small ResNet of the zoo: torchvision's names, the sizes in its table, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnncourse import analyze, models


def test_keys_are_those_of_resnet18_without_its_last_stage() -> None:
    with torch.device("meta"):
        small, known = models.small_resnet(), models.resnet18()
    assert list(small.state_dict()) == [key for key in known.state_dict() if not key.startswith("layer4.")]


def test_the_table_in_its_docstring() -> None:
    with torch.device("meta"):
        net = models.small_resnet()
    rows = {row.name: row for row in analyze(net, (3, 64, 64))}
    assert [rows[name].shape[1:] for name in ("conv1", "layer1.1.relu2", "layer2.1.relu2", "layer3.1.relu2")] == [
        (24, 32, 32), (24, 32, 32), (48, 16, 16), (96, 8, 8)
    ]  # fmt: skip
    weights = {
        stage: sum(row.parameters for name, row in rows.items() if name.startswith(stage) and row.kind == "Conv2d")
        for stage in ("conv1", "layer1", "layer2", "layer3")
    }
    assert weights == {"conv1": 1_800, "layer1": 20_736, "layer2": 72_576 + 1_152, "layer3": 290_304 + 4_608}


def test_it_is_the_same_network_as_its_layers_in_a_row() -> None:
    torch.manual_seed(0)
    net = models.small_resnet(5)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.running_mean, std=0.3)  # type: ignore[arg-type]
    net.eval()
    images = torch.rand(2, 3, 40, 24)
    x = (net.bn1(net.conv1((images - 0.5) / 0.25))).relu()
    for block in (*net.layer1, *net.layer2, *net.layer3):
        past = x if block.downsample is None else block.downsample(x)  # type: ignore[operator]
        x = (block.bn2(block.conv2(block.bn1(block.conv1(x)).relu())) + past).relu()  # type: ignore[operator]
    torch.testing.assert_close(net(images), net.fc(x.mean((2, 3))))


def test_weights_start_by_hes_rule_for_outputs() -> None:
    torch.manual_seed(0)
    net = models.small_resnet()
    for conv in (net.layer3[1].conv1, net.layer3[0].conv2):
        assert isinstance(conv, nn.Conv2d)
        assert conv.weight.std().item() == pytest.approx((2 / (9 * 96)) ** 0.5, rel=0.02)
    assert net.layer3[0].conv1.weight.std().item() == pytest.approx((2 / (9 * 96)) ** 0.5, rel=0.02)  # type: ignore[union-attr, operator]


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match="small_resnet: num_classes"):
        models.small_resnet(0)
    with pytest.raises(ValueError, match=r"SmallResNet: input has shape \(1, 1, 64, 64\); expected \(N, 3"):
        models.small_resnet()(torch.zeros(1, 1, 64, 64))
