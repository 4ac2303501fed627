"""The diff of a regrade: who changes, in which exercises, and why."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from grading_helpers import LESSON, LESSONS

from autograder import before
from autograder.changes import compare_records, write_diff
from autograder.cli import main
from autograder.files import write_json
from autograder.lessons import LessonSource
from autograder.run import record_path

MADE_OF = {"lesson": "l", "checks": "c", "seed": "s", "jail": "j", "grader": "g", "file": "f", "course": "a"}


def record(student: str, verdict: str, key: str, mistake: str | None = None, **made_of: str) -> dict[str, Any]:
    score = {"pass": 3.0, "fail": 1.0}.get(verdict, 0.0)
    exercise = {"name": "conv2d", "score": score, "max_score": 3.0, "verdict": verdict, "mistake": mistake, "hint": "h"}
    return {
        **{"student": student, "status": "graded", "reason": "", "score": score, "max_score": 3.0, "key": key},
        **{"exercises": [exercise], "made_of": {**MADE_OF, **made_of}},
    }


def put(out: Path, *records: dict[str, Any]) -> None:
    """Write records as a run does."""
    for one in records:
        path = record_path(out, LESSON, one["student"])
        before.keep(path, one)
        write_json(path, one, 0o600)
    write_json(out / "results" / f"{LESSON}.json", {"submissions": [{"student": one["student"]} for one in records]})


@pytest.fixture
def out(tmp_path: Path) -> Path:
    first = [record(name, "fail", "1", "padding_once") for name in ("ada", "bo", "=cy", "di")]
    put(tmp_path, *first)
    put(
        tmp_path,
        record("ada", "pass", "2", checks="c2", course="a2"),
        record("bo", "error", "2", checks="c2", file="f2"),
        record("=cy", "fail", "2", "kernel_as_stride", checks="c2"),
        record("di", "fail", "2", "padding_once", checks="c2"),
        record("new", "pass", "2", checks="c2"),
    )
    return tmp_path


def test_who_changed_and_why(out: Path) -> None:
    diff = compare_records(out, LESSON)
    assert [(c.student, c.points, c.why) for c in diff.changes] == [
        ("ada", 2.0, ("the checks changed",)),
        ("bo", -1.0, ("handed in anew", "the checks changed")),
        ("=cy", 0.0, ("the checks changed",)),
    ]
    assert (diff.same, diff.once) == (1, 1)


def test_the_page_and_the_table_say_it(out: Path, source: LessonSource) -> None:
    page, _ = write_diff(out, source)
    text = page.read_text()
    for words in ("Padding once", "Kernel as stride", "1 → 3", "+2", "−1", "the checks changed: 3"):
        assert words in text
    assert not any(words in text for words in ("<script", "http:", "https:"))
    with page.with_suffix(".csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["student"] for row in rows] == ["ada", "bo", "'=cy"]
    assert (rows[0]["score_before"], rows[0]["score_after"], rows[0]["change"]) == ("1", "3", "2")
    assert (rows[2]["mistake_before"], rows[2]["mistake_after"]) == ("padding_once", "kernel_as_stride")
    assert page.stat().st_mode & 0o077 == page.with_suffix(".csv").stat().st_mode & 0o077 == 0


def test_nothing_changed_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, record("ada", "pass", "1"))
    put(tmp_path, record("ada", "pass", "2", grader="g2"))
    assert main(["diff", LESSON, "--out", str(tmp_path), "--lessons", str(LESSONS)]) == 0
    assert "Nothing changed: 1 of 1" in capsys.readouterr().out
    assert "Nothing changed" in (tmp_path / "report" / f"changes-{LESSON}.html").read_text()


def test_without_results_it_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", LESSON, "--out", str(tmp_path), "--lessons", str(LESSONS)]) == 2
    assert f"autograder grade {LESSON}" in capsys.readouterr().err


def test_only_the_last_version_is_kept(tmp_path: Path) -> None:
    path = record_path(tmp_path, LESSON, "ada")
    for key, verdict in (("1", "fail"), ("2", "error"), ("3", "pass"), ("3", "pass")):
        put(tmp_path, record("ada", verdict, key))
    assert json.loads(before.path_before(path).read_text())["key"] == "2"
    assert len(list(before.path_before(path).parent.iterdir())) == 1


def test_a_failure_of_the_graders_own_takes_no_place(tmp_path: Path) -> None:
    """Its key is empty, and the next run grades again: the version before stays the result before."""
    path = record_path(tmp_path, LESSON, "ada")
    for key, verdict in (("1", "fail"), ("", "error"), ("2", "pass")):
        put(tmp_path, record("ada", verdict, key))
    assert json.loads(before.path_before(path).read_text())["key"] == "1"


def test_a_run_killed_between_the_two_writes_loses_nothing(tmp_path: Path) -> None:
    path = record_path(tmp_path, LESSON, "ada")
    put(tmp_path, record("ada", "fail", "1"))
    before.keep(path, record("ada", "pass", "2"))  # killed here
    assert json.loads(path.read_text())["key"] == "1"
    assert compare_records(tmp_path, LESSON).changes == ()
    put(tmp_path, record("ada", "pass", "2"))
    assert [c.points for c in compare_records(tmp_path, LESSON).changes] == [2.0]


def test_the_same_key_with_another_outcome_is_kept_too(tmp_path: Path) -> None:
    put(tmp_path, record("ada", "fail", "1"))
    put(tmp_path, record("ada", "pass", "1"))
    (change,) = compare_records(tmp_path, LESSON).changes
    assert "nothing that is recorded" in change.why[0]
    put(tmp_path, {k: v for k, v in record("ada", "fail", "2").items() if k != "made_of"})
    assert "older grader" in compare_records(tmp_path, LESSON).changes[0].why[0]
