"""Cases that use a function by more than one call, in the notebook: objects, states, gradients, errors."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnncourse.checks import Case, Exercise, evaluate, prepare
from cnncourse.checks.core import Fault
from cnncourse.checks.notebook import caller
from cnncourse.checks.subject import LocalSubject


def layer(n):
    return nn.Sequential(nn.Linear(n, 2), nn.Dropout(0.5))


X = torch.tensor([[1.0, 2.0, 3.0]])


def test_objects_start_from_a_seed_of_their_own_and_leave_the_notebooks_generator_alone():
    torch.manual_seed(5)
    first = LocalSubject(layer).make(3)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), drawn)
    torch.manual_seed(6)
    second = LocalSubject(layer).make(3)
    assert torch.equal(first.state()["0.weight"], second.state()["0.weight"])
    assert torch.equal(first(X), second(X))
    assert not torch.equal(first(X), first(X))
    first.train(False)
    assert torch.equal(first(X), first(X))


def test_a_state_is_a_copy_and_is_loaded_strictly():
    made = LocalSubject(layer).make(3)
    made.state()["0.weight"].zero_()
    made.parameters()["0.bias"].zero_()
    assert made.tensor("0.weight").any()
    assert made.load({"0.weight": torch.zeros(3, 2), "x": torch.zeros(1)}) == (
        "missing 0.bias",
        "unexpected x",
        "shape of 0.weight",
    )
    assert made.load({name: torch.zeros_like(value) for name, value in made.state().items()}) == ()
    assert not made.tensor("0.weight").any()
    with pytest.raises(AttributeError, match=r"no parameter or buffer 'w'; the state holds 0\.weight, 0\.bias"):
        made.tensor("w")


def test_gradients_of_functions_and_modules():
    weights = torch.tensor([1.0, 10.0])
    found = LocalSubject(lambda x, k: x.mul_(k) ** 2).vjp([torch.tensor([1.0, 2.0]), 3], weights)
    assert torch.equal(found.inputs[0], 18 * torch.tensor([1.0, 2.0]) * weights)
    made = LocalSubject(lambda: nn.Linear(3, 2)).make()
    found = made.vjp([X], weights[None])
    assert torch.equal(found.parameters["weight"], weights[:, None] @ X)
    assert set(made.gradients().values()) == {None}
    trained = LocalSubject(lambda module, x: module(x).sum().backward())
    trained(made, X)
    assert torch.equal(made.gradients()["bias"], torch.ones(2))
    made.zero_grad()
    assert set(made.gradients().values()) == {None}


def use(subject, n):
    return subject.make(n).tensor("weight").shape[0]


TOY = Exercise("toy", 1.0, lambda n: nn.Linear(3, n), lambda: [], ())
PREPARED = prepare(TOY, [Case("a", (2,), use=use), Case("b", (5,), use=use)])


@pytest.mark.parametrize(
    ("function", "verdict", "word"),
    [
        (lambda n: nn.Linear(3, n), "pass", ""),
        (lambda n: nn.Linear(3, 2), "fail", "same answer"),
        (lambda n: n, "error", "TypeError"),
        (lambda n: layer(3), "error", "AttributeError"),
        (lambda n: 1 / 0, "error", "ZeroDivisionError"),
        (None, "missing", "no function"),
    ],
)
def test_what_a_student_gives_has_a_verdict(function, verdict, word):
    result = evaluate(PREPARED, caller(function))
    assert result.verdict == verdict
    assert word in result.hint


class Broken:
    """A call whose machinery fails, or that sends copies."""

    sends = True

    def subject(self, name):
        return self

    def make(self, *args):
        raise Fault("pipe") from OSError("the pipe is gone")


def test_a_fault_of_the_machinery_passes_through():
    with pytest.raises(OSError, match="the pipe is gone"):
        evaluate(PREPARED, Broken())


def test_copies_are_made_where_the_function_could_reach_the_cases():
    x = torch.tensor([1.0, 2.0])
    prepared = prepare(Exercise("toy", 1.0, lambda x: x + 1, lambda: [], ()), [Case("a", (x,)), Case("b", (2 * x,))])
    result = evaluate(prepared, caller(lambda x: x.add_(1)), shown=1)
    assert result.verdict == "pass"
    assert torch.equal(x, torch.tensor([1.0, 2.0]))
    assert result.cases[0].modified == ("argument 1",)
    assert result.cases[0].expected
    assert (result.cases[1].got, result.cases[1].expected) == ("", "")
