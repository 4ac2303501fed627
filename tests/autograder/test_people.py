"""Decisions about one student: where they stand, that they are obeyed, that they can be taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import SubmittedAssignment
from people_helpers import DAY, FIRST, SECOND, Work, table, workspace
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from autograder.cli import main
from autograder.export import export
from autograder.people_log import entries
from autograder.store import open_gradebook

WHAT = ("extend", "override", "list", "undo", "import")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return workspace(tmp_path / "out", [Work("ada", late=2 * DAY), Work("ben", conv=3, pool=1, pending=True)])


def people(out: Path, *arguments: str) -> int:
    return main(["people", *arguments, "--out", str(out)])


def grades(out: Path, student: str, lesson: str = FIRST) -> dict[str, tuple[Any, bool]]:
    with open_gradebook(out) as gradebook:
        found = gradebook.find_submission(lesson, student).notebooks[0].grades
        return {grade.name: (grade.manual_score, grade.needs_manual_grade) for grade in found}


def comments(out: Path, student: str) -> dict[str, Any]:
    with open_gradebook(out) as gradebook:
        found = gradebook.find_submission(FIRST, student).notebooks[0].comments
        return {comment.name: comment.manual_comment for comment in found}


def late(out: Path, student: str = "ada") -> float:
    with open_gradebook(out) as gradebook:
        return float(gradebook.find_submission(FIRST, student).total_seconds_late)


def test_an_extension_is_nbgraders_own_and_can_be_taken_back(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert late(out) == 2 * 86400
    assert people(out, "extend", "ada", FIRST, "--days", "1.5", "--by", "prof") == 0
    assert "has until 2026-02-02 11:59 UTC" in capsys.readouterr().out
    assert late(out) == 43200
    assert people(out, "extend", "ada", FIRST, "--until", "2026-02-03T00:59+01:00") == 0
    assert late(out) == 0  # exactly at it; and it took the other's place
    assert people(out, "undo", "1") == 2
    assert "is 172800.0 now; expected 129600.0" in capsys.readouterr().err
    assert people(out, "undo", "2") == 0
    assert late(out) == 43200
    assert people(out, "undo", "1") == 0
    assert late(out) == 2 * 86400
    assert people(out, "undo", "1") == 2
    assert people(out, "undo", "3") == 2
    assert people(out, "undo", "99") == 2
    capsys.readouterr()
    assert people(out, "list", "--student", "ada") == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["taken back" in line for line in lines] == [True, True, False, False]
    assert "prof: ada, 01_convolution: 1.5 days more" in lines[0]


def test_an_extension_before_anything_is_handed_in_is_no_score(out: Path) -> None:
    assert people(out, "extend", "cyd", FIRST, "--days", "3") == 0
    assert {row["student_id"] for row in table(export(out, "nbgrader"))} == {"ada", "ben"}
    assert people(out, "undo", "1") == 0
    assert {row["student_id"] for row in table(export(out, "nbgrader"))} == {"ada", "ben"}
    with open_gradebook(out) as gradebook:
        assert not gradebook.find_submission(FIRST, "cyd").needs_manual_grade


def test_a_score_by_hand_with_its_reason(out: Path) -> None:
    arguments = ("override", "ben", FIRST, "--exercise", "conv", "--score", "4.5", "--reason", "right on paper")
    assert people(out, *arguments) == 0
    assert grades(out, "ben") == {"check_conv": (4.5, False), "check_pool": (None, True)}
    assert comments(out, "ben") == {"conv": "right on paper", "pool": None}
    assert {r["student_id"]: r["raw_score"] for r in table(export(out, "nbgrader"))} == {"ada": "10", "ben": "5.5"}
    (entry,) = entries(out)
    assert (entry["reason"], entry["score"], entry["lesson"]) == ("right on paper", 4.5, FIRST)
    assert entry["by"]
    assert entry["at"].endswith("+00:00")
    assert (out / "people.jsonl").stat().st_mode & 0o777 == 0o600
    assert people(out, "override", "ben", FIRST, "--exercise", "check_conv", "--score", "6", "--reason", "all") == 0
    assert comments(out, "ben")["conv"] == "right on paper\n\nall"
    assert people(out, "undo", "2") == 0
    assert people(out, "undo", "1") == 0
    assert grades(out, "ben") == {"check_conv": (None, True), "check_pool": (None, True)}
    assert comments(out, "ben") == {"conv": None, "pool": None}


def test_a_whole_lesson_is_shared_out_by_points(out: Path) -> None:
    assert people(out, "override", "ben", FIRST, "--score", "7", "--reason", "spoke with her") == 0
    assert {name: score for name, (score, _) in grades(out, "ben").items()} == {"check_conv": 4.2, "check_pool": 2.8}
    assert comments(out, "ben") == {"conv": "spoke with her", "pool": None}
    assert {r["student_id"]: r["raw_score"] for r in table(export(out, "nbgrader"))}["ben"] == "7"
    assert people(out, "undo", "1") == 0
    assert grades(out, "ben") == {"check_conv": (None, True), "check_pool": (None, True)}


def test_what_formgrader_changed_since_is_not_lost(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert people(out, "override", "ben", FIRST, "--exercise", "conv", "--score", "4", "--reason", "x") == 0
    with open_gradebook(out) as gradebook:
        gradebook.find_submission(FIRST, "ben").notebooks[0].comments[0].manual_comment = "mine"
        gradebook.db.commit()
    before = (out / "people.jsonl").read_text()
    assert people(out, "undo", "1") == 2
    assert "comment on conv is 'mine' now" in capsys.readouterr().err
    assert grades(out, "ben")["check_conv"] == (4, False)
    assert (out / "people.jsonl").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("extend", "adda", FIRST, "--days", "1"), "no student 'adda'; is it ada?"),
        (("extend", "ada", "03_x", "--days", "1"), "has no '03_x'; it has: 01_convolution, 02_networks"),
        (("extend", "ada", FIRST, "--days", "0"), "after the due date"),
        (("extend", "ada", FIRST, "--days", "1e9"), "at most 3660"),
        (("extend", "ada", FIRST, "--days", "soon"), "no number"),
        (("extend", "ada", FIRST, "--days", "1e999999"), "no number"),
        (("extend", "ada", FIRST, "--until", "2026-01-31T23:59Z"), "after the due date"),
        (("extend", "ada", FIRST, "--until", "tomorrow"), "is no date"),
        (("override", "cyd", FIRST, "--score", "1", "--reason", "x"), "handed in nothing"),
        (("override", "ada", FIRST, "--score", "10.1", "--reason", "x"), "from 0 to 10"),
        (("override", "ada", FIRST, "--score", "-1", "--reason", "x"), "from 0 to 10"),
        (("override", "ada", FIRST, "--score", "nan", "--reason", "x"), "no number"),
        (("override", "ada", FIRST, "--score", "1", "--reason", " "), "the reason is empty"),
        (("override", "ada", FIRST, "--exercise", "flip", "--score", "1", "--reason", "x"), "there are: conv, pool"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_no_trace(
    out: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert people(out, *arguments) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert "→" in printed
    assert entries(out) == []


def test_without_a_due_date_there_is_nothing_to_extend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = workspace(tmp_path / "out", [Work("ada")], due=None)
    assert people(out, "extend", "ada", FIRST, "--days", "1") == 2
    assert "--due TIME" in capsys.readouterr().err


def test_a_damaged_list_is_named_and_stops(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert people(out, "list") == 0
    assert "Nothing has been decided" in capsys.readouterr().out
    (out / "people.jsonl").write_text('{"id": 1}\nnot json\n')
    assert people(out, "extend", "ada", FIRST, "--days", "1") == 2
    assert "people.jsonl, line 2" in capsys.readouterr().err
    assert late(out) == 2 * 86400


def test_names_come_in_from_a_file(out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roster = tmp_path / "class.csv"
    roster.write_text(
        "\ufeffid,first_name,last_name,email,lms_user_id\nada,,King,,17\neva,Eva,Hesse,eva@example.org,\n\n"
    )
    assert people(out, "import", str(roster)) == 0
    assert "2 students: 1 new, 1 known" in capsys.readouterr().out
    with open_gradebook(out) as gradebook:
        ada, eva = gradebook.find_student("ada"), gradebook.find_student("eva")
        assert (ada.first_name, ada.last_name, ada.email, ada.lms_user_id) == ("Ada", "King", "ada@example.org", "17")
        assert (eva.first_name, eva.last_name) == ("Eva", "Hesse")
    fresh = tmp_path / "fresh"
    assert people(fresh, "import", str(roster)) == 0  # before the first grading
    roster.write_text("student,lms_id\nada,99\n")
    assert people(fresh, "import", str(roster)) == 0
    with open_gradebook(fresh) as gradebook:
        assert gradebook.find_student("ada").lms_user_id == "99"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "class.csv:1: no column id"),
        ("name\nada\n", "class.csv:1: no column id; there are: name"),
        ("id\n", "nobody is in it"),
        ("id\nada\n../ben\n", "class.csv:3: id is '../ben'"),
        ("id\nada\nada\n", "class.csv:3: ada stands in line 2 already"),
        ("id,email\nada," + "x" * 129 + "\n", "class.csv:2: email has 129 characters"),
        ('id\n"ada\n', "this is no CSV"),
    ],
)
def test_a_bad_roster_changes_nothing(
    out: Path, tmp_path: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    roster = tmp_path / "class.csv"
    roster.write_text(text)
    assert people(out, "import", str(roster)) == 2
    assert said in capsys.readouterr().err
    with open_gradebook(out) as gradebook:
        assert len(gradebook.students) == 4


def test_a_refusing_gradebook_leaves_no_line(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert people(out, "extend", "ada", FIRST, "--days", "1") == 0
    before = (out / "people.jsonl").read_bytes()
    commit = Session.commit

    def refuse(self: Session) -> None:
        if any(isinstance(changed, SubmittedAssignment) for changed in self.dirty):
            raise OperationalError("COMMIT", {}, Exception("database or disk is full"))
        commit(self)

    monkeypatch.setattr(Session, "commit", refuse)
    assert people(out, "extend", "ada", FIRST, "--days", "2") == 2
    monkeypatch.undo()
    assert (out / "people.jsonl").read_bytes() == before
    assert late(out) == 86400
    assert json.loads(before)["id"] == 1
    assert SECOND not in before.decode()


@pytest.mark.parametrize("command", ["policy example", "policy check", "forget", *[f"people {x}" for x in WHAT]])
def test_every_part_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*command.split(), "--help"])
    assert stopped.value.code == 0
    assert f"usage: autograder {command}" in capsys.readouterr().out
