"""The notebooks: solved they score full (`make test-lessons` runs them with nbval), released they hold no solution and
score 0."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from cnncourse.checks import load

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted((ROOT / "lessons").glob("*/*.ipynb"))
FIRST = LESSONS[0]
each = pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
STUB = re.compile(r"^( {4}| {8})# YOUR CODE HERE\n\1raise NotImplementedError\(\)$", re.MULTILINE)
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)\n *### END SOLUTION", re.DOTALL)


def environment():
    bin_folder = str(Path(sys.executable).parent)
    return {**os.environ, "OMP_NUM_THREADS": "1", "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}


def run(*command, cwd):
    done = subprocess.run([sys.executable, "-m", *command], cwd=cwd, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


@each
def test_cells_belong_to_the_exercises(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    lesson = load(path.stem)
    assert notebook.metadata.cnncourse == {"lesson": lesson.name, "version": lesson.version}
    cells = {grade_id(c): c for c in notebook.cells if grade_id(c)}
    assert set(cells) == {
        "setup",
        *(e.name for e in lesson.exercises),
        *(f"check_{e.name}" for e in lesson.exercises),
        *lesson.questions,
    }
    for exercise in lesson.exercises:
        test = cells[f"check_{exercise.name}"]
        assert test.metadata.nbgrader.points == exercise.points
        assert test.metadata.nbgrader.locked
        assert test.source.endswith(f'check("{exercise.name}", {exercise.name})')
        assert cells[exercise.name].metadata.nbgrader.solution
    assert all(not c.get("outputs") and c.get("execution_count") is None for c in notebook.cells)
    assert len({c.id for c in notebook.cells}) == len(notebook.cells)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """nbgrader's own commands on a copy: a solved and a released submission, and one with a mistake in it."""
    pytest.importorskip("nbgrader")
    root = tmp_path_factory.mktemp("course")
    (root / "nbgrader_config.py").write_text(f"c = get_config()\nc.CourseDirectory.root = {str(root)!r}\n")
    for path in LESSONS:
        shutil.copytree(path.parent, root / "source" / path.stem)
        run("nbgrader", "generate_assignment", path.stem, cwd=root)
        for student, folder in (("solved", "source"), ("blank", "release")):
            shutil.copytree(root / folder / path.stem, root / "submitted" / student / path.stem)
    shutil.copytree(root / "source" / FIRST.stem, root / "submitted" / "stride" / FIRST.stem)
    wrong = root / "submitted" / "stride" / FIRST.stem / FIRST.name
    wrong.write_text(wrong.read_text().replace("i * S_h, j * S_w", "i, j"))
    return root


@each
def test_released_notebook_holds_no_solution(course, path):
    released = nbformat.read(course / "release" / path.stem / path.name, as_version=4)
    solved = {grade_id(c): SOLUTION.findall(c.source) for c in nbformat.read(path, as_version=4).cells}
    text = "\n".join(c.source for c in released.cells)
    for word in ("BEGIN", "HIDDEN", "autograder", "Rubric", "scored("):
        assert word not in text
    for cell in released.cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
            hidden = solved[grade_id(cell)]
            assert len(STUB.findall(cell.source)) == len(hidden) > 0, cell.source
            assert not {line for part in hidden for line in part.splitlines()} & set(cell.source.splitlines())
        if grade_id(cell) in load(path.stem).questions:
            assert cell.source == "YOUR ANSWER HERE"


@each
def test_released_notebook_runs_to_the_first_unfinished_exercise(course, path):
    from nbclient import NotebookClient

    notebook = nbformat.read(course / "release" / path.stem / path.name, as_version=4)
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=True)
    client.execute(stderr=subprocess.DEVNULL)
    errors = [(grade_id(c), o.ename) for c in notebook.cells for o in c.get("outputs", []) if o.output_type == "error"]
    first = load(path.stem).exercises[0].name
    assert errors[0] == (f"check_{first}", "Unfinished")
    assert {name for _, name in errors} <= {"Unfinished"}


@pytest.mark.slow
def test_nbgraders_own_autograde_gives_full_none_and_part(course):
    for path in LESSONS:
        run("nbgrader", "autograde", path.stem, cwd=course)
    run("nbgrader", "export", cwd=course)
    with (course / "grades.csv").open() as file:
        scores = {(row["assignment"], row["student_id"]): float(row["score"]) for row in csv.DictReader(file)}
    for path in LESSONS:
        full = sum(e.points for e in load(path.stem).exercises)
        assert scores[path.stem, "solved"] == full
        assert scores[path.stem, "blank"] == 0
    full = sum(e.points for e in load(FIRST.stem).exercises)
    assert full - 3 * 4 < scores[FIRST.stem, "stride"] < full - 3 * 2
