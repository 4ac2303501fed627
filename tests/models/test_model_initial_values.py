"""The numbers that a net starts with: the rules of the papers, held against the drawn weights."""

from __future__ import annotations

from math import sqrt

import pytest
from torch import Tensor, nn

from cnncourse import models


def deviation(weight: Tensor) -> float:
    assert abs(weight.detach().mean().item()) < 0.1 * weight.detach().std().item()
    return weight.detach().std().item()


def near(value: float) -> object:
    """Within 4 %: the weights looked at are more than ten thousand."""
    return pytest.approx(value, rel=0.04)


def biases(model: nn.Module) -> dict[str, set[float]]:
    return {name.removesuffix(".bias"): set(p.detach().unique().tolist())
            for name, p in model.named_parameters() if name.endswith("bias")}  # fmt: skip


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fully connected layers of at most 200 units: a hundred million numbers take long to draw."""

    class Narrow(nn.Linear):
        def __init__(self, in_features: int, out_features: int) -> None:
            super().__init__(min(in_features, 200), min(out_features, 200))

    monkeypatch.setattr(nn, "Linear", Narrow)


@pytest.mark.usefixtures("narrow")
def test_alexnet_2012() -> None:
    model = models.alexnet_2012()
    ones = {"features.conv2", "features.conv4", "features.conv5", "classifier.fc6", "classifier.fc7"}
    assert biases(model) == {name: {float(name in ones)} for name in biases(model)}
    for layer in (model.features.conv2, model.features.conv3, model.classifier.fc8):
        assert deviation(layer.weight) == near(0.01)  # type: ignore[arg-type]


@pytest.mark.usefixtures("narrow")
def test_vgg() -> None:
    model = models.vgg11()
    assert set.union(*biases(model).values()) == {0.0}
    assert deviation(model.get_submodule("features.6").weight) == near(sqrt(2 / (9 * 256)))  # type: ignore[arg-type]
    assert deviation(model.get_submodule("classifier.6").weight) == near(0.01)  # type: ignore[arg-type]


def test_resnet_by_what_goes_out() -> None:
    model = models.resnet18()
    assert deviation(model.conv1.weight) == near(sqrt(2 / (49 * 64)))
    assert deviation(model.get_parameter("layer2.0.conv1.weight")) == near(sqrt(2 / (9 * 128)))
    assert bool((model.bn1.weight == 1).all())
    assert not model.bn1.bias.any()


def test_cifar_resnet_by_what_comes_in() -> None:
    model = models.cifar_resnet(8)
    assert deviation(model.get_parameter("layer3.0.conv1.weight")) == near(sqrt(2 / (9 * 32)))
    assert not model.fc.bias.any()


def test_densenet_by_what_comes_in() -> None:
    model = models.DenseNet(32, (1, 1), 64)
    assert deviation(model.get_parameter("features.denseblock1.denselayer1.conv2.weight")) == near(sqrt(2 / (9 * 128)))
    assert not model.classifier.bias.any()


def test_googlenets() -> None:
    model = models.googlenet(aux_logits=False)
    assert deviation(model.get_parameter("inception4e.branch2.1.conv.weight")) == near(0.01)
    paper = models.googlenet_2014(aux_logits=False)
    assert deviation(paper.get_parameter("inception4e.branch2.1.conv.weight")) == near(sqrt(2 / (9 * (160 + 320))))
    assert {round(value, 6) for value in set.union(*biases(paper).values())} == {0.2}


def test_the_others() -> None:
    nin = models.nin()
    assert deviation(nin.get_parameter("features.mlpconv2.0.weight")) == near(0.05)
    assert set.union(*biases(nin).values()) == {0.0}
    go = models.alphago_policy(board=5, planes=4, channels=64, layers=2)
    assert deviation(go.get_parameter("features.conv2.weight")) == near(sqrt(2 / (9 * 64)))
    assert set.union(*biases(go).values(), set(go.bias.tolist())) == {0.0}


@pytest.mark.usefixtures("narrow")
def test_zfnet() -> None:
    model = models.zfnet()
    assert deviation(model.get_parameter("features.conv3.weight")) == near(0.01)
    assert set.union(*biases(model).values()) == {0.0}
