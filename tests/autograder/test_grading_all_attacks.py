"""Every attack of tests/attacks as a handed-in notebook, graded as an instructor would: no point, no harm beside it."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from grading_helpers import LESSON, LESSONS, ROOT, digest

import autograder.run
from autograder.lessons import LessonSource
from autograder.report import of_file
from autograder.run import Options, grade_class, record_path
from autograder.sandbox import Limits
from autograder.simulate import Classroom, Student, solution, write

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(900)]
ATTACKS = sorted((ROOT / "tests" / "attacks").glob("*.py"))
LIMITS = Limits(cell_seconds=3, call_seconds=2, memory_bytes=600 << 20, output_bytes=64 << 10)


def hostile(room: Classroom, path: Path, kind: str) -> Student:
    """A student whose cell for conv2d is the attack; everything else is right, or blank."""
    student = room.student(path.stem, kind)
    for cell in student.notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "conv2d":
            cell.source = path.read_text()
    return student


def settled(before: set[int], seconds: float = 10.0) -> list[str]:
    """Processes that this one has started since `before` and that do not end."""
    until = time.monotonic() + seconds
    while True:
        left = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
        named = [" ".join(p.cmdline()) for p in left if p.is_running()]
        named = [text for text in named if "resource_tracker" not in text and text]
        if not named or time.monotonic() > until:
            return named
        time.sleep(0.1)


def test_all_attacks_as_submissions(source: LessonSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted, out = tmp_path / "submitted", tmp_path / "out"
    make_kit = autograder.run.make_kit
    monkeypatch.setattr(autograder.run, "make_kit", lambda *a, **k: replace(make_kit(*a, **k), limits=LIMITS))
    monkeypatch.setenv("PLANTED_SECRET", "planted-secret-4711")
    (tmp_path / "planted-secret.txt").write_text("planted-secret-4711")
    room = Classroom(source, 5)
    for i, path in enumerate(ATTACKS):
        write(hostile(room, path, "right" if i % 2 else "blank"), submitted, LESSON)
    for name in ("aaa_honest", "mmm_honest", "zzz_honest"):
        write(room.student(name, "right"), submitted, LESSON)
    before, running = digest(submitted), {p.pid for p in psutil.Process().children(recursive=True)}

    summary = grade_class(Options(LESSON, submitted, out, workers=2, seed=5, lessons=LESSONS))

    rows = {row["student"]: row for row in summary.submissions}
    assert len(rows) == len(ATTACKS) + 3
    for name in ("aaa_honest", "mmm_honest", "zzz_honest"):
        honest = rows.pop(name)
        assert honest["score"] == honest["max_score"], honest
        assert honest["status"] == "graded"
        assert honest["flags"] == []
    earned = {name: e["score"] for name, row in rows.items() for e in row["exercises"] if e["name"] == "conv2d"}
    assert earned == dict.fromkeys(earned, 0)
    assert len(earned) == len(ATTACKS)
    blank = [rows[path.stem] for i, path in enumerate(ATTACKS) if i % 2 == 0]
    assert {row["student"]: row["score"] for row in blank if row["score"]} == {}
    unseen = [name for name, row in rows.items() if all(map(of_file, row["flags"]))]
    assert unseen == []  # the report lists each of them under "Code to look at"
    for row in rows.values():
        assert all(e["hint"] for e in row["exercises"] if e["score"] < e["max_score"]), row
    assert digest(submitted) == before
    assert settled(running) == []
    for name in rows:
        record = json.loads(record_path(out, LESSON, name).read_text())
        told = json.dumps([[cell["outputs"] for cell in record["cells"]], record["exercises"], record["checks"]])
        assert "LEAK" not in told, name
        assert "planted-secret" not in told, name
    if os.environ.get("SHOW_ATTACKS"):
        for name, row in rows.items():
            print(f"{name:24} {row['score']:5} {row['seconds']:6.1f} {row['status']:13} {row['flags']}")


def test_a_right_answer_in_the_attacked_cell_earns(source: LessonSource) -> None:
    """The harness itself: what stands in for the attack is what is graded."""
    path = next(p for p in ATTACKS if p.stem == "always_equal")
    cells = hostile(Classroom(source, 5), path, "right").notebook.cells
    found = [c.source for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") == "conv2d"]
    assert found == [path.read_text()]
    assert found != [solution(source, "conv2d")]
