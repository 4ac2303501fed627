"""Forgetting a student: nothing of them is left, nothing of anybody else is lost."""

from __future__ import annotations

import fcntl
import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from grading_helpers import Graded, digest
from hypothesis import given
from hypothesis import strategies as st
from people_helpers import FIRST, SECOND, Work, table, workspace

from autograder.backups import backup
from autograder.cli import main
from autograder.errors import AutograderError
from autograder.export import Choice, export
from autograder.people_pseudonyms import key, pseudonym
from autograder.retention import Who, Workspace, forget, plan
from autograder.retention_text import Words, pruned_csv, pruned_json, pruned_lines
from autograder.store import open_gradebook

IDS = ("zoe-7421", "zoe-7421-b", "ben", "cyd", "dan", "eva")
DAY = timedelta(days=1)


def put(out: Path, name: str, content: object) -> Path:
    path = out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A workspace in which a student stands wherever a student can stand."""
    out = workspace(
        tmp_path / "out", [Work("ben"), Work("ben", SECOND), Work("cyd", late=9 * DAY), Work("dan", late=None)]
    )
    with open_gradebook(out) as gradebook:
        for name in ("zoe-7421", "zoe-7421-b", "eva"):
            gradebook.add_student(name, first_name="Zoë", last_name=f"Of {name}", email=f"{name}@example.org")
    with closing(sqlite3.connect(out / "gradebook.db")) as connection, connection:
        connection.execute("UPDATE submitted_assignment SET student_id = 'zoe-7421' WHERE student_id = 'ben' "
                           "AND assignment_id = (SELECT id FROM assignment WHERE name = ?)", (SECOND,))  # fmt: skip
    backup(out / "gradebook.db", "before-test")
    rows = []
    for i, name in enumerate(IDS):
        exercise = {"name": "conv", "verdict": "pass" if i % 2 else "fail", "mistake": None if i % 2 else "flipped"}
        rows.append({"student": name, "score": i, "max_score": 5, "reason": "", "flags": [], "exercises": [exercise]})
        record = {**rows[-1], "timestamp": f"2026-01-0{i + 1}T12:00:00+00:00", "cells": [{"source": "zoe-7421"}]}
        put(out, f"records/{FIRST}/{name}.json", record)
        put(out, f"autograded/{name}/{FIRST}/{FIRST}.ipynb", f"by {name}")
        put(out, f"feedback/{name}/{FIRST}/{FIRST}.html", f"for {name}")
    put(out, f"records/{FIRST}/before/zoe-7421.json", {"student": "zoe-7421", "score": 0})
    put(
        out, f"records/{FIRST}/ben.json", {"student": "ben", "flags": ["as zoe-7421's"], "timestamp": None, "cells": []}
    )
    results = {"lesson": FIRST, "submissions": rows}
    put(out, "results.json", results)
    put(out, f"results/{FIRST}.json", results)
    put(out, f"report/{FIRST}.html", "<td>zoe-7421</td>")
    put(out, f"report/{SECOND}.html", "<td>zoe-7421-b</td>")
    put(
        out, "report/pair.json", [{"first": "ben", "second": "zoe-7421", "share": 1}, {"first": "ben", "second": "cyd"}]
    )
    put(out, "log/graded.jsonl", '{"event": "start", "done": ["ben", "zoe-7421"]}\n{"student": "zoe-7421"}\n{"n": 1}\n')
    put(out, "log/notes.txt", "ben came\nzoe-7421 came (Zoë Of zoe-7421)\nzoe-7421-b came\n")
    put(out, "log/zoe-7421.txt", "nothing")
    put(out, f"source/{FIRST}/{FIRST}.ipynb", "zoe-7421 is an example")
    assert main(["people", "extend", "zoe-7421", FIRST, "--days", "3", "--out", str(out)]) == 0
    assert main(["people", "extend", "ben", FIRST, "--days", "3", "--out", str(out)]) == 0
    export(out, "moodle")
    export(out, "canvas", choice=Choice(pseudonyms=True))
    return out


def quiet(out: Path) -> dict[str, str]:
    """What lies in a workspace, without what every command writes."""
    return {name: content for name, content in digest(out).items() if name not in ("log/runs.jsonl", ".lock")}


def code(arguments: list[str]) -> int | str | None:
    try:
        return main(arguments)
    except SystemExit as stopped:  # argparse ends the program itself
        return stopped.code


def holders(out: Path, *words: bytes) -> set[str]:
    """Files that hold one of these words, byte by byte, and files that are named so."""
    found = set()
    for path in out.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if any(
            w in content.replace(b"zoe-7421-b", b"") or w.decode() in path.name.replace("zoe-7421-b", "") for w in words
        ):
            found.add(str(path.relative_to(out)))
    return found


def test_nothing_is_left_of_a_student(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = pseudonym(key(out), "zoe-7421").encode()
    before = quiet(out)
    assert len(holders(out, b"zoe-7421", secret)) > 15
    assert main(["forget", "--student", "zoe-7421", "--out", str(out), "--dry-run"]) == 0
    listed = capsys.readouterr().out
    assert main(["forget", "--student", "zoe-7421", "--out", str(out)]) == 2
    assert "--yes" in capsys.readouterr().err
    assert quiet(out) == before
    for name in (
        "autograded/zoe-7421",
        "grades-moodle.csv",
        "grades-canvas.csv",
        "backups",
        "people.jsonl",
        "pair.json",
    ):
        assert name in listed
    assert main(["forget", "--student", "zoe-7421", "--out", str(out), "--yes"]) == 0
    # What stays: the instructor's lesson, and other students' own words.
    mine = {f"records/{FIRST}/{name}.json" for name in IDS[1:] if name != "ben"}
    assert holders(out, b"zoe-7421", secret, "Zoë Of zoe-7421\0".encode()) == {f"source/{FIRST}/{FIRST}.ipynb", *mine}
    assert main(["forget", "--student", "zoe-7421", "--out", str(out), "--yes"]) == 2
    assert "no trace" in capsys.readouterr().err


def test_everybody_else_keeps_everything(out: Path) -> None:
    forget(out, Who(("zoe-7421",)))
    for name in IDS[1:]:
        assert (out / f"autograded/{name}/{FIRST}/{FIRST}.ipynb").read_text() == f"by {name}"
        assert (out / f"feedback/{name}/{FIRST}/{FIRST}.html").exists()
    results = json.loads((out / "results.json").read_text())
    assert [row["student"] for row in results["submissions"]] == list(IDS[1:])
    assert json.loads((out / f"records/{FIRST}/ben.json").read_text())["flags"] == ["as [removed]'s"]
    assert [json.loads(line) for line in (out / "log/graded.jsonl").read_text().splitlines()] == [
        {"event": "start", "done": ["ben"]}, {"n": 1}]  # fmt: skip
    assert (out / "log/notes.txt").read_text() == "ben came\nzoe-7421-b came\n"
    assert (out / f"report/{SECOND}.html").exists()
    assert json.loads((out / "report/pair.json").read_text()) == [{"first": "ben", "second": "cyd"}]
    assert [row["ID number"] for row in table(out / "grades-moodle.csv")] == ["ben", "cyd", "dan"]
    assert len(table(out / "grades-canvas.csv")) == 1 + 3
    assert [json.loads(line)["student"] for line in (out / "people.jsonl").read_text().splitlines()] == ["ben"]
    (copy,) = (out / "backups").glob("*.db")
    for path in (copy, out / "gradebook.db"):
        with closing(sqlite3.connect(path)) as connection:
            names = {row[0] for row in connection.execute("SELECT id FROM student")}
            assert names >= {"ben", "zoe-7421-b"}
            assert "zoe-7421" not in names
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            assert connection.execute("SELECT count(*) FROM grade").fetchone()[0] >= 2 * 3


def test_all_are_forgotten_and_the_course_stays(out: Path) -> None:
    export(out, "nbgrader")
    done, left = forget(out, Who(everybody=True), statistics=True)
    assert left == []
    assert set(done.students) >= set(IDS)
    assert holders(out, b"zoe-7421", b"ben", b"cyd") == {f"source/{FIRST}/{FIRST}.ipynb"}
    files = {p.relative_to(out).parts[0] for p in out.rglob("*") if p.is_file()}
    assert files == {
        "source",
        "gradebook.db",
        "backups",
        "log",
        "statistics.json",
        ".lock",
        "results",
        "results.json",
    } | {"grades-canvas.csv"}
    assert len((out / "grades-canvas.csv").read_text().splitlines()) == 2  # heads only
    (numbers,) = json.loads((out / "statistics.json").read_text())
    assert numbers["students"] == 6
    assert numbers["scores_by_tenths"] == [1, 0, 1, 0, 1, 0, 1, 0, 1, 1]
    assert numbers["verdicts"] == {"conv: fail": 3, "conv: pass": 3}
    assert numbers["mistakes"] == {"conv: flipped": 3}
    with open_gradebook(out) as gradebook:
        assert [a.name for a in gradebook.assignments] == [FIRST, SECOND]
        assert gradebook.students == []


def test_statistics_of_a_few_are_not_kept(out: Path) -> None:
    forget(out, Who(IDS[:4]), statistics=True)
    assert json.loads((out / "statistics.json").read_text()) == []


def test_those_whose_last_submission_is_older(out: Path) -> None:
    old, undated = Workspace(out).chosen(Who(before=datetime(2026, 1, 31, tzinfo=UTC)))
    assert old == {"zoe-7421-b", "eva"}
    assert undated == {"zoe-7421", "ben", "dan"}  # a submission or a record of theirs has no time; cyd's is newer


def test_exactly_at_the_moment_is_not_older(tmp_path: Path) -> None:
    out = workspace(tmp_path / "out", [Work("ada", late=0 * DAY)])
    assert main(["forget", "--before", "2026-01-31T23:59Z", "--out", str(out), "--yes"]) == 0
    with open_gradebook(out) as gradebook:
        assert gradebook.find_student("ada").submissions
    assert main(["forget", "--before", "2026-01-31T23:59:01Z", "--out", str(out), "--yes"]) == 0
    with open_gradebook(out) as gradebook:
        assert {student.id for student in gradebook.students} == {
            "ben",
            "cyd",
            "dan",
        }  # who handed in nothing is not old


def test_not_while_a_run_is_at_work(out: Path) -> None:
    with (out / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(AutograderError, match="at work"):
            forget(out, Who(("ben",)))
    assert (out / "autograded/ben").exists()


def test_a_stopped_run_is_finished_by_the_next(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remove = Workspace.remove
    calls = []

    def die(self: Workspace, trace: tuple[Path, str], words: Words) -> None:
        calls.append(trace)
        if len(calls) == 4:
            raise KeyboardInterrupt
        remove(self, trace, words)

    monkeypatch.setattr(Workspace, "remove", die)
    with pytest.raises(KeyboardInterrupt):
        forget(out, Who(everybody=True))
    monkeypatch.undo()
    assert plan(out, Who(everybody=True)).rows == 7
    assert forget(out, Who(everybody=True))[1] == []


def test_links_are_not_followed(out: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "zoe-7421.txt").write_text("zoe-7421")
    (out / "log/there").symlink_to(outside)
    (out / "log/file.txt").symlink_to(outside / "zoe-7421.txt")
    shutil.rmtree(out / "feedback/zoe-7421")
    (out / "feedback/zoe-7421").symlink_to(outside)
    forget(out, Who(("zoe-7421",)))
    assert (outside / "zoe-7421.txt").read_text() == "zoe-7421"
    assert not (out / "feedback/zoe-7421").is_symlink()


def test_a_side_file_in_sqlite_is_cleaned_too(out: Path) -> None:
    with closing(sqlite3.connect(out / "log/side.db")) as connection, connection:
        connection.execute("CREATE TABLE run (who TEXT, what TEXT)")
        connection.executemany("INSERT INTO run VALUES (?, ?)", [("prof", "graded zoe-7421"), ("prof", "zoe-7421-b")])
    forget(out, Who(("zoe-7421",)))
    with closing(sqlite3.connect(out / "log/side.db")) as connection:
        assert connection.execute("SELECT what FROM run").fetchall() == [("zoe-7421-b",)]


@pytest.mark.parametrize(
    "arguments", [["--student", "nobody"], ["--before", "soon"], ["--student", "ben", "--all"], []]
)
def test_what_cannot_be_done(out: Path, arguments: list[str]) -> None:
    before = quiet(out)
    assert code(["forget", *arguments, "--out", str(out), "--yes"]) == 2
    assert quiet(out) == before


def test_the_longest_known_name_wins() -> None:
    words = Words(["ada", "ada-2", "max"], {"ada"})
    assert words.without("ada, ada-2, canada, ada_x, ada.") == "[removed], ada-2, canada, ada_x, [removed]."
    assert Words(["ada", "ada-2"], {"ada-2"}).without("ada-2 ada") == "[removed] ada"


def test_a_name_that_is_a_word_leaves_others_work_alone() -> None:
    words = Words(["max", "ben"], {"max"})
    record = json.dumps({"student": "ben", "cells": [{"source": "max"}], "exercises": [{"mistake": "max"}]})
    assert pruned_json(record, words, record=True) == record
    results = json.dumps({"submissions": [{"student": "ben", "exercises": [{"name": "max", "hint": "max pools"}]}]})
    assert pruned_json(results, words) == results
    table_ = "student_id,score\nben,10\n10,3\n"
    assert pruned_csv(table_, Words(["10", "ben"], {"10"})) == "student_id,score\nben,10\n"
    assert pruned_csv("student_id,score\nmax,1\n", words) is None
    assert pruned_lines("max was here\n", words) is None


@given(
    st.lists(st.from_regex(r"[a-c][a-c.@ -]{0,4}[a-c0-1]", fullmatch=True), min_size=2, max_size=6, unique=True),
    st.text("abc01 .@-,_", max_size=60),
)
def test_a_text_without_a_name_has_none(names: list[str], text: str) -> None:
    words = Words(names[1:], {names[0]})
    assert not words.found_in(words.without(f"{text} {names[0]}, {text}").replace("[removed]", "…"))
    assert words.without(f"…{names[0]}…") == "…[removed]…"


@pytest.mark.sandbox
def test_a_graded_class_forgets(graded: Graded, tmp_path: Path) -> None:
    out = shutil.copytree(graded.out, tmp_path / "out", symlinks=True)
    student, other = sorted(name for name, row in graded.rows.items() if row["status"] == "graded")[:2]
    assert main(["feedback", "01_convolution", "--out", str(out)]) == 0
    assert main(["report", "01_convolution", "--out", str(out)]) == 0
    export(out, "nbgrader")
    assert len(holders(out, student.encode())) > 5
    assert main(["forget", "--student", student, "--out", str(out), "--yes"]) == 0
    assert holders(out, student.encode()) == set()
    assert len(holders(out, other.encode())) >= 5
