"""The training loop against a loop written out here, and what it does when things go wrong."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from cnncourse.data import digits
from cnncourse.device import pick_device, seed_everything
from cnncourse.train import accuracy, fit


def blobs(count: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    """Three well separated clouds of points in the plane."""
    generator = torch.Generator().manual_seed(5)
    labels = torch.arange(count) % 3
    centres = torch.tensor([[4.0, 0.0], [0.0, 4.0], [-4.0, -4.0]])
    return centres[labels] + torch.randn(count, 2, generator=generator), labels


def net() -> nn.Module:
    seed_everything(1)
    return nn.Linear(2, 3)


def test_full_batch_gradient_descent_by_hand() -> None:
    """One batch an epoch and plain SGD: w ← w − lr · mean (softmax − onehot) xᵀ, written out in float64."""
    x, y = blobs()
    model = net().double()
    w, b = model.weight.detach().clone(), model.bias.detach().clone()  # type: ignore[union-attr,operator]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    history = fit(
        model, (x.double(), y), epochs=5, batch_size=len(x), optimizer=optimizer, device="cpu", progress=False
    )
    losses = []
    for _ in range(5):
        p = torch.softmax(x.double() @ w.T + b, dim=1)
        losses.append(float(-p[torch.arange(len(y)), y].log().mean()))
        error = (p - torch.eye(3)[y]) / len(y)
        w, b = w - 0.1 * error.T @ x.double(), b - 0.1 * error.sum(0)
    torch.testing.assert_close(model.weight.detach(), w)  # type: ignore[arg-type,operator]
    torch.testing.assert_close(torch.tensor(history.step_losses), torch.tensor(losses), rtol=1e-6, atol=1e-9)


def test_it_learns_and_records() -> None:
    model, data = net(), blobs()
    history = fit(model, data, data, epochs=12, batch_size=16, lr=0.1, device="cpu", progress=False)
    assert accuracy(model, data, device="cpu") == history.val_accuracy[-1] > 0.95
    assert history.losses[-1] < 0.3 * history.losses[0]
    assert (len(history.step_losses), len(history.losses), len(history.seconds)) == (12 * 4, 12, 12)
    assert history.plot().axes[1].get_xlabel() == "epoch"


def test_each_epoch_visits_every_image_once_in_another_order() -> None:
    seen: list[torch.Tensor] = []

    def watch(x: torch.Tensor) -> torch.Tensor:
        seen.append(x[:, 0].clone())
        return x

    x = torch.arange(10.0)[:, None].expand(-1, 2).contiguous()
    fit(
        net(),
        (x, torch.zeros(10, dtype=torch.long)),
        epochs=2,
        batch_size=4,
        augment=watch,
        device="cpu",
        progress=False,
    )
    assert [len(batch) for batch in seen] == [4, 4, 2] * 2
    first, second = torch.cat(seen[:3]), torch.cat(seen[3:])
    assert torch.equal(first.sort().values, x[:, 0])
    assert torch.equal(second.sort().values, x[:, 0])
    assert not torch.equal(first, second)


def test_same_seed_same_numbers() -> None:
    runs = [fit(net(), blobs(), epochs=2, batch_size=8, seed=s, device="cpu", progress=False) for s in (0, 0, 1)]
    assert runs[0].step_losses == runs[1].step_losses
    assert runs[0].step_losses != runs[2].step_losses


def test_pairs_and_datasets_are_the_same_to_it() -> None:
    x, y = blobs()
    runs = [fit(net(), data, epochs=1, device="cpu", progress=False) for data in ((x, y), TensorDataset(x, y))]
    assert runs[0].step_losses == runs[1].step_losses
    assert accuracy(nn.Flatten(), digits("test", size=8), device="cpu") < 0.2


def test_max_steps_ends_early_and_the_schedule_steps() -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    history = fit(model, blobs(), epochs=9, batch_size=16, optimizer=optimizer, schedule=schedule, max_steps=6,
                  device="cpu", progress=False)  # fmt: skip
    assert len(history.step_losses) == 6
    assert optimizer.param_groups[0]["lr"] == 0.5**6


def test_accuracy_counts_and_restores_the_mode() -> None:
    class Parity(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert not self.training
            assert not torch.is_grad_enabled()
            return torch.stack([1 - x[:, 0], x[:, 0]], dim=1)

    model = Parity()
    x, y = torch.tensor([[0.0], [1.0], [1.0], [0.0]]), torch.tensor([0, 1, 0, 0])
    assert accuracy(model, (x, y), batch_size=3, device="cpu") == 0.75
    assert model.training


def test_progress_says_one_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    fit(net(), blobs(), blobs(), epochs=2, device="cpu")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert "val accuracy 0." in lines[0]


def test_a_loss_that_is_no_number_stops_with_an_explanation() -> None:
    x, y = blobs()
    x[3] = float("nan")
    model = net()
    before = model.weight.clone()  # type: ignore[operator]
    with pytest.raises(FloatingPointError, match=r"nan at step 0.*learning rate"):
        fit(model, (x, y), epochs=1, device="cpu", progress=False)
    assert torch.equal(before, model.weight)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        (blobs(), {"epochs": 0}, "epochs is 0"),
        (blobs(), {"batch_size": 2.5}, "batch_size is 2.5"),
        ((blobs()[0], blobs(9)[1]), {}, r"as many images.*\(60, 2\).*\(9,\)"),
        ((blobs()[0], blobs()[0]), {}, r"labels \(N,\)"),
        ((blobs()[0], blobs()[1].float()), {}, "integer labels"),
        ([1, 2], {}, "train is a list"),
        (blobs(), {"device": "abacus"}, "abacus"),
        (blobs(), {"schedule": object()}, "without its optimizer"),
        (blobs(), {"max_steps": 0}, "max_steps is 0; expected an int ≥ 1 or None"),
        (blobs(), {"patience": True}, "patience is True"),
        (blobs(), {"patience": 2}, "patience and metrics need val"),
        (blobs(), {"metrics": {"a": max}}, "patience and metrics need val"),
        (blobs(), {"resume": True}, "need checkpoint, the file"),
        (blobs(), {"checkpoint_every": 2}, "need checkpoint, the file"),
        (blobs(), {"max_grad_norm": 0}, "max_grad_norm is 0"),
        (blobs(), {"optimizer": torch.optim.SGD(net().parameters())}, "holds no parameter of the model"),
        (
            blobs(),
            {
                "optimizer": torch.optim.SGD(net().parameters()),
                "schedule": torch.optim.lr_scheduler.StepLR(torch.optim.SGD(net().parameters()), 1),
            },
            "made with another optimizer",
        ),
    ],
)
def test_bad_arguments(data: object, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(net(), data, **{"device": "cpu", "progress": False, **arguments})  # type: ignore[arg-type]


def test_seed_everything_repeats_and_refuses() -> None:
    import random

    import numpy as np

    draws = []
    for _ in range(2):
        seed_everything(7)
        draws.append((random.random(), float(np.random.rand()), float(torch.rand(1))))  # noqa: NPY002
    assert draws[0] == draws[1]
    with pytest.raises(TypeError, match="expected an int"):
        seed_everything("0")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected 0 ≤ seed"):
        seed_everything(-1)


def test_pick_device() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type in ("cpu", "cuda", "mps")
    for name, message in (("abacus", "no device"), ("cuda:99", r"asked for, but torch sees \d+ CUDA")):
        with pytest.raises(ValueError, match=message):
            pick_device(name)
    with pytest.raises(TypeError, match="expected a string"):
        pick_device(0)  # type: ignore[arg-type]


def test_attack_sees_the_model_in_evaluation_mode_and_its_images_are_trained_on() -> None:
    modes = []

    def attack(model: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        modes.append(model.training)
        assert labels.shape == x.shape[:1]
        return (x + 1).requires_grad_()

    x, y = blobs()
    model, other = nn.Sequential(net(), nn.BatchNorm1d(3)), nn.Sequential(net(), nn.BatchNorm1d(3))
    attacked = fit(model, (x, y), epochs=2, batch_size=16, attack=attack, device="cpu", progress=False)
    moved = fit(other, (x + 1, y), epochs=2, batch_size=16, device="cpu", progress=False)
    assert modes == [False] * 8
    assert model.training
    assert attacked.step_losses == moved.step_losses
    with pytest.raises(ValueError, match=r"attack returned \(60,\).*same shape"):
        fit(model, (x, y), batch_size=60, attack=lambda m, x, y: x[:, 0], device="cpu", progress=False)


def test_channels_last_is_the_same_training() -> None:
    losses, data = [], (torch.rand(20, 3, 6, 5), torch.arange(20) % 3)
    for last in (False, True):
        seed_everything(2)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 3))
        losses.append(fit(model, data, epochs=2, batch_size=8, channels_last=last, device="cpu", progress=False))
        assert model[0].weight.is_contiguous(memory_format=torch.channels_last) == last  # type: ignore[union-attr,operator]
    torch.testing.assert_close(torch.tensor(losses[0].step_losses), torch.tensor(losses[1].step_losses))
    with pytest.raises(ValueError, match=r"channels_last needs images"):
        fit(net(), blobs(), channels_last=True, device="cpu", progress=False)
