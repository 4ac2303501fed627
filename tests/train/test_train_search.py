"""Random search: what is drawn, what is recorded, what a cut off search goes on with."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cnncourse.train import Search, Trial, choice, integers, log_uniform, random_search, uniform

SPACE = {
    "lr": log_uniform(1e-4, 1e-1),
    "drop": uniform(0.2, 0.6),
    "width": integers(4, 9),
    "act": choice("relu", "elu"),
}


def score(lr: float, drop: float, width: int, act: str) -> float:
    """Best near lr = 1e-2."""
    return -abs(math.log10(lr) + 2) + 0.01 * width


def search(call: Callable[..., float] = score, trials: int = 12, seed: int = 3, **options: Any) -> Search:
    return random_search(call, SPACE, trials, seed, progress=False, **options)


def drawn(found: Search) -> list[dict[str, Any]]:
    return [trial.parameters for trial in found.trials]


def test_draws_follow_their_spaces() -> None:
    source = random.Random(1)
    for space, low, high, median in ((uniform(0.2, 0.6), 0.2, 0.6, 0.4), (log_uniform(1e-4, 1e-2), 1e-4, 1e-2, 1e-3)):
        values = sorted(float(space.draw(source)) for _ in range(4000))
        assert low <= values[0] < low + 0.01 * (high - low)
        assert high - 0.02 * (high - low) < values[-1] <= high
        assert values[2000] == pytest.approx(median, rel=0.1)
    numbers = [integers(4, 9).draw(source) for _ in range(6000)]
    assert all(850 < numbers.count(n) < 1150 for n in range(4, 10))
    assert len(set(numbers)) == 6
    small = [integers(1, 100, log=True).draw(source) for _ in range(4000)]
    assert (min(small), max(small)) == (1, 100)
    assert all(isinstance(n, int) for n in small)
    assert sorted(small)[2000] == pytest.approx(10, abs=1)  # half of log 101
    options = [choice("a", None, 3).draw(source) for _ in range(900)]
    assert all(230 < options.count(option) < 370 for option in ("a", None, 3))


def test_draws_depend_on_seed_number_and_name_only() -> None:
    found = search()
    assert drawn(search(trials=5)) == drawn(found)[:5]
    assert drawn(search(seed=4)) != drawn(found)
    more = random_search(lambda **_: 0.0, {"extra": uniform(0, 1), **SPACE}, 12, 3, progress=False)
    assert [{key: p[key] for key in SPACE} for p in drawn(more)] == drawn(found)
    assert len({json.dumps(p) for p in drawn(found)}) == 12


def test_the_best_is_the_best() -> None:
    found = search(trials=30)
    assert found.best.score == max(score(**p) for p in drawn(found))
    assert search(lambda **p: -score(**p), maximize=False).best.parameters == search().best.parameters
    assert 1e-3 < found.best.parameters["lr"] < 1e-1


def test_a_failing_trial_is_recorded_and_the_rest_go_on() -> None:
    def call(**parameters: Any) -> float:
        if parameters["act"] == "elu":
            raise RuntimeError("out of memory")
        return math.nan if parameters["width"] > 7 else 1.0

    found = search(call, trials=30)
    for trial in found.trials:
        wrong = trial.parameters["act"] == "elu", trial.parameters["width"] > 7
        expected = "RuntimeError: out of memory" if wrong[0] else "the score is nan" if wrong[1] else ""
        assert trial.error == expected
        assert (trial.score is None) == any(wrong)
    assert {trial.error for trial in found.trials} == {"", "the score is nan", "RuntimeError: out of memory"}
    with pytest.raises(ValueError, match=r"every trial failed.*the score is inf"):
        _ = search(lambda **_: math.inf).best


def test_a_cut_off_search_goes_on_where_it_was(tmp_path: Path) -> None:
    log, calls = tmp_path / "logs" / "search.jsonl", 0

    def noisy(**parameters: Any) -> float:
        """Each trial has its own random numbers, however many ran before."""
        return score(**parameters) + float(torch.rand(())) + random.random()

    def cut(**parameters: Any) -> float:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise KeyboardInterrupt
        return noisy(**parameters)

    whole = search(noisy, trials=10)
    with pytest.raises(KeyboardInterrupt):
        search(cut, trials=10, log=log)
    for end in ("", '{"number": 5, "para'):  # killed in the middle of a line
        with log.open("a") as file:
            file.write(end)
        part = search(noisy, trials=8, log=log)
        assert [t.score for t in part.trials] == [t.score for t in whole.trials[:8]]
    rest = search(noisy, trials=10, log=log)
    assert [(t.parameters, t.score) for t in rest.trials] == [(t.parameters, t.score) for t in whole.trials]
    assert len(log.read_text().splitlines()) == 11
    assert search(pytest.fail, trials=4, log=log).trials == rest.trials[:4]


def test_a_log_cut_off_in_its_first_line_is_begun_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text('{"seed": 3, "max')
    first = search(log=log)
    assert drawn(search(pytest.fail, log=log)) == drawn(first)


def test_the_log_of_another_search_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log"
    search(trials=3, log=log)
    before = log.read_bytes()
    for options in ({"seed": 4}, {"maximize": False}):
        with pytest.raises(ValueError, match=r"is of .*this search is .*another log"):
            search(log=log, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="another log"):
        random_search(score, {**SPACE, "lr": log_uniform(1e-5, 1e-1)}, 3, 3, log=log, progress=False)
    assert log.read_bytes() == before
    lines = before.splitlines(keepends=True)
    for damaged in (b"".join([*lines[:2], b"nonsense\n", *lines[2:]]), b"".join(lines[:1] + lines[2:])):
        log.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"damaged|trials are missing"):
            search(log=log)
        assert log.read_bytes() == damaged


def test_the_picture_has_a_panel_for_each_parameter() -> None:
    def call(**parameters: Any) -> float:
        return math.nan if parameters["act"] == "elu" else score(**parameters)

    found = search(call, trials=20)
    fig = found.plot()
    fig.canvas.draw()
    assert [ax.get_xlabel() for ax in fig.axes] == list(SPACE)
    assert [ax.get_xscale() for ax in fig.axes] == ["log", "linear", "linear", "linear"]
    assert [label.get_text() for label in fig.axes[3].get_xticklabels()] == ["relu", "elu"]
    dots, crosses, ring = fig.axes[0].lines
    assert len(dots.get_xdata()) + len(crosses.get_xdata()) == 20
    assert list(ring.get_xdata()) == [found.best.parameters["lr"]]
    Search((Trial(0, {"lr": 0.1}, None, "E", 1.0),), {"lr": uniform(0, 1)}).plot().canvas.draw()


def test_progress_is_one_line_a_trial(capsys: pytest.CaptureFixture[str]) -> None:
    random_search(lambda **_: 0.5, {"lr": uniform(0, 1)}, 2)
    random_search(lambda **_: math.nan, {"lr": choice(1)}, 1)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("trial 1/2: lr 0.")
    assert "score 0.5000" in second
    assert third.startswith("trial 1/1: lr 1: failed: the score is nan")


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "no trials": (lambda: search(trials=0), "trials is 0"),
    "no space": (lambda: random_search(score, {}), "expected names with uniform"),
    "no range": (lambda: random_search(score, {"lr": (0, 1)}), "expected names with uniform"),  # type: ignore[dict-item]
    "backwards": (lambda: uniform(1, 0), "uniform: from 1 to 0"),
    "endless": (lambda: uniform(0, math.inf), "uniform: from 0 to inf"),
    "log of zero": (lambda: log_uniform(0, 1), "low is 0; expected a number > 0"),
    "integers from 0, log": (lambda: integers(0, 5, log=True), "low is 0"),
    "no options": (lambda: choice(), r"choice: got \(\)"),
    "odd option": (lambda: choice(object()), "expected texts, numbers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    call, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        call()
