"""The writer of results, killed again and again while it writes: no record without its rows, and the same end."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from store_helpers import NAME, named_tables

PROGRAM = Path(__file__).with_name("store_writer.py")
STUDENTS = 160

_SCORES = """SELECT sum(g.auto_score) FROM grade g JOIN submitted_notebook n ON n.id = g.notebook_id
JOIN submitted_assignment a ON a.id = n.assignment_id JOIN base_cell c ON c.id = g.cell_id
WHERE a.student_id = ? AND c.name LIKE 'check_%'"""


def run(out: Path, folder: Path, kill_after: float | None) -> tuple[int, list[str]]:
    """Run the writer; with `kill_after` it is killed so many seconds after its first result. (exit code, students)."""
    command = [sys.executable, str(PROGRAM), str(out), str(folder), str(STUDENTS)]
    environment = {**os.environ, "PYTHONPATH": str(PROGRAM.parent)}  # grading takes a script's own folder off the path
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        timer = None
        said = []
        for line in process.stdout:
            said.append(line.strip())
            if timer is None and kill_after is not None:
                timer = threading.Timer(kill_after, process.kill)
                timer.start()
        process.wait(timeout=200)
        if timer is not None:
            timer.cancel()
    return process.returncode, said


def without_rows(out: Path) -> list[str]:
    """Records that the gradebook does not bear out."""
    found = []
    with closing(sqlite3.connect(out / "gradebook.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for path in sorted((out / "records" / NAME).glob("*.json")):
            record = json.loads(path.read_text())
            (score,) = db.execute(_SCORES, (record["student"],)).fetchone()
            if score != sum(e["score"] for e in record["exercises"]):
                found.append(path.name)
    return found


def kills(number: int) -> list[float]:
    return [random.uniform(0, 1.0) for _ in range(number)]


CASES = [pytest.param(kills(4), id="4")]
CASES += [pytest.param(kills(10), id=f"soak{i}", marks=pytest.mark.soak) for i in range(3)]


@pytest.mark.parametrize("after", CASES)
def test_killed_while_it_writes(after: list[float], tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    code, everybody = run(whole, tmp_path, None)
    assert (code, len(everybody)) == (0, STUDENTS)
    killed = 0
    for seconds in after:
        code, _ = run(out, tmp_path, seconds)
        killed += code == -9
        assert without_rows(out) == [], f"killed {seconds:.3f} s after the first result"
    kept = len(list((out / "records" / NAME).glob("*.json")))
    code, said = run(out, tmp_path, None)
    assert code == 0
    assert len(said) <= STUDENTS - kept + 1  # a result that was printed late counts as done
    print(f"killed {killed} times, {kept} of {STUDENTS} records were there at the end")
    assert killed > 0
    assert named_tables(f"sqlite:///{out / 'gradebook.db'}") == named_tables(f"sqlite:///{whole / 'gradebook.db'}")
    assert {p.name for p in (out / "records" / NAME).glob("*.json")} == {f"{name}.json" for name in everybody}
