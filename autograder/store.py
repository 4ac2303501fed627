"""Results in nbgrader's gradebook, written by one process.

`auto_score` is ours; `manual_score`, `extra_credit`, comments and extensions belong to people and are never
touched. The workspace gets what nbgrader's own tools need to run in it: a configuration, the released notebook, the
graded copies.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from nbgrader.api import Gradebook
from sqlalchemy import event

from autograder import backups, notebooks
from autograder.database import connected, ensure, explained, locate, writable
from autograder.errors import AutograderError
from autograder.files import write_text
from autograder.intake import parse_time
from autograder.lessons import LessonSource, Record
from autograder.release import released
from autograder.store_cells import record_cells
from autograder.store_rows import LessonRows, people

WAIT = 30_000  # milliseconds for another program's write to SQLite's file; formgrader saves while we grade


def database_url(out: Path, given: str | None = None) -> str:
    """`--db`, else the SQLite file in the workspace, as nbgrader's tools need it: with a password, not for people."""
    return locate(out, given).text


def open_gradebook(out: Path, db: str | None = None, create: bool = False) -> Any:
    """nbgrader's gradebook of a workspace; `create`: make one where there is none."""
    beside, path = str(Path(sys.executable).parent), os.environ.get("PATH", "")
    if beside not in path.split(os.pathsep):  # nbgrader's tools call the program `alembic` in there
        os.environ["PATH"] = os.pathsep.join([path, beside]) if path else beside
    database = locate(out, db)
    ensure(database, out, create)
    with explained(database):
        gradebook = Gradebook(database.text)
        if database.file is not None:
            gradebook.engine.dispose()
            event.listen(gradebook.engine, "connect", lambda raw, _: raw.execute(f"PRAGMA busy_timeout={WAIT}"))
        return gradebook


class Store:
    """The gradebook of a workspace, open for one lesson."""

    def __init__(self, out: Path, source: LessonSource, db: str | None = None, due: str | None = None) -> None:
        self._lesson = source.name
        self._database = locate(out, db)
        fields = _due(due)
        self._gradebook = open_gradebook(out, db, create=True)
        try:
            writable(self._database)
            with explained(self._database):
                self._gradebook.update_or_create_assignment(self._lesson, **fields)
                self._gradebook.db.remove()  # nbgrader's session would hold a connection
                record_cells(self._gradebook.engine.connect, source, self._database.text, self._before_cells)
            with self._transaction() as connection:
                self._rows = LessonRows(connection, self._lesson)
        except BaseException:
            self._gradebook.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gradebook.close()

    def _before_cells(self) -> None:
        """The lesson's cells are about to change under grades that exist."""
        if self._database.file is None:
            say(f"The cells of {self._lesson} change in {self._database.shown}; copies of it are pg_dump's to make.")
        else:
            copy = backups.backup(self._database.file, f"before-{self._lesson}")
            say(f"The cells of {self._lesson} have changed. The gradebook as it was: {copy}")

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
        with explained(self._database), self._gradebook.engine.begin() as connection:
            yield connection


def _due(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    moment = parse_time(text)
    if moment is None:
        raise AutograderError(f"--due {text!r} is no date", "write it like 2026-01-31T23:59+01:00")
    return {"duedate": moment.replace(tzinfo=None)}


def say(text: str) -> None:
    """A line for the person at the keyboard, beside what a command prints."""
    print(text, file=sys.stderr)


def hand_grades(out: Path, lesson: str, db: str | None = None) -> dict[str, dict[str, dict[str, Any]]]:
    """What people decided: {student: {grade_id: {"score", "extra", "max_score", "comment", "pending"}}}."""
    database = locate(out, db)
    if database.file is not None and not database.file.exists():
        return {}
    ensure(database, out, create=False)
    with connected(database) as connection:
        return people(connection, lesson)


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
    database = locate(out, db)
    values = {
        "root": repr(str(out.resolve())),
        "url": repr(database.text),
        "submitted": repr(os.path.relpath(submitted.resolve(), out.resolve())),
    }
    write_text(out / "nbgrader_config.py", _CONFIG.format(**values), 0o600)
    if database.secrets:
        say(
            f"{out / 'nbgrader_config.py'} holds the database's password, because nbgrader's tools need it; only you "
            "may read that file. Better: no password in the URL, but in ~/.pgpass or PGPASSWORD."
        )
    for name, notebook in (("source", source.notebook), ("release", released(source))):
        path = out / name / source.name / f"{source.name}.ipynb"
        write_text(path, notebooks.text(notebook), 0o600 if name == "source" else 0o644)
