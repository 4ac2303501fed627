"""A class of thirty, graded in the jail: everybody gets what the truth says, nothing leaks, nothing is lost."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from grading_helpers import LESSON, LESSONS, SEED, Graded, digest, without_time
from nbgrader.api import Gradebook

from autograder.changes import WHY, compare_records
from autograder.feedback import write_feedback
from autograder.hidden import hidden_cases
from autograder.lessons import LessonSource
from autograder.report import write_report
from autograder.run import grade_class
from autograder.simulate import solution
from autograder.store import open_gradebook
from cnncourse.checks import load

pytestmark = pytest.mark.sandbox


def wrong(exercise: dict[str, Any], expected: dict[str, Any]) -> str:
    """What contradicts the truth about one exercise, "" when nothing does."""
    verdict, score = exercise["verdict"], exercise["score"]
    if expected["verdict"] == "pass" and (verdict != "pass" or score != exercise["max_score"]):
        return f"should pass: {exercise}"
    if expected["verdict"] == "missing" and (verdict != "missing" or score != 0):
        return f"should be missing: {exercise}"
    if expected["verdict"] == "none" and score != 0:
        return f"points for an attack: {exercise}"
    if expected["verdict"] == "wrong":
        if exercise["mistake"] != expected["mistake"]:
            return f"should be named {expected['mistake']}: {exercise}"
        if score > exercise["max_score"] / 2:
            return f"keeps more than half: {exercise}"
    return ""


def test_everybody_gets_what_the_truth_says(graded: Graded) -> None:
    assert set(graded.rows) == set(graded.truth["students"])
    problems = []
    for name, expected in graded.truth["students"].items():
        row = graded.rows[name]
        found = [wrong(e, expected["exercises"][e["name"]]) for e in row["exercises"]]
        problems += [f"{name} ({expected['kind']}): {text}" for text in found if text]
        if row["status"] != expected["status"] or expected.get("reason", "") not in row["reason"]:
            problems.append(f"{name}: {row['status']} ({row['reason']}), expected {expected}")
        if expected["flag"] and not any(expected["flag"] in flag for flag in row["flags"]):
            problems.append(f"{name}: no flag {expected['flag']!r} in {row['flags']}")
        if (row["late_seconds"] > 0) != expected["late"]:
            problems.append(f"{name}: late {row['late_seconds']}")
    assert problems == []


def test_the_class_holds_every_kind(graded: Graded) -> None:
    kinds = {expected["kind"] for expected in graded.truth["students"].values()}
    assert kinds == {"right", "mistakes", "figure", "attack", "blank", "damage", "late", "added", "partial"}


def test_results_have_the_promised_form(graded: Graded) -> None:
    results = json.loads((graded.out / "results.json").read_text())
    assert results["lesson"] == LESSON
    assert results["seed"] == SEED
    assert results["sandboxed"] is True
    for row in results["submissions"]:
        assert {"student", "status", "reason", "score", "max_score", "seconds", "flags", "exercises"} <= set(row)
        assert row["status"] in ("graded", "needs_person", "rejected")
        assert row["reason"] or row["status"] == "graded"
        assert row["score"] == pytest.approx(sum(e["score"] for e in row["exercises"]), abs=1e-5)
        for e in row["exercises"]:
            assert set(e) == {"name", "score", "max_score", "verdict", "mistake", "hint"}
            assert e["verdict"] in ("pass", "fail", "error", "limit", "missing")
            assert e["hint"] or e["verdict"] == "pass"
    assert graded.summary.exit_code == 1  # somebody needs a person


def test_what_was_handed_in_is_untouched(graded: Graded) -> None:
    assert digest(graded.submitted) == graded.before


def test_a_second_run_grades_nothing_and_changes_nothing(graded: Graded) -> None:
    again = grade_class(graded.options())
    assert (again.graded_now, again.kept) == (0, 30)
    assert again.results["submissions"] == graded.summary.results["submissions"]
    assert again.results["seed"] == SEED  # drawn once, kept


@pytest.fixture
def workspace(graded: Graded, tmp_path: Path) -> Path:
    """A copy of the graded workspace that a test may change."""
    out = tmp_path / "out"
    shutil.copytree(graded.out, out)
    return out


def test_a_changed_submission_alone_is_graded_again_and_hand_grades_stay(graded: Graded, workspace: Path) -> None:
    (student, other) = graded.of_kind("right")[0], graded.of_kind("mistakes")[0]
    submitted = workspace.parent / "submitted"
    shutil.copytree(graded.submitted, submitted, symlinks=True)
    exercise = load(LESSON).exercises[0].name
    with open_gradebook(workspace) as gradebook:
        for name in (student, other):
            grade = gradebook.find_grade(f"check_{exercise}", LESSON, LESSON, name)
            grade.manual_score, grade.extra_credit = 0.25, 0.5
            comment = gradebook.find_comment(exercise, LESSON, LESSON, name)
            comment.manual_comment = "Come and see me."
        gradebook.db.commit()
    path = submitted / student / LESSON / f"{LESSON}.ipynb"
    blank = graded.submitted / graded.of_kind("blank")[0] / LESSON / f"{LESSON}.ipynb"
    path.write_bytes(blank.read_bytes())
    summary = grade_class(graded.options(out=workspace, submitted=submitted, workers=1))
    assert (summary.graded_now, summary.kept) == (1, 29)
    assert next(r for r in summary.submissions if r["student"] == student)["score"] == 0
    (change,) = compare_records(workspace, LESSON).changes
    assert (change.student, change.points, change.why) == (student, -graded.rows[student]["score"], (WHY["file"],))
    with open_gradebook(workspace) as gradebook:
        for name in (student, other):
            grade = gradebook.find_grade(f"check_{exercise}", LESSON, LESSON, name)
            assert (grade.manual_score, grade.extra_credit) == (0.25, 0.5)
            assert gradebook.find_comment(exercise, LESSON, LESSON, name).manual_comment == "Come and see me."
        assert gradebook.find_grade(f"check_{exercise}", LESSON, LESSON, student).needs_manual_grade


def test_a_copy_that_is_gone_is_written_again_without_grading(graded: Graded, workspace: Path) -> None:
    before = digest(workspace / "autograded")
    assert len(before) == 30
    shutil.rmtree(workspace / "autograded")
    again = grade_class(graded.options(out=workspace))
    assert (again.graded_now, again.kept) == (0, 30)
    assert digest(workspace / "autograded") == before


def test_the_gradebook_is_nbgraders(graded: Graded) -> None:
    with Gradebook(f"sqlite:///{graded.out / 'gradebook.db'}") as gradebook:
        submissions = {s.student.id: s for s in gradebook.assignment_submissions(LESSON)}
        assert set(submissions) == set(graded.rows)
        for name, row in graded.rows.items():
            notebook = submissions[name].notebooks[0]
            scores = {g.name: g.auto_score for g in notebook.grades}
            assert {e["name"]: scores[f"check_{e['name']}"] for e in row["exercises"]} == {
                e["name"]: pytest.approx(e["score"]) for e in row["exercises"]
            }
        waiting = {g.name for g in submissions[graded.of_kind("right")[0]].notebooks[0].grades if g.needs_manual_grade}
        assert waiting  # written answers wait for a person
        assert not waiting & {f"check_{e.name}" for e in load(LESSON).exercises}
        late = submissions[graded.of_kind("late")[0]]
        assert late.total_seconds_late > 0


def nbgrader(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nbgrader", *arguments]
    return subprocess.run(command, cwd=out, capture_output=True, text=True, timeout=120)


def test_nbgraders_own_export_works_there(workspace: Path, graded: Graded) -> None:
    done = nbgrader(workspace, "export")
    assert done.returncode == 0, done.stderr
    with (workspace / "grades.csv").open() as stream:
        scores = {row["student_id"]: float(row["raw_score"]) for row in csv.DictReader(stream)}
    assert scores == {name: pytest.approx(row["score"]) for name, row in graded.rows.items()}


def test_nbgraders_autograde_refuses_there_and_destroys_nothing(workspace: Path, graded: Graded) -> None:
    before = digest(workspace / "autograded")
    done = nbgrader(workspace, "autograde", LESSON, "--student", graded.of_kind("right")[0], "--force")
    assert done.returncode != 0
    assert "autograder grade" in done.stderr
    assert digest(workspace / "autograded") == before


def test_formgraders_view_of_the_class(graded: Graded) -> None:
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    folder = CourseDirectory(root=str(graded.out), db_url=f"sqlite:///{graded.out / 'gradebook.db'}")
    folder.submitted_directory = str(graded.submitted)
    api = NbGraderAPI(folder)
    rows = {s["student"]: s for s in api.get_submissions(LESSON)}
    assert set(rows) == set(graded.rows)
    assert all(rows[name]["autograded"] for name in rows)
    assert len(api.get_notebook_submission_indices(LESSON, LESSON)) == 30


def texts(page: str) -> str:
    return re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", page)


def test_feedback_tells_nothing_that_is_secret(graded: Graded, source: LessonSource) -> None:
    written = write_feedback(graded.out, source)
    pages = written.pages
    assert (len(pages), written.problems) == (30, ())
    names = {case.name for e in load(LESSON).exercises for case in hidden_cases(LESSON, e.name, SEED)}
    known = [m.hint for e in load(LESSON).exercises for m in e.mistakes]
    known += [case.name for e in load(LESSON).exercises for case in e.public()]
    names = {name for name in names if not any(name in text for text in known)}
    lines = {
        line.strip()
        for e in load(LESSON).exercises
        for line in solution(source, e.name).split("\n")
        if len(line.strip()) > 30 and "def " not in line
    }
    for path in pages:
        page = texts(path.read_text())
        student = path.parents[1].name
        assert "Traceback" not in page
        assert "autograder/" not in page
        assert "<script" not in page
        assert not [n for n in names if len(n) > 12 and n in page]
        if graded.truth["students"][student]["kind"] != "partial":
            assert not [line for line in lines if line in page]
        assert not re.search(r"(src|href)=\"?https?:", page)
        for other in graded.rows:
            assert other == student or other not in page


def test_feedback_names_the_mistake_and_shows_figures(graded: Graded, source: LessonSource) -> None:
    write_feedback(graded.out, source)

    def page(name: str) -> str:
        return (graded.out / "feedback" / name / LESSON / f"{LESSON}.html").read_text()

    for name in graded.of_kind("mistakes"):
        for e in graded.rows[name]["exercises"]:
            if e["mistake"]:
                assert e["mistake"].replace("_", " ").capitalize() in page(name)
    assert "data:image/png;base64," in page(graded.of_kind("figure")[0])
    assert "data:image/png" not in page(graded.of_kind("blank")[0])


def test_the_report_names_who_and_what(graded: Graded, source: LessonSource) -> None:
    page = write_report(graded.out, source).read_text()
    for row in graded.summary.submissions:
        assert row["student"] in page
    counted = sum(bool(e["mistake"]) for r in graded.summary.submissions for e in r["exercises"])
    assert counted == sum(int(n) for n in re.findall(r"<strong>(\d+)</strong> ×", page))
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"?https?:", page)


def test_killed_in_the_middle_it_goes_on_to_the_same_end(graded: Graded, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "autograder.cli", "grade", LESSON, "--submitted", str(graded.submitted)]
    command += ["--out", str(out), "--seed", str(SEED), "--workers", "2", "--lessons", str(LESSONS)]
    command += ["--due", graded.truth["due"]]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    records = out / "records" / LESSON
    try:
        while process.poll() is None and len(list(records.glob("*.json"))) < 14:
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    done = len(list(records.glob("*.json")))
    assert 14 <= done < 30
    assert not (out / "results.json").exists()
    summary = grade_class(graded.options(out=out))
    assert summary.kept == done
    assert without_time(summary.results) == without_time(graded.summary.results)
    with open_gradebook(out) as gradebook:
        assert len(gradebook.assignment_submissions(LESSON)) == 30
