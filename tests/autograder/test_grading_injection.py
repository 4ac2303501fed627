"""Text that would act in a terminal, a page or a spreadsheet: a class of attackers, graded for real, and then a look
into every file that comes out of it."""

from __future__ import annotations

import contextlib
import copy
import csv
import io
import json
import zipfile
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from grading_helpers import LESSON, LESSONS, SEED

from autograder.cli import main
from autograder.lessons import LessonSource
from autograder.sandbox import probe
from autograder.simulate import Classroom
from autograder.store import open_gradebook

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.skipif(not probe().ok, reason="no bubblewrap")]
NOTEBOOK = f"{LESSON}.ipynb"
MARK = "pwn7"
TERMINAL = f"\x1b]0;{MARK}\x07\x1b[2J\x1b[31m{MARK}\u202e"
HTML = (
    f"<{MARK}></style></title></script><script>{MARK}()</script><img src=x onerror={MARK}()>"
    f"<svg onload={MARK}()>[x](javascript:{MARK}()) \"'><a href='javascript:{MARK}()'>x</a>{{{{{MARK}}}}}"
)
FORMULA = f'=HYPERLINK("http://{MARK}","x")'


def hostile(source: LessonSource, text: str) -> bytes:
    """A right notebook with `text` wherever a student can write: sources, outputs, metadata, ids."""
    tree: Any = json.loads(json.dumps(Classroom(source, 0).student("x", "right").notebook))
    spoken = f"print({text!r})\nraise ValueError({text!r})"
    for cell in tree["cells"]:
        meta = cell["metadata"].get("nbgrader", {})
        if cell["cell_type"] == "markdown":
            cell["source"] = f"{text}\n\n{cell['source']}"
        cell["metadata"][text] = cell["metadata"]["tags"] = [text]
        meta["cell_type"] = text
        if cell["cell_type"] == "code":
            data = {"text/html": text, "text/plain": text, "application/javascript": text, "image/svg+xml": text}
            cell["outputs"] = [
                {"output_type": "display_data", "data": data, "metadata": {text: text}},
                {"output_type": "stream", "name": text, "text": text},
                {"output_type": "error", "ename": text, "evalue": text, "traceback": [text]},
            ]
    shown = f"from IPython.display import HTML, display\ndisplay(HTML({text!r}))"
    for i, own in enumerate((spoken, shown, f"'''{text}'''")):
        tree["cells"].append({"cell_type": "code", "source": own, "metadata": {}, "outputs": [], "id": f"own{i}"})
    copied = copy.deepcopy(next(c for c in tree["cells"] if c["metadata"].get("nbgrader", {}).get("solution")))
    copied["metadata"]["nbgrader"]["grade_id"] = text
    tree["cells"].append(copied)
    tree["metadata"]["title"] = tree["metadata"]["kernelspec"]["name"] = text
    tree["metadata"]["cnncourse"].update(version=text)
    return json.dumps(tree).encode()


@dataclass(frozen=True)
class Aftermath:
    """What a class of attackers left behind."""

    out: Path
    said: str
    students: list[str]


@pytest.fixture(scope="module")
def aftermath(source: LessonSource, tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    """Attackers by name, file name and content in one zip from Moodle, graded, reported and exported by the command."""
    base = tmp_path_factory.mktemp("hostile")
    texts = {"terminal": TERMINAL, "html": HTML, "formula": FORMULA}
    plain = json.dumps(Classroom(source, 0).student("x", "right").notebook).encode()
    with zipfile.ZipFile(base / "all.zip", "w") as made:
        for i, (kind, text) in enumerate(texts.items()):
            file = text.replace("/", "∕")
            made.writestr(f"By content {kind}_{i}1_assignsubmission_file_/{NOTEBOOK}", hostile(source, text))
            made.writestr(f"{file.replace('_', ' ')}_{i}2_assignsubmission_file_/{file}.ipynb", plain)
            made.writestr(f"{file.replace('_', ' ')}_{i}2_assignsubmission_file_/{file}.txt", b"")
            made.writestr(f"By broken {kind}_{i}4_assignsubmission_file_/{NOTEBOOK}", b'{"a": ' + text.encode("utf-8"))
            wrong = json.dumps({"nbformat": text, "cells": []}).encode()
            made.writestr(f"By format {kind}_{i}5_assignsubmission_file_/{NOTEBOOK}", wrong)
            other = json.dumps({"nbformat": 4, "cells": [], "metadata": {"cnncourse": {"lesson": text}}}).encode()
            made.writestr(f"By lesson {kind}_{i}6_assignsubmission_file_/{NOTEBOOK}", other)
            made.writestr(f"{file}.ipynb", plain)
    said = io.StringIO()
    out = str(base / "out")
    lessons = ["--lessons", str(LESSONS)]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        grade = ["grade", LESSON, "--submitted", str(base / "all.zip"), "--out", out, "--seed", str(SEED)]
        assert main([*grade, *lessons]) == 1
        with open_gradebook(base / "out") as gradebook:
            for student in gradebook.students:
                student.first_name, student.last_name = FORMULA, "@SUM(1)"
                student.email, student.lms_user_id = "+1", "-1"
            gradebook.db.commit()
        assert main(["feedback", LESSON, "--out", out, *lessons]) == 0
        assert main(["report", LESSON, "--out", out, *lessons]) == 0
        for form in ("nbgrader", "moodle", "canvas"):
            assert main(["export", "--format", form, "--out", out]) == 0
    rows = json.loads((base / "out" / "results.json").read_text())["submissions"]
    return Aftermath(base / "out", said.getvalue(), [row["student"] for row in rows])


class Page(HTMLParser):
    """Notes what of the mark has become more than text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.acting: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        for name, value in attrs:
            if MARK in tag or MARK in name or name.startswith("on"):
                self.acting.append(f"<{tag} {name}>")
            if MARK in (value or "") and name in ("href", "src", "style", "action", "srcdoc", "data"):
                self.acting.append(f"<{tag} {name}={value}>")
        if tag == MARK or tag in ("iframe", "object", "embed", "base", "form"):
            self.acting.append(f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if MARK in data and self.inside in ("script", "style"):
            self.acting.append(f"{self.inside}: {data[:80]}")


def clean(text: str) -> bool:
    """No escape sequences, no direction marks, no control characters but line ends and tabs."""
    return not any((ord(c) < 32 and c not in "\n\t\r") or c in "\x7f\u202a\u202b\u202c\u202d\u202e\u2066" for c in text)


def test_the_reader_of_pages_sees_what_acts() -> None:
    page = Page()
    page.feed(HTML)
    assert {"<pwn7>", "<img onerror>", "<svg onload>", "script: pwn7()"} <= set(page.acting)
    assert any(what.startswith("<a href") for what in page.acting)
    assert not clean(TERMINAL)


def test_the_attackers_are_there(aftermath: Aftermath) -> None:
    assert len(aftermath.students) == 18


def test_terminal(aftermath: Aftermath) -> None:
    assert "need a person" in aftermath.said
    assert clean(aftermath.said)
    assert "\r" not in aftermath.said


def test_pages(aftermath: Aftermath) -> None:
    pages = sorted(aftermath.out.rglob("*.html"))
    assert len(pages) > 12
    assert any(MARK in page.read_text() for page in pages)  # it was there to be seen
    for path in pages:
        text = path.read_text()
        assert clean(text), path
        page = Page()
        page.feed(text)
        assert page.acting == [], path


def test_copies_for_formgrader(aftermath: Aftermath) -> None:
    copies = sorted(aftermath.out.glob(f"autograded/*/{LESSON}/{NOTEBOOK}"))
    assert len(copies) > 12
    for path in copies:
        tree = json.loads(path.read_text())
        assert MARK not in json.dumps([tree["metadata"], [cell["metadata"] for cell in tree["cells"]]])
        for cell in tree["cells"]:
            outputs = json.dumps(cell.get("outputs", []), ensure_ascii=False)
            assert clean(outputs)
            assert "\\u001b" not in outputs
            assert "text/html" not in outputs
            assert cell["cell_type"] == "code" or f"<{MARK}" not in cell["source"]
            assert cell["cell_type"] == "code" or "<script" not in cell["source"]
            assert cell["cell_type"] == "code" or "javascript:" not in cell["source"]


def test_tables(aftermath: Aftermath) -> None:
    seen = ""
    for form in ("nbgrader", "moodle", "canvas"):
        text = (aftermath.out / f"grades-{form}.csv").read_text()
        seen += text
        for row in csv.reader(text.splitlines()):
            for cell in row:
                assert not cell.lstrip().startswith(("=", "+", "@")), cell
                assert not cell.startswith("-") or cell[1:].replace(".", "").isdigit(), cell
                assert cell != "-1"
    assert MARK in seen


def test_files_and_their_names(aftermath: Aftermath) -> None:
    for path in aftermath.out.rglob("*"):
        assert str(path.relative_to(aftermath.out)).isprintable(), path
        assert "<" not in path.name
    for path in aftermath.out.glob("*.json"):
        assert clean(path.read_text()), path
