"""Who is in the course: a CSV file with the columns student, name, email and lms_id.

`student` is the id in the gradebook and must be there; the others may be missing or empty. `lms_id` is the number by
which the LMS knows the person (Canvas's user number; Moodle's changes with each assignment, so there names decide).
Further columns are left alone. Separators: comma, semicolon or tab.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import AutograderError
from autograder.intake import is_student_id, printable

COLUMNS = ("student", "name", "email", "lms_id")
MAX_BYTES = 10 * 2**20
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\Z")
_FIX = "the first line names the columns: student,name,email,lms_id (only student is a must)"


@dataclass(frozen=True)
class Person:
    """One line of the roster."""

    student: str
    name: str = ""
    email: str = ""
    lms_id: str = ""


class Roster:
    """The people of a course, found by id, by the LMS's number or by name."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.people = tuple(people)
        self._by_student = {person.student: person for person in people}
        self._by_number = {person.lms_id: person for person in people if person.lms_id}
        self._by_name: dict[str, list[Person]] = defaultdict(list)
        for person in people:
            for form in {*_forms(person.name)} | ({_key(person.student)} if not person.name else set()):
                self._by_name[form].append(person)

    def __contains__(self, student: object) -> bool:
        return student in self._by_student

    def by_student(self, student: str) -> Person | None:
        """The person with this id."""
        return self._by_student.get(student)

    def by_number(self, number: str) -> Person | None:
        """The person with this number in the LMS."""
        return self._by_number.get(number)

    def by_name(self, name: str) -> list[Person]:
        """People whose name this can be, whatever its order, case and spaces; before a name may stand a group's."""
        keys = [key for key in (_key(name), _key(name.partition("-")[2])) if key]
        return next((list(self._by_name[key]) for key in keys if key in self._by_name), [])


def load_roster(path: Path) -> Roster:
    """Read a roster; raises AutograderError that names the line and the column."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise AutograderError(f"the roster {path} cannot be read: {error.strerror}", _FIX) from error
    if len(raw) > MAX_BYTES:
        raise AutograderError(f"the roster {path} has {len(raw) / 2**20:.0f} MB; expected at most 10 MB", _FIX)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise AutograderError(f"{path}, line {line}: not UTF-8 text", "save it as CSV in UTF-8") from error
    return Roster(_people(path, text))


def _people(path: Path, text: str) -> list[Person]:
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    rows = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    people: list[Person] = []
    seen: dict[tuple[str, str], int] = {}
    places: dict[str, int] = {}
    line = 1
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not places:
                places = _header(path, cells)
            elif any(cells):
                person = _person(path, line, {c: cells[i] for c, i in places.items() if i < len(cells)})
                _unlike(path, line, person, seen)
                people.append(person)
            line = rows.line_num + 1
    except csv.Error as error:
        raise AutograderError(f"{path}, line {rows.line_num}: {error}", "quote cells that hold separators") from error
    if not people:
        raise AutograderError(f"{path}: nobody is in this roster", _FIX)
    return people


def _header(path: Path, cells: Sequence[str]) -> dict[str, int]:
    names = [cell.lower().replace(" ", "_") for cell in cells]
    for name in COLUMNS:
        if names.count(name) > 1:
            raise AutograderError(f"{path}, line 1, column {name}: it stands there {names.count(name)} times", _FIX)
    if "student" not in names:
        shown = ", ".join(printable(cell, 30) for cell in cells[:8]) or "nothing"
        raise AutograderError(f"{path}, line 1, column student: missing; the first line holds {shown}", _FIX)
    return {name: names.index(name) for name in COLUMNS if name in names}


def _person(path: Path, line: int, cells: dict[str, str]) -> Person:
    for column, cell in cells.items():
        if len(cell) > 200 or not cell.isprintable():
            raise _wrong(path, line, column, cell, "at most 200 characters, all of them printable")
    student, email = cells.get("student", ""), cells.get("email", "")
    if not is_student_id(student):
        raise _wrong(path, line, "student", student, "an id of letters, digits, '.', '_', '-', '@' and spaces")
    if email and not _EMAIL.match(email):
        raise _wrong(path, line, "email", email, "an address like ada@example.org, or nothing")
    return Person(student, cells.get("name", ""), email, cells.get("lms_id", ""))


def _unlike(path: Path, line: int, person: Person, seen: dict[tuple[str, str], int]) -> None:
    """No two lines share an id, a number or an address; ids that differ only in case are one too many."""
    for column in ("student", "email", "lms_id"):
        value = str(getattr(person, column))
        if value and seen.setdefault((column, value.casefold()), line) != line:
            first = seen[column, value.casefold()]
            raise _wrong(path, line, column, value, f"one that is not in line {first} already")


def _wrong(path: Path, line: int, column: str, got: str, expected: str) -> AutograderError:
    return AutograderError(
        f"{path}, line {line}, column {column}: {printable(got, 60)!r}; expected {expected}", "correct this line"
    )


def _forms(name: str) -> list[str]:
    """A name's words in every rotation: Ada Lovelace, Lovelace Ada and Canvas's lovelaceada are one."""
    words = _words(name)
    return ["".join(words[i:] + words[:i]) for i in range(len(words))]


def _key(name: str) -> str:
    return "".join(_words(name))


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFC", name).casefold()
    return "".join(c if c.isalnum() else "" if c in "'’`´-._" else " " for c in plain).split()
