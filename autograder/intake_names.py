"""Who handed in what, read from the names that Moodle and Canvas give to files in a download of all submissions.

Moodle: `Full Name_1234567_assignsubmission_file_/NAME`, or the same in one name, without the folder. The number belongs
to the student in this one assignment: in the next lesson it is another. Underscores in names have become spaces.

Canvas: `lastfirst_LATE_USER_FILE_NAME`, LATE only where it is; USER is the same number in the whole of Canvas, or
`anon_...` in an anonymous assignment. A file that was handed in again is called NAME-1, NAME-2 and so on.

Students choose the names of their files and often their own, so a name that can be read in two ways is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_MOODLE = re.compile(r"([^_/]+)_(\d{1,20})_assignsubmission_([a-z]+)(?:_(.*))?\Z", re.DOTALL)
_CANVAS = re.compile(r"_(anon_[^\W_]{1,40}|[1-9]\d{0,19})_([1-9]\d{0,19})_(?=.)", re.DOTALL)
_LATE = re.compile(r"(?:\A|_)late\Z", re.IGNORECASE)
_COUNTED = re.compile(r"(.*?)(?:-(\d{1,6}))?(\.[^.]*)?\Z", re.DOTALL)

MOST_READINGS = 3  # of one name; two are too many already


@dataclass(frozen=True)
class Owner:
    """A person as the LMS writes them."""

    lms: str  # "Moodle" or "Canvas"
    number: str
    name: str
    late: bool = False


@dataclass(frozen=True)
class Read:
    """What a path says: whose it is, the file's own path below that, the LMS's number of the file."""

    owner: Owner
    file: str
    file_number: int = 0
    text_only: bool = False


def moodle(parts: Sequence[str]) -> Read | None:
    """The leftmost part that Moodle has written says whose the file is."""
    for i, part in enumerate(parts):
        match = _MOODLE.match(part)
        if match:
            name, number, kind, rest = match.groups()
            file = "/".join(([rest] if rest else []) + list(parts[i + 1 :]))
            return Read(Owner("Moodle", number, name.strip()), file or part, 0, kind != "file")
    return None


def canvas(parts: Sequence[str], lesson: str) -> Read | str | None:
    """What a file's name says; a sentence when it says two things; None when Canvas has not written it."""
    text = f"_{parts[-1]}"
    found: list[Read] = []
    at = 0
    while len(found) < MOST_READINGS and (match := _CANVAS.search(text, at)):
        before, at = text[1 : match.start()], match.start() + 1
        late = bool(_LATE.search(before))
        owner = Owner("Canvas", match[1], _LATE.sub("", before) if late else before, late)
        found.append(Read(owner, text[match.end() :], int(match[2])))
    if not found:
        return None
    first = found[0]
    if len(found) == 1 or counted(first.file)[0].casefold() == f"{lesson}.ipynb".casefold():
        return first
    who = " or ".join(dict.fromkeys(read.owner.number for read in found))
    return f"its name can be read in two ways (user {who}): rename it so that numbers stand only where Canvas puts them"


def counted(name: str) -> tuple[str, int]:
    """`work-2.ipynb` as (`work.ipynb`, 2): what Canvas adds to a file that is handed in again."""
    match = _COUNTED.match(name)
    assert match is not None
    return match[1] + (match[3] or ""), int(match[2] or 0)


def make_id(text: str) -> str:
    """A name as a student's id: letters, digits and `.@ -`; "" when nothing is left."""
    kept = "".join(c if c.isalnum() or c in "_.@-" else " " for c in text[:200])
    return " ".join(kept.split()).lstrip("_.@- ")[:80].rstrip()
