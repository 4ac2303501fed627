"""Checks that work with modules and gradients: the same verdict in the notebook and over the pipe, whatever is lied."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from subject_uses import EXERCISE, MISTAKES, SOURCE
from torch import Tensor

from autograder.remote import Remote
from autograder.replay import Replay
from autograder.sandbox import Limits, Sandbox, SandboxError
from cnncourse.checks import Case, Exercise, ExerciseResult, Prepared, evaluate, prepare
from cnncourse.checks.catalogue import compiled
from cnncourse.checks.notebook import caller
from cnncourse.checks.subject import Subject

pytestmark = pytest.mark.sandbox
LIMITS = Limits(cell_seconds=5, call_seconds=2, memory_bytes=600 << 20)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(limits=LIMITS) as opened:
        yield opened


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    made = prepare(EXERCISE, EXERCISE.public())
    again = pickle.loads(pickle.dumps(made))
    assert isinstance(again, Prepared)
    return again


def graded(sandbox: Sandbox, prepared: Prepared, *sources: str) -> tuple[ExerciseResult, Replay]:
    with Replay(sandbox, sources, [True] * len(sources), 60) as replay:
        replay.start()
        return evaluate(prepared, Remote(replay)), replay


def test_a_right_module_keeps_all_points_on_both_sides(sandbox: Sandbox, prepared: Prepared) -> None:
    here = evaluate(prepared, caller(compiled("norm", SOURCE)))
    there, _ = graded(sandbox, prepared, SOURCE)
    assert (here.share, there.share) == (1, 1)
    assert (here.verdict, there.verdict) == ("pass", "pass")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_named_alike_on_both_sides(sandbox: Sandbox, prepared: Prepared, mistake: Any) -> None:
    here = evaluate(prepared, caller(mistake.function))
    there, _ = graded(sandbox, prepared, mistake.source)
    assert here.share == there.share < 1
    assert here.mistake == there.mistake == mistake.name
    assert [case.passed for case in here.cases] == [case.passed for case in there.cases]


def test_a_buffer_of_another_name_is_an_error_alike_on_both_sides(sandbox: Sandbox, prepared: Prepared) -> None:
    source = SOURCE.replace("running_mean", "mean_so_far")
    here, (there, _) = evaluate(prepared, caller(compiled("norm", source))), graded(sandbox, prepared, source)
    assert here.share == there.share == pytest.approx(2 / 3)
    assert here.cases[0].got.startswith("AttributeError: no parameter or buffer 'running_mean'")
    assert there.cases[0].got == "AttributeError"


def test_torchs_own_layer_is_right_too(sandbox: Sandbox, prepared: Prepared) -> None:
    source = "import torch\nfrom torch import nn\n"
    source += "def norm(channels): return nn.BatchNorm2d(channels, dtype=torch.float64)"
    result, _ = graded(sandbox, prepared, source)
    # its state holds num_batches_tracked besides: the case that compares all buffers says no
    assert [case.passed for case in result.cases] == [True, False, True]


def test_a_class_that_is_missing_or_no_module_has_a_reason(sandbox: Sandbox, prepared: Prepared) -> None:
    missing, _ = graded(sandbox, prepared, "x = 1")
    assert (missing.verdict, missing.score) == ("missing", 0)
    for source in ("def norm(n): return lambda x: x", "class norm:\n    def __init__(self, n): pass", "norm = None"):
        result, _ = graded(sandbox, prepared, source)
        assert result.score == 0
        assert result.hint


DYING = SOURCE + """
import os
class norm(norm):
    def train(self, mode=True):
        if not mode: os._exit(1)
        return super().train(mode)
"""  # fmt: skip


def test_an_object_that_dies_costs_its_case_and_the_next_has_a_fresh_one(sandbox: Sandbox, prepared: Prepared) -> None:
    first, replay = graded(sandbox, prepared, DYING)
    assert [case.passed for case in first.cases] == [False, False, False]  # it died twice: not asked any more
    assert replay.flags() == ["norm ended the process"]
    once = DYING.replace("if not mode:", "if not mode and not os.path.exists('x'):")
    assert [case.passed for case in graded(sandbox, prepared, once)[0].cases] == [False, False, False]
    alone = Prepared(**{**vars(prepared), "cases": prepared.cases[::-1], "expected": prepared.expected[::-1]})
    result, _ = graded(sandbox, alone, DYING)
    assert [case.passed for case in result.cases] == [True, False, False]


DROPPING = """
from torch import nn
class norm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.layer = nn.Linear(n, n)
    def forward(self, x):
        return nn.functional.dropout(self.layer(x), 0.5)
"""  # fmt: skip


def dropped(norm: Subject, x: Tensor) -> object:
    made = norm.make(x.shape[1])
    return made.load(made.state()), made.tensor("layer.bias"), made(x)


def test_what_is_drawn_at_random_is_the_same_on_both_sides_whatever_was_asked_before(sandbox: Sandbox) -> None:
    exercise = Exercise("norm", 1.0, compiled("norm", DROPPING), lambda: [], ())
    result, _ = graded(sandbox, prepare(exercise, [Case("dropped", (torch.ones(9, 9),), use=dropped)]), DROPPING)
    assert result.cases[0].passed


def ask_after_the_end(subject: Subject, n: int) -> object:
    made = subject.make(n)
    try:
        made.train(False)
    except Exception:
        return made.parameters()
    return 1


def how_many(subject: Subject, n: int) -> object:
    return len(subject.make(n).parameters())


def test_an_object_is_never_made_anew_behind_a_checks_back(sandbox: Sandbox) -> None:
    exercise = Exercise("norm", 1.0, compiled("norm", SOURCE), lambda: [], ())
    cases = [Case("after the end", (2,), use=ask_after_the_end), Case("the next", (2,), use=how_many)]
    result, _ = graded(sandbox, prepare(exercise, cases), DYING)
    assert result.cases[0].got == "a crash of the whole process"
    assert result.cases[1].passed, "asking for what is gone is no crash of its own"


def careless(subject: Subject, n: int) -> object:
    return subject.make(n).state()["running_var"][7]


def test_what_a_use_raises_over_an_answer_is_the_students(sandbox: Sandbox, prepared: Prepared) -> None:
    right = SOURCE.replace(
        'register_buffer("running_var", torch.ones(channels', 'register_buffer("running_var", torch.ones(9'
    )
    exercise = Exercise("norm", 1.0, compiled("norm", right), lambda: [], ())
    result, _ = graded(sandbox, prepare(exercise, [Case("careless", (2,), use=careless)]), SOURCE)
    assert (result.verdict, result.cases[0].got.split(":")[0]) == ("error", "IndexError")


def test_a_broken_sandbox_is_nobodys_mistake(prepared: Prepared) -> None:
    with Sandbox(limits=LIMITS) as sandbox, Replay(sandbox, [SOURCE], [True], 60) as replay:
        sandbox.close()
        with pytest.raises(SandboxError):
            evaluate(prepared, Remote(replay))
