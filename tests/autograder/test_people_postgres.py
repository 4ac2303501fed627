"""Decisions, exports and forgetting on a real PostgreSQL server, which the tests start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
from people_helpers import table
from postgres_server import Server
from store_helpers import NAME, lesson, record

from autograder.cli import main
from autograder.policy import EXAMPLE
from autograder.store import Store, open_gradebook

pytestmark = pytest.mark.skipif(bool(postgres_server.missing()), reason=postgres_server.missing() or "-")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server.server() as running:
        running.sql("DROP DATABASE IF EXISTS course WITH (FORCE)")
        running.sql("CREATE DATABASE course OWNER grader")
        yield running


def test_a_course_on_a_server(server: Server, tmp_path: Path) -> None:
    out, url = tmp_path / "out", server.url()
    out.mkdir()
    names = ["ada", "ada-2", "ben"]
    with Store(out, lesson(tmp_path), url, "2026-01-29T12:00+00:00") as store:
        store.save_many([record(name, by_hand={"why": "missing"}) for name in names])
    end = ["--out", str(out), "--db", url]
    (tmp_path / "class.csv").write_text("id,first_name,last_name,email\nada,Ada,King,ada@example.org\neva,Eva,Hesse,\n")
    assert main(["people", "import", str(tmp_path / "class.csv"), *end]) == 0
    assert main(["people", "extend", "ada", NAME, "--days", "2", *end]) == 0
    assert main(["people", "extend", "eva", NAME, "--days", "2", *end]) == 0
    assert (
        main(["people", "override", "ben", NAME, "--exercise", "part0", "--score", "0.5", "--reason", "x", *end]) == 0
    )
    assert main(["people", "override", "ben", NAME, "--score", "21", "--reason", "y", *end]) == 0
    assert main(["people", "undo", "4", *end]) == 0
    (tmp_path / "policy.yml").write_text(EXAMPLE.read_text())
    assert main(["export", "--format", "nbgrader", "--policy", str(tmp_path / "policy.yml"), *end]) == 0
    rows = {row["student_id"]: row for row in table(out / "grades-nbgrader.csv") if row["assignment"] == NAME}
    scores = {name: (row["raw_score"], row["score"]) for name, row in rows.items()}
    assert scores == {"ada": ("18", "18"), "ada-2": ("18", "17.1"), "ben": ("16.5", "15.675")}
    assert main(["forget", "--student", "ada", *end, "--yes"]) == 0
    with open_gradebook(out, url) as gradebook:
        assert {student.id for student in gradebook.students} == {"ada-2", "ben", "eva"}
        assert len(gradebook.assignment_submissions(NAME)) == 3
        assert gradebook.find_submission(NAME, "ben").score == 16.5
    assert main(["forget", "--before", "2026-01-30T12:00:01+00:00", *end, "--yes"]) == 0
    with open_gradebook(out, url) as gradebook:
        assert {student.id for student in gradebook.students} == {"eva"}  # whose submission has no time
