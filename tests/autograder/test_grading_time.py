"""A submission's own time, what hints give away, which functions were called: what a verdict says beside the points."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from grading_helpers import LESSON, LESSONS

from autograder.grade import Kit, grade
from autograder.intake import Submission
from autograder.lessons import LessonSource, Record
from autograder.notebooks import text
from autograder.replay import Replay
from autograder.run import make_kit
from autograder.sandbox import Limits, Sandbox
from autograder.simulate import Classroom, solution, write
from cnncourse.checks.where import describe, without_sizes

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(cell_seconds=30, call_seconds=30)) as opened:
        yield opened


@pytest.mark.parametrize("place", ["a cell", "a function"])
def test_a_submissions_time_ends_what_runs(sandbox: Sandbox, place: str) -> None:
    """Not only between two cells: a single one may sleep for longer than all the time there is."""
    sources = ["import time", "time.sleep(25)" if place == "a cell" else "def f(): time.sleep(25)", "def g(): return 1"]
    started = time.monotonic()
    with Replay(sandbox, sources, [True] * 3, 2.0) as replay:
        replay.start()
        failures = [replay.call(name, (), {})[0] for name in ("f", "g")]
    assert time.monotonic() - started < 8
    assert [failure is not None and failure.kind for failure in failures] == ["limit", "limit"]
    assert replay.flags() == ["the time for one submission ran out"]


def test_time_that_is_left_is_used(sandbox: Sandbox) -> None:
    with Replay(sandbox, ["def f(): return 1"], [True], 60.0) as replay:
        assert replay.call("f", (), {}) == (None, 1)
        assert replay.flags() == []


def graded(kit: Kit, source: LessonSource, answers: dict[str, str]) -> Record:
    """The record of a student whose answers are right but for the given ones."""
    student = Classroom(source, 1).student("mia", "right")
    for cell in student.notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, cell.source)
    with Sandbox(python_path=[kit.jail]) as jail:
        return grade(kit, jail, Submission("mia", text(student.notebook).encode()))


FORBIDDEN = """
import torch
import torch.nn.functional as F

def convolve(x, w):
    how = vars(F)["conv" + "1d"]  # no reader of the code finds this
    return how(x[None, None], w.flip(0)[None, None], padding=len(w) - 1)[0, 0]
"""

TOO_SMALL = """
seen = []

def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    seen.append(1)
    y = _conv2d(x, weight, bias, stride, padding)
    return y if len(seen) <= {calls} else y[..., :-1]
"""


@pytest.fixture(scope="module")
def records(source: LessonSource, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    kit = make_kit(source, tmp_path_factory.mktemp("kit"), 3, unsafe=False)
    right = solution(source, "conv2d").replace("def conv2d(", "def _conv2d(")
    public = kit.tasks[names(kit).index("conv2d")].public
    return {
        "forbidden": graded(kit, source, {"convolve": FORBIDDEN}),
        "right": graded(kit, source, {}),
        "hidden shape": graded(kit, source, {"conv2d": right + TOO_SMALL.format(calls=public)}),
        "public shape": graded(kit, source, {"conv2d": right + TOO_SMALL.format(calls=0)}),
    }


def names(kit: Kit) -> list[str]:
    return [task.name for task in kit.tasks]


def exercise(record: Record, name: str) -> Record:
    found: Record = next(e for e in record["exercises"] if e["name"] == name)
    return found


def test_a_forbidden_function_called_behind_the_readers_back_earns_nothing(records: dict[str, Record]) -> None:
    record = records["forbidden"]
    assert exercise(record, "convolve")["score"] == 0
    assert "asks you to write yourself" in exercise(record, "convolve")["hint"]
    called = "convolve called torch.nn.functional.conv1d, which the exercise asks to do without"
    assert called in record["flags"]
    assert (record["status"], record["reason"]) == ("needs_person", called)
    others = [e for e in record["exercises"] if e["name"] != "convolve"]
    assert all(e["verdict"] == "pass" for e in others)


def test_honest_answers_call_nothing_forbidden(records: dict[str, Record]) -> None:
    record = records["right"]
    assert (record["score"], record["status"]) == (record["max_score"], "graded")
    assert not any("asks to do without" in flag for flag in record["flags"])


def test_a_hint_names_the_shape_of_a_public_case_only(records: dict[str, Record]) -> None:
    public, hidden = (exercise(records[name], "conv2d") for name in ("public shape", "hidden shape"))
    assert "The shape is (" in public["hint"]
    assert 0 < hidden["score"] < hidden["max_score"]
    assert hidden["hint"].startswith("The shape is wrong: ")
    assert not any(character.isdigit() for character in hidden["hint"])


@pytest.mark.parametrize(
    "got",
    [torch.ones(2), torch.ones(1, 2, 3), torch.ones(2, 1), torch.ones(3, 0), 1.0, (torch.ones(2, 3),), None],
    ids=str,
)
def test_no_hint_for_a_hidden_case_holds_a_shape(got: object) -> None:
    told = without_sizes(describe(got, torch.ones(2, 3), (), None, None))  # type: ignore[arg-type]
    assert told
    assert "(2" not in told
    assert ", 3)" not in told


@pytest.mark.slow
def test_modules_in_the_folder_of_the_command_are_not_imported(source: LessonSource, tmp_path: Path) -> None:
    """A folder of submissions may hold a queue.py, and the command may be run inside it."""
    marker = tmp_path / "imported"
    for module in ("torch", "queue", "pickle", "runpy", "socket", "nbformat"):
        (tmp_path / f"{module}.py").write_text(f"open({str(marker)!r}, 'a').write('{module} ')")
    write(Classroom(source, 1).student("mia", "right"), tmp_path / "submitted", LESSON)
    command = [str(Path(sys.executable).with_name("autograder")), "grade", LESSON, "--submitted", "submitted"]
    environment = {**os.environ, "PYTHONSAFEPATH": ""}  # as good as not set
    done = subprocess.run(
        [*command, "--out", "out", "--lessons", str(LESSONS)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not marker.exists(), marker.read_text()
