"""A thousand notebooks damaged at random: each gets a verdict or a reason, and no points that are not earned."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fuzz_helpers import Fuzzer
from grading_helpers import LESSON, LESSONS, SEED, digest

from autograder.intake import MAX_CELLS, StudentNotebook, Unreadable, parse
from autograder.lessons import LessonSource
from autograder.rebuild import Rebuilt, rebuild
from autograder.release import released
from autograder.run import Options, grade_class
from autograder.sandbox import probe

NUMBER = 1000
SAMPLE = 60


@pytest.fixture(scope="module")
def fuzzer(source: LessonSource) -> Fuzzer:
    return Fuzzer(source)


def read(data: bytes) -> tuple[StudentNotebook | None, str]:
    try:
        return parse(data), ""
    except Unreadable as error:
        return None, str(error)


def holds(rebuilt: Rebuilt, source: LessonSource, sources: list[str], kind: str) -> None:
    """What is true of every rebuilt notebook, whatever came in."""
    ours = [cell for cell in rebuilt.cells if cell.info is not None]
    assert [cell.info.index for cell in ours if cell.info] == [info.index for info in source.cells]
    for cell in ours:
        info = cell.info
        assert info is not None
        assert cell.kind == info.kind
        if info.is_test:
            assert (cell.origin, cell.source, cell.runs) == ("test", sources[info.index], False)
        elif not (info.solution or info.task):
            assert (cell.origin, cell.source) == ("course", sources[info.index])
    assert len(rebuilt.cells) <= len(source.cells) + 2 * MAX_CELLS
    for cell in rebuilt.cells:
        assert "\0" not in cell.source
        cell.source.encode("utf-8")
    assert len(rebuilt.flags) < 4 * len(source.cells)
    assert all(flag.isprintable() for flag in rebuilt.flags)
    if kind == "tests":  # what was done to test cells changes nothing
        assert not rebuilt.doubt
        assert not rebuilt.missing
        assert [cell.source for cell in rebuilt.cells if cell.origin == "added"] == []  # and none of it runs


def test_a_thousand_are_read_or_refused_with_a_reason(source: LessonSource, fuzzer: Fuzzer) -> None:
    sources = [str(cell.source) for cell in released(source).cells]
    seen: Counter[str] = Counter()
    for number in range(NUMBER):
        kind, data = fuzzer.make(number)
        student, reason = read(data)
        if student is None:
            assert reason.isprintable(), number
            assert 5 < len(reason) < 200, number
            assert kind != "tests", (number, reason)
            seen["refused"] += 1
        else:
            holds(rebuild(source, sources, student), source, sources, kind)
            seen[kind] += 1
    assert seen["refused"] > 150, seen  # the fuzzer does hurt
    assert min(seen[kind] for kind in ("any", "blank", "tests")) > 80, seen  # and does not only destroy


def test_the_fuzzer_makes_the_same_again(source: LessonSource, fuzzer: Fuzzer) -> None:
    again = Fuzzer(source)
    assert [fuzzer.make(i) for i in range(0, NUMBER, 50)] == [again.make(i) for i in range(0, NUMBER, 50)]
    assert len({hashlib.sha256(fuzzer.make(i)[1]).digest() for i in range(NUMBER)}) > 0.95 * NUMBER


def graded(fuzzer: Fuzzer, numbers: range, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """Have damaged notebooks graded for real and look at every row."""
    kinds: dict[str, str] = {}
    for number in numbers:
        name = f"student{number:04d}"
        kinds[name], data = fuzzer.make(number)
        path = tmp_path / "submitted" / name / LESSON / f"{LESSON}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    before = digest(tmp_path / "submitted")
    summary = grade_class(Options(LESSON, tmp_path / "submitted", tmp_path / "out", seed=SEED, lessons=LESSONS))
    assert digest(tmp_path / "submitted") == before
    rows = {row["student"]: row for row in json.loads((tmp_path / "out" / "results.json").read_text())["submissions"]}
    assert rows == {row["student"]: row for row in json.loads(json.dumps(summary.submissions))}
    assert rows.keys() == kinds.keys()
    for name, row in rows.items():
        assert row["status"] in ("graded", "needs_person", "rejected"), name
        assert "grader itself failed" not in row["reason"], (name, row["reason"])
        assert bool(row["reason"]) == (row["status"] != "graded"), name
        assert row["status"] != "rejected" or row["score"] == 0, name
        assert all(e["hint"] for e in row["exercises"] if e["verdict"] != "pass"), name
        if kinds[name] == "blank":
            assert row["score"] == 0, name
        if kinds[name] == "tests":
            assert (row["status"], row["score"]) == ("graded", row["max_score"]), name
    return rows


needs_jail = pytest.mark.skipif(not probe().ok, reason="no bubblewrap")


@needs_jail
@pytest.mark.sandbox
@pytest.mark.slow
def test_a_sample_is_graded_for_real(fuzzer: Fuzzer, tmp_path: Path) -> None:
    rows = graded(fuzzer, range(SAMPLE), tmp_path)
    states = Counter(row["status"] for row in rows.values())
    assert states["graded"] > SAMPLE // 4, states
    assert states["rejected"] > SAMPLE // 10, states


@needs_jail
@pytest.mark.sandbox
@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_all_are_graded_for_real(fuzzer: Fuzzer, tmp_path: Path) -> None:
    graded(fuzzer, range(NUMBER), tmp_path)
