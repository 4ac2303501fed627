"""The ways in which a handed-in notebook can be broken, for the simulated class."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from autograder import intake, notebooks
from cnncourse.checks.core import Lesson

if TYPE_CHECKING:
    from autograder.simulate import Student

# On the file: nothing of it can be graded. In the notebook: the rest of it must be graded as if nothing had happened.
DAMAGES = (
    *("bad_json", "missing_cell", "symlink", "duplicated_cell", "truncated", "retyped_cell", "empty", "extra_files"),
    *("no_notebook", "moved_cell", "not_text", "wrong_lesson", "deep_json", "no_metadata"),
    *("special_file", "changed_test", "oversize", "old_format", "byte_order_mark", "windows_lines", "same_ids"),
    "strange_cell",
)
REASONS = {
    "bad_json": "JSON",
    "symlink": "symbolic link",
    "truncated": "JSON",
    "empty": "empty",
    "no_notebook": "there is no",
    "not_text": "UTF-8",
    "deep_json": "nested",
    "special_file": "not a plain file",
    "oversize": "MB are read",
    "old_format": "old format",
}


def apply(student: Student, kind: str, lesson: Lesson) -> Student:
    """Damage a right student's notebook and write down what grading must then say."""
    student.damage = kind
    student.expected["damage"] = kind
    names = [e.name for e in lesson.exercises]
    if kind in REASONS:
        student.expected.update(status="rejected", reason=REASONS[kind])
        student.expected["exercises"] = {name: {"verdict": "missing"} for name in names}
        return student
    cells = student.notebook.cells
    at = next(i for i, cell in enumerate(cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == names[-1])
    if kind == "missing_cell":
        del cells[at]
        student.expected["exercises"][names[-1]] = {"verdict": "missing"}
        student.expected["flag"] = f"missing cell: {names[-1]}"
    elif kind == "duplicated_cell":
        cells.insert(at, copy.deepcopy(cells[at]))
        student.expected["flag"] = f"duplicated cell: {names[-1]}"
    elif kind == "retyped_cell":
        kept = cells[at]
        cells[at] = notebooks.cell("markdown", kept.source, kept.id)
        cells[at].metadata = kept.metadata
        student.expected["flag"] = "retyped cell"
    elif kind == "strange_cell":
        cells[at].cell_type = "widget"
        student.expected["exercises"][names[-1]] = {"verdict": "missing"}
        student.expected["flag"] = "left out, because unreadable: cell"
    elif kind == "moved_cell":
        cells.insert(1, cells.pop(at))
        student.expected["flag"] = "moved cells"
    elif kind == "wrong_lesson":
        student.notebook.metadata["cnncourse"]["lesson"] = "99_other"
        student.expected.update(status="needs_person", reason="99_other")
    elif kind == "no_metadata":
        for cell in cells:
            cell.metadata = notebooks.node({})
    elif kind == "same_ids":
        for cell in cells:
            cell.id = "same"
    elif kind == "changed_test":
        test = next(cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade_id") == f"check_{names[-1]}")
        test.source = "print('all points')"
        test.metadata["nbgrader"]["points"] = 1000
        student.expected["flag"] = f"test cells that are not the course's: check_{names[-1]}"
    elif kind == "extra_files":
        student.files = {"torch.py": b"raise SystemExit\n", "notes.txt": b"my notes\n"}
        student.expected["flag"] = "files beside the notebook"
    return student


def write(kind: str | None, path: Path, text: str) -> None:
    """Write the notebook's file, whole or damaged."""
    if kind == "no_notebook":
        path.with_name("my solution.ipynb").write_text(text, encoding="utf-8")
    elif kind == "symlink":
        path.symlink_to("/etc/passwd")
    elif kind == "bad_json":
        path.write_text(text.replace('"cells"', "cells", 1), encoding="utf-8")
    elif kind == "truncated":
        path.write_text(text[: len(text) * 2 // 3], encoding="utf-8")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "not_text":
        path.write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))
    elif kind == "special_file":
        os.mkfifo(path)
    elif kind == "oversize":
        path.write_text(text, encoding="utf-8")
        os.truncate(path, intake.MAX_BYTES + 2**20)  # a hole: no disk is filled
    elif kind == "old_format":
        tree = json.loads(text)
        path.write_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": tree["cells"]}]}), encoding="utf-8")
    elif kind == "byte_order_mark":
        path.write_text("\ufeff" + text, encoding="utf-8")
    elif kind == "windows_lines":
        path.write_text(text.replace("\\n", "\\r\\n").replace("\n", "\r\n"), encoding="utf-8", newline="")
    elif kind == "deep_json":
        path.write_text("[" * 100_000 + "]" * 100_000, encoding="utf-8")
    else:
        path.write_text(text, encoding="utf-8")
