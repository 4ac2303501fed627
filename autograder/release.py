"""From the instructor's notebook to the students' copy, by nbgrader's own steps, and a second look at the result.

nbgrader clears what stands between its markers. Whether anything of a solution or of a hidden test is left, a misspelt
marker for instance, it does not ask; `leaks` does, with its own reading of the notebook, and `release` refuses to write
a copy that has any.
"""

from __future__ import annotations

import copy
import json
import logging
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

from autograder import notebooks
from autograder.errors import AutograderError
from autograder.files import write_text
from autograder.lessons import LessonSource

STEPS = (LockCells, ClearSolutions, ClearOutput, CheckCellMetadata, ComputeChecksums)
SECOND_STEPS = (ClearHiddenTests, ClearMarkScheme, ComputeChecksums, CheckCellMetadata)
KEPT_METADATA = ("kernelspec", "language_info", "cnncourse")
KEPT_CELL_METADATA = ("nbgrader", "tags", "deletable", "editable")
DATA_SUFFIXES = {".png", ".jpg", ".jpeg", ".svg", ".csv", ".txt", ".md", ".npy", ".npz", ".json", ".safetensors"}

_MARKER = re.compile(r"\b(begin|end)[\s_-]*(solution|hidden[\s_-]*test|mark[\s_-]*scheme)", re.IGNORECASE)
_SECRET_WORDS = ("autograder.hidden", "score_here", "scored(", "hidden_cases")


def checked_source(source: LessonSource) -> NotebookNode:
    """The instructor's notebook with checksums, hidden tests still in it: what nbgrader's gradebook remembers."""
    return _apply(STEPS, copy.deepcopy(source.notebook))


def released(source: LessonSource) -> NotebookNode:
    """The students' copy. Raises AutograderError when nbgrader cannot make it or something secret is left in it."""
    notebook = _apply(SECOND_STEPS, checked_source(source))
    notebook.metadata = notebooks.node({k: notebook.metadata[k] for k in KEPT_METADATA if k in notebook.metadata})
    notebook.metadata["cnncourse"] = notebooks.node({"lesson": source.name, "version": source.version})
    for cell in notebook.cells:
        kept = {key: cell.metadata[key] for key in KEPT_CELL_METADATA if key in cell.metadata}
        cell.metadata = notebooks.node(kept)
    found = leaks(source.notebook, notebook)
    if found:
        raise AutograderError(
            f"{source.name} is not released, secrets would be left in it:\n  " + "\n  ".join(found),
            "put solutions between '### BEGIN SOLUTION' and '### END SOLUTION', hidden tests between "
            "'### BEGIN HIDDEN TESTS' and '### END HIDDEN TESTS'",
        )
    return notebook


def _apply(steps: tuple[type, ...], notebook: NotebookNode) -> NotebookNode:
    quiet = logging.getLogger("autograder.release")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    for step in steps:
        try:
            notebook, _ = step(log=quiet).preprocess(notebook, {})
        except Exception as error:  # nbgrader raises RuntimeError, ValidationError and plain exceptions here
            raise AutograderError(f"nbgrader's step {step.__name__} refuses the notebook: {error}") from error
    return notebook


def leaks(source: NotebookNode, copy_: NotebookNode) -> list[str]:
    """What of the instructor's secrets is left in the students' copy, one line each; empty when it is clean."""
    return [*_marker_leaks(copy_), *_line_leaks(source, copy_), *_state_leaks(copy_), *_lost(source, copy_)]


def _marker_leaks(copy_: NotebookNode) -> Iterator[str]:
    for i, cell in enumerate(copy_.cells):
        text = json.dumps(cell, ensure_ascii=False)
        if _MARKER.search(text):
            yield f"cell {i}: a marker of a solution or a hidden test is still there"
        for word in _SECRET_WORDS:
            if word in text:
                yield f"cell {i}: {word!r} belongs into a hidden test"


def _line_leaks(source: NotebookNode, copy_: NotebookNode) -> Iterator[str]:
    """Two lines of a solution in a row are a leak anywhere; one alone is when no public line equals it."""
    secret = [lines for cell in source.cells for lines in _secret_regions(cell)]
    public = {line for cell in source.cells for line in _public_lines(cell)}
    pairs = {pair for lines in secret for pair in pairwise(lines)}
    single = {line for lines in secret for line in lines} - public
    for i, cell in enumerate(copy_.cells):
        lines = _lines(cell.source)
        for line in lines:
            if line in single:
                yield f"cell {i}: the secret line {line[:60]!r}"
        for pair in pairwise(lines):
            if pair in pairs and max(map(len, pair)) >= 20:
                yield f"cell {i}: two lines of a solution, from {pair[0][:60]!r}"


def _state_leaks(copy_: NotebookNode) -> Iterator[str]:
    for i, cell in enumerate(copy_.cells):
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count is not None):
            yield f"cell {i}: outputs are still there"
        if cell.get("attachments"):
            yield f"cell {i}: attachments are not released; put pictures beside the notebook"
        meta = cell.metadata.get("nbgrader", {})
        if meta.get("solution") and cell.cell_type == "code" and "raise NotImplementedError" not in cell.source:
            yield f"cell {i}: the solution cell {meta.get('grade_id')!r} has no 'raise NotImplementedError' to fill in"


def _lost(source: NotebookNode, copy_: NotebookNode) -> Iterator[str]:
    """Functions whose very head is gone: without a marker that it knows, nbgrader replaces the whole cell."""
    for i, (before, after) in enumerate(zip(source.cells, copy_.cells, strict=True)):
        name = before.metadata.get("nbgrader", {}).get("grade_id", "")
        if f"def {name}(" in before.source and f"def {name}(" not in after.source:
            yield f"cell {i}: the head of {name!r} is gone; is a marker of its solution misspelt?"


def _lines(source: str) -> list[str]:
    stripped = (line.strip() for line in source.split("\n"))
    return [line for line in stripped if line and not line.startswith("#")]


def _split(cell: NotebookNode) -> tuple[list[list[str]], list[str]]:
    """(secret regions, public lines) by the markers in any spelling; a solution cell without markers is all secret."""
    if not _MARKER.search(cell.source) and cell.metadata.get("nbgrader", {}).get("solution"):
        return [_lines(cell.source)], []
    regions: list[list[str]] = []
    public: list[str] = []
    inside = False
    for line in cell.source.split("\n"):
        marker = _MARKER.search(line)
        if marker:
            inside = marker.group(1).lower() == "begin"
            if inside:
                regions.append([])
        elif inside:
            regions[-1].extend(_lines(line))
        else:
            public.extend(_lines(line))
    return regions, public


def _secret_regions(cell: NotebookNode) -> list[list[str]]:
    return _split(cell)[0]


def _public_lines(cell: NotebookNode) -> list[str]:
    return _split(cell)[1]


def release(source: LessonSource, to: Path) -> list[Path]:
    """Write `to/<lesson>/<lesson>.ipynb`, the pictures and data beside the lesson, and the students' README."""
    notebook = released(source)
    folder = to / source.name
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{source.name}.ipynb"]
    write_text(written[0], notebooks.text(notebook))
    for extra in sorted(source.path.parent.iterdir()):
        if extra.is_file() and not extra.is_symlink() and extra.suffix.lower() in DATA_SUFFIXES:
            shutil.copyfile(extra, folder / extra.name)
            written.append(folder / extra.name)
    return written


def write_readme(to: Path, sources: list[LessonSource]) -> Path:
    """README.md for the students: what to do with the notebooks, and what happens to them when they are marked."""
    rows = "\n".join(f"- `{s.name}/{s.name}.ipynb`: {s.title} (version {s.version or 'unnamed'})" for s in sources)
    readme = to / "README.md"
    write_text(readme, _README.format(rows=rows, first=sources[0].name))
    return readme


_README = """# Your notebooks

{rows}

0. Once, in a folder of your own: `pip install cnncourse-*.whl jupyterlab` (the wheel came with the notebooks). Then
   `cnncourse doctor` says whether everything is there.
1. Open a notebook in JupyterLab and work from top to bottom. Fill in the cells that say `YOUR CODE HERE` and
   `YOUR ANSWER HERE`; delete the line `raise NotImplementedError()` when you do.
2. Run the check below each of them. It shows what your function gave, what was expected, and often why they differ.
3. Before you hand in: *Kernel → Restart Kernel and Run All Cells*, then

       cnncourse validate {first}/{first}.ipynb

   which says what a clean run and the checks say about your file.
4. Hand in the `.ipynb` file under its own name.

You may add cells; they run too, in their order. Do not delete, copy or retype the cells that were there. When your work
is marked, your functions are called with further inputs of the same kind, so a function that only fits the inputs shown
in the check will lose points. Points are given case by case: a function that is right for most inputs keeps most of its
points.
"""
