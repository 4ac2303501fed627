"""Accuracy, loss, metrics and predictions against sums written out here."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.data import DataLoader, Dataset, TensorDataset

from cnncourse.train import accuracy, evaluate, predict, seed_everything


class Items(Dataset[tuple[Any, Any]]):
    """Pairs of NumPy images and Python numbers, as files give them."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x.numpy(), y.tolist()

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.x[index], self.y[index]


X, Y = torch.randn(23, 4, generator=torch.Generator().manual_seed(0)), torch.arange(23) % 3
FORMS = {
    "pair": (X, Y),
    "tensors": TensorDataset(X, Y),
    "items": Items(X, Y),
    "loader": DataLoader(TensorDataset(X, Y), batch_size=5),
    "images and labels": type("Digits", (), {"images": X, "labels": Y})(),
}


def net() -> nn.Module:
    seed_everything(1)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_data_gives_the_sums_written_out(form: str) -> None:
    model = net()
    found = evaluate(model, FORMS[form], metrics={"second": second}, batch_size=7, device="cpu")
    assert model.training
    with torch.no_grad():
        logits = model.eval()(X)
    model.train()
    right = float((logits.argmax(1) == Y).double().mean())
    assert list(found) == ["loss", "accuracy", "second"]
    assert found["loss"] == pytest.approx(cross_entropy(logits, Y).item(), rel=1e-6)
    assert found["accuracy"] == right == accuracy(model, FORMS[form], batch_size=7, device="cpu")
    assert found["second"] == second(logits, Y)
    torch.testing.assert_close(predict(model, FORMS[form], batch_size=7, device="cpu"), logits)
    torch.testing.assert_close(predict(model, X, batch_size=7, device="cpu"), logits)


def second(logits: Tensor, labels: Tensor) -> float:
    """The share with the label among the two largest logits: needs all the data at once to tell its length."""
    assert len(logits) == 23
    assert not logits.requires_grad
    return float((logits.topk(2).indices == labels[:, None]).any(1).double().mean())


def test_labels_of_any_shape_with_a_loss_of_their_own() -> None:
    model, target = nn.Linear(4, 2), torch.randn(23, 2)
    found = evaluate(model, (X, target), loss=mse_loss, batch_size=10, device="cpu")
    assert list(found) == ["loss"]
    assert found["loss"] == pytest.approx(mse_loss(model(X), target).item(), rel=1e-6)


def test_every_position_of_a_map_counts() -> None:
    """Logits (N, C, H, W) and labels (N, H, W), as in segmentation."""
    x, labels = torch.randn(6, 3, 5, 4), torch.randint(3, (6, 5, 4))
    found = evaluate(nn.Identity(), (x, labels), loss=cross_entropy, batch_size=4, device="cpu")
    assert found["accuracy"] == float((x.argmax(1) == labels).double().mean())
    assert found["loss"] == pytest.approx(cross_entropy(x, labels).item(), rel=1e-6)


def test_labels_that_are_structures() -> None:
    """A loader may give dicts; metrics get lists of what they held."""

    def collate(items: list[Any]) -> Any:
        return torch.stack([x for x, _ in items]), [{"box": y[None].float()} for _, y in items]

    def loss(logits: Tensor, labels: list[dict[str, Tensor]]) -> Tensor:
        return torch.stack([(row[0] - label["box"][0]) ** 2 for row, label in zip(logits, labels, strict=True)]).mean()

    loader = DataLoader(TensorDataset(X, Y), batch_size=10, collate_fn=collate)
    found = evaluate(nn.Identity(), loader, loss=loss, metrics={"n": lambda _, y: len(y)}, device="cpu")
    assert found == {"loss": pytest.approx(float(((X[:, 0] - Y) ** 2).mean())), "n": 23}


def test_each_module_gets_its_own_mode_back_even_after_an_error() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout())
    model[1].eval()
    accuracy(model, (X, Y), device="cpu")
    assert [m.training for m in model.modules()] == [True, True, False]
    with pytest.raises(RuntimeError):
        predict(model, torch.zeros(2, 9), device="cpu")
    assert [m.training for m in model.modules()] == [True, True, False]


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "empty": (lambda: accuracy(net(), (X[:0], Y[:0])), ValueError, "N ≥ 1"),
    "empty dataset": (lambda: accuracy(net(), Items(X[:0], Y[:0])), ValueError, "length of at least 1"),
    "list": (lambda: evaluate(net(), [1, 2]), ValueError, "data is a list; expected"),
    "floats": (lambda: evaluate(net(), (X, Y.float()), device="cpu"), ValueError, "integer labels.*Pass loss="),
    "float items": (lambda: evaluate(net(), Items(X, Y.float()), device="cpu"), ValueError, "integer labels"),
    "lengths": (lambda: evaluate(net(), (X, Y[:-1]), loss=mse_loss), ValueError, "as many images as labels"),
    "triples": (lambda: evaluate(net(), TensorDataset(X, X, Y), device="cpu"), ValueError, "batch is.*expected pairs"),
    "batch size": (lambda: accuracy(net(), (X, Y), batch_size=0), ValueError, "batch_size is 0"),
    "metric's name": (
        lambda: evaluate(net(), (X, Y), metrics={"loss": second}, device="cpu"), ValueError, "other names than 'loss'",
    ),
    "no images": (lambda: predict(net(), X[:0], device="cpu"), ValueError, r"shape \(0, 4\)"),
    "one number": (lambda: predict(net(), torch.tensor(1.0), device="cpu"), ValueError, r"shape \(\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()
