"""Pages for students: what people decided is on them, and one bad record stops nobody else's page."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from store_helpers import EXERCISES, NAME, lesson, record

from autograder import cli
from autograder.deadlines import deadlines
from autograder.feedback import write_feedback
from autograder.files import write_json
from autograder.lessons import LessonSource
from autograder.report import write_report
from autograder.run import record_path
from autograder.store import Store, open_gradebook

DUE = "2026-01-30T11:00+00:00"
STUDENTS = ("ada", "bo", "cy")


def full(student: str, **changes: Any) -> dict[str, Any]:
    """A record with everything that a page needs; handed in an hour late."""
    made = record(student) | {"cells": [], "checks": {}, "flags": [], "reason": "", "seconds": 0.5}
    made |= {"score": 18.0, "max_score": 18.0, "late_seconds": 3600.0}
    made["exercises"] = [{**e, "hint": ""} for e in made["exercises"]]
    return made | changes


@pytest.fixture
def course(tmp_path: Path) -> tuple[Path, LessonSource]:
    """A graded lesson of three students."""
    source, out = lesson(tmp_path), tmp_path / "out"
    out.mkdir()
    records = [full(student) for student in STUDENTS]
    with Store(out, source, due=DUE) as store:
        store.save_many(records)
    write(out, records)
    return out, source


def write(out: Path, records: list[dict[str, Any]]) -> None:
    for one in records:
        write_json(record_path(out, NAME, one["student"]), one)
    run = {"version": "1", "grader": "0", "finished": "2026-02-01T00:00:00+00:00", "submitted": "x"}
    results = {"lesson": NAME, "seed": 1, "sandboxed": True, "submissions": records, "run": run}
    write_json(out / "results" / f"{NAME}.json", results)


def page(out: Path, student: str) -> str:
    return (out / "feedback" / student / NAME / f"{NAME}.html").read_text()


@pytest.mark.parametrize("damage", ["gone", "no JSON", "no cells", "a list", "strange figure"])
def test_one_bad_record_stops_nobody_else(course: tuple[Path, LessonSource], damage: str) -> None:
    out, source = course
    path = record_path(out, NAME, "bo")
    if damage == "gone":
        path.unlink()
    elif damage == "no JSON":
        path.write_text("{")
    elif damage == "a list":
        path.write_text("[]")
    else:
        broken = full("bo")
        broken["cells"] = [{"outputs": [{"output_type": "display_data", "data": 7}]}]
        if damage == "no cells":
            del broken["cells"]
        write_json(path, broken)
    written = write_feedback(out, source)
    assert [p.parents[1].name for p in written.pages] == ["ada", "cy"]
    ((student, reason),) = written.problems
    assert student == "bo"
    assert reason
    assert "18" in page(out, "cy")


def test_the_command_says_who_has_no_page(
    course: tuple[Path, LessonSource], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, source = course
    monkeypatch.setattr("autograder.lessons.load_source", lambda name, folder: source)
    arguments = argparse.Namespace(out=out, lesson=NAME, lessons=None, db=None)
    assert cli.feedback(arguments) == 0
    record_path(out, NAME, "bo").unlink()
    assert cli.feedback(arguments) == 1
    assert "no new page for bo: the record is missing or damaged" in capsys.readouterr().out
    for student in STUDENTS:
        record_path(out, NAME, student).unlink(missing_ok=True)
    assert cli.feedback(arguments) == 2


def test_what_people_decided_is_on_the_page(course: tuple[Path, LessonSource]) -> None:
    out, source = course
    with open_gradebook(out) as gradebook:
        exercise = EXERCISES[0]
        grade = gradebook.find_grade(f"check_{exercise}", NAME, NAME, "ada")
        grade.manual_score, grade.needs_manual_grade = 0.5, False
        gradebook.find_comment(exercise, NAME, NAME, "ada").manual_comment = "We <spoke>.\n\nOne more line."
        gradebook.find_submission(NAME, "bo").extension = timedelta(minutes=30)
        gradebook.find_submission(NAME, "cy").extension = timedelta(days=2)
        gradebook.db.commit()
    write_feedback(out, source)
    ada, bo, cy = (page(out, student) for student in STUDENTS)
    assert "Points given by a person" in ada
    assert "the checks came to 2" in ada
    assert "16.5</strong>" in ada  # 18 less 2, and 0.5 instead
    assert "We &lt;spoke&gt;.\n\nOne more line." in ada
    assert "1 hour after the due date" in ada
    assert "Points given by a person" not in bo
    assert "30 minutes more" in bo
    assert "30 minutes after that" in bo
    assert "2 days more" in cy
    assert "after" not in cy.split("Your functions")[0].split("of 18 points")[1]


def test_extra_credit_is_on_the_page_and_in_the_sum(course: tuple[Path, LessonSource]) -> None:
    out, source = course
    with open_gradebook(out) as gradebook:
        for student in ("ada", "bo"):
            gradebook.find_grade(f"check_{EXERCISES[0]}", NAME, NAME, student).extra_credit = 0.75
            gradebook.find_grade("why", NAME, NAME, student).extra_credit = 1.25
        gradebook.find_grade(f"check_{EXERCISES[1]}", NAME, NAME, "ada").manual_score = 0.0
        gradebook.find_grade(f"check_{EXERCISES[1]}", NAME, NAME, "ada").extra_credit = -0.5
        gradebook.find_grade("why", NAME, NAME, "ada").manual_score = 2.0
        gradebook.db.commit()
        expected = {s: gradebook.find_submission(NAME, s).score for s in STUDENTS}
    write_feedback(out, source)
    ada, bo, cy = (page(out, student) for student in STUDENTS)
    assert "0.75 extra credit" in ada
    assert "-0.5 extra credit" in ada
    assert "3.25 of 3, 1.25 extra credit in it" in ada
    assert "16.25</strong>" in ada  # 18, 0.75 on top, 2.5 less
    assert expected["ada"] == 16.25 + 3.25
    assert "18.75</strong>" in bo
    assert "not marked yet" in bo
    assert expected["bo"] == 18.75  # nor does nbgrader count the answer's before somebody has marked it
    assert "extra credit" not in cy


def test_deadlines_without_a_gradebook_are_none(tmp_path: Path) -> None:
    assert deadlines(tmp_path, NAME) == {}


def test_the_report_gives_an_example_from_the_notebooks_own_check(course: tuple[Path, LessonSource]) -> None:
    out, source = course
    wrong = full(
        "bo", flags=["moved cells were put back: a", "cell 3 ended the process (crash)", "timestamp.txt says x"]
    )
    wrong["exercises"][2] |= {"verdict": "fail", "score": 0.0, "mistake": "kernel_flipped", "hint": "It is flipped."}
    cases = [{"name": "right", "passed": True, "got": "1", "expected": "1"}]
    cases += [{"name": "two rows", "passed": False, "got": "[2]\n 1 <b>\n 2", "expected": "[2]\n 3\n 4"}]
    wrong["checks"] = {EXERCISES[2]: {"public": cases, "hidden": 3, "hidden_passed": 0}}
    write(out, [full("ada"), wrong, full("cy")])
    text = write_report(out, source).read_text()
    assert "two rows: got <pre>[2]\n 1 &lt;b&gt;\n 2</pre>" in text
    code, files = text.split("<h2>Code to look at</h2>")[1].split("<h2>About the files</h2>")
    assert "ended the process" in code
    assert "moved cells" not in code
    assert "moved cells" in files
    assert "timestamp.txt" in files
    record_path(out, NAME, "bo").unlink()  # without the record there is no example, and a report all the same
    assert "two rows" not in write_report(out, source).read_text()
