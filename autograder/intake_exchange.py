"""nbgrader's exchange: `EXCHANGE/COURSE/inbound/` with folders `student+lesson+timestamp+random`.

The latest folder of a student counts; the others are named in a flag. Everybody may write into `inbound`, so where its
folders belong to several users of the machine, a student's own folder goes before one that somebody else has put there
under their name.
"""

from __future__ import annotations

import hashlib
import os
import pwd
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from autograder.errors import AutograderError
from autograder.files import Refused, open_folder
from autograder.intake import Submission, is_student_id, parse_time, printable, read_folder

LISTED = 5
_OLDEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class _Folder:
    """One folder in `inbound`."""

    name: str
    student: str
    time: str
    owner: str

    @property
    def moment(self) -> datetime:
        return parse_time(self.time) or _OLDEST

    @property
    def own(self) -> bool:
        return self.owner == self.student


def inbound(submitted: Path, lesson: str) -> Path | None:
    """The `inbound` folder that `submitted` is or holds; None when it is no exchange."""
    if not submitted.is_dir():
        return None
    inside = sorted(submitted.iterdir())
    if any(_split(path.name, lesson) for path in inside):
        return submitted
    if any((path / lesson).is_dir() for path in inside):  # students' folders: what lies in them decides nothing
        return None
    courses = [submitted, *(path for path in inside if path.is_dir() and not path.is_symlink())]
    found = [course / "inbound" for course in courses if _is_course(course)]
    if len(found) > 1:
        listed = ", ".join(printable(path.parent.name, 40) for path in found)
        raise AutograderError(
            f"{submitted} is the exchange of several courses: {listed}", f"name one of them: {found[0].parent}"
        )
    return found[0] if found else None


def _is_course(folder: Path) -> bool:
    inside = folder / "inbound"
    return inside.is_dir() and not inside.is_symlink() and _has_plus(inside)


def _has_plus(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(entry.name.count("+") >= 2 for entry in entries)


def _split(name: str, lesson: str) -> tuple[str, str] | None:
    """(student, timestamp) of a folder's name: what follows the timestamp is random, or missing. A student's id may
    hold a plus, so the name is read from its end."""
    for pieces in (name.rsplit("+", 3), name.rsplit("+", 2)):
        if len(pieces) >= 3 and pieces[1] == lesson and pieces[0]:
            return pieces[0], pieces[2]
    return None


def collect_exchange(folder: Path, lesson: str) -> Iterator[Submission]:
    """The latest submission of each student, by student."""
    try:
        root = open_folder(None, folder.resolve())
    except (Refused, OSError) as error:
        raise AutograderError(
            f"the exchange {folder} cannot be opened: {error}", "read it as the user who runs the course"
        ) from error
    try:
        students = _students(root, lesson)
        owners = {entry.owner for entries in students.values() for entry in entries}
        for student in sorted(students):
            yield _latest(root, student, students[student], lesson, len(owners) > 1)
    finally:
        os.close(root)


def _students(root: int, lesson: str) -> dict[str, list[_Folder]]:
    students: dict[str, list[_Folder]] = defaultdict(list)
    for name in sorted(os.listdir(root)):
        split = _split(name, lesson)
        if split is not None:
            students[split[0]].append(_Folder(name, split[0], split[1], _owner(root, name)))
    return students


def _owner(root: int, name: str) -> str:
    try:
        uid = os.stat(name, dir_fd=root, follow_symlinks=False).st_uid
        return pwd.getpwuid(uid).pw_name
    except OSError:
        return "nobody"
    except KeyError:
        return f"user {uid}"


def _latest(root: int, student: str, entries: Sequence[_Folder], lesson: str, owners_tell: bool) -> Submission:
    own = [entry for entry in entries if entry.own] if owners_tell else []
    chosen = max(own or entries, key=lambda entry: (entry.moment, entry.name))
    flags: list[str] = []
    others = sorted((e for e in entries if e is not chosen), key=lambda e: (e.moment, e.name), reverse=True)
    if others:
        listed = ", ".join(printable(e.time, 40) + _by(e, owners_tell) for e in others[:LISTED])
        flags.append(
            f"the latest of {len(entries)} submissions counts; not: {listed}" + (" …" if len(others) > LISTED else "")
        )
    if owners_tell and not chosen.own:
        flags.append(f"the folder in the exchange belongs to {printable(chosen.owner, 40)}, not to the student")
    if not is_student_id(student):
        shown = f"{printable(student, 100)} ({hashlib.sha256(os.fsencode(student)).hexdigest()[:8]})"
        return Submission(shown, None, "is no student id (letters, digits, '.', '_', '-', '@', spaces)")
    try:
        folder = open_folder(root, chosen.name)
    except (Refused, OSError) as error:
        return Submission(student, None, f"the folder in the exchange cannot be opened: {error}", None, tuple(flags))
    try:
        found = read_folder(folder, student, lesson)
    finally:
        os.close(folder)
    return _timed(found, chosen, flags)


def _by(entry: _Folder, owners_tell: bool) -> str:
    return f" (put there by {printable(entry.owner, 40)})" if owners_tell and not entry.own else ""


def _timed(found: Submission, chosen: _Folder, flags: Sequence[str]) -> Submission:
    """The later of the folder's time and timestamp.txt counts: students can write both."""
    named = parse_time(chosen.time)
    inside = parse_time(found.timestamp) if found.timestamp else None
    known = [moment for moment in (named, inside) if moment is not None]
    remarks = list(flags)
    if named is None:
        remarks.append(f"the folder's time {printable(chosen.time, 40)!r} is no date")
    elif inside is not None and inside != named:
        remarks.append("the folder's time and timestamp.txt differ: the later one counts")
    timestamp = max(known).isoformat() if known else None
    return replace(found, timestamp=timestamp, flags=(*remarks, *found.flags))
