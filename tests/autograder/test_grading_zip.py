"""Downloads of all submissions from Moodle and Canvas: who handed in what, and which file of theirs counts."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from grading_helpers import LESSON

from autograder import intake_names
from autograder.errors import AutograderError
from autograder.intake import Submission, collect

NOTEBOOK = f"{LESSON}.ipynb"


def pack(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return path


def packed(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    return stream.getvalue()


def found(path: Path, roster: str = "") -> dict[str, Submission]:
    csv = path.with_suffix(".csv")
    csv.write_text(roster)
    entries = list(collect(path, LESSON, csv if roster else None))
    assert [e.student for e in entries] == sorted(e.student for e in entries)
    assert len({e.student for e in entries}) == len(entries)
    return {e.student: e for e in entries}


def moodle(name: str, number: int, file: str = NOTEBOOK, flat: bool = False) -> str:
    return f"{name}_{number}_assignsubmission_file_{'' if flat else '/'}{file}"


@pytest.mark.parametrize("flat", [False, True])
def test_moodle_names_become_ids(tmp_path: Path, flat: bool) -> None:
    files = {
        moodle("Ada Lovelace", 1234567, flat=flat): b"ada",
        moodle("Zoë O'Hara", 1234568, flat=flat): b"zoe",
        moodle("李 雷", 1234569, flat=flat): b"lei",
        "grades.txt": b"not a submission",
    }
    entries = found(pack(tmp_path / "all.zip", files))
    assert {s: e.data for s, e in entries.items()} == {"Ada Lovelace": b"ada", "Zoë O Hara": b"zoe", "李 雷": b"lei"}
    assert all(e.is_person and e.timestamp is None and e.flags == () for e in entries.values())


def test_moodle_without_the_last_underscore_and_inside_a_folder(tmp_path: Path) -> None:
    files = {
        f"week 1/Ada Lovelace_12_assignsubmission_file/{NOTEBOOK}": b"ada",
        f"__MACOSX/week 1/Ada Lovelace_12_assignsubmission_file/._{NOTEBOOK}": b"litter",
        "week 1/Bo Li_13_assignsubmission_onlinetext_/onlinetext.html": b"text",
    }
    entries = found(pack(tmp_path / "all.zip", files))
    assert entries["Ada Lovelace"].data == b"ada"
    assert entries["Ada Lovelace"].flags == ()
    assert entries["Bo Li"].reason == f"there is no {NOTEBOOK}: no file was handed in, only text"


class Pipe(io.BytesIO):
    """A file that can only be written on, as an LMS writes its answer: sizes come after the data."""

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise io.UnsupportedOperation


@pytest.mark.parametrize("large", [False, True])
def test_a_zip_that_was_streamed(tmp_path: Path, large: bool) -> None:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as made:
        for i, name in enumerate(("Ada", "Bo")):
            with made.open(zipfile.ZipInfo(moodle(name, i + 1)), "w", force_zip64=large) as entry:
                entry.write(name.encode())
    (tmp_path / "all.zip").write_bytes(pipe.getvalue())
    assert {s: e.data for s, e in found(tmp_path / "all.zip").items()} == {"Ada": b"Ada", "Bo": b"Bo"}


def test_two_people_of_one_name_stay_two(tmp_path: Path) -> None:
    files = {moodle("Ada Li", 5): b"a", moodle("ada li", 6): b"b", moodle("Ada Li 5", 7): b"c"}
    entries = found(pack(tmp_path / "all.zip", files))
    assert entries["ada li 6"].data == b"b"
    assert "2 people are called" in entries["ada li 6"].flags[0]
    others = [e for s, e in entries.items() if s != "ada li 6"]
    assert len(others) == 2
    assert all(e.data is None and not e.is_person and "--roster" in e.reason for e in others)


def test_canvas_numbers_become_ids_and_the_latest_counts(tmp_path: Path) -> None:
    files = {
        f"lovelaceada_LATE_101_9001_{LESSON}-1.ipynb": b"first again",
        f"lovelaceada_LATE_101_9002_{LESSON}-2.ipynb": b"second again",
        f"lovelaceada_LATE_101_9003_{NOTEBOOK}": b"first",
        "lovelaceada_LATE_101_9004_notes.txt": b"notes",
        f"hopper_grace_late_102_9005_{NOTEBOOK}": b"grace",
        f"anon_aB3dE_9006_{NOTEBOOK}": b"anonymous",
        "turingalan_103_text.html": b"only text",
    }
    entries = found(pack(tmp_path / "all.zip", files))
    assert sorted(entries) == ["101", "102", "anon-aB3dE"]
    assert entries["101"].data == b"second again"
    assert entries["101"].flags == (
        "Canvas marks it as late",
        f"the latest of 3 notebooks counts: {LESSON}-2.ipynb",
        "files beside the notebook were not used: notes.txt",
    )
    assert entries["102"].flags == ("Canvas marks it as late",)
    assert entries["anon-aB3dE"].data == b"anonymous"


@pytest.mark.parametrize(
    ("name", "number", "file"),
    [
        ("ada_101_9001_01_convolution.ipynb", "101", "01_convolution.ipynb"),
        ("ada_101_9001_10_detection-3.ipynb", "101", "10_detection-3.ipynb"),
        ("101_9001_01_convolution.ipynb", "101", "01_convolution.ipynb"),
        ("ada_101_9001_my work (2).ipynb", "101", "my work (2).ipynb"),
    ],
)
def test_canvas_names(name: str, number: str, file: str) -> None:
    read = intake_names.canvas([name], "10_detection" if "detection" in name else LESSON)
    assert isinstance(read, intake_names.Read)
    assert (read.owner.number, read.file, read.file_number) == (number, file, 9001)


@pytest.mark.parametrize("name", ["ada_99_101_9001_01_convolution.ipynb", "ada_101_9001_99_7_01_convolution.ipynb"])
def test_nobody_becomes_somebody_else_by_a_name(tmp_path: Path, name: str) -> None:
    """A student may call themselves ada_99, or their file 99_7_01_convolution.ipynb: neither makes them number 99."""
    files = {name: b"forged", f"bob_99_9002_{NOTEBOOK}": b"bob"}
    entries = found(pack(tmp_path / "all.zip", files), "student,lms_id\nbob,99\nada,101\n")
    assert entries.pop("bob").data == b"bob"
    ((student, entry),) = entries.items()
    assert entry.data is None
    assert "two ways" in entry.reason
    assert not entry.is_person, student


def test_one_differently_named_notebook_counts_with_a_flag(tmp_path: Path) -> None:
    files = {moodle("Ada L", 1, "homework final.ipynb"): b"ada", moodle("Ada L", 1, "plot.png"): b"png"}
    entry = found(pack(tmp_path / "all.zip", files))["Ada L"]
    assert entry.data == b"ada"
    assert entry.flags == (
        f"the notebook is named homework final.ipynb, not {NOTEBOOK}",
        "files beside the notebook were not used: plot.png",
    )


def test_no_telling_which_is_a_reason(tmp_path: Path) -> None:
    files = {
        moodle("Ada L", 1, "a.ipynb"): b"",
        moodle("Ada L", 1, "b.ipynb"): b"",
        moodle("Bo", 2, f"old/{NOTEBOOK}"): b"",
        moodle("Bo", 2, f"new/{NOTEBOOK}"): b"",
        moodle("Cy", 3, "work.pdf"): b"",
        moodle("Dee", 4, f"sub/{NOTEBOOK}"): b"dee",
    }
    entries = found(pack(tmp_path / "all.zip", files))
    assert entries["Ada L"].reason == f"there is no {NOTEBOOK}, and several other notebooks: a.ipynb, b.ipynb"
    assert entries["Bo"].reason.startswith("there are 2 notebooks of that name: new/")
    assert entries["Cy"].reason == f"there is no {NOTEBOOK}; there is work.pdf"
    assert entries["Dee"].data == b"dee"


def test_a_notebook_in_a_students_zip(tmp_path: Path) -> None:
    inner = packed({"work/my.ipynb": b"ada", "__MACOSX/work/._my.ipynb": b"", ".ipynb_checkpoints/my.ipynb": b""})
    two = packed({"a.ipynb": b"", "b.ipynb": b""})
    files = {
        moodle("Ada", 1, "work.zip"): inner,
        moodle("Bo", 2, "work.zip"): two,
        moodle("Cy", 3, "work.zip"): packed({"work.zip": inner}),
        moodle("Dee", 4, "work.zip"): b"PK no zip",
        moodle("Eve", 5, "work.zip"): packed({NOTEBOOK: b"eve", "old.ipynb": b""}),
    }
    entries = found(pack(tmp_path / "all.zip", files))
    assert entries["Ada"].data == b"ada"
    assert entries["Ada"].flags == ("the notebook was taken from a zip: work/my.ipynb",)
    assert "several notebooks: a.ipynb, b.ipynb" in entries["Bo"].reason
    assert "no notebook" in entries["Cy"].reason
    assert "no zip, or a damaged one" in entries["Dee"].reason
    assert entries["Eve"].data == b"eve"


ROSTER = """student;name;email;lms_id;seat
ada;"Lovelace, Ada King";ada@example.org;101;3
bob;Bob Li;;;
bob2;Bob Li;;104;
grace;Grace Hopper;;;
"""


def test_with_a_roster_canvas_numbers_and_names_lead_to_ids(tmp_path: Path) -> None:
    files = {
        f"whoever_101_1_{NOTEBOOK}": b"ada",
        f"hoppergrace_102_2_{NOTEBOOK}": b"grace",
        f"libob_103_3_{NOTEBOOK}": b"bob",
        f"mallorymax_105_4_{NOTEBOOK}": b"max",
    }
    entries = found(pack(tmp_path / "all.zip", files), ROSTER)
    assert entries["ada"].data == b"ada"
    assert entries["ada"].flags == ()
    assert entries["grace"].flags == ("found in the roster by the name hoppergrace",)
    assert "several people could be meant" in entries["libob (103)"].reason
    assert "not in the roster" in entries["mallorymax (105)"].reason
    assert not entries["mallorymax (105)"].is_person


def test_with_a_roster_moodle_names_decide(tmp_path: Path) -> None:
    """Moodle's number 101 is not the roster's: it is new in each assignment."""
    files = {
        moodle("Grace Hopper", 101): b"grace",
        moodle("Group 3-Ada King Lovelace", 7): b"ada",
        moodle("Bob Li", 104): b"bob2",
        moodle("Max Mallory", 9): b"max",
    }
    entries = found(pack(tmp_path / "all.zip", files), ROSTER)
    people = {s: e.data for s, e in entries.items() if e.is_person}
    assert people == {"grace": b"grace", "ada": b"ada", "bob2": b"bob2"}
    assert all(e.flags == () for e in entries.values())
    assert "not in the roster" in entries["Max Mallory (9)"].reason


def test_hidden_names_go_by_number(tmp_path: Path) -> None:
    files = {moodle("Participant", 101): b"ada", moodle("Participant", 104): b"bob2", moodle("Participant", 5): b""}
    entries = found(pack(tmp_path / "all.zip", files), ROSTER)
    assert {s: e.data for s, e in entries.items() if e.is_person} == {"ada": b"ada", "bob2": b"bob2"}


def test_an_impostor_does_not_take_anothers_place(tmp_path: Path) -> None:
    """Max has renamed himself: by number Ada is sure, by name both Graces are in doubt."""
    files = {
        f"lovelaceadaking_101_1_{NOTEBOOK}": b"ada",
        f"lovelaceadaking_105_2_{NOTEBOOK}": b"max",
        f"hoppergrace_106_3_{NOTEBOOK}": b"one",
        f"hoppergrace_107_4_{NOTEBOOK}": b"two",
    }
    entries = found(pack(tmp_path / "all.zip", files), ROSTER)
    assert {s: e.data for s, e in entries.items() if e.is_person} == {"ada": b"ada"}
    assert len(entries) == 4


def test_a_zip_of_something_else_is_said(tmp_path: Path) -> None:
    with pytest.raises(AutograderError, match="as Moodle or Canvas gives it"):
        found(pack(tmp_path / "all.zip", {"photos/1.png": b""}))
    (tmp_path / "bad.zip").write_bytes(b"PK" * 100)
    with pytest.raises(AutograderError, match="no zip"):
        found(tmp_path / "bad.zip")


def test_notebooks_of_nobody_are_listed(tmp_path: Path) -> None:
    files = {moodle("Ada", 1): b"ada", "stray.ipynb": b"?"} | {f"x{i}.ipynb": b"" for i in range(150)}
    entries = found(pack(tmp_path / "all.zip", files))
    assert entries.pop("Ada").data == b"ada"
    assert len(entries) == 101
    assert all(not e.is_person and "say" in e.reason for e in entries.values())


@pytest.mark.parametrize("name", [moodle("Ada", 1), f"ada_101_9001_{NOTEBOOK}"])
def test_an_unpacked_download_is_known_as_one(tmp_path: Path, name: str) -> None:
    path = tmp_path / "all" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"ada")
    with pytest.raises(AutograderError, match="unpacked download") as error:
        list(collect(tmp_path / "all", LESSON))
    assert "zip this folder again" in error.value.fix
    files = {str(p.relative_to(tmp_path)): p.read_bytes() for p in (tmp_path / "all").rglob("*.ipynb")}
    assert [e.data for e in found(pack(tmp_path / "again.zip", files)).values()] == [b"ada"]
