"""LeNet-5 against the sizes of the paper's Fig. 2 and a second, functional writing."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from cnncourse.device import seed_everything
from cnncourse.models import LeNet5, lenet5


def test_parameters_layer_by_layer() -> None:
    net = lenet5()
    counts = {name: sum(p.numel() for p in layer.parameters()) for name, layer in net.named_children()}
    told = {"c1": 156, "c3": 2416, "c5": 48120, "f6": 10164, "output": 850}  # the paper states C1, C5 and F6
    assert {name: count for name, count in counts.items() if count} == told
    assert sum(p.numel() for p in net.parameters()) == 61706


def test_map_sizes_of_figure_2() -> None:
    net, seen = lenet5(), {}
    hooks = [
        layer.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: tuple(out.shape[1:])}))
        for name, layer in net.named_children()
    ]
    net(torch.zeros(2, 1, 32, 32))
    for hook in hooks:
        hook.remove()
    assert [seen[name] for name in ("c1", "s2", "c3", "s4", "c5", "f6", "output")] == [
        (6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120, 1, 1), (84,), (10,),
    ]  # fmt: skip


def test_forward_written_a_second_time() -> None:
    seed_everything(1)
    net, x = lenet5(num_classes=7, in_channels=3), torch.randn(4, 3, 32, 32)
    p = dict(net.named_parameters())
    y = F.avg_pool2d(torch.tanh(F.conv2d(x, p["c1.weight"], p["c1.bias"])), 2)
    y = F.avg_pool2d(torch.tanh(F.conv2d(y, p["c3.weight"], p["c3.bias"])), 2)
    y = torch.tanh(y.flatten(1) @ p["c5.weight"].flatten(1).T + p["c5.bias"])
    y = torch.tanh(y @ p["f6.weight"].T + p["f6.bias"])
    torch.testing.assert_close(net(x), y @ p["output.weight"].T + p["output.bias"], rtol=1e-4, atol=1e-5)


def test_same_seed_same_net_and_empty_batch() -> None:
    nets = []
    for seed in (3, 3, 4):
        seed_everything(seed)
        nets.append(lenet5().c1.weight)
    assert torch.equal(nets[0], nets[1])
    assert not torch.equal(nets[0], nets[2])
    assert tuple(lenet5()(torch.zeros(0, 1, 32, 32)).shape) == (0, 10)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match=r"\(2, 1, 28, 28\); expected \(N, 1, 32, 32\).*Pad by 2"):
        lenet5()(torch.zeros(2, 1, 28, 28))
    with pytest.raises(ValueError, match=r"x\[None\]"):
        lenet5()(torch.zeros(1, 32, 32))
    with pytest.raises(ValueError, match="num_classes is 0"):
        LeNet5(num_classes=0)
    with pytest.raises(ValueError, match=r"in_channels is 1\.5"):
        LeNet5(in_channels=1.5)  # type: ignore[arg-type]
