"""Whole filters go, small nets learn from large ones, and time is measured without touching the model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, kl_div

from cnncourse.compress import distillation_loss, keep_filters, milliseconds, with_teacher
from cnncourse.train import SGD, fit


def chain(head: str = "flat") -> nn.Sequential:
    torch.manual_seed(0)
    last: list[nn.Module] = [nn.Flatten(), nn.Linear(5 * 4 if head == "flat" else 5, 3)]
    net = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5), nn.ReLU(),
        nn.MaxPool2d(2) if head == "flat" else nn.AdaptiveAvgPool2d(1), *last,
    )  # fmt: skip
    with torch.no_grad():  # batch norm that does something, also to channels that are gone
        for layer in net:
            if isinstance(layer, nn.BatchNorm2d):
                for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                    tensor.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    return net.eval()


@pytest.mark.parametrize("head", ["flat", "mean"])
@pytest.mark.parametrize(("at", "count"), [(0, 4), (0, 6), (4, 1), (4, 3)])
def test_what_is_left_computes_as_if_the_others_were_not_heard(head: str, at: int, count: int) -> None:
    net, x = chain(head), torch.randn(3, 2, 8, 8)
    small = keep_filters(net, at, count)
    conv: Any = net[at]
    sizes = conv.weight.detach().abs().sum((1, 2, 3))
    gone = sizes.argsort()[: len(sizes) - count]
    listener: Any = net[4] if at == 0 else net[9]
    with torch.no_grad():
        if isinstance(listener, nn.Conv2d):
            listener.weight[:, gone] = 0
        else:
            listener.weight.view(3, 5, -1)[:, gone] = 0
        torch.testing.assert_close(small(x), net(x), rtol=0, atol=1e-5)
    assert small[at].out_channels == count == len(small[at].weight)  # type: ignore[arg-type]
    assert small[at + 1].num_features == count
    fit(small, (x, torch.tensor([0, 1, 2])), epochs=1, progress=False, device="cpu")


def test_the_net_itself_is_left_alone() -> None:
    net = chain()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    keep_filters(net, 0, 2)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("act", "kind", "complaint"),
    [
        (lambda: keep_filters(chain(), 1, 2), TypeError, r"net\[1\] is a BatchNorm2d"),
        (lambda: keep_filters(chain(), 0, 7), ValueError, "count=7, groups=1; expected 1 to 6"),
        (lambda: keep_filters(chain()[:4], 0, 2), ValueError, "no convolution or linear layer follows"),
        (
            lambda: keep_filters(nn.Sequential(nn.Conv2d(1, 2, 1), nn.GroupNorm(1, 2), nn.Conv2d(2, 1, 1)), 0, 1),
            TypeError,
            "a GroupNorm follows",
        ),
        (lambda: distillation_loss(torch.ones(2, 3), torch.ones(2, 4), torch.zeros(2).long()), ValueError, r"\(2, 4\)"),
        (
            lambda: distillation_loss(torch.ones(2, 3), torch.ones(2, 3), torch.zeros(2).long(), 0.0),
            ValueError,
            "temperature=0.0",
        ),
        (
            lambda: distillation_loss(torch.ones(2, 3), torch.ones(2, 3), torch.zeros(2).long(), 1.0, 1.5),
            ValueError,
            "alpha=1.5",
        ),
    ],
)
def test_refuses_with_a_reason(act: Any, kind: type[Exception], complaint: str) -> None:
    with pytest.raises(kind, match=complaint):
        act()


def test_distillation_loss_is_its_formula() -> None:
    torch.manual_seed(1)
    z, teacher, t = torch.randn(5, 4).double(), torch.randn(5, 4).double(), torch.tensor([0, 3, 1, 2, 2])
    p, q = (teacher / 3).softmax(1), (z / 3).softmax(1)
    soft = (p * (p / q).log()).sum(1).mean()
    expected = 0.7 * 9 * soft + 0.3 * cross_entropy(z, t)
    torch.testing.assert_close(distillation_loss(z, teacher, t, 3.0, 0.7), expected)
    torch.testing.assert_close(soft, kl_div(q.log(), p, reduction="batchmean"))
    torch.testing.assert_close(distillation_loss(z, teacher, t, 3.0, 0.0), cross_entropy(z, t))
    assert distillation_loss(teacher, teacher, t, 3.0, 1.0).item() == pytest.approx(0, abs=1e-12)


def test_at_high_temperature_the_gradient_matches_logits() -> None:
    """Hinton et al. 2015, section 2.1: T² times the gradient tends to (z − v) / N for logits of mean 0."""
    torch.manual_seed(2)
    z, v = (x - x.mean(1, keepdim=True) for x in torch.randn(2, 1, 6).double())
    z.requires_grad_()
    distillation_loss(z, v, torch.tensor([0]), 1e4, 1.0).backward()
    torch.testing.assert_close(z.grad, (z - v).detach() / 6, rtol=0, atol=1e-3)


def test_a_net_learns_from_a_teacher_that_knows_better_than_the_labels() -> None:
    torch.manual_seed(3)
    x, teacher = torch.randn(60, 4), nn.Linear(4, 3)
    wrong = torch.zeros(60, dtype=torch.int64)
    data, loss = with_teacher(x, 10 * teacher(x).detach(), wrong, 2.0, 1.0)
    student = nn.Linear(4, 3)
    fit(student, data, epochs=40, optimizer=SGD(student.parameters(), lr=0.5), loss=loss, progress=False, device="cpu")
    assert (student(x).argmax(1) == teacher(x).argmax(1)).float().mean() > 0.9


def test_milliseconds_counts_passes_and_leaves_the_mode() -> None:
    class Counting(nn.Module):
        calls = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert not self.training
            assert not torch.is_grad_enabled()
            self.calls += 1
            return x

    model = Counting().train()
    assert milliseconds(model, torch.ones(1), repeat=5) >= 0
    assert model.calls == 7
    assert model.training
    with pytest.raises(ValueError, match="repeat"):
        milliseconds(model, torch.ones(1), repeat=0)
