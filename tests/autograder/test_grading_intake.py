"""What students hand in is read without trust and without a trace."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from grading_helpers import LESSON, digest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import intake
from autograder.errors import AutograderError
from autograder.intake import Submission, Unreadable, collect, parse, parse_time, printable


def notebook(cells: list[Any] | None = None, **more: Any) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells or [], **more}).encode()


def code(source: Any = "x = 1", **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], **more}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"\xff\xfe{", "UTF-8"),
        (b"{", "valid JSON"),
        (b'{"a": NaN}', "NaN"),
        (b"[" * 100_000, "nested"),
        (b'{"nbformat": 4, "cells": [' + b'{"a":' * 60 + b"1" + b"}" * 60 + b"]}", "nested"),
        (b"[]", "not a notebook"),
        (b'{"cells": 3}', "not a notebook"),
        (b'{"nbformat": 3, "worksheets": []}', "old format"),
        (notebook(nbformat=5), "format 5"),
        (notebook([code()] * 2001), "2001 cells"),
        (b'{"nbformat": 4, "cells": [], "x": ' + b"9" * 5000 + b"}", "valid JSON"),
    ],
)
def test_what_is_no_notebook_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        parse(data)


def test_a_notebook_is_reduced_to_cells() -> None:
    cell = code(["a\n", "b"], id="abc", metadata={"nbgrader": {"grade_id": "conv2d"}, "tags": ["skip-execution"]})
    found = parse(notebook([cell], metadata={"cnncourse": {"lesson": LESSON, "version": "1.0"}}))
    assert found.cells == (intake.StudentCell("code", "a\nb", "abc", "conv2d"),)
    assert (found.lesson, found.version) == (LESSON, "1.0")


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("text", "it is not an object"),
        (code(cell_type="widget"), "its type is 'widget'"),
        (code(cell_type=["code"]), "its type is ['code']"),
        (code(cell_type="\x1b[2J" * 30), "its type is "),
        (code(source={"a": 1}), "its source is not text"),
        (code(source="x" * (2**20 + 1)), "it has 1048577 characters"),
    ],
)
def test_a_cell_that_is_none_costs_itself(cell: Any, reason: str) -> None:
    found = parse(notebook([code("a = 1"), cell, code("b = 2")]))
    assert [c.source for c in found.cells] == ["a = 1", "b = 2"]
    (flag,) = found.flags
    assert f"cell 1 ({reason}" in flag
    assert flag.isprintable()
    many = parse(notebook([cell] * 100)).flags[0]
    assert many.endswith(" …")
    assert len(many) < 600


def test_characters_that_are_no_text_are_replaced_and_said() -> None:
    found = parse(notebook([code("a\ud800\0b")]))
    assert found.cells[0].source == "a?\N{REPLACEMENT CHARACTER}b"
    assert "no text" in found.flags[0]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_gives_a_notebook_or_a_reason(data: st.DataObject) -> None:
    whole = notebook([code("def f():\n    return 1", id="a"), code("f()")], metadata={"cnncourse": {"lesson": 1}})
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + data.draw(st.binary(max_size=8)) + whole[at + data.draw(st.integers(0, 20)) :]
    try:
        found = parse(damaged)
    except Unreadable as error:
        assert str(error)  # noqa: PT017 (both outcomes are right)
    else:
        assert all(isinstance(cell.source, str) for cell in found.cells)


def hand_in(root: Path, student: str, data: bytes = b"{}") -> Path:
    path = root / student / LESSON / f"{LESSON}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return path


def reasons(root: Path) -> dict[str, str]:
    return {s.student: s.reason for s in collect(root, LESSON)}


def test_links_pipes_and_giants_are_refused_and_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_BYTES", 1000)
    root = tmp_path / "submitted"
    hand_in(root, "ada", notebook())
    hand_in(root, "bob").unlink()
    hand_in(root, "bea").unlink()
    (root / "bea" / LESSON / "mine.ipynb").write_bytes(b"{}")
    link = hand_in(root, "cy")
    link.unlink()
    link.symlink_to(root / "ada" / LESSON / f"{LESSON}.ipynb")
    pipe = hand_in(root, "dee")
    pipe.unlink()
    os.mkfifo(pipe)
    hand_in(root, "eve", b" " * 1001)
    (root / "fay").mkdir()
    (root / "fay" / LESSON).symlink_to(root / "ada" / LESSON)
    (root / "gus").symlink_to(root / "ada")
    hand_in(root, "=1+1")
    hand_in(root, "new\nline")
    (root / "hal" / "99_other").mkdir(parents=True)
    (root / "roster.csv").write_text("ada\n")
    before = digest(root)
    found = reasons(root)
    assert found.pop("ada") == ""
    assert "there is no" in found.pop("bob")
    assert "mine.ipynb" in found.pop("bea")
    assert "symbolic link" in found.pop("cy")
    assert "not a plain file" in found.pop("dee")
    assert "MB" in found.pop("eve")
    assert "symbolic link" in found.pop("fay")
    assert "symbolic link" in found.pop("gus")
    assert "no student id" in found.pop("=1+1")
    assert "no student id" in found.pop(next(n for n in found if n.startswith("new\N{REPLACEMENT CHARACTER}line (")))
    assert found == {}  # hal handed in nothing for this lesson, the roster is no student
    assert digest(root) == before


def test_names_that_are_no_ids_get_no_pages(tmp_path: Path) -> None:
    assert Submission("ada.l-2@uni", b"").is_person
    assert not Submission("..", b"").is_person
    assert not Submission("a/b", b"").is_person


@pytest.mark.parametrize(
    "text", ["2026-01-31 22:59:00 UTC", "2026-01-31T23:59:00+01:00", "2026-01-31 22:59:00.000000 UTC"]
)
def test_times(text: str) -> None:
    moment = parse_time(text)
    assert moment is not None
    assert moment.isoformat() == "2026-01-31T22:59:00+00:00"


def test_a_bad_timestamp_is_no_reason_to_refuse(tmp_path: Path) -> None:
    path = hand_in(tmp_path, "ada", notebook())
    (path.parent / "timestamp.txt").write_text("yesterday")
    (found,) = collect(tmp_path, LESSON)
    assert found.timestamp is None
    assert "no date" in found.flags[0]
    assert found.data is not None


def test_no_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(AutograderError, match="no folder"):
        list(collect(tmp_path / "nowhere", LESSON))


def test_text_of_strangers_is_made_printable() -> None:
    assert printable(
        "a\x1b[31mb\u202ec\ud800", 50
    ) == "a\N{REPLACEMENT CHARACTER}[31mb" + "\N{REPLACEMENT CHARACTER}c" + ("\N{REPLACEMENT CHARACTER}")
    assert len(printable("x" * 100, 10)) == 10
