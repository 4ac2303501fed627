"""The rebuilt notebook as nbgrader's formgrader shows it: OUT/autograded/<student>/<LESSON>/<LESSON>.ipynb.

A grader opens it in a browser, so nothing in it can act there: outputs are text and PNG, and what students wrote as
Markdown keeps its text but loses its HTML and its scripts' links.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nbformat.notebooknode import NotebookNode

from autograder import notebooks
from autograder.files import read_json, write_text
from autograder.lessons import LessonSource, Record, test_cell_of
from autograder.outputs import clean_text
from autograder.release import released

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=#|[A-Za-z]+;)")  # `&#58;` would be a colon again in a link
_SCHEME = re.compile(r"\b(javascript|vbscript|data)\s*:", re.IGNORECASE)
_WORDS = {"pass": "passed", "fail": "failed", "error": "stopped with an error", "limit": "ran into a limit"}


def copy_path(out: Path, student: str, lesson: str) -> Path:
    """Where nbgrader looks for a student's graded notebook."""
    return out / "autograded" / student / lesson / f"{lesson}.ipynb"


class Lesson(Protocol):
    """What of a lesson a copy is made of; grading's kit has it."""

    @property
    def source(self) -> LessonSource: ...

    @property
    def released(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class _Texts:
    source: LessonSource
    released: tuple[str, ...]


def restore(out: Path, source: LessonSource, records: Mapping[str, Path]) -> int:
    """Write copies that are gone again, from what the students' records hold; nothing is graded. Returns how many."""
    gone = [path for student, path in records.items() if not copy_path(out, student, source.name).exists()]
    if not gone:
        return 0
    lesson = _Texts(source, tuple(str(cell.source) for cell in released(source).cells))
    for path in gone:
        record = read_json(path)
        if isinstance(record, dict):
            write_copy(out, lesson, record)
    return len(gone)


def write_copy(out: Path, kit: Lesson, record: Record) -> None:
    """Write the rebuilt, graded notebook of one submission; of a refused one a notebook that says why."""
    notebook = build_copy(kit, record)
    write_text(copy_path(out, record["student"], kit.source.name), notebooks.text(notebook), 0o600)


def build_copy(kit: Lesson, record: Record) -> NotebookNode:
    """The notebook as a valid nbformat 4.5 object."""
    course = kit.source.checked
    notebook = notebooks.new()
    for key in ("kernelspec", "language_info"):
        if key in course.metadata:
            notebook.metadata[key] = course.metadata[key]
    notebook.metadata["cnncourse"] = notebooks.node({"lesson": kit.source.name, "version": kit.source.version})
    cells = record["cells"] or _empty(kit)
    verdicts = {test_cell_of(e["name"]): e for e in record["exercises"]}
    notebook.cells = [_cell(cell, i, course, verdicts) for i, cell in enumerate(cells)]
    if record["reason"]:
        note = notebooks.cell("markdown", f"**{record['status']}**: {defused(record['reason'])}", "reason")
        notebook.cells.insert(0, note)
    return notebook


def _empty(kit: Lesson) -> list[dict[str, Any]]:
    """The instructor's cells, for a submission that could not be read."""
    return [
        {"kind": info.kind, "source": kit.released[info.index], "origin": "course", "index": info.index}
        | {"grade_id": info.grade_id, "outputs": []}
        for info in kit.source.cells
    ]


def _cell(cell: dict[str, Any], place: int, course: NotebookNode, verdicts: dict[str, Any]) -> NotebookNode:
    ours = cell["index"] is not None
    student = cell["origin"] in ("answer", "added")
    source = cell["source"]
    if student and cell["kind"] != "code":
        source = defused(source)
    cell_id = hashlib.sha256(f"{place} {cell['index']}".encode()).hexdigest()[:12]
    made = notebooks.cell(cell["kind"], source, cell_id)
    if cell["kind"] == "code":
        made.outputs = [notebooks.node(output) for output in cell["outputs"]]
        verdict = verdicts.get(cell["grade_id"])
        if verdict is not None:
            made.outputs = [notebooks.printed(verdict_text(verdict))]
    if ours:
        original = course.cells[cell["index"]]
        made.metadata = notebooks.node({k: v for k, v in original.metadata.items() if k in ("nbgrader", "tags")})
    return made


def verdict_text(verdict: Record) -> str:
    """One exercise's verdict as the lines under its test cell."""
    word = _WORDS.get(verdict["verdict"], "not there")
    lines = [f"{verdict['name']}: {word}, {verdict['score']:g} of {verdict['max_score']:g} points"]
    if verdict["mistake"]:
        lines.append(f"mistake: {verdict['mistake']}")
    if verdict["hint"]:
        lines.append(clean_text(verdict["hint"], 1000))
    return "\n".join(lines) + "\n"


def defused(text: str) -> str:
    """Markdown from a student in which no HTML tag and no script link is left."""
    return _SCHEME.sub(r"\1 :", _TAG.sub("&lt;", _ENTITY.sub("&amp;", clean_text(text, 200_000))))
