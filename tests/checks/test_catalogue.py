"""The catalogue is proved: each mistake loses at least half of the points and is named, whatever the seed."""

from __future__ import annotations

import re

import pytest
from lesson_files import PRELUDE, WRONG, each_exercise, is_short, module, right_answers, solutions

from autograder.hidden import all_cases, hidden_cases
from cnncourse.checks import evaluate, load, prepare
from cnncourse.checks.catalogue import catalogue, compiled, edit, wrong
from cnncourse.checks.notebook import caller
from cnncourse.checks.values import fresh, matches, plain


def prove_mistakes(lesson, name, cases):
    exercise = load(lesson).exercise(name)
    prepared = prepare(exercise, cases)
    for mistake in exercise.mistakes:
        result = evaluate(prepared, caller(mistake.function))
        yield mistake, result


@each_exercise
def test_each_mistake_is_named_by_the_public_cases_alone(lesson, name):
    for mistake, result in prove_mistakes(lesson, name, load(lesson).exercise(name).public()):
        assert result.verdict == "fail", mistake.name
        assert (result.mistake, result.hint) == (mistake.name, mistake.hint)


def lose_and_are_named(lesson, name, seeds):
    for seed in seeds:
        for mistake, result in prove_mistakes(lesson, name, all_cases(lesson, name, seed)):
            assert result.mistake == mistake.name, (seed, mistake.name, result.mistake)
            assert result.share <= 0.5, (seed, mistake.name, result.share)
            assert result.score == result.share * load(lesson).exercise(name).points


@each_exercise
def test_each_mistake_loses_half_and_is_named(lesson, name):
    lose_and_are_named(lesson, name, [0, 123456789])


@pytest.mark.soak
@each_exercise
def test_each_mistake_loses_half_and_is_named_for_many_seeds(lesson, name):
    lose_and_are_named(lesson, name, range(1, 31))


@each_exercise
def test_there_are_enough_mistakes_with_helpful_hints(lesson, name):
    mistakes = load(lesson).exercise(name).mistakes
    assert len(mistakes) >= (5 if is_short(solutions(lesson)[name]) else 10)
    assert len({m.name for m in mistakes}) == len({m.hint for m in mistakes}) == len(mistakes)
    for mistake in mistakes:
        assert 20 < len(mistake.hint) < 200, mistake.name
        assert mistake.hint.endswith("."), mistake.name
        assert re.fullmatch("[a-z0-9_]+", mistake.name)


@each_exercise
def test_sources_stand_alone(lesson, name):
    for mistake in load(lesson).exercise(name).mistakes:
        assert compiled(name, mistake.source).__name__ == name


def right_answers_keep_all(lesson, name, seeds):
    answers = {**right_answers(lesson, name), "lesson": compiled(name, PRELUDE + solutions(lesson)[name])}
    assert len(answers) >= 4
    for seed in seeds:
        prepared = prepare(load(lesson).exercise(name), all_cases(lesson, name, seed))
        for author, function in answers.items():
            result = evaluate(prepared, caller(function))
            assert result.verdict == "pass", (author, seed, result.hint, [c.name for c in result.cases if not c.passed])
            assert result.score == load(lesson).exercise(name).points
            assert result.mistake is None


@each_exercise
def test_right_answers_keep_all_points(lesson, name):
    right_answers_keep_all(lesson, name, [0, 99])


@pytest.mark.soak
@each_exercise
def test_right_answers_keep_all_points_for_many_seeds(lesson, name):
    right_answers_keep_all(lesson, name, range(1, 41))


@each_exercise
def test_guesses_score_nothing(lesson, name):
    prepared = prepare(load(lesson).exercise(name), all_cases(lesson, name, 5))
    for label, guess in module(WRONG / "guesses.py").GUESSES.items():
        result = evaluate(prepared, caller(guess))
        assert result.score == 0, label
        assert result.verdict in ("fail", "error", "missing"), label
        assert result.hint, label


@each_exercise
def test_hidden_cases_repeat_and_vary(lesson, name):
    first, again, other = (hidden_cases(lesson, name, seed) for seed in (1, 1, 2))
    same = [
        matches(plain(a), plain(b))
        for x, y in zip(first, again, strict=True)
        for a, b in zip(x.args, y.args, strict=True)
    ]
    assert all(same)
    assert any(
        not matches(plain(a), plain(b))
        for x, y in zip(first, other, strict=True)
        for a, b in zip(x.args, y.args, strict=True)
    )


def test_hidden_cases_hold_what_they_promise():
    cases = [c for seed in range(3) for c in hidden_cases("01_convolution", "conv2d", seed)]
    x = [c.args[0] for c in cases]
    assert {0, 1} < {len(t) for t in x}
    assert {str(t.dtype) for t in x} == {"torch.float32", "torch.float64"}
    assert any(not t.is_contiguous() for t in x)
    assert all(not fresh(t).is_contiguous() for t in x if not t.is_contiguous())
    assert all(c.kwargs["stride"] != tuple(c.args[1].shape[2:]) for c in cases if c.weight == 1)
    assert all(t.shape[2] != t.shape[3] for t in x)
    assert max(t.numel() for t in x) < 2000


def test_unknown_names():
    with pytest.raises(ValueError, match="Did you mean '01_convolution'"):
        load("01_convolutions")
    with pytest.raises(KeyError, match="conv2d"):
        hidden_cases("01_convolution", "conv3d", 0)


def test_edits_must_apply_exactly_once():
    assert edit("a + b", "a", "c") == "c + b"
    with pytest.raises(ValueError, match="occurs 2 times"):
        edit("a + a", "a", "b")
    with pytest.raises(ValueError, match="changes nothing"):
        wrong("name", "hint")
    with pytest.raises(ValueError, match="defines no function"):
        catalogue("f", "def g(): pass", [wrong("name", "hint", ("pass", "return 1"))])
