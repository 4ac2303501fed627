"""The history: its numbers, its picture, its way through JSON."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from cnncourse.train import History, fit, seed_everything


def history() -> History:
    seed_everything(0)
    x, y = torch.randn(37, 4), torch.arange(37) % 3
    return fit(nn.Linear(4, 3), (x, y), (x[:9], y[:9]), epochs=3, batch_size=8, lr=0.1, max_steps=13,
               metrics={"mean": lambda logits, _: logits.mean()}, device="cpu", progress=False)  # fmt: skip


def test_it_goes_through_json() -> None:
    told = history()
    assert History.from_dict(json.loads(json.dumps(told.to_dict()))) == told
    assert History.from_dict({}) == History()
    for wrong, message in (({"loses": []}, "loses"), ([1], "got list")):
        with pytest.raises(ValueError, match=message):
            History.from_dict(wrong)  # type: ignore[arg-type]


def test_lengths_fit_together() -> None:
    told = history()
    assert len(told.step_losses) == len(told.learning_rates) == 13
    assert told.epoch_ends == [5, 10, 13]
    for values in (
        told.losses,
        told.train_accuracy,
        told.val_losses,
        told.val_accuracy,
        told.seconds,
        told.metrics["mean"],
    ):
        assert len(values) == 3
    assert told.losses == pytest.approx([sum(told.step_losses[a:b]) / (b - a) for a, b in ((0, 5), (5, 10), (10, 13))])
    assert told.best_epoch == told.val_losses.index(min(told.val_losses))


def test_the_picture_shows_training_and_validation() -> None:
    told = history()
    fig = told.plot()
    fig.canvas.draw()
    top, bottom = fig.axes
    assert (top.get_ylabel(), bottom.get_ylabel(), bottom.get_xlabel()) == ("loss", "accuracy", "epoch")
    steps, train, val = top.lines
    assert list(steps.get_ydata()) == told.step_losses
    assert list(steps.get_xdata())[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert list(steps.get_xdata())[10:] == pytest.approx([2 + 1 / 3, 2 + 2 / 3, 3.0])
    assert list(train.get_xdata()) == [1, 2, 3]
    assert (list(train.get_ydata()), list(val.get_ydata())) == (told.losses, told.val_losses)
    assert [list(line.get_ydata()) for line in bottom.lines] == [told.train_accuracy, told.val_accuracy]
    assert [text.get_text() for text in top.get_legend().get_texts()] == ["training", "validation"]
    assert fig.get_size_inches()[0] == 6


def test_pictures_of_less() -> None:
    only_steps = History(step_losses=[1.0, 0.5])
    (ax,) = only_steps.plot().axes
    assert list(ax.lines[0].get_xdata()) == [0.5, 1.0]
    no_classes = History(step_losses=[1.0, 0.5], losses=[0.75], epoch_ends=[2])
    assert len(no_classes.plot().axes) == 1
    with pytest.raises(ValueError, match="no step to draw"):
        History().plot()
