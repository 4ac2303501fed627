"""Every kind of damage that the simulated class knows: said by name, and it costs no more than it must."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from grading_helpers import LESSON, LESSONS, SEED

from autograder.damage import DAMAGES, REASONS
from autograder.intake import Unreadable, collect, parse
from autograder.lessons import LessonSource
from autograder.rebuild import rebuild
from autograder.release import released
from autograder.run import Options, grade_class
from autograder.sandbox import probe
from autograder.simulate import Classroom, Student, write


@pytest.fixture(scope="module")
def students(source: LessonSource) -> dict[str, Student]:
    classroom = Classroom(source, 3)
    return {kind: classroom.student(kind, "damage", i) for i, kind in enumerate(DAMAGES)}


def said(source: LessonSource, folder: Path) -> tuple[str, tuple[str, ...]]:
    """(reason, flags) for the only submission in a folder, without running any of it."""
    (entry,) = collect(folder, LESSON)
    if entry.data is None:
        return entry.reason, entry.flags
    try:
        student = parse(entry.data)
    except Unreadable as error:
        return str(error), entry.flags
    found = rebuild(source, [str(cell.source) for cell in released(source).cells], student)
    return found.doubt, (*entry.flags, *found.flags)


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_said_by_name(kind: str, source: LessonSource, students: dict[str, Student], tmp_path: Path) -> None:
    student = students[kind]
    write(student, tmp_path, LESSON)
    reason, flags = said(source, tmp_path)
    expected = student.expected
    assert expected.get("reason", "") in reason
    assert bool(reason) == (expected["status"] != "graded")
    assert expected["flag"] in "; ".join(flags)
    if kind not in ("no_metadata", "byte_order_mark", "windows_lines", "same_ids"):
        assert reason or flags, "handled, but not reported"
    else:
        assert flags == ()  # nothing is lost, so there is nothing to say


def test_the_whole_file_is_lost_only_where_there_is_none() -> None:
    assert set(REASONS) < set(DAMAGES)


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.skipif(not probe().ok, reason="no bubblewrap")
def test_damage_costs_no_more_than_it_must(students: dict[str, Student], tmp_path: Path) -> None:
    readable = {kind: s for kind, s in students.items() if kind not in REASONS}
    for student in readable.values():
        write(student, tmp_path / "submitted", LESSON)
    summary = grade_class(Options(LESSON, tmp_path / "submitted", tmp_path / "out", seed=SEED, lessons=LESSONS))
    wrong: list[Any] = []
    for row in summary.submissions:
        expected = readable[row["student"]].expected
        for exercise in row["exercises"]:
            lost = expected["exercises"][exercise["name"]]["verdict"] == "missing"
            if exercise["score"] != (0 if lost else exercise["max_score"]):
                wrong.append((row["student"], exercise))
        if row["status"] != expected["status"]:
            wrong.append((row["student"], row["status"], row["reason"]))
    assert wrong == []
    assert len(summary.submissions) == len(readable)
