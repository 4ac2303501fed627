"""The gradebook on a real PostgreSQL server, which the tests start: grade, grade again, hand grades, pages, exports."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
from grading_helpers import LESSON, LESSONS, SEED, Graded, without_time
from postgres_server import Server
from store_helpers import NAME, lesson, named_tables, record, tables

from autograder.cli import main
from autograder.database import locate
from autograder.errors import AutograderError
from autograder.lessons import load_source
from autograder.store import Store, hand_grades, open_gradebook
from autograder.upgrades import upgrade

pytestmark = pytest.mark.skipif(bool(postgres_server.missing()), reason=postgres_server.missing() or "-")


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with postgres_server.server() as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    """The server with an empty database `course`."""
    running.sql("DROP DATABASE IF EXISTS course WITH (FORCE)")
    running.sql("CREATE DATABASE course OWNER grader")
    return running


def plain(server: Server) -> str:
    """The URL for SQLAlchemy itself."""
    return server.url().replace("postgresql:", "postgresql+psycopg:")


def test_the_same_rows_as_in_sqlite_and_the_same_twice(server: Server, tmp_path: Path) -> None:
    records = [record("ada"), record("bo", 0.5, status="needs_person"), record("cy", by_hand={"why": "missing"})]
    for url in (server.url(), None, server.url()):
        with Store(tmp_path, lesson(tmp_path), url, "2026-01-30T11:00+00:00") as store:
            store.save_many(records)
            assert store.all_late_seconds() == {"ada": 3600.0, "bo": 3600.0, "cy": 3600.0}
            assert store.late_seconds("ada") == 3600.0
        if url is not None:
            before = tables(plain(server))
    assert tables(plain(server)) == before
    # SQLite writes moments and truth values in its own way, so they are compared as words
    found, other = (hand_grades(tmp_path, NAME, url) for url in (server.url(), None))
    assert found == other
    with sqlite3.connect(tmp_path / "gradebook.db") as db:
        for table, rows in before.items():
            assert len(rows) == db.execute(f"SELECT count(*) FROM {table}").fetchone()[0], table


def test_a_batch_is_written_whole_or_not_at_all(server: Server, tmp_path: Path) -> None:
    with Store(tmp_path, lesson(tmp_path), server.url()) as store:
        store.save(record("ada"))
        before = tables(plain(server))
        broken = record("bo", status="needs_person")
        broken["exercises"][3]["score"] = "many"
        with pytest.raises(AutograderError):
            store.save_many([record("ada", 1.0), broken])
        assert tables(plain(server)) == before


def test_a_server_that_goes_away_says_so_and_loses_nothing(server: Server, tmp_path: Path) -> None:
    with Store(tmp_path, lesson(tmp_path), server.url()) as store:
        store.save(record("ada"))
        server.stop()
        try:
            with pytest.raises(AutograderError, match=r"broke off|no server answers") as stopped:
                store.save(record("bo"))
        finally:
            server.start()
        assert "secret" not in str(stopped.value) + stopped.value.fix
    with Store(tmp_path, lesson(tmp_path), server.url()) as store:
        assert store.students() == {"ada"}


WRONG = {
    "password": ({"password": "guessed%2Fword"}, "user or the password"),
    "user": ({"user": "nobody_here"}, "user or the password"),
    "database": ({"database": "nothing"}, "no such database"),
    "rights": ({"database": "closed"}, "may not do that"),
    "letters": ({"database": "ascii"}, "stores text as SQL_ASCII"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_the_server_refuses_gets_its_own_words(
    what: str, server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server.sql("DROP DATABASE IF EXISTS closed")
    server.sql("DROP DATABASE IF EXISTS ascii")
    server.sql("CREATE DATABASE closed")
    server.sql("CREATE DATABASE ascii OWNER grader ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    changes, said = WRONG[what]
    with pytest.raises(AutograderError, match=said) as stopped:
        Store(tmp_path, lesson(tmp_path), server.url(**changes))
    assert stopped.value.fix
    assert not any(word in f"{stopped.value} {stopped.value.fix}" for word in ("guessed", "secret"))


@pytest.mark.parametrize("place", ["PGPASSWORD", "PGPASSFILE", "COURSE_DB"])
def test_a_password_need_not_stand_on_the_command_line(
    place: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url().replace(":very%25secret%2Fword@", "@")
    assert "secret" not in url
    with pytest.raises(AutograderError, match="user or the password"):
        Store(tmp_path, lesson(tmp_path), url)
    passwords = tmp_path / "passwords"
    passwords.write_text(f"*:*:course:grader:{postgres_server.PASSWORD}\n")
    passwords.chmod(0o600)
    values = {"PGPASSWORD": postgres_server.PASSWORD, "PGPASSFILE": str(passwords), "COURSE_DB": server.url()}
    monkeypatch.setenv(place, values[place])
    with Store(tmp_path, lesson(tmp_path), "env:COURSE_DB" if place == "COURSE_DB" else url) as store:
        store.save(record("ada"))
        assert store.students() == {"ada"}


def test_an_older_gradebook_waits_for_a_dump(server: Server, tmp_path: Path) -> None:
    with Store(tmp_path, lesson(tmp_path), server.url()) as store:
        store.save(record("ada"))
    server.sql("DROP TABLE alembic_version", "course")  # as nbgrader leaves it when it is killed at the start
    with pytest.raises(AutograderError, match="older nbgrader") as stopped:
        Store(tmp_path, lesson(tmp_path), server.url())
    assert "db upgrade" in stopped.value.fix
    database = locate(tmp_path, server.url())
    with pytest.raises(AutograderError, match="only you can make a copy") as stopped:
        upgrade(database)
    assert "pg_dump" in stopped.value.fix
    upgrade(database, dumped=True)
    with Store(tmp_path, lesson(tmp_path), server.url()) as store:
        assert store.students() == {"ada"}


@pytest.mark.sandbox
def test_a_class_from_grading_to_exports(
    server: Server, graded: Graded, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    submitted, out = tmp_path / "submitted", tmp_path / "out"
    students = [graded.of_kind(kind)[0] for kind in ("right", "mistakes", "blank", "late", "partial")]
    for name in students:
        shutil.copytree(graded.submitted / name, submitted / name)
    grade = ["grade", LESSON, "--submitted", str(submitted), "--out", str(out), "--db", server.url()]
    grade += ["--lessons", str(LESSONS), "--seed", str(SEED), "--due", graded.truth["due"], "--workers", "1"]
    assert main(grade) == 0
    results = json.loads((out / "results.json").read_text())
    expected = [row for row in without_time(graded.summary.results)["submissions"] if row["student"] in students]
    assert without_time(results)["submissions"] == expected
    assert not (out / "gradebook.db").exists()
    exercise = results["submissions"][0]["exercises"][0]["name"]
    with open_gradebook(out, server.url()) as gradebook:
        found = gradebook.find_grade(f"check_{exercise}", LESSON, LESSON, students[0])
        found.manual_score = 0.125
        written = next(cell.grade_id for cell in load_source(LESSON, LESSONS).cells if cell.by_hand)
        gradebook.find_comment(written, LESSON, LESSON, students[0]).manual_comment = "Come and see me."
        gradebook.db.commit()
    before = named_tables(plain(server))
    assert main([*grade, "--regrade"]) == 0
    assert named_tables(plain(server)) == before
    rest = ["--out", str(out), "--db", server.url()]
    assert main(["feedback", LESSON, *rest, "--lessons", str(LESSONS)]) == 0
    assert "Come and see me." in (out / "feedback" / students[0] / LESSON / f"{LESSON}.html").read_text()
    assert main(["report", LESSON, "--out", str(out), "--lessons", str(LESSONS)]) == 0
    assert main(["export", "--format", "nbgrader", *rest]) == 0
    with (out / "grades-nbgrader.csv").open() as stream:
        scores = {row["student_id"]: float(row["raw_score"]) for row in csv.DictReader(stream)}
    wanted = {row["student"]: row["score"] for row in results["submissions"]}
    (row,) = [row for row in results["submissions"] if row["student"] == students[0]]
    wanted[students[0]] += 0.125 - row["exercises"][0]["score"]
    assert scores == pytest.approx(wanted)
    printed = capfd.readouterr()
    assert "secret" not in printed.out + printed.err
    holding = {p.relative_to(out) for p in out.rglob("*") if p.is_file() and b"very%25secret" in p.read_bytes()}
    assert holding == {Path("nbgrader_config.py")}
