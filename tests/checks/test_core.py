"""Verdicts: shares, trivial cases, constants, errors, diagnosis, on a toy exercise."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
import torch

from cnncourse.checks import CallError, Case, Exercise, Mistake, evaluate, prepare
from cnncourse.checks.notebook import caller

CASES = [
    Case("one", (torch.tensor([1.0, 2.0]), 2)),
    Case("two", (torch.tensor([3.0, 5.0]), 3)),
    Case("zero", (torch.tensor([0.0, 0.0]), 3)),
    Case("echo", (torch.tensor([4.0, 7.0]), 1)),
]


def broken(x, k):
    if k > 2:
        raise ZeroDivisionError
    return x * k


TOY = Exercise(
    "scale",
    4.0,
    lambda x, k: x * k,
    lambda: CASES,
    (
        Mistake("added", lambda x, k: x + k, "You add."),
        Mistake("twice", lambda x, k: x * 2, "Always by two."),
        Mistake("negative", lambda x, k: -x * k, "Minus."),
        Mistake("broken", broken, "Divides."),
    ),
)


def judge(function, cases=CASES, exercise=TOY):
    return evaluate(prepare(exercise, cases), caller(function))


def test_all_right():
    result = judge(lambda x, k: k * x)
    assert (result.verdict, result.score, result.share, result.mistake, result.hint) == ("pass", 4.0, 1.0, None, "")


def test_trivial_cases_earn_only_beside_others():
    assert judge(lambda x, k: x).score == 0
    assert judge(lambda x, k: torch.zeros(2)).score == 0
    half = judge(lambda x, k: x * k if k != 3 or not x.any() else x + 99)
    assert [c.passed for c in half.cases] == [True, False, True, True]
    assert half.share == pytest.approx((1 + 2 * 1 / 2) / 4)


def test_weights():
    heavy = [replace(CASES[0], weight=3.0), CASES[1]]
    assert judge(lambda x, k: x * 2, heavy).share == pytest.approx(0.75)


def test_one_answer_for_all_scores_nothing():
    right_once = judge(lambda x, k: torch.tensor([2.0, 4.0]))
    assert right_once.cases[0].passed
    assert right_once.score == 0
    assert "one and the same" in right_once.hint


def test_mistake_must_explain_every_failed_case():
    assert judge(lambda x, k: x + k).mistake == "added"
    mixed = judge(lambda x, k: x + k if k == 2 else x - k)
    assert mixed.mistake is None
    assert mixed.hint


def test_consistent_mistake_is_preferred():
    first = Mistake("first", lambda x, k: x + 9, "Plus nine.")
    second = Mistake("second", lambda x, k: x + 9 if k == 2 else x * k, "Sometimes.")
    result = judge(second.function, exercise=replace(TOY, mistakes=(first, second)))
    assert result.mistake == "second"


def test_an_exception_alone_names_no_mistake():
    result = judge(broken)
    assert result.verdict == "fail"
    assert result.mistake is None
    assert "ZeroDivisionError" in result.hint


@pytest.mark.parametrize("kind", ["error", "limit", "missing"])
def test_verdict_of_calls_that_give_nothing(kind):
    def call(name, *args):
        raise CallError(kind, "Boom", "secret 42")

    result = evaluate(prepare(TOY, CASES), call)
    assert (result.verdict, result.score) == (kind, 0)
    assert "secret" not in result.hint


def test_other_exceptions_are_not_the_students():
    def call(name, *args):
        raise OSError("pipe broke")

    with pytest.raises(OSError, match="pipe broke"):
        evaluate(prepare(TOY, CASES), call)


def test_inputs_are_fresh_and_changes_in_place_are_told():
    prepared = prepare(TOY, CASES)

    def in_place(x, k):
        x *= k
        return x

    for _ in range(2):
        result = evaluate(prepared, caller(in_place))
        assert result.verdict == "pass"
        assert result.cases[0].modified == ("argument 1",)
        assert result.cases[3].modified == ()
    assert torch.equal(CASES[0].args[0], torch.tensor([1.0, 2.0]))


def test_prepared_can_be_pickled():
    prepared = pickle.loads(pickle.dumps(prepare(TOY, CASES)))
    assert evaluate(prepared, caller(lambda x, k: -x * k)).mistake == "negative"


def test_prepare_refuses_what_cannot_be_judged():
    with pytest.raises(ValueError, match="no cases"):
        prepare(TOY, [])
    with pytest.raises(ValueError, match="weight"):
        prepare(TOY, [replace(CASES[0], weight=0)])
    with pytest.raises(ValueError, match="reference of 'scale' fails"):
        prepare(TOY, [Case("bad", (1, 2, 3))])
