"""Names, addresses and LMS numbers of a class, from a CSV file into the gradebook."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from autograder.errors import AutograderError
from autograder.intake import Submission
from autograder.people import Desk
from autograder.store import open_gradebook

COLUMNS = {  # nbgrader's field: its names in a file, nbgrader's own first, then those of a roster for `grade`
    "id": ("id", "student"),
    "first_name": ("first_name",),
    "last_name": ("last_name",),
    "email": ("email",),
    "lms_user_id": ("lms_user_id", "lms_id"),
}
LONGEST = 128  # what the gradebook's fields hold
_FIX = "expected a first line id,first_name,last_name,email,lms_user_id; only id has to be there"


def import_people(desk: Desk, path: Path) -> tuple[int, int]:
    """Bring the file's students into the gradebook, all or none; returns how many are new and how many were known.

    An empty cell changes nothing, so a file with addresses only adds addresses.
    """
    people = read(path)
    desk.out.mkdir(parents=True, exist_ok=True)
    open_gradebook(desk.out, desk.db, True).close()
    with desk.gradebook() as gradebook:
        known = {student.id: student for student in gradebook.students}
        new = [fields for fields in people if fields["id"] not in known]
        for fields in people:
            student = known.get(fields["id"])
            for name, value in fields.items():
                if student is not None and value:
                    setattr(student, name, value)
        gradebook.db.commit()
        for fields in new:
            gradebook.add_student(fields["id"], **{k: v for k, v in fields.items() if k != "id" and v})
    return len(new), len(people) - len(new)


def read(path: Path) -> list[dict[str, str]]:
    """The file's people; raises AutograderError that names the line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AutograderError(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or 'no UTF-8'}", _FIX
        ) from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    seen: dict[str, int] = {}
    people = []
    try:
        places = _places(path, next(rows, []))
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            fields = {name: row[i].strip() if i < len(row) else "" for name, i in places.items()}
            _check(path, rows.line_num, fields, seen)
            people.append(fields)
    except csv.Error as error:
        raise AutograderError(f"{path}:{rows.line_num}: this is no CSV: {error}", _FIX) from error
    if not people:
        raise AutograderError(f"{path}: nobody is in it", _FIX)
    return people


def _places(path: Path, header: list[str]) -> dict[str, int]:
    names = [cell.strip().lower() for cell in header]
    places = {field: names.index(name) for field, forms in COLUMNS.items() for name in forms[::-1] if name in names}
    if "id" not in places:
        raise AutograderError(f"{path}:1: no column id; there are: {', '.join(names[:8]) or 'none'}", _FIX)
    return places


def _check(path: Path, line: int, fields: dict[str, str], seen: dict[str, int]) -> None:
    student = fields["id"]
    if not Submission(student, None).is_person:
        raise AutograderError(
            f"{path}:{line}: id is {student[:40]!r}; expected letters, digits, '.', '_', '-', '@', spaces",
            "it has to be the name of the folder that the student hands in",
        )
    if student in seen:
        raise AutograderError(f"{path}:{line}: {student} stands in line {seen[student]} already", "keep one of them")
    seen[student] = line
    for name, value in fields.items():
        if len(value) > LONGEST or not value.isprintable():
            raise AutograderError(
                f"{path}:{line}: {name} has {len(value)} characters; expected at most {LONGEST}, all printable",
                "correct this line",
            )
