"""The experiments: each begins as its stored result says, results hold what is written, and wrong ones are noticed."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD

from cnncourse import experiments
from cnncourse.experiments import Experiment, Result, Run, Training, nets, registry, show_scores, show_spread, store
from cnncourse.experiments.__main__ import main
from cnncourse.experiments.making import differences, make


def tiny_net(width: int = 4) -> nn.Module:
    return nn.Linear(width, 3)


def tiny_data(count: int = 40, slope: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(count)
    x = torch.randn(count, 4, generator=generator) * slope
    return x, x[:, :3].argmax(dim=1)


def twice(model: nn.Module) -> dict[str, float]:
    return {"twice": 2.0}


def training(rate: float = 0.1, **settings: object) -> Training:
    data = {"build": tiny_net, "train": tiny_data, "val": partial(tiny_data, 25)}
    return Training(**{**data, "epochs": 3, "batch_size": 8, "optimizer": partial(SGD, lr=rate), **settings})  # type: ignore[arg-type]


TINY = Experiment("tiny", "a trial", "random", {"slow": training(0.01), "fast": training(1.0, measure=twice)})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make(TINY, tmp_path, say=lambda text: None)
    return tmp_path


@pytest.fixture
def result(home: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setattr(registry, "every", lambda: {"tiny": TINY})
    return experiments.load("tiny", home=home)


# ---------------------------------------------------------------- what is stored with the course


@pytest.mark.parametrize("name", experiments.names())
def test_a_stored_experiment_begins_as_it_did(name: str) -> None:
    """Every arm, with its first seed: settings, seeds and the losses of the first steps are those of the file."""
    assert differences(experiments.experiment(name)) == []


@pytest.mark.parametrize("name", experiments.names())
def test_a_stored_experiment_is_whole(name: str) -> None:
    result = experiments.load(name)
    assert len(result.arms) >= 2
    for arm, runs in result.runs.items():
        assert len(runs) >= 3, "three seeds at least"
        epochs = experiments.experiment(name).arms[arm].epochs
        for run in runs:
            assert run.first_losses
            assert run.seconds > 0
            assert run.error or {len(curve) for curve in run.curves.values()} == ({epochs} if epochs else set())
        if epochs and result.failures(arm) < len(runs):
            last, score = result.curves(arm, "val_loss")[:, -1], result.scores(arm, "loss")
            np.testing.assert_allclose(last, score, rtol=1e-3, err_msg="the score is that of the last epoch")


def test_results_are_small() -> None:
    assert sum(file.stat().st_size for file in store.HOME.glob("*.json")) < 1e6


# ---------------------------------------------------------------- making and storing


def test_runs_and_settings_are_written_and_read(result: Result) -> None:
    assert result.arms == ("slow", "fast")
    assert [run.seed for run in result.runs["slow"]] == [0, 1, 2]
    assert result.settings["slow"] == {
        "build": "tiny_net", "train": "tiny_data", "val": "tiny_data(25)", "epochs": 3, "batch_size": 8,
        "optimizer": "SGD(lr=0.01)",
    }  # fmt: skip
    run = result.runs["fast"][1]
    assert set(run.curves) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert set(run.scores) == {"loss", "accuracy", "twice"}
    assert len(run.first_losses) == 10
    assert result.curves("fast", "loss").shape == (3, 3)


def test_a_run_is_that_of_its_seed(result: Result) -> None:
    again = TINY.arms["fast"].run(2)
    stored = result.runs["fast"][2]
    assert (again.first_losses, again.curves, again.scores) == (stored.first_losses, stored.curves, stored.scores)
    assert again.first_losses != result.runs["fast"][1].first_losses


def test_scores_are_those_of_the_model_that_was_trained(result: Result) -> None:
    """Trained here with torch alone."""
    torch.manual_seed(1)
    model, (x, y) = tiny_net(), tiny_data()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    torch.manual_seed(1)
    first = []
    for _ in range(3):
        for rows in torch.randperm(40).split(8):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
            loss.backward()
            first.append(loss.item())
            optimizer.step()
    assert result.runs["fast"][1].first_losses == pytest.approx(first[:10])
    x, y = tiny_data(25)
    right = (model(x).argmax(1) == y).float().mean().item()
    assert result.runs["fast"][1].scores["accuracy"] == pytest.approx(right, abs=1e-5)


def test_a_training_that_breaks_is_recorded_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def squares(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return logits.square().mean()

    arms = {"bad": training(1e30, loss=squares), "good": training(0.1)}
    both = Experiment("both", "", "", arms)
    monkeypatch.setattr(registry, "every", lambda: {"both": both})
    make(both, tmp_path, say=lambda text: None)
    result = experiments.load("both", home=tmp_path)
    assert (result.failures("bad"), result.failures("good")) == (3, 0)
    assert "expected a finite number" in result.runs["bad"][0].error
    assert all(map(math.isfinite, result.runs["bad"][0].first_losses))
    assert result.scores("bad", failed=0.1).tolist() == [0.1] * 3
    with pytest.raises(ValueError, match="every training of 'bad' failed"):
        result.scores("bad")


def test_resume_keeps_what_is_still_the_same(home: Path) -> None:
    told: list[str] = []
    make(TINY, home, say=told.append, resume=True)
    assert told == ["tiny: 0 trainings, 6 kept"]
    changed = replace(TINY, arms={**TINY.arms, "slow": training(0.02)}, seeds=(0, 1, 2, 3))
    make(changed, home, say=told.append, resume=True)
    assert told[1] == "tiny: 5 trainings, 3 kept"  # four of the changed arm, one new seed of the other
    assert differences(changed, home) == []


@pytest.mark.slow
def test_workers_give_the_same_numbers(tmp_path: Path) -> None:
    """On an experiment of the course, because other processes find it by its name."""
    known = experiments.experiment("learning_curves")
    small = replace(known, arms={"too few digits": known.arms["too few digits"]}, seeds=(0, 1))
    make(small, tmp_path, say=lambda text: None, workers=2)
    stored = experiments.load("learning_curves")
    runs = store.read("learning_curves", tmp_path)["arms"]["too few digits"]["runs"]
    assert [run.first_losses for run in runs] == [
        pytest.approx(run.first_losses, rel=2e-3) for run in stored.runs["too few digits"][:2]
    ]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"batch_size": 10}, "settings are"),
        ({"build": partial(tiny_net, 4)}, "settings are"),
        ({"optimizer": partial(SGD, lr=0.03)}, "the first losses are"),
    ],
)
def test_another_training_than_the_stored_one_is_noticed(home: Path, change: dict[str, object], complaint: str) -> None:
    changed = replace(TINY, arms={**TINY.arms, "slow": replace(TINY.arms["slow"], **change)})  # type: ignore[arg-type]
    assert any(complaint in line for line in differences(changed, home))


def test_a_typed_number_is_noticed(home: Path) -> None:
    file = home / "tiny.json"
    content = json.loads(file.read_text())
    content["arms"]["fast"]["runs"][0]["first_losses"][3] *= 1.01
    file.write_text(json.dumps(content))
    (line,) = differences(TINY, home)
    assert line.startswith("fast, seed 0: the first losses are")


def test_arms_and_seeds_that_do_not_fit_are_noticed(home: Path) -> None:
    other = replace(TINY, arms={"slow": TINY.arms["slow"], "new": training()}, seeds=(0, 1))
    told = " ".join(differences(other, home))
    assert "fast: is stored, but no arm" in told
    assert "new: is not stored" in told
    assert "slow: seeds are (0, 1), stored [0, 1, 2]" in told


@pytest.mark.parametrize("damage", ["", "{", '{"arms": {"a": {}}}', '{"arms": {"a": {"runs": [{"seeds": 1}]}}}'])
def test_a_damaged_result_says_how_to_make_it_again(tmp_path: Path, damage: str) -> None:
    (tmp_path / "tiny.json").write_text(damage)
    with pytest.raises(experiments.BadResult, match=r"damaged .*experiments run tiny"):
        store.read("tiny", tmp_path)


# ---------------------------------------------------------------- reading it


RUNS = [
    Run(seed, [1.0], {"val_accuracy": [a, b]}, {"accuracy": b}, 1.0)
    for seed, (a, b) in enumerate([(0.5, 0.75), (0.25, 1.0)])
]
MADE = Result("made", "", "", {"a": {}}, {"a": [*RUNS, Run(2, [], {}, {}, 1.0, "the loss is nan")]}, {})


def test_curves_scores_and_sentences() -> None:
    assert MADE.curves("a").tolist() == [[0.5, 0.75], [0.25, 1.0]]
    assert MADE.scores("a").tolist() == [0.75, 1.0]
    assert MADE.scores("a", failed=0.0).tolist() == [0.75, 1.0, 0.0]
    assert MADE.mean("a") == 0.875
    assert MADE.say("a", form=".2f") == "0.88 (0.75 to 1.00)"
    assert MADE.seconds == 3.0


@pytest.mark.parametrize(
    ("ask", "complaint"),
    [
        (lambda: MADE.curves("b"), "there is no arm 'b'; expected one of 'a'"),
        (lambda: MADE.curves("a", "loss"), "curves are 'val_accuracy'; got 'loss'"),
        (lambda: MADE.scores("a", "loss"), "scores are 'accuracy'; got 'loss'"),
        (lambda: experiments.load("momentun"), "Did you mean 'momentum'"),
        (lambda: show_spread({}, "x", "y"), "got no curve"),
        (lambda: show_spread({"a": ([1], [[1.0, 2.0]])}, "x", "y"), "1 places and 2 values"),
        (lambda: show_spread({"a": ([1], [[math.nan]])}, "x", "y"), "finite numbers"),
        (lambda: show_scores({}, "x"), "got no scores"),
        (lambda: show_scores({"a": []}, "x"), "finite numbers"),
    ],
)
def test_what_is_not_there_is_named(ask: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ask()  # type: ignore[operator]


def test_the_plot_shows_mean_and_spread() -> None:
    ax = MADE.plot(limits=(0, 1)).axes[0]
    (line,), (band,) = ax.lines, ax.collections
    assert line.get_xydata().tolist() == [[1, 0.375], [2, 0.875]]
    corners = {tuple(point) for point in band.get_paths()[0].vertices.tolist()}
    assert corners >= {(1, 0.25), (1, 0.5), (2, 0.75), (2, 1.0)}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "accuracy, held out")
    assert tuple(ax.get_ylim()) == (0, 1)


def test_the_dots_are_the_seeds_and_the_bar_their_mean() -> None:
    ax = MADE.plot_scores().axes[0]
    dots, bar = ax.lines
    assert list(dots.get_xdata()) == [0.75, 1.0]
    assert list(bar.get_xdata()) == [0.875, 0.875]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a"]


# ---------------------------------------------------------------- the nets


@pytest.mark.parametrize("activation", nets.ACTIVATIONS)
def test_the_gain_keeps_the_mean_square(activation: str) -> None:
    torch.manual_seed(0)
    z = torch.randn(10**6, dtype=torch.float64)
    with torch.no_grad():
        square = nets.ACTIVATIONS[activation]().double()(z).square().mean().item()
    assert nets.gain(activation) ** 2 * square == pytest.approx(1, abs=0.01)


def test_the_gain_of_relu_is_hes_and_of_selu_is_one() -> None:
    assert nets.gain("ReLU") ** 2 == pytest.approx(2, abs=1e-6)
    assert nets.gain("SELU") == pytest.approx(1, abs=1e-6)


def test_initialisation_has_the_deviation_asked_for() -> None:
    torch.manual_seed(0)
    for init, sigma in (("he", (2 / 400) ** 0.5), ("xavier", (2 / 700) ** 0.5), (0.3, 0.3)):
        first = nets.mlp(1, 300, inputs=400, init=init)[1]
        assert first.weight.std().item() == pytest.approx(sigma, rel=0.02)
        assert not first.bias.any()
    with pytest.raises(ValueError, match="expected 'he', 'xavier' or a standard deviation"):
        nets.mlp(init="best")
    with pytest.raises(ValueError, match="activation is 'relu'; expected one of 'sigmoid'"):
        nets.mlp(activation="relu")


def test_the_nets_are_what_was_asked_for() -> None:
    kinds = [type(layer).__name__ for layer in nets.mlp(2, 8, batch_norm=True, dropout=0.5)]
    assert kinds == ["Flatten", *["Linear", "BatchNorm1d", "ReLU", "Dropout"] * 2, "Linear"]
    assert nets.cnn((4, 6), in_channels=3, classes=7)(torch.zeros(2, 3, 16, 12)).shape == (2, 7)


# ---------------------------------------------------------------- the command


def test_the_command_runs_checks_and_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "every", lambda: {"tiny": TINY})
    there = ["--home", str(tmp_path)]
    assert main(["list", *there]) == 1
    assert main(["check", *there]) == 1
    assert main(["run", "tiny", *there]) == 0
    assert "6/6 fast, seed 2: loss" in capsys.readouterr().out
    assert main(["check", "tiny", *there]) == 0
    assert main(["list", *there]) == 0
    assert "tiny: a trial; 2 arms, 6 trainings" in capsys.readouterr().out
    text = (tmp_path / "tiny.json").read_text()
    (tmp_path / "tiny.json").write_text(text.replace("lr=0.01", "lr=0.02"))
    assert main(["check", *there]) == 1


@pytest.mark.parametrize("wrong", [["run"], ["run", "tony"], ["run", "momentum", "--workers", "0"], ["walk"]])
def test_wrong_arguments_end_with_two(wrong: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*wrong, "--home", str(tmp_path)] if wrong[0] == "run" else wrong)
    assert ended.value.code == 2


def test_two_experiments_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_MODULES", ("design_training", "design_training"))
    registry.every.cache_clear()
    try:
        with pytest.raises(ValueError, match="two are called 'momentum'"):
            registry.every()
    finally:
        registry.every.cache_clear()
