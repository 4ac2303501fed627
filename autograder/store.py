"""Results in nbgrader's gradebook, written by one process.

`auto_score` is ours; `manual_score`, `extra_credit`, comments and extensions belong to people and are never
touched. The workspace gets what nbgrader's own tools need to run in it: a configuration, the released notebook, the
graded copies.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from nbgrader.api import Gradebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import SaveCells
from sqlalchemy.exc import SQLAlchemyError

from autograder import notebooks
from autograder.errors import AutograderError
from autograder.files import write_text
from autograder.intake import parse_time
from autograder.lessons import LessonSource, Record
from autograder.release import checked_source, released
from autograder.store_rows import LessonRows


def database_url(out: Path, given: str | None = None) -> str:
    """`--db`, else the SQLite file in the workspace."""
    return given or f"sqlite:///{out.resolve() / 'gradebook.db'}"


def open_gradebook(out: Path, db: str | None = None) -> Any:
    """nbgrader's gradebook of a workspace. nbgrader calls the program `alembic`, which lies beside this interpreter."""
    beside, path = str(Path(sys.executable).parent), os.environ.get("PATH", "")
    if beside not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([path, beside]) if path else beside
    return Gradebook(database_url(out, db))


class Store:
    """The gradebook of a workspace, open for one lesson."""

    def __init__(self, out: Path, source: LessonSource, db: str | None = None, due: str | None = None) -> None:
        self._lesson = source.name
        self._url = database_url(out, db)
        try:
            self._gradebook = open_gradebook(out, db)
            self._assignment(due)
            self._cells(source)
            self._gradebook.db.remove()  # nbgrader's session would hold a connection
            with self._gradebook.engine.begin() as connection:
                self._rows = LessonRows(connection, self._lesson)
        except (SQLAlchemyError, ImportError) as error:
            raise AutograderError(
                f"the gradebook {self._url} cannot be opened: {str(error).splitlines()[0]}",
                "is it made by an older nbgrader? Back it up and run: nbgrader db upgrade",
            ) from error

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gradebook.close()

    def _assignment(self, due: str | None) -> None:
        fields: dict[str, Any] = {}
        if due is not None:
            moment = parse_time(due)
            if moment is None:
                raise AutograderError(f"--due {due!r} is no date", "write it like 2026-01-31T23:59+01:00")
            fields["duedate"] = moment.replace(tzinfo=None)
        self._gradebook.update_or_create_assignment(self._lesson, **fields)

    def _cells(self, source: LessonSource) -> None:
        """Have nbgrader record the lesson's cells and points, as `nbgrader generate_assignment` would."""
        resources = {"nbgrader": {"notebook": self._lesson, "assignment": self._lesson, "db_url": self._url}}
        quiet = logging.getLogger("autograder.store")
        quiet.propagate = False
        try:
            SaveCells(log=quiet).preprocess(checked_source(source), resources)
        except RuntimeError as error:
            raise AutograderError(
                f"the cells of {self._lesson} have changed since the gradebook was made: {error}",
                "grade the new form of the lesson into a new --out, or restore the old form",
            ) from error

    def students(self) -> set[str]:
        """Students who have a submission of this lesson in the gradebook."""
        with self._transaction() as connection:
            return self._rows.students(connection)

    def save(self, record: Record) -> None:
        """Write one submission's automatic scores; one transaction, and the same again changes nothing."""
        self.save_many([record])

    def save_many(self, records: Sequence[Record]) -> None:
        """Write several submissions' automatic scores in one transaction: all of them or none."""
        with self._transaction() as connection:
            self._rows.write(connection, records)

    def late_seconds(self, student: str) -> float:
        """How late, by the due date in the gradebook and the student's extension there."""
        with self._transaction() as connection:
            return self._rows.late_seconds(connection, student).get(student, 0.0)

    def all_late_seconds(self) -> dict[str, float]:
        """The same for every student of the lesson."""
        with self._transaction() as connection:
            return self._rows.late_seconds(connection)

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        try:
            with self._gradebook.engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise AutograderError(
                f"the gradebook {self._url} does not take the results: {str(error).splitlines()[0]}",
                "close other programs that write to it, look at the disk's space, and run the same command again: "
                "what is graded is kept",
            ) from error


def hand_grades(out: Path, lesson: str, db: str | None = None) -> dict[str, dict[str, dict[str, Any]]]:
    """What people decided: {student: {grade_id: {"score", "max_score", "comment", "pending"}}}."""
    if db is None and not (out / "gradebook.db").exists():
        return {}
    with open_gradebook(out, db) as gradebook:
        return {s.student.id: _people(_notebook(s, lesson)) for s in gradebook.assignment_submissions(lesson)}


def _notebook(submission: SubmittedAssignment, lesson: str) -> SubmittedNotebook:
    return next(notebook for notebook in submission.notebooks if notebook.name == lesson)


def _people(notebook: SubmittedNotebook) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for grade in notebook.grades:
        found[grade.name] = {"score": grade.manual_score, "max_score": grade.max_score, "comment": None}
        found[grade.name]["pending"] = bool(grade.needs_manual_grade)
    for comment in notebook.comments:
        found.setdefault(comment.name, {"score": None, "max_score": None, "pending": False})
        found[comment.name]["comment"] = comment.manual_comment
    return found


def assignments(out: Path, db: str | None = None) -> list[str]:
    """Names of the lessons in the gradebook."""
    with open_gradebook(out, db) as gradebook:
        return [a.name for a in gradebook.assignments]


_CONFIG = '''"""For nbgrader's tools in this folder: formgrader, export, release_feedback. By `autograder grade`."""

c = get_config()  # noqa: F821

c.CourseDirectory.root = {root}
c.CourseDirectory.db_url = {url}
c.CourseDirectory.submitted_directory = {submitted}
c.CourseDirectory.source_directory = "source"
c.CourseDirectory.release_directory = "release"
c.CourseDirectory.autograded_directory = "autograded"
c.CourseDirectory.feedback_directory = "feedback"

# Pages made of a student's notebook must not run a student's script in the grader's browser.
c.HTMLExporter.sanitize_html = True

# nbgrader's own "autograde" would run student code with your rights, and "generate feedback" would show hidden tests.
c.Autograde.exporter_class = "autograder.guard.UseAutograderGrade"
c.GenerateFeedback.exporter_class = "autograder.guard.UseAutograderFeedback"
'''


def write_workspace(out: Path, source: LessonSource, submitted: Path, db: str | None) -> None:
    """The configuration and folders that nbgrader's tools expect in OUT."""
    values = {
        "root": repr(str(out.resolve())),
        "url": repr(database_url(out, db)),
        "submitted": repr(os.path.relpath(submitted.resolve(), out.resolve())),
    }
    write_text(out / "nbgrader_config.py", _CONFIG.format(**values), 0o600)
    for name, notebook in (("source", source.notebook), ("release", released(source))):
        path = out / name / source.name / f"{source.name}.ipynb"
        write_text(path, notebooks.text(notebook), 0o600 if name == "source" else 0o644)
