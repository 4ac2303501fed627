"""A download of all submissions from Moodle or Canvas, student by student, read where it lies.

Which of a student's files counts: the notebook named as the lesson (from Canvas the latest of them: NAME-2 before
NAME-1 before NAME); else their only notebook, with a flag; else the only notebook in their only zip, with a flag. More
than one candidate, or none, is a reason to refuse. Dates in the zip are local time without a zone, made by the LMS when
it pleased: nobody is late by them. Canvas's own mark LATE becomes a flag.

Who a student is: by roster their line there, found by Canvas's number or by name; one who is not in it gets a reason
and no entry in the gradebook. Without a roster, from Moodle the name (its numbers are new in each assignment), from
Canvas its number for the person.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder import intake, intake_names
from autograder.errors import AutograderError
from autograder.files import Refused
from autograder.intake import Submission, is_student_id, printable
from autograder.intake_archive import Archive, BadArchive, Entry
from autograder.intake_names import Owner, Read, counted
from autograder.roster import Roster

MAX_INNER = 1000  # entries of a zip inside the zip
MAX_NAMELESS = 100  # files of nobody that are listed one by one
LISTED = 5


@dataclass
class _Handed:
    """What lies in the zip for one person."""

    owner: Owner
    files: list[tuple[Read, Entry]] = field(default_factory=list)


def collect_zip(path: Path, lesson: str, roster: Roster | None) -> Iterator[Submission]:
    """All submissions in a zip, by student; one of them is in memory at a time."""
    try:
        archive = Archive(path)
    except BadArchive as error:
        raise AutograderError(
            f"{path} cannot be read: {error}", "download it again; give the zip of all submissions, or a folder"
        ) from error
    with archive:
        people, nameless = _people(archive.entries, lesson)
        if not people and not nameless:
            raise AutograderError(
                f"no submission in {path}: no file in it has a name as Moodle or Canvas gives it",
                "give the zip as it was downloaded (all submissions of one assignment), or a folder "
                f"with <student>/{lesson}/{lesson}.ipynb",
            )
        rows = [*_apart(list(_named(people, roster))), *((shown, reason, None) for shown, reason in nameless)]
        for student, remark, handed in sorted(rows, key=lambda row: row[0]):
            if handed is None:
                yield Submission(student, None, remark)
            else:
                yield _submission(archive, student, handed, lesson, remark)


def _people(entries: Sequence[Entry], lesson: str) -> tuple[list[_Handed], list[tuple[str, str]]]:
    """Files by owner, and those that belong to nobody: (what to call it, reason)."""
    from_moodle = [intake_names.moodle(entry.parts) for entry in entries]
    from_canvas = [intake_names.canvas(entry.parts, lesson) for entry in entries]
    is_moodle = sum(r is not None for r in from_moodle) >= sum(isinstance(r, Read) for r in from_canvas)
    reads: Sequence[Read | str | None] = from_moodle if is_moodle else from_canvas
    people: dict[str, _Handed] = {}
    nameless: list[tuple[str, str]] = []
    for entry, read in zip(entries, reads, strict=True):
        if isinstance(read, Read):
            people.setdefault(read.owner.number, _Handed(read.owner)).files.append((read, entry))
        elif isinstance(read, str):
            nameless.append((_odd(entry.path), read))
        elif entry.name.lower().endswith(".ipynb"):
            nameless.append((_odd(entry.path), f"its name does not say whose it is ({printable(entry.path, 80)})"))
    if not people and not any(isinstance(read, str) for read in reads):
        return [], []  # not an LMS's zip at all
    if len(nameless) > MAX_NAMELESS:
        more = (_odd("and more"), f"{len(nameless) - MAX_NAMELESS} more files do not say whose they are")
        nameless = [*sorted(nameless)[:MAX_NAMELESS], more]
    return list(people.values()), nameless


def _odd(name: str) -> str:
    """A name for a line in the results that can be no student's id."""
    return f"{printable(name, 80)} ({hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]})"


def _named(people: Sequence[_Handed], roster: Roster | None) -> Iterator[tuple[str, str, _Handed | None]]:
    """(student's id, flag, what was handed in), or (a shown name, reason, None)."""
    if roster is not None:
        yield from _by_roster(people, roster)
        return
    plain = [_plain_id(handed.owner) for handed in people]
    times = Counter(name.casefold() for name in plain)
    for handed, name in zip(people, plain, strict=True):
        if times[name.casefold()] > 1:
            flag = f"{times[name.casefold()]} people are called {name}: use --roster"
            yield intake_names.make_id(f"{name} {handed.owner.number}"), flag, handed
        else:
            yield name, "", handed


def _apart(rows: Sequence[tuple[str, str, _Handed | None]]) -> Iterator[tuple[str, str, _Handed | None]]:
    """Nobody takes another's place: where two still come to one id, both are left to a person."""
    times = Counter(student.casefold() for student, _, _ in rows)
    for student, remark, handed in rows:
        if handed is None or (times[student.casefold()] == 1 and is_student_id(student)):
            yield student, remark, handed
        else:
            yield _odd(f"{student} {handed.owner.number}"), f"no id of its own ({student}): use --roster", None


def _plain_id(owner: Owner) -> str:
    if owner.lms == "Canvas":
        return intake_names.make_id(owner.number.replace("_", "-"))
    return intake_names.make_id(owner.name) or owner.number


def _by_roster(people: Sequence[_Handed], roster: Roster) -> Iterator[tuple[str, str, _Handed | None]]:
    """Each person's line in the roster, if there is exactly one and nobody else in the zip has a claim on it."""
    blind = len(people) > 1 and len({handed.owner.name for handed in people}) == 1
    claims = [_claim(handed.owner, roster, blind) for handed in people]
    certain = Counter(found[0] for found, sure in claims if len(found) == 1 and sure)
    claimed = Counter(name for found, _ in claims for name in found)
    for handed, (found, sure) in zip(people, claims, strict=True):
        owner = handed.owner
        shown = f"{printable(owner.name or owner.lms, 80)} ({owner.number})"
        if len(found) == 1 and (certain[found[0]] == 1 if sure else claimed[found[0]] == 1):
            unsaid = sure or owner.lms == "Moodle"  # where names are all there is, a flag for everybody says nothing
            yield found[0], "" if unsaid else f"found in the roster by the name {printable(owner.name, 60)}", handed
        elif found:
            yield shown, "several people could be meant: give their numbers in the roster's column lms_id", None
        else:
            yield shown, "is not in the roster: add a line for this person and grade again", None


def _claim(owner: Owner, roster: Roster, blind: bool) -> tuple[list[str], bool]:
    """(ids in the roster that this can be, whether a number says so and not only a name).

    Canvas's number is the person's own and decides. Moodle's is made anew for each assignment and may be anybody's
    lms_id by chance: it only decides between people of one name, and where names are hidden.
    """
    numbered = roster.by_number(owner.number)
    if owner.lms == "Canvas" and numbered is not None:
        return [numbered.student], True
    if owner.lms == "Moodle" and blind:
        return ([numbered.student] if numbered is not None else []), True
    named = [person.student for person in roster.by_name(owner.name)]
    if owner.lms == "Moodle" and len(named) > 1 and numbered is not None and numbered.student in named:
        return [numbered.student], True
    return named, False


def _submission(archive: Archive, student: str, handed: _Handed, lesson: str, flag: str) -> Submission:
    flags = [flag] if flag else []
    if any(read.owner.late for read, _ in handed.files):
        flags.append("Canvas marks it as late")
    files = [(read, entry) for read, entry in handed.files if not read.text_only]
    try:
        chosen, others = _choose(files, lesson, flags)
        if others:
            listed = ", ".join(printable(name, 40) for name in others[:LISTED])
            flags.append(f"files beside the notebook were not used: {listed}" + (" …" if len(others) > LISTED else ""))
        data = (
            archive.read(chosen, intake.MAX_BYTES) if _is_notebook(chosen) else _inner(archive, chosen, lesson, flags)
        )
    except Refused as error:
        return Submission(student, None, str(error), None, tuple(flags))
    return Submission(student, data, "", None, tuple(flags))


def _is_notebook(entry: Entry) -> bool:
    return entry.name.lower().endswith(".ipynb")


def _choose(files: Sequence[tuple[Read, Entry]], lesson: str, flags: list[str]) -> tuple[Entry, list[str]]:
    """The file that counts and the names of the others. Raises Refused when there is none, or no telling which."""
    notebooks = [(read, entry) for read, entry in files if _is_notebook(entry)]
    wanted = f"{lesson}.ipynb"
    right = [(r, e) for r, e in notebooks if _stem(r).casefold() == wanted.casefold()]
    candidates = right or notebooks
    if not candidates:
        return _choose_zip(files, wanted)
    if len({_stem(read).casefold() for read, _ in candidates}) > 1:
        names = ", ".join(sorted(printable(read.file, 40) for read, _ in candidates)[:LISTED])
        raise Refused(f"there is no {wanted}, and several other notebooks: {names}")
    if candidates[0][0].owner.lms == "Moodle" and len({entry.path for _, entry in candidates}) > 1:
        names = ", ".join(sorted(printable(read.file, 60) for read, _ in candidates)[:LISTED])
        raise Refused(f"there are {len(candidates)} notebooks of that name: {names}")
    read, chosen = max(candidates, key=lambda pair: (counted(pair[0].file)[1], pair[0].file_number, pair[0].file))
    earlier = [r.file for r, e in candidates if e is not chosen]
    if earlier:
        flags.append(f"the latest of {len(candidates)} notebooks counts: {printable(read.file, 60)}")
    if not right:
        flags.append(f"the notebook is named {printable(read.file, 60)}, not {wanted}")
    return chosen, [r.file for r, e in files if e is not chosen and r.file not in earlier]


def _stem(read: Read) -> str:
    """The file's name; from Canvas without the number of the resubmission."""
    name = read.file.rsplit("/", 1)[-1]
    return counted(name)[0] if read.owner.lms == "Canvas" else name


def _choose_zip(files: Sequence[tuple[Read, Entry]], wanted: str) -> tuple[Entry, list[str]]:
    zips = [(read, entry) for read, entry in files if entry.name.lower().endswith(".zip")]
    if len(zips) == 1:
        return zips[0][1], [read.file for read, entry in files if entry is not zips[0][1]]
    if not files:
        raise Refused(f"there is no {wanted}: no file was handed in, only text")
    names = ", ".join(sorted(printable(read.file, 40) for read, _ in files)[:LISTED])
    raise Refused(f"there is no {wanted}; there is {names}")


def _inner(archive: Archive, chosen: Entry, lesson: str, flags: list[str]) -> bytes:
    """The only notebook in a student's zip; a zip in that zip is not opened."""
    data = archive.read(chosen, intake.MAX_BYTES)
    try:
        with Archive(data, MAX_INNER) as inner:
            notebooks = [entry for entry in inner.entries if _is_notebook(entry)]
            right = [entry for entry in notebooks if entry.name.casefold() == f"{lesson}.ipynb".casefold()]
            candidates = right or notebooks
            if len(candidates) != 1:
                names = ", ".join(sorted(printable(e.path, 40) for e in candidates)[:LISTED])
                what = f"several notebooks: {names}" if candidates else "no notebook"
                raise Refused(f"there is no {lesson}.ipynb, and the zip beside it holds {what}")
            flags.append(f"the notebook was taken from a zip: {printable(candidates[0].path, 60)}")
            return inner.read(candidates[0], intake.MAX_BYTES)
    except BadArchive as error:
        raise Refused(f"there is no {lesson}.ipynb, and the zip in its place cannot be read: {error}") from error
