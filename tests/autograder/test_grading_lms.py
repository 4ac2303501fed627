"""`autograder grade` on what an LMS and an exchange give: two passes, ids by roster, nbgrader's tools afterwards."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from grading_helpers import LESSON, LESSONS, SEED
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import PyFileConfigLoader

from autograder.cli import main
from autograder.lessons import LessonSource
from autograder.sandbox import probe
from autograder.simulate import Classroom

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.skipif(not probe().ok, reason="no bubblewrap")]
NOTEBOOK = f"{LESSON}.ipynb"


def test_from_a_download_to_the_gradebook_and_on(
    source: LessonSource, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classroom = Classroom(source, 0)
    right, blank = (json.dumps(classroom.student("x", kind).notebook) for kind in ("right", "blank"))
    with zipfile.ZipFile(tmp_path / "canvas.zip", "w") as made:
        made.writestr(f"lovelaceada_LATE_101_9001_{LESSON}-1.ipynb", right)
        made.writestr(f"lovelaceada_LATE_101_9000_{NOTEBOOK}", blank)
        made.writestr(f"hoppergrace_102_9002_{NOTEBOOK}", blank)
        made.writestr(f"mallorymax_103_9003_{NOTEBOOK}", right)
    (tmp_path / "roster.csv").write_text("student,name,lms_id\nada,Ada Lovelace,101\ngrace,Grace Hopper,\n")
    inbound = tmp_path / "exchange" / "cnn" / "inbound"
    for time, text in (("2026-01-30 10:00:00.000001 UTC", blank), ("2026-01-31 10:00:00.000001 UTC", right)):
        folder = inbound / f"ada+{LESSON}+{time}+aBcD"
        folder.mkdir(parents=True)
        (folder / NOTEBOOK).write_text(text)
        (folder / "timestamp.txt").write_text(time)
    out = tmp_path / "out"
    command = ["grade", LESSON, "--out", str(out), "--seed", str(SEED), "--lessons", str(LESSONS), "--workers", "1"]

    canvas = [*command, "--submitted", str(tmp_path / "canvas.zip"), "--roster", str(tmp_path / "roster.csv")]
    assert main(canvas) == 1
    rows = {row["student"]: row for row in json.loads((out / "results.json").read_text())["submissions"]}
    assert {name: (row["status"], row["score"] > 0) for name, row in rows.items()} == {
        "ada": ("graded", True),
        "grace": ("graded", False),
        "mallorymax (103)": ("rejected", False),
    }
    assert rows["ada"]["score"] == rows["ada"]["max_score"]
    assert "Canvas marks it as late" in rows["ada"]["flags"]
    assert rows["ada"]["late_seconds"] == 0
    capsys.readouterr()
    assert main(canvas) == 1  # again: nothing is graded twice
    assert "(0 done now, 3 kept from before)" in capsys.readouterr().out

    config = PyFileConfigLoader("nbgrader_config.py", path=str(out)).load_config()
    tools = NbGraderAPI(CourseDirectory(config=config))
    found = {row["student"]: row for row in tools.get_submissions(LESSON)}
    assert found.keys() == {"ada", "grace"}
    assert found["ada"]["score"] >= rows["ada"]["score"]
    assert found["ada"]["autograded"]

    assert main([*command, "--submitted", str(tmp_path / "exchange")]) == 0
    (row,) = json.loads((out / "results.json").read_text())["submissions"]
    assert (row["student"], row["score"]) == ("ada", row["max_score"])
    assert row["flags"] == ["the latest of 2 submissions counts; not: 2026-01-30 10:00:00.000001 UTC"]
