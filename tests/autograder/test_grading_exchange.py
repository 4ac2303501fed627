"""nbgrader's exchange, and the roster that says who is who."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from grading_helpers import LESSON, LESSONS, digest

from autograder import intake_exchange
from autograder.errors import AutograderError
from autograder.intake import Submission, collect
from autograder.roster import load_roster
from autograder.run import Options, grade_class


def hand_in(
    inbound: Path, student: str, time: str, data: bytes, inside: str | None = None, random: str = "+aB_c"
) -> Path:
    folder = inbound / f"{student}+{LESSON}+{time}{random}"
    folder.mkdir(parents=True)
    (folder / f"{LESSON}.ipynb").write_bytes(data)
    (folder / "timestamp.txt").write_text(inside or time)
    (folder / "submission_secret.txt").write_text("secret")
    return folder


FIRST, SECOND, THIRD = (f"2026-01-{day} 22:59:00.123456 UTC" for day in (29, 30, 31))


@pytest.fixture
def exchange(tmp_path: Path) -> Path:
    return tmp_path / "exchange" / "cnn" / "inbound"


def found(path: Path) -> dict[str, Submission]:
    return {s.student: s for s in collect(path, LESSON)}


def test_the_latest_of_each_student_counts(exchange: Path) -> None:
    hand_in(exchange, "ada", SECOND, b"second")
    hand_in(exchange, "ada", THIRD, b"third")
    hand_in(exchange, "ada", FIRST, b"first")
    hand_in(exchange, "bob", FIRST, b"bob", random="")
    (exchange / f"cy+99_other+{FIRST}+x").mkdir()
    (exchange.parent / "outbound").mkdir()
    before = digest(exchange)
    for path in (exchange, exchange.parent, exchange.parent.parent):
        entries = found(path)
        assert {s: e.data for s, e in entries.items()} == {"ada": b"third", "bob": b"bob"}
    assert entries["ada"].timestamp == "2026-01-31T22:59:00.123456+00:00"
    assert entries["ada"].flags == (f"the latest of 3 submissions counts; not: {SECOND}, {FIRST}",)
    assert entries["bob"].flags == ()
    assert digest(exchange) == before


def test_what_is_odd_costs_one_student(exchange: Path) -> None:
    hand_in(exchange, "ada", "yesterday", b"ada", inside="tomorrow")
    hand_in(exchange, "bob", FIRST, b"bob", inside=THIRD)
    hand_in(exchange, "=cmd+x", FIRST, b"plus")
    (exchange / f"dee+{LESSON}+{FIRST}+x").symlink_to(exchange / f"ada+{LESSON}+yesterday+aB_c")
    (exchange / f"eve+{LESSON}+{FIRST}+x").write_text("no folder")
    hand_in(exchange, "fay", FIRST, b"").joinpath(f"{LESSON}.ipynb").unlink()
    entries = found(exchange)
    assert entries["ada"].data == b"ada"
    assert entries["ada"].timestamp is None
    assert "is no date" in entries["ada"].flags[0]
    assert entries["bob"].timestamp == "2026-01-31T22:59:00.123456+00:00"
    assert "the later one counts" in entries["bob"].flags[0]
    (odd,) = (e for s, e in entries.items() if s.startswith("=cmd+x ("))
    assert not odd.is_person
    assert "no student id" in odd.reason
    assert "symbolic link" in entries["dee"].reason
    assert "not a folder" in entries["eve"].reason
    assert "there is no" in entries["fay"].reason


def test_a_folder_put_there_by_another_does_not_count(exchange: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in(exchange, "ada", FIRST, b"her own")
    hand_in(exchange, "ada", THIRD, b"forged", random="+mallory")
    hand_in(exchange, "bob", FIRST, b"only forged", random="+mallory")
    monkeypatch.setattr(
        intake_exchange, "_owner", lambda root, name: "mallory" if "mallory" in name else name.split("+")[0]
    )
    entries = found(exchange)
    assert entries["ada"].data == b"her own"
    assert "put there by mallory" in entries["ada"].flags[0]
    assert entries["bob"].flags == ("the folder in the exchange belongs to mallory, not to the student",)


def test_one_owner_for_all_says_nothing(exchange: Path) -> None:
    hand_in(exchange, "ada", FIRST, b"ada")
    hand_in(exchange, "bob", FIRST, b"bob")
    assert all(e.flags == () for e in found(exchange).values())


def test_two_courses_are_one_too_many(exchange: Path) -> None:
    hand_in(exchange, "ada", FIRST, b"ada")
    hand_in(exchange.parent.parent / "rnn" / "inbound", "ada", FIRST, b"ada")
    with pytest.raises(AutograderError, match="several courses: cnn, rnn"):
        found(exchange.parent.parent)


def test_a_student_cannot_make_a_folder_an_exchange(tmp_path: Path) -> None:
    (tmp_path / "ada" / LESSON).mkdir(parents=True)
    (tmp_path / "ada" / LESSON / f"{LESSON}.ipynb").write_bytes(b"ada")
    hand_in(tmp_path / "bob" / "inbound", "ada", THIRD, b"forged")
    assert {s: e.data for s, e in found(tmp_path).items()} == {"ada": b"ada"}


def test_in_folders_the_roster_only_says_who_is_a_stranger(tmp_path: Path) -> None:
    for name in ("ada", "bob"):
        folder = tmp_path / "submitted" / name / LESSON
        folder.mkdir(parents=True)
        (folder / f"{LESSON}.ipynb").write_bytes(b"x")
    roster = tmp_path / "roster.csv"
    roster.write_text("student\nada\n")
    flags = {s.student: s.flags for s in collect(tmp_path / "submitted", LESSON, roster)}
    assert flags == {"ada": (), "bob": ("is not in the roster",)}


def test_where_nobody_handed_in_the_advice_is_about_what_lies_there(
    exchange: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(submitted: Path) -> str:
        with pytest.raises(AutograderError, match=f"nobody handed in {LESSON}") as error:
            grade_class(Options(LESSON, submitted, tmp_path / "out", lessons=LESSONS))
        return f"{error.value} → {error.value.fix}"

    exchange.mkdir(parents=True)
    empty = said(exchange.parent)
    assert f"expected {exchange}/<student>+{LESSON}+<time>" in empty
    assert "there is" not in empty
    (exchange / f"cy+99_other+{FIRST}+x").mkdir()
    (exchange / f"dee+98_another+{FIRST}").mkdir()
    for path in (exchange, exchange.parent, exchange.parent.parent):
        assert "there is 98_another, 99_other" in said(path)
    folders = tmp_path / "submitted"
    for name in ("=\x1b[2J", "99_other"):
        (folders / "ada" / name).mkdir(parents=True)
        (folders / "ada" / name / f"{name}.ipynb").write_text("{}")
    (folders / "ada" / "notes").mkdir()
    (folders / "roster.csv").write_text("ada")
    text = said(folders)
    assert text.isprintable()
    assert "there is 99_other, =\N{REPLACEMENT CHARACTER}[2J" in text
    assert f"expected {folders}/<student>/{LESSON}/{LESSON}.ipynb; or give a zip" in text
    archive = tmp_path / "all.zip"
    archive.write_bytes(b"")
    monkeypatch.setattr("autograder.run.collect", lambda *arguments: iter(()))
    assert "give the zip of all submissions" in said(archive)
    assert "<student>" not in said(archive)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "nobody is in this roster"),
        ("name,email\nAda,a@b\n", "line 1, column student: missing; the first line holds name, email"),
        ("student,Student\nada,bob\n", "line 1, column student: it stands there 2 times"),
        ("student,email\nada,a@b\n\nbob,nonsense\n", "line 4, column email: 'nonsense'"),
        ("student,name\nada,Ada\n../bob,Bob\n", "line 3, column student: '../bob'"),
        ('student,name\nada,"Ada\nLovelace"\nbob,B\n', "line 2, column name"),
        ("student\nada\nADA\n", "line 3, column student: 'ADA'; expected one that is not in line 2"),
        ("student,lms_id\nada,7\nbob,7\n", "line 3, column lms_id: '7'"),
        ('student,name\nada,"Ada\n', "line 2: "),
        ('student,note\nada,"two\nlines"\n../bob,x\n', "line 4, column student: '../bob'"),
        ("student\n", "nobody is in this roster"),
    ],
)
def test_a_roster_that_is_wrong_says_where(tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(text)
    with pytest.raises(AutograderError) as error:
        load_roster(path)
    assert place in str(error.value)
    assert error.value.fix


def test_a_roster_in_another_encoding_says_where(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes("student,name\nada,Ada\nzoe,Zoë\n".encode("latin-1"))
    with pytest.raises(AutograderError, match="line 3: not UTF-8"):
        load_roster(path)
    with pytest.raises(AutograderError, match="cannot be read"):
        load_roster(tmp_path / "nowhere.csv")


def test_a_roster_from_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes("\ufeffStudent;LMS ID;Name\r\nada;101;Lovelace, Ada\r\n\r\nbob;;O'Neil Bob\r\n".encode())
    roster = load_roster(path)
    assert [p.student for p in roster.people] == ["ada", "bob"]
    assert "ada" in roster
    assert "cy" not in roster
    ada = roster.by_number("101")
    assert ada is not None
    assert ada is roster.by_student("ada")
    for name in ("Ada Lovelace", "LOVELACE  ada", "lovelaceada", "Lovelace, Ada", "Group 1-Ada Lovelace"):
        assert roster.by_name(name) == [ada]
    assert [p.student for p in roster.by_name("oneilbob")] == ["bob"]
    assert roster.by_name("") == roster.by_name("-" * 50_000) == []


def test_an_exchange_without_rights_is_said(exchange: Path) -> None:
    hand_in(exchange, "ada", FIRST, b"ada").chmod(0)
    entry = found(exchange)["ada"]
    assert entry.data == b"ada" if os.geteuid() == 0 else "cannot be opened" in entry.reason
