"""The forwards a second time: plain functions of the state dict, as the papers describe the networks."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse import models

State = dict[str, Tensor]


def shaken(model: nn.Module) -> nn.Module:
    """`model` in eval mode and float64, with running statistics, scales and biases that are not 0 or 1.

    Weights are drawn so that values keep their size from layer to layer: what is wrong early is still seen at the end.
    """
    for name, value in model.state_dict().items():
        if value.dim() > 1:
            nn.init.kaiming_normal_(value, nonlinearity="relu")
        if value.is_floating_point() and value.dim() == 1:
            value.copy_(torch.rand_like(value) + (0.5 if "var" in name or "weight" in name else -0.5))
    return model.eval().double()


def norm(s: State, key: str, x: Tensor, eps: float = 1e-5) -> Tensor:
    mean, var, scale, shift = (
        s[f"{key}.{entry}"].view(-1, 1, 1) for entry in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / torch.sqrt(var + eps) * scale + shift


def conv(s: State, key: str, x: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
    return F.conv2d(x, s[f"{key}.weight"], s.get(f"{key}.bias"), stride, padding)


def full(s: State, key: str, x: Tensor) -> Tensor:
    return x @ s[f"{key}.weight"].T + s[f"{key}.bias"]


def block(s: State, key: str, x: Tensor, stride: int, shortcut: str, stride_1x1: bool = False) -> Tensor:
    """A residual block; shortcut is 'projection', 'zeros' (option A) or 'none'."""
    if f"{key}.conv3.weight" in s:
        first, second = (stride, 1) if stride_1x1 else (1, stride)
        y = F.relu(norm(s, f"{key}.bn1", conv(s, f"{key}.conv1", x, first)))
        y = F.relu(norm(s, f"{key}.bn2", conv(s, f"{key}.conv2", y, second, 1)))
        y = norm(s, f"{key}.bn3", conv(s, f"{key}.conv3", y))
    else:
        y = F.relu(norm(s, f"{key}.bn1", conv(s, f"{key}.conv1", x, stride, 1)))
        y = norm(s, f"{key}.bn2", conv(s, f"{key}.conv2", y, 1, 1))
    if shortcut == "none":
        return F.relu(y)
    if f"{key}.downsample.0.weight" in s:
        x = norm(s, f"{key}.downsample.1", conv(s, f"{key}.downsample.0", x, stride))
    elif stride == 2:
        x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, y.shape[1] - x.shape[1]))
    return F.relu(y + x)


@pytest.mark.parametrize("kind", ["resnet18", "plain18", "resnet50", "resnet50 1x1"])
def test_resnet(kind: str) -> None:
    if "50" in kind:
        model = models.ResNet((1, 2, 1, 1), True, 5, stride_on="1x1" if "1x1" in kind else "3x3")
    else:
        model = models.ResNet((1, 2, 1, 1), False, 5, shortcut=kind == "resnet18")
    s, x = shaken(model).state_dict(), torch.randn(2, 3, 45, 38, dtype=torch.float64)
    y = F.max_pool2d(F.relu(norm(s, "bn1", conv(s, "conv1", x, 2, 3))), 3, 2, 1)
    for layer, i in ((1, 0), (2, 0), (2, 1), (3, 0), (4, 0)):
        stride = 2 if layer > 1 and i == 0 else 1
        y = block(s, f"layer{layer}.{i}", y, stride, "none" if "plain" in kind else "projection", "1x1" in kind)
    torch.testing.assert_close(model(x), full(s, "fc", y.mean(dim=(2, 3))))


@pytest.mark.parametrize("shortcut", ["zeros", "none"])
def test_cifar_resnet(shortcut: str) -> None:
    model = (models.cifar_resnet if shortcut == "zeros" else models.cifar_plain)(14, num_classes=4, in_channels=2)
    s, x = shaken(model).state_dict(), torch.randn(2, 2, 17, 12, dtype=torch.float64)
    y = F.relu(norm(s, "bn1", conv(s, "conv1", x, 1, 1)))
    for layer in (1, 2, 3):
        for i in (0, 1):
            y = block(s, f"layer{layer}.{i}", y, 2 if layer > 1 and i == 0 else 1, shortcut)
    torch.testing.assert_close(model(x), full(s, "fc", y.mean(dim=(2, 3))))


def test_densenet() -> None:
    model = models.DenseNet(growth_rate=6, block_config=(2, 3, 1, 2), num_init_features=10, num_classes=4)
    s, x = shaken(model).state_dict(), torch.randn(2, 3, 64, 49, dtype=torch.float64)
    y = F.max_pool2d(F.relu(norm(s, "features.norm0", conv(s, "features.conv0", x, 2, 3))), 3, 2, 1)
    for b, count in enumerate((2, 3, 1, 2), start=1):
        for i in range(1, count + 1):
            key = f"features.denseblock{b}.denselayer{i}"
            new = conv(s, f"{key}.conv1", F.relu(norm(s, f"{key}.norm1", y)))
            new = conv(s, f"{key}.conv2", F.relu(norm(s, f"{key}.norm2", new)), 1, 1)
            y = torch.cat([y, new], dim=1)
        if b < 4:
            key = f"features.transition{b}"
            y = F.avg_pool2d(conv(s, f"{key}.conv", F.relu(norm(s, f"{key}.norm", y))), 2)
    y = F.relu(norm(s, "features.norm5", y)).mean(dim=(2, 3))
    torch.testing.assert_close(model(x), full(s, "classifier", y))


def test_densenet_drops_new_channels_in_training_only() -> None:
    torch.manual_seed(0)
    model = models.DenseNet(4, (2,), 8, num_classes=3, drop_rate=0.5).train()
    x = torch.randn(2, 3, 32, 32)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


def inception(s: State, key: str, x: Tensor, unit: str) -> Tensor:
    def step(name: str, x: Tensor, padding: int = 0) -> Tensor:
        y = conv(s, f"{key}.{name}.conv", x, 1, padding)
        return F.relu(y if unit == "2014" else norm(s, f"{key}.{name}.bn", y, 1e-3))

    wide = 2 if unit == "2014" else 1
    return torch.cat(
        [
            step("branch1", x),
            step("branch2.1", step("branch2.0", x), 1),
            step("branch3.1", step("branch3.0", x), wide),
            step("branch4.1", F.max_pool2d(x, 3, 1, 1)),
        ],
        dim=1,
    )


def test_googlenet() -> None:
    model = models.googlenet(num_classes=4, aux_logits=False, transform_input=True)
    s, x = shaken(model).state_dict(), torch.randn(2, 3, 71, 64, dtype=torch.float64)
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], dtype=torch.float64).view(2, 3, 1, 1)
    y = (x * std + mean - 0.5) / 0.5  # what was normalised by ImageNet's figures, by 0.5 and 0.5 now
    y = F.relu(norm(s, "conv1.bn", conv(s, "conv1.conv", y, 2, 3), 1e-3))
    y = F.max_pool2d(y, 3, 2, ceil_mode=True)
    y = F.relu(norm(s, "conv2.bn", conv(s, "conv2.conv", y), 1e-3))
    y = F.relu(norm(s, "conv3.bn", conv(s, "conv3.conv", y, 1, 1), 1e-3))
    y = F.max_pool2d(y, 3, 2, ceil_mode=True)
    for name in ("3a", "3b", "pool3", "4a", "4b", "4c", "4d", "4e", "pool2", "5a", "5b"):
        if name.startswith("pool"):
            y = F.max_pool2d(y, int(name[4]), 2, ceil_mode=True)
        else:
            y = inception(s, f"inception{name}", y, "bn")
    torch.testing.assert_close(model(x), full(s, "fc", y.mean(dim=(2, 3))), rtol=1e-6, atol=1e-6)


def test_googlenet_2014() -> None:
    model = shaken(models.googlenet_2014(num_classes=4, aux_logits=False))
    s, x = (
        model.state_dict(),
        100 * torch.randn(1, 3, 224, 224, dtype=torch.float64),
    )  # so large that response norm shows

    def lrn(a: Tensor) -> Tensor:
        squares = F.pad(a.square(), (0, 0, 0, 0, 2, 2))
        return a / (2 + 1e-4 * squares.unfold(1, 5, 1).sum(dim=-1)) ** 0.75

    y = lrn(F.max_pool2d(F.relu(conv(s, "conv1.conv", x, 2, 3)), 3, 2, ceil_mode=True))
    y = F.relu(conv(s, "conv3.conv", F.relu(conv(s, "conv2.conv", y)), 1, 1))
    y = F.max_pool2d(lrn(y), 3, 2, ceil_mode=True)
    for name in ("3a", "3b", "", "4a", "4b", "4c", "4d", "4e", "", "5a", "5b"):
        y = inception(s, f"inception{name}", y, "2014") if name else F.max_pool2d(y, 3, 2, ceil_mode=True)
    assert tuple(y.shape) == (1, 1024, 7, 7)
    torch.testing.assert_close(model(x), full(s, "fc", y.mean(dim=(2, 3))))


@pytest.mark.parametrize("batch_norm", [False, True])
def test_vgg_b(batch_norm: bool) -> None:
    with torch.device("meta"):  # the real classifier takes 0.5 GB
        model = models.VGG("B", num_classes=4, batch_norm=batch_norm)
        model.classifier = nn.Sequential(nn.Linear(25088, 8), nn.Linear(8, 4))
    model.to_empty(device="cpu")
    s, x = shaken(model).state_dict(), torch.randn(2, 3, 40, 33, dtype=torch.float64)
    y, at = x, 0
    for _stage in range(5):
        for _layer in range(2):
            y = conv(s, f"features.{at}", y, 1, 1)
            y = F.relu(norm(s, f"features.{at + 1}", y) if batch_norm else y)
            at += 3 if batch_norm else 2
        y, at = F.max_pool2d(y, 2), at + 1
    y = F.adaptive_avg_pool2d(y, 7).flatten(1)
    torch.testing.assert_close(model(x), full(s, "classifier.1", full(s, "classifier.0", y)))


def test_alexnet() -> None:
    model = models.alexnet(num_classes=4)
    s, x = model.eval().state_dict(), torch.randn(1, 3, 91, 70)
    y = F.max_pool2d(F.relu(conv(s, "features.0", x, 4, 2)), 3, 2)
    y = F.max_pool2d(F.relu(conv(s, "features.3", y, 1, 2)), 3, 2)
    y = F.relu(conv(s, "features.8", F.relu(conv(s, "features.6", y, 1, 1)), 1, 1))
    y = F.max_pool2d(F.relu(conv(s, "features.10", y, 1, 1)), 3, 2)
    y = F.adaptive_avg_pool2d(y, 6).flatten(1)
    y = F.relu(full(s, "classifier.4", F.relu(full(s, "classifier.1", y))))
    torch.testing.assert_close(model(x), full(s, "classifier.6", y), rtol=1e-4, atol=1e-5)


def test_alphago_has_a_bias_for_each_point() -> None:
    model = models.alphago_policy(board=5, planes=3, channels=4, layers=3)
    nn.init.normal_(model.bias)
    s, x = model.state_dict(), torch.randn(2, 3, 5, 5)
    y = F.relu(conv(s, "features.conv1", x, 1, 2))
    for i in (2, 3):
        y = F.relu(conv(s, f"features.conv{i}", y, 1, 1))
    expected = conv(s, "features.conv4", y).reshape(2, 25) + s["bias"]
    torch.testing.assert_close(model(x), expected)


def test_nin() -> None:
    model = models.nin(num_classes=3).eval()
    s, x = model.state_dict(), torch.randn(2, 3, 19, 22)
    y = x
    for i, padding in ((1, 2), (2, 2), (3, 1)):
        y = F.relu(conv(s, f"features.mlpconv{i}.0", y, 1, padding))
        y = F.relu(conv(s, f"features.mlpconv{i}.2", y))
        y = F.relu(conv(s, f"features.mlpconv{i}.4", y))
        if i < 3:
            y = (F.max_pool2d, F.avg_pool2d)[i - 1](y, 3, 2, ceil_mode=True)
    torch.testing.assert_close(model(x), y.mean(dim=(2, 3)))
