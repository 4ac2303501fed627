"""`cnncourse validate` and `doctor`: what a student hears before handing in."""

from __future__ import annotations

import hashlib
from pathlib import Path

import nbformat
import pytest

from cnncourse import cli
from cnncourse.validate import CannotValidate, validate

SOLVED = Path(__file__).resolve().parents[1] / "lessons" / "01_convolution" / "01_convolution.ipynb"


@pytest.fixture
def notebook():
    made = nbformat.read(SOLVED, as_version=4)
    made.cells = [c for c in made.cells if "skip-grading" not in c.metadata.get("tags", [])]
    return made


def cell(notebook, grade_id):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def save(notebook, folder, name="mine.ipynb"):
    nbformat.write(notebook, folder / name)
    return folder / name


def states(report):
    return {v.name: v.state for v in report.exercises}


def test_solved_is_ready_and_the_file_is_untouched(notebook, tmp_path, capsys):
    path = save(notebook, tmp_path)
    before = hashlib.sha256(path.read_bytes()).hexdigest(), sorted(tmp_path.iterdir())
    assert cli.main(["validate", str(path)]) == 0
    assert (hashlib.sha256(path.read_bytes()).hexdigest(), sorted(tmp_path.iterdir())) == before
    out = capsys.readouterr().out
    assert "9 of 9 exercises pass" in out
    assert "Ready to hand in" in out


def test_everything_wrong_at_once_is_said(notebook, tmp_path, capsys):
    cell(notebook, "conv2d").source = cell(notebook, "conv2d").source.replace("i * S_h, j * S_w", "i, j")
    cell(notebook, "convolve").source = "def convolve(x, w):\n    raise NotImplementedError()"
    cell(notebook, "output_size").source = "def other(): pass\nx = 1\nunknown_name"
    cell(notebook, "check_conv_matrix").source = "print('fine')"
    cell(notebook, "question_flip").source = "YOUR ANSWER HERE"
    notebook.cells.remove(cell(notebook, "conv2d_bias"))
    notebook.cells.append(nbformat.from_dict({**cell(notebook, "receptive_field"), "id": "twice"}))
    notebook.metadata.cnncourse.version = "0.1"
    path = save(notebook, tmp_path)
    assert cli.main(["validate", str(path)]) == 1
    out = capsys.readouterr().out
    report = " ".join(out.split())
    for words in (
        "failed conv2d The number of windows is right",
        "not written convolve",
        "failed output_size There is no function of this name",
        "failed conv2d_bias",
        "passed conv_matrix",
        "passed receptive_field",
        "The cell 'conv2d_bias' is missing",
        "The cell 'receptive_field' is there 2 times",
        "The check of conv_matrix was changed",
        "The question 'question_flip' has no answer",
        "version 0.1, the installed cnncourse has 1.0",
        "(output_size), line 3: NameError",
        "5 of 9",
    ):
        assert words in report, words


def test_endless_loop_and_dying_kernel_are_reported(notebook, tmp_path):
    cell(notebook, "convolve").source = "def convolve(x, w):\n    while True:\n        pass"
    report = validate(save(notebook, tmp_path), timeout=15)
    assert any("(check_convolve): stopped after 15 s" in e for e in report.errors)
    assert [v.name for v in report.exercises][:4] == ["output_size", "convolve", "conv_matrix", "conv2d"]
    assert "did not end" in report.exercises[1].hint
    assert states(report)["conv2d_input"] == "passed"
    cell(notebook, "conv2d").source = "import os\nos._exit(3)"
    report = validate(save(notebook, tmp_path), timeout=30)
    assert not report.ok
    assert set(states(report).values()) == {"unknown"}
    assert "The run stopped" in report.errors[0]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.ipynb", None, "There is no file"),
        (".", None, "is a folder"),
        ("bad.ipynb", "{not json", "not a readable notebook"),
        (
            "other.ipynb",
            '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
            "does not say which lesson",
        ),
    ],
)
def test_what_cannot_be_validated(tmp_path, capsys, name, content, words):
    if content is not None:
        (tmp_path / name).write_text(content)
    assert cli.main(["validate", str(tmp_path / name)]) == 2
    assert words in capsys.readouterr().err
    with pytest.raises(CannotValidate, match=words):
        validate(tmp_path / name)


def test_timeout_must_be_positive(capsys):
    assert cli.main(["validate", "x.ipynb", "--timeout", "0"]) == 2
    assert "--timeout" in capsys.readouterr().err


def test_doctor(capsys):
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    for words in ("torch", "device", "cpu", "01_convolution 1.0", "cnncourse"):
        assert words in out


def test_doctor_names_what_is_missing(capsys, monkeypatch):
    real = cli._version
    monkeypatch.setattr(cli, "_version", lambda name: None if name == "nbclient" else real(name))
    assert cli.main(["doctor"]) == 1
    assert "pip install nbclient" in capsys.readouterr().out
