"""A gradebook as `autograder grade` leaves it, small and quickly made: two lessons, some students."""

from __future__ import annotations

import atexit
import csv
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy.exc import SAWarning

from autograder.store import open_gradebook

DUE = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)
FIRST, SECOND = "01_convolution", "02_networks"
DAY = timedelta(days=1)
NAMES = {"ada": ("Ada", "Lovelace"), "ben": ("Ben", "Okri"), "cyd": ("Cyd", "Charisse"), "dan": ("Dan", "Dare")}


@dataclass(frozen=True)
class Work:
    """One submission: points for `conv` and `pool` (of 6 and 4) and when it came; a written answer (of 2) or none."""

    student: str
    lesson: str = FIRST
    conv: float = 6
    pool: float = 4
    late: timedelta | None = -DAY
    pending: bool = False


@cache
def _empty() -> Path:
    """An empty gradebook, made once: nbgrader takes seconds for it."""
    folder = Path(tempfile.mkdtemp(prefix="gradebook-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    open_gradebook(folder, None, True).close()
    return folder / "gradebook.db"


def workspace(out: Path, works: list[Work], due: datetime | None = DUE) -> Path:
    """A gradebook with these submissions; every student is known in it."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(_empty(), out / "gradebook.db")
    with warnings.catch_warnings(), open_gradebook(out) as gradebook:
        warnings.simplefilter("ignore", SAWarning)  # nbgrader's own, about objects it is about to add
        for student, (first, last) in NAMES.items():
            gradebook.add_student(student, first_name=first, last_name=last, email=f"{student}@example.org")
        for lesson in (FIRST, SECOND):
            gradebook.add_assignment(lesson, duedate=due.replace(tzinfo=None) if due else None)
            gradebook.add_notebook(lesson, lesson)
            for name, points in (("conv", 6), ("pool", 4)):
                gradebook.add_solution_cell(name, lesson, lesson)
                gradebook.add_grade_cell(f"check_{name}", lesson, lesson, max_score=points, cell_type="code")
        for work in works:
            submission = gradebook.add_submission(work.lesson, work.student)
            if work.late is not None:
                submission.timestamp = (DUE + work.late).replace(tzinfo=None)
            for grade in submission.notebooks[0].grades:
                grade.auto_score = work.conv if grade.name == "check_conv" else work.pool
                grade.needs_manual_grade = work.pending
        gradebook.db.commit()
    return out


def table(path: Path) -> list[dict[str, str]]:
    """A CSV file, row by row."""
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
