"""What students handed in, read without trusting any of it and without changing any of it.

`collect` says for each student what there is: bytes, or a reason why there are none. It walks the folder layout
`DIR/<student>/<LESSON>/<LESSON>.ipynb` itself; a zip from Moodle or Canvas and nbgrader's exchange have modules of
their own (`intake_zip`, `intake_exchange`). `parse` turns the bytes into a plain list of cells; no notebook library
sees a student's JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.errors import AutograderError
from autograder.files import Refused, open_folder, read_stranger

if TYPE_CHECKING:
    from autograder.roster import Roster

MAX_BYTES = 20 * 2**20
MAX_CELLS = 2000
MAX_SOURCE = 2**20
MAX_DEPTH = 40
MAX_PARTS = 1_000_000  # objects and lists, at up to 250 bytes of memory each
MAX_FILES = 1000
KINDS = ("code", "markdown", "raw")

# nbgrader keeps '+' for itself; the rest would make odd paths, odd CSV files, or both.
_STUDENT = re.compile(r"[^\W_][\w.@ -]{0,119}\Z")


def is_student_id(text: str) -> bool:
    """Whether there can be grades and pages under this name."""
    return bool(_STUDENT.match(text))


class Unreadable(Exception):
    """A submission from which no notebook can be made, with the reason as a sentence."""


@dataclass(frozen=True)
class Submission:
    """One student's file, as it was handed in; `reason` is set instead of `data` when it was refused."""

    student: str
    data: bytes | None
    reason: str = ""
    timestamp: str | None = None  # ISO 8601, UTC
    flags: tuple[str, ...] = ()

    @property
    def is_person(self) -> bool:
        """Whether the folder's name can be a student's id: only then there are grades and pages under it."""
        return is_student_id(self.student)

    @property
    def digest(self) -> str:
        """Changes when what was handed in changes."""
        content = self.data if self.data is not None else b"refused: " + self.reason.encode()
        return hashlib.sha256(content + b"\0" + str(self.timestamp).encode() + repr(self.flags).encode()).hexdigest()


@dataclass(frozen=True)
class StudentCell:
    """One cell of a submission, reduced to what grading needs."""

    kind: str
    source: str
    cell_id: str
    grade_id: str | None


@dataclass(frozen=True)
class StudentNotebook:
    """A submission's cells, the lesson and version it says it belongs to, and what was odd about it."""

    cells: tuple[StudentCell, ...]
    lesson: str | None = None
    version: str | None = None
    flags: tuple[str, ...] = field(default=())


def collect(submitted: Path, lesson: str, roster: Path | None = None) -> Iterator[Submission]:
    """All submissions of a lesson, in a fixed order, one at a time: from a folder, an LMS's zip or an exchange.

    No folder for the lesson: nothing handed in, no entry. With a roster an LMS's people get their ids from it.
    """
    from autograder import intake_exchange, intake_zip  # they stand on this module
    from autograder.roster import load_roster

    known = load_roster(roster) if roster is not None else None
    if submitted.is_file():
        return intake_zip.collect_zip(submitted, lesson, known)
    inbound = intake_exchange.inbound(submitted, lesson)
    if inbound is None:
        _not_unpacked(submitted, lesson)
    found = _folder(submitted, lesson) if inbound is None else intake_exchange.collect_exchange(inbound, lesson)
    return found if known is None else _noted(found, known)


def _not_unpacked(submitted: Path, lesson: str) -> None:
    """Some browsers unpack a download without asking; what lies there then is no folder per student."""
    from autograder.intake_names import Read, canvas, moodle

    inside = list(submitted.iterdir()) if submitted.is_dir() else []
    names = [path.name for path in inside if moodle([path.name]) or path.suffix == ".ipynb"]
    unpacked = any(moodle([name]) or isinstance(canvas([name], lesson), Read) for name in names)
    if unpacked and not any((path / lesson).is_dir() for path in inside):
        raise AutograderError(
            f"{submitted} is an unpacked download from Moodle or Canvas",
            "give the zip itself, as it was downloaded; if it is gone, zip this folder again",
        )


def _noted(found: Iterator[Submission], roster: Roster) -> Iterator[Submission]:
    """A folder's name is an id already: the roster only says who should not be there."""
    for submission in found:
        if submission.is_person and submission.student not in roster:
            yield replace(submission, flags=(*submission.flags, "is not in the roster"))
        else:
            yield submission


def _folder(submitted: Path, lesson: str) -> Iterator[Submission]:
    try:
        root = open_folder(None, submitted.resolve())
    except (Refused, OSError) as error:
        raise AutograderError(
            f"no folder with submissions at {submitted}: {error}",
            "give the folder that holds one folder per student, a zip from Moodle or Canvas, or nbgrader's exchange",
        ) from error
    try:
        for name in sorted(os.listdir(root)):  # noqa: PTH208 (a file descriptor)
            if not name.startswith("."):
                entry = _student(root, name, lesson)
                if entry is not None:
                    yield entry
    finally:
        os.close(root)


def _student(root: int, name: str, lesson: str) -> Submission | None:
    shown = printable(name, 120)
    if shown != name:  # two odd names may look alike, and neither may take the other's place
        shown += f" ({hashlib.sha256(os.fsencode(name)).hexdigest()[:8]})"
    try:
        folder = open_folder(root, name)
    except Refused as error:
        if str(error).endswith("not a folder"):
            return None  # a stray file beside the students' folders (a roster, a note)
        return Submission(shown, None, f"the student's folder {error}")
    except OSError as error:
        return Submission(shown, None, f"the student's folder cannot be opened ({error.strerror})")
    try:
        inner = open_folder(folder, lesson)
    except FileNotFoundError:
        return None
    except Refused as error:
        return Submission(shown, None, f"the folder {error}")
    finally:
        os.close(folder)
    try:
        if not _STUDENT.match(name):
            return Submission(
                shown, None, "the folder's name is no student id (letters, digits, '.', '_', '-', '@', spaces)"
            )
        return read_folder(inner, name, lesson)
    finally:
        os.close(inner)


def read_folder(folder: int, student: str, lesson: str) -> Submission:
    """What lies in the open folder of one student's lesson."""
    timestamp, flags = _timestamp(folder)
    wanted = f"{lesson}.ipynb"
    names = sorted(os.listdir(folder))[:MAX_FILES]
    extra = [n for n in names if n not in (wanted, "timestamp.txt", "submission_secret.txt") and not n.startswith(".")]
    if extra:
        listed = ", ".join(printable(n, 40) for n in extra[:5]) + (" …" if len(extra) > 5 else "")
        flags = (*flags, f"files beside the notebook were not used: {listed}")
    try:
        data = read_stranger(folder, wanted, MAX_BYTES)
    except FileNotFoundError:
        others = [printable(n, 60) for n in extra if n.endswith(".ipynb")]
        reason = f"there is no {wanted}" + (f"; there is {', '.join(others[:3])}" if others else "")
        return Submission(student, None, reason, timestamp, flags)
    except (Refused, OSError) as error:
        return Submission(student, None, str(error), timestamp, flags)
    return Submission(student, data, "", timestamp, flags)


def _timestamp(folder: int) -> tuple[str | None, tuple[str, ...]]:
    try:
        text = read_stranger(folder, "timestamp.txt", 1024).decode("utf-8").strip()
    except FileNotFoundError:
        return None, ()
    except (Refused, OSError, UnicodeDecodeError):
        return None, ("timestamp.txt cannot be read: not counted as late",)
    moment = parse_time(text)
    if moment is None:
        return None, (f"timestamp.txt says {printable(text, 40)!r}, which is no date: not counted as late",)
    return moment.isoformat(), ()


def parse_time(text: str) -> datetime | None:
    """A moment in UTC from ISO 8601 or nbgrader's `2026-01-31 23:59:00 UTC`; None when it is neither."""
    text = re.sub(r"\s*UTC\Z", "+00:00", text.strip())
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f %Z")
        except ValueError:
            return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return None


def printable(text: str, limit: int) -> str:
    """Text from a stranger, fit for a terminal and a page: no control characters, no direction marks, not endless."""
    safe = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: limit + 1])
    safe = safe.encode("utf-8", "replace").decode("utf-8")
    return safe if len(text) <= limit else safe[: limit - 1] + "…"


def parse(data: bytes) -> StudentNotebook:
    """The cells of a notebook in format 4. Raises Unreadable with a reason for anything else.

    A cell that is none (of an unknown type, without text, endless) is left out and flagged; the others are kept.
    """
    parts = data.count(b"{") + data.count(b"[")
    if parts > MAX_PARTS:  # a million empty cells need a hundred times their size in memory
        raise Unreadable(f"the JSON has some {parts} parts; at most {MAX_PARTS} are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"the file is not UTF-8 text (byte {error.start})") from None
    if not text.strip():
        raise Unreadable("the file is empty")
    try:
        raw = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise Unreadable("the JSON is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"the file is not valid JSON ({printable(str(error), 80)})") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list):
        old = isinstance(raw, dict) and "worksheets" in raw
        raise Unreadable(
            "the notebook is in an old format; open and save it in JupyterLab" if old else "the JSON is not a notebook"
        )
    if raw.get("nbformat") != 4:
        raise Unreadable(f"the notebook says it has format {printable(repr(raw.get('nbformat')), 20)}; 4 is read")
    if _too_deep(raw):
        raise Unreadable("the JSON is nested too deeply")
    if len(raw["cells"]) > MAX_CELLS:
        raise Unreadable(f"the notebook has {len(raw['cells'])} cells; at most {MAX_CELLS} are read")
    strange: list[int] = []
    left_out: list[str] = []
    cells: list[StudentCell] = []
    for i, cell in enumerate(raw["cells"]):
        try:
            cells.append(_cell(cell, i, strange))
        except _NoCell as error:  # it costs what stands in it, not the notebook
            left_out.append(f"{i} ({error})")
    lesson, version = _lesson(raw.get("metadata"))
    replaced = _listed("characters that are no text were replaced in cell", list(map(str, strange)))
    return StudentNotebook(
        tuple(cells), lesson, version, (*_listed("left out, because unreadable: cell", left_out), *replaced)
    )


class _NoCell(Exception):
    """Something among the cells that is none, with the reason."""


def _listed(words: str, cells: list[str]) -> tuple[str, ...]:
    return (f"{words} {', '.join(cells[:8])}{' …' if len(cells) > 8 else ''}",) if cells else ()


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _too_deep(raw: Any) -> bool:
    level = [raw]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True


def _cell(raw: Any, index: int, strange: list[int]) -> StudentCell:
    if not isinstance(raw, dict):
        raise _NoCell("it is not an object")
    kind = raw.get("cell_type")
    if kind not in KINDS:
        raise _NoCell(f"its type is {printable(repr(kind), 30)}")
    source = raw.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise _NoCell("its source is not text")
    if len(source) > MAX_SOURCE:
        raise _NoCell(f"it has {len(source)} characters; at most {MAX_SOURCE} are read")
    clean = source.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
    if clean != source:
        strange.append(index)
    clean = clean.replace("\r\n", "\n").replace("\r", "\n")  # Python and Markdown read all three alike
    cell_id = raw.get("id")
    return StudentCell(kind, clean, cell_id if isinstance(cell_id, str) else "", _grade_id(raw.get("metadata")))


def _grade_id(metadata: Any) -> str | None:
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return grade_id if isinstance(grade_id, str) and 0 < len(grade_id) <= 128 else None


def _lesson(metadata: Any) -> tuple[str | None, str | None]:
    ours = metadata.get("cnncourse") if isinstance(metadata, dict) else None
    if not isinstance(ours, dict):
        return None, None
    lesson, version = ours.get("lesson"), ours.get("version")
    return (
        printable(lesson, 60) if isinstance(lesson, str) else None,
        printable(version, 20) if isinstance(version, str) else None,
    )
