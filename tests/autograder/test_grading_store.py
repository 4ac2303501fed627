"""Rows in nbgrader's gradebook: the same as nbgrader makes, all or none, the same twice, quick for any class."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from store_helpers import EXERCISES, NAME, lesson, named_tables, record, tables

from autograder import backups
from autograder.errors import AutograderError
from autograder.store import Store, assignments, hand_grades, open_gradebook, write_workspace

DUE = "2026-01-30T11:00+00:00"


def url(out: Path) -> str:
    return f"sqlite:///{out / 'gradebook.db'}"


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
def test_rows_are_those_that_nbgrader_makes(tmp_path: Path) -> None:
    """The same class once through our statements and once through nbgrader's objects."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for out in (ours, theirs):
        out.mkdir()
    records = [record("ada"), record("bo", 0.5, status="needs_person"), record("cy", by_hand={"why": "missing"})]
    with Store(ours, lesson(tmp_path), due=DUE) as store:
        store.save_many(records)
    with Store(theirs, lesson(tmp_path), due=DUE):
        pass
    with Gradebook(url(theirs)) as gradebook:
        for row in records:
            gradebook.add_student(row["student"])
            submission = gradebook.add_submission(NAME, row["student"], timestamp="2026-01-30 12:00:00 UTC")
            scores = {f"check_{e['name']}": e["score"] for e in row["exercises"]}
            for grade in submission.notebooks[0].grades:
                answered = row["by_hand"]["why"] == "answered"
                grade.auto_score = scores.get(grade.name, None if answered else 0.0)
                grade.needs_manual_grade = grade.auto_score is None or row["status"] != "graded"
            for comment in submission.notebooks[0].comments:
                if comment.name == "why" and row["by_hand"]["why"] == "missing":
                    comment.auto_comment = "No response."
        gradebook.db.commit()
    assert named_tables(url(ours)) == named_tables(url(theirs))


def test_the_same_again_changes_no_row(tmp_path: Path) -> None:
    for _ in range(2):
        with Store(tmp_path, lesson(tmp_path), due=DUE) as store:
            store.save_many([record("ada"), record("bo", 1.0)])
            store.save(record("ada"))
        found = tables(url(tmp_path))
        assert len(found["grade"]) == 2 * (len(EXERCISES) + 1)
        if _ == 0:
            before = found
    assert found == before


def test_a_batch_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with Store(tmp_path, lesson(tmp_path)) as store:
        store.save(record("ada"))
        before = tables(url(tmp_path))
        broken = record("cy")
        broken["exercises"][3]["score"] = "many"  # no float: nbgrader's column refuses it
        with pytest.raises(AutograderError):
            store.save_many([record("ada", 1.0), record("bo"), broken])
        assert tables(url(tmp_path)) == before
        assert store.students() == {"ada"}


def test_what_people_decide_stays(tmp_path: Path) -> None:
    with Store(tmp_path, lesson(tmp_path)) as store:
        store.save(record("ada"))
    with open_gradebook(tmp_path) as gradebook:
        grade = gradebook.find_grade("check_part0", NAME, NAME, "ada")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 0.25, 0.5, False
        gradebook.find_comment("part0", NAME, NAME, "ada").manual_comment = "Come and see me."
        gradebook.grant_extension(NAME, "ada", days=2)
        gradebook.db.commit()
    with Store(tmp_path, lesson(tmp_path)) as store:
        store.save(record("ada"))
        assert not hand_grades(tmp_path, NAME)["ada"]["check_part0"]["pending"]
        store.save(record("ada", 0.0))
    with open_gradebook(tmp_path) as gradebook:
        grade = gradebook.find_grade("check_part0", NAME, NAME, "ada")
        assert (grade.auto_score, grade.manual_score, grade.extra_credit) == (0.0, 0.25, 0.5)
        assert gradebook.find_submission(NAME, "ada").extension.days == 2
    people = hand_grades(tmp_path, NAME)["ada"]
    assert people["check_part0"] == {"score": 0.25, "extra": 0.5, "max_score": 2.0, "comment": None, "pending": True}
    assert people["part0"]["comment"] == "Come and see me."
    assert people["why"]["pending"]


def test_lateness_knows_extensions_and_missing_times(tmp_path: Path) -> None:
    with Store(tmp_path, lesson(tmp_path), due=DUE) as store:
        store.save_many([record("ada"), record("bo", timestamp=None), record("cy")])
        with open_gradebook(tmp_path) as gradebook:
            gradebook.grant_extension(NAME, "cy", minutes=30)
        assert store.all_late_seconds() == {"ada": 3600.0, "bo": 0.0, "cy": 1800.0}
        assert [store.late_seconds(name) for name in ("ada", "bo", "cy", "nobody")] == [3600.0, 0.0, 1800.0, 0.0]
    with Store(tmp_path, lesson(tmp_path, name="08_other")) as other:
        other.save(record("ada"))
        assert other.all_late_seconds() == {"ada": 0.0}  # no due date
    assert sorted(assignments(tmp_path)) == ["08_other", NAME]


def test_changed_points_are_recorded_after_a_copy_and_unchanged_ones_make_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for points in (2.0, 2.0, 5.0):
        with Store(tmp_path, lesson(tmp_path, points)) as store:
            store.save(record("ada"))
    (copy,) = backups.copies(tmp_path / "gradebook.db")
    assert str(copy) in capsys.readouterr().err
    assert hand_grades(tmp_path, NAME)["ada"]["check_part0"]["max_score"] == 5.0
    with sqlite3.connect(copy) as old:
        assert old.execute("SELECT DISTINCT max_score FROM grade_cells ORDER BY 1").fetchall() == [(2.0,), (3.0,)]


def test_new_cells_under_old_grades_are_refused_and_nothing_changes(tmp_path: Path) -> None:
    with Store(tmp_path, lesson(tmp_path)) as store:
        store.save(record("ada"))
    before = tables(url(tmp_path))
    with pytest.raises(AutograderError, match=r"check_part9.*came or went") as stopped:
        Store(tmp_path, lesson(tmp_path, more=("part9",)))
    assert "new --out" in stopped.value.fix
    assert tables(url(tmp_path)) == before


def test_files_with_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    source = lesson(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    write_workspace(out, source, tmp_path / "submitted", None)
    with Store(out, source):
        pass
    backups.backup(out / "gradebook.db", "test")
    for path in (out / "nbgrader_config.py", out / "gradebook.db", *backups.copies(out / "gradebook.db")):
        assert path.stat().st_mode & 0o077 == 0, path


def seconds_each(store: Store, first: int, number: int, batch: int) -> float:
    """CPU-seconds to save one of `number` new students."""
    records = [record(f"student{i}") for i in range(first, first + number)]
    start = time.process_time()
    for i in range(0, number, batch):
        store.save_many(records[i : i + batch])
    return (time.process_time() - start) / number


@pytest.mark.parametrize("batch", [1, 20])
def test_saving_is_quick_and_no_slower_in_a_large_class(tmp_path: Path, batch: int) -> None:
    with Store(tmp_path, lesson(tmp_path)) as store:
        store.save_many([record("warm")])
        small = min(seconds_each(store, at, 100, batch) for at in (0, 100))
        store.save_many([record(f"student{i}") for i in range(200, 5000)])
        large = min(seconds_each(store, at, 100, batch) for at in (5000, 5100))
    print(f"batches of {batch}: {1000 * small:.2f} ms each in a class of 100, {1000 * large:.2f} ms in one of 5,000")
    assert large < 0.02
    assert large < 2 * small + 0.001


def test_reading_what_people_decided_is_quick(tmp_path: Path) -> None:
    with Store(tmp_path, lesson(tmp_path)) as store:
        store.save_many([record(f"student{i}") for i in range(1000)])
    start = time.process_time()
    found: dict[str, Any] = hand_grades(tmp_path, NAME)
    assert len(found) == 1000
    assert time.process_time() - start < 3
