"""A released notebook: clean, and refused when it is not."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from grading_helpers import LESSON, LESSONS
from nbgrader.nbgraderformat import MetadataValidator

from autograder import notebooks
from autograder.errors import AutograderError
from autograder.inspection import is_stub
from autograder.lessons import LessonSource, load_source
from autograder.release import leaks, release, released, write_readme
from autograder.simulate import solution
from cnncourse.checks import load


def test_nothing_secret_is_left(source: LessonSource, tmp_path: Path) -> None:
    (path, *_) = release(source, tmp_path)
    text = path.read_text()
    assert path == tmp_path / LESSON / f"{LESSON}.ipynb"
    for word in ("BEGIN SOLUTION", "HIDDEN", "score_here", "autograder"):
        assert word not in text
    notebook = json.loads(text)
    assert notebook["metadata"]["cnncourse"] == {"lesson": LESSON, "version": load(LESSON).version}
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook["cells"])
    for exercise in load(LESSON).exercises:
        public = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
        body = [line for line in solution(source, exercise.name).split("\n") if line not in source_public(source)]
        assert body
        assert not [line for line in body if len(line.strip()) > 25 and line in public]


def source_public(source: LessonSource) -> set[str]:
    """Lines of the instructor's notebook outside of every solution."""
    lines, inside = set(), False
    for cell in source.cells:
        for line in cell.source.split("\n"):
            if "BEGIN SOLUTION" in line:
                inside = True
            elif "END SOLUTION" in line:
                inside = False
            elif not inside:
                lines.add(line)
    return lines


def test_it_is_valid_locked_and_has_stubs(source: LessonSource) -> None:
    notebook = released(source)
    MetadataValidator().validate_nb(notebook)
    by_id = {c.metadata.nbgrader.grade_id: c for c in notebook.cells if "nbgrader" in c.metadata}
    for exercise in load(LESSON).exercises:
        assert is_stub(by_id[exercise.name].source, exercise.name)
        test = by_id[f"check_{exercise.name}"]
        assert test.metadata.deletable is False
        assert test.metadata.editable is False
        assert test.metadata.nbgrader.points == exercise.points
        assert test.metadata.nbgrader.checksum


def write(source: LessonSource, folder: Path, change: dict[str, tuple[str, str]]) -> LessonSource:
    """A lesson like `source` with one text replaced in some cells."""
    notebook = copy.deepcopy(source.notebook)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in change:
            assert change[grade_id][0] in cell.source
            cell.source = cell.source.replace(*change[grade_id])
    path = folder / LESSON / f"{LESSON}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(notebooks.text(notebook))
    return load_source(LESSON, folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conv2d": ("### BEGIN SOLUTION", "### BEGIN SOLUTON")}, "conv2d|solution"),
        ({"conv2d": ("### END SOLUTION", "")}, "ClearSolutions"),
        (
            {"check_conv2d": ("### BEGIN HIDDEN TESTS", "### BEGIN HIDEN TESTS")},
            "score_here|autograder.hidden|ClearHidden",
        ),
        ({"setup": ("import", "import autograder.hidden\nimport")}, "autograder.hidden"),
    ],
)
def test_a_leak_is_refused(
    source: LessonSource, tmp_path: Path, change: dict[str, tuple[str, str]], message: str
) -> None:
    with pytest.raises(AutograderError, match=message):
        released(write(source, tmp_path, change))


def test_a_solution_left_elsewhere_is_seen(source: LessonSource) -> None:
    notebook = copy.deepcopy(source.notebook)
    notebook.cells.append(notebooks.cell("code", solution(source, "conv2d"), "scratch"))
    assert any("solution" in leak for leak in leaks(notebook, _cleared(notebook)))


def _cleared(notebook: notebooks.NotebookNode) -> notebooks.NotebookNode:
    cleared = copy.deepcopy(notebook)
    for cell in cleared.cells[:-1]:
        cell.source = ""
    return cleared


def test_a_readme_tells_students_what_to_do(source: LessonSource, tmp_path: Path) -> None:
    text = write_readme(tmp_path, [source]).read_text()
    assert f"cnncourse validate {LESSON}/{LESSON}.ipynb" in text


def test_unknown_lessons_name_the_known(tmp_path: Path) -> None:
    with pytest.raises(AutograderError, match=LESSON):
        load_source("02_nothing", LESSONS)
    with pytest.raises(AutograderError, match="no folder"):
        load_source(LESSON, tmp_path / "nowhere")
