"""The log of a workspace: every run with its end or without one, no secret, no line lost."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autograder import runlog
from autograder.cli import main
from autograder.errors import AutograderError
from autograder.runlog import log_path, logged, note, options, runs, table, without_password


def test_a_run_has_a_first_and_a_last_line(tmp_path: Path) -> None:
    with logged(tmp_path, "grade", {"lesson": "01_convolution", "options": {"workers": 2}}) as entry:
        (open_run,) = runs(tmp_path)
        assert open_run["outcome"] == "running"
        note(counts={"graded": 3}, seed=7)
        entry["exit"] = 0
    assert len(log_path(tmp_path).read_text().splitlines()) == 2
    (run,) = runs(tmp_path)
    assert (run["outcome"], run["seed"], run["exit"], run["lesson"]) == ("done", 7, 0, "01_convolution")
    assert run["who"] == runlog.who()
    assert run["seconds"] >= 0
    assert {"grader", "python", "torch", "nbgrader", "platform"} <= set(run["versions"])
    assert log_path(tmp_path).stat().st_mode & 0o077 == 0
    assert log_path(tmp_path).parent.stat().st_mode & 0o077 == 0


def test_notes_go_to_the_run_that_is_under_way_and_to_none_after_it(tmp_path: Path) -> None:
    with logged(tmp_path, "grade"):
        note(a=1)
        with logged(tmp_path, "feedback"):
            note(b=2)
    note(c=3)
    first, second = runs(tmp_path)
    assert (first["a"], second["b"]) == (1, 2)
    assert not {"b", "c"} & set(first)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AutograderError("no lesson '02'"), "refused: no lesson '02'"),
        (KeyboardInterrupt(), "stopped by hand"),
        (ZeroDivisionError("a student's name"), "failed: ZeroDivisionError"),
    ],
)
def test_an_error_is_an_outcome(error: BaseException, said: str, tmp_path: Path) -> None:
    with pytest.raises(type(error)), logged(tmp_path, "grade"):
        raise error
    assert runs(tmp_path)[0]["outcome"] == said


def test_a_killed_run_never_finished(tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from autograder.runlog import logged\n"
    code += "with logged(Path(sys.argv[1]), 'grade'):\n    print('in', flush=True)\n    time.sleep(60)\n"
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        assert runs(tmp_path)[0]["outcome"] == "running"
        process.send_signal(signal.SIGKILL)
    assert runs(tmp_path)[0]["outcome"] == "never finished"


@pytest.mark.parametrize("torn", [1, 20, 300])
def test_a_torn_line_costs_no_other(torn: int, tmp_path: Path) -> None:
    for command in ("grade", "feedback"):
        with logged(tmp_path, command):
            pass
    path = log_path(tmp_path)
    path.write_bytes(path.read_bytes()[:-torn])
    with logged(tmp_path, "report"):
        pass
    found = {run["command"]: run["outcome"] for run in runs(tmp_path) if "command" in run}
    assert found["grade"] == found["report"] == "done"
    assert json.loads(path.read_text().splitlines()[-1])["outcome"] == "done"


def test_many_at_once_lose_no_line(tmp_path: Path) -> None:
    def one(number: int) -> None:
        runlog._append(tmp_path, {"event": "start", "run": str(number), "filler": "x" * 5000})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(200)))
    lines = [json.loads(line) for line in log_path(tmp_path).read_text().splitlines()]
    assert {line["run"] for line in lines} == {str(n) for n in range(200)}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("postgresql://me:sesame@host:5432/course?sslmode=require", "postgresql://host:5432/course"),
        ("postgresql://me:se/sa@me@host/course", "postgresql://host/course"),
        ("postgresql://host/course?password=sesame", "postgresql://host/course"),
        ("postgresql//me:sesame@host/course", "(not kept)"),
        ("sqlite:////data/grades.db", "sqlite:////data/grades.db"),
        ("tls://10.0.0.1:8786", "tls://10.0.0.1:8786"),
        ("2026-01-31T23:59+01:00", "2026-01-31T23:59+01:00"),
    ],
)
def test_urls_lose_their_passwords(given: str, kept: str) -> None:
    assert without_password(given) == kept


def test_options_keep_what_matters_and_name_no_student() -> None:
    given = argparse.Namespace(run=print, command="x", out=Path("out"), db="postgresql://a:sesame@h/d", workers=2)
    given.student, given.reason, given.seed, given.unsafe, given.due = "ada", "was ill", 0, False, None
    assert options(given) == {
        "db": "postgresql://h/d",
        "workers": 2,
        "student": "(not kept)",
        "reason": "(not kept)",
        "seed": 0,
    }


def test_the_command_logs_itself_and_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "postgresql://me:sesame@127.0.0.1:1/course"
    assert main(["log", "--out", str(tmp_path)]) == 2
    assert main(["export", "--format", "moodle", "--out", str(tmp_path), "--db", secret]) == 2
    assert main(["db", "backup", "--out", str(tmp_path)]) == 2
    assert main(["db", "check", "--out", str(tmp_path)]) == 2
    capsys.readouterr()
    assert main(["log", "--out", str(tmp_path)]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.startswith("STARTED")
    assert "export" in first
    assert "refused: the gradebook postgresql://me:***@127.0.0.1:1/course" in first
    assert "db backup" in second
    assert main(["log", "--out", str(tmp_path), "--json", "--last", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["command"] == "db backup"
    assert b"sesame" not in log_path(tmp_path).read_bytes()


def test_a_workspace_that_does_not_exist_is_not_made_by_looking(tmp_path: Path) -> None:
    assert main(["report", "01_convolution", "--out", str(tmp_path / "typo")]) == 2
    assert not (tmp_path / "typo").exists()


def test_the_table_shows_nothing_that_moves_a_terminal(tmp_path: Path) -> None:
    with logged(tmp_path, "grade\x1b[2J\n"):
        note(counts={"gra\x1bded": 1})
    shown = table(runs(tmp_path))
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert len(shown.splitlines()) == 2


def test_who_knows_sudo_and_users_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ada")
    assert runlog.who().endswith("(sudo by ada)")

    def nobody() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", nobody)
    monkeypatch.delenv("SUDO_USER")
    assert runlog.who() == f"uid {os.getuid()}"
