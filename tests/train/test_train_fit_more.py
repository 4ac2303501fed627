"""What `fit` can do beside the plain loop: precision, clipping, losses, patience, and what it says when it fails."""

from __future__ import annotations

import pytest
import torch
from test_train_fit import blobs, net
from torch import nn

from cnncourse.device import seed_everything
from cnncourse.train import accuracy, fit


def digits_like(count: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = blobs(count)
    return x.reshape(-1, 2, 1, 1).expand(-1, 2, 4, 4).contiguous(), y


def conv() -> nn.Sequential:
    seed_everything(1)
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))


@pytest.mark.parametrize("amp", [True, "bfloat16", "float16"])
def test_low_precision_learns_and_keeps_float32_weights(amp: bool | str, device: torch.device) -> None:
    kinds, judged = [], set()

    def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        judged.add(logits.dtype)
        return nn.functional.cross_entropy(logits, labels)

    model = conv()
    model[0].register_forward_hook(lambda _, __, y: kinds.append(y.dtype))
    history = fit(model, digits_like(), digits_like(), epochs=8, batch_size=16, lr=0.01, amp=amp, loss=loss,
                  device=device, progress=False)  # fmt: skip
    assert history.val_accuracy[-1] > 0.95
    assert judged == {torch.float32}
    low = torch.float16 if amp == "float16" else torch.bfloat16
    assert set(kinds) == {low, torch.float32}  # validation is in float32
    assert {w.dtype for w in model.parameters()} == {torch.float32}
    with pytest.raises(ValueError, match=r"amp is 'half'; expected True, False, 'bfloat16' or 'float16'"):
        fit(model, digits_like(), amp="half", device="cpu", progress=False)


def test_a_step_whose_scaled_gradient_overflows_is_left_out() -> None:
    """float16 ends at 65504: the first scale of 2**16 is too much for a gradient of 10; the rate does not move on."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 1.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    history = fit(model, (torch.ones(4, 1), torch.ones(4, 1)), epochs=3, loss=lambda p, _: 10 * p.mean(), amp="float16",
                  optimizer=optimizer, schedule=schedule, device="cpu", progress=False)  # fmt: skip
    skipped = history.learning_rates.count(1.0) - 1
    assert skipped >= 1
    assert history.learning_rates == [1.0] * (1 + skipped) + [0.5**k for k in range(1, 3 - skipped)]
    assert history.step_losses[: 1 + skipped] == [10.0] * (1 + skipped)


@pytest.mark.parametrize("amp", [False, "bfloat16", "float16"])
def test_a_long_gradient_is_clipped(amp: bool | str) -> None:
    """With loss w / 2 the gradient is 0.5; clipped to 0.25, each step of rate 1 goes 0.25 down, the loss 0.125."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 4.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    x = torch.full((3, 1), 0.5)
    history = fit(model, (x, x), epochs=3, loss=lambda p, _: p.mean(), amp=amp, optimizer=optimizer,
                  max_grad_norm=0.25, device="cpu", progress=False)  # fmt: skip
    assert history.step_losses == pytest.approx([2.0, 1.875, 1.75], rel=1e-4)


def test_regression_with_a_loss_of_its_own() -> None:
    x, _ = blobs()
    target = x @ torch.tensor([[2.0], [-1.0]]) + 0.5
    model = nn.Linear(2, 1)
    history = fit(model, (x, target), (x, target), epochs=200, lr=0.1, loss=nn.functional.mse_loss, device="cpu",
                  metrics={"mae": lambda p, y: (p - y).abs().mean()}, progress=False)  # fmt: skip
    torch.testing.assert_close(model.weight.detach(), torch.tensor([[2.0, -1.0]]), atol=0.05, rtol=0)
    assert history.train_accuracy == history.val_accuracy == []
    assert history.val_losses[-1] < 0.02
    assert history.metrics["mae"][-1] == pytest.approx(float((model(x) - target).abs().mean().detach()))
    for wrong, message in (
        (lambda p, y: (p - y) ** 2, r"\(60, 1\) torch.float32; expected one"),
        (lambda p, y: 1.0, "float"),
    ):
        with pytest.raises(ValueError, match=f"loss gave {message}"):
            fit(model, (x, target), loss=wrong, device="cpu", progress=False)  # type: ignore[arg-type, return-value]


def test_patience_stops_and_gives_back_the_best_weights() -> None:
    """The loss on `val` falls and then rises, because `val` wants what `train` passes on its way."""
    x = torch.ones(8, 1)
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 0.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    history = fit(model, (x, 2 * x), (x, x), epochs=50, loss=nn.functional.mse_loss, optimizer=optimizer, patience=3,
                  metrics={"w": lambda p, _: p[0]}, device="cpu", progress=False)  # fmt: skip
    weights = history.metrics["w"]
    best = min(range(len(weights)), key=lambda k: abs(weights[k] - 1))
    assert history.best_epoch == best == 2
    assert len(history.losses) == best + 1 + 3
    assert history.stopped == "after epoch 6: the validation loss was lowest 3 epochs before, and patience is 3"
    assert float(model.weight.detach()) == weights[best]
    free = fit(model, (x, 2 * x), (x, x), epochs=5, loss=nn.functional.mse_loss, device="cpu", progress=False)
    assert (len(free.losses), free.stopped) == (5, "")


def test_the_accuracy_while_training_is_counted_before_each_step() -> None:
    """With rate 0 nothing changes, so it is the accuracy of the model."""
    model, data = net(), blobs()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    history = fit(model, data, data, epochs=2, batch_size=16, optimizer=optimizer, device="cpu", progress=False)
    assert history.train_accuracy == history.val_accuracy == [accuracy(model, data, device="cpu")] * 2
    assert history.learning_rates == [0.0] * 8


def test_the_first_layer_that_went_wrong_is_named() -> None:
    class Root(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x - 100).sqrt()

    x, y = blobs()
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 3), nn.Sequential(nn.ReLU(), Root()), nn.Linear(3, 3))
    with pytest.raises(FloatingPointError, match=r"nan at step 0.*layer '2.1' \(Root\) gave the first value"):
        fit(model, (x, y), batch_size=60, device="cpu", progress=False)
    assert int(model[0].num_batches_tracked) == 1  # the search for the layer is no step of training
    assert not any(module._forward_hooks for module in model.modules())
    holed = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3))
    holed[1].bias.data[0] = float("inf")
    with pytest.raises(FloatingPointError, match=r"layer '1' \(Linear\).*its bias already held such values"):
        fit(holed, (x, y), device="cpu", progress=False)
    with pytest.raises(FloatingPointError, match=r"loss is inf at step 0.*every layer's output is finite.*try 0.0001"):
        fit(net(), (x, y), loss=lambda p, _: p.mean() / 0, device="cpu", progress=False)
    x[1] = float("nan")
    with pytest.raises(FloatingPointError, match="the input itself has 2 values"):
        fit(net(), (x, y), batch_size=60, device="cpu", progress=False)


def test_training_under_too_high_a_rate_is_explained() -> None:
    x, y = blobs()
    model = nn.Sequential(nn.Linear(2, 30), nn.ReLU(), nn.Linear(30, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e12)
    with pytest.raises(FloatingPointError, match=r"at step [1-9].*it is 1e\+12: try 1e\+11, or max_grad_norm=1"):
        fit(model, (x, y), optimizer=optimizer, device="cpu", progress=False)
