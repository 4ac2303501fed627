"""Which submissions share code that few others have.

Nothing is run. Of each submission the student's own code is read: answers by grade_id, and cells they added. It becomes
tokens without comments, docstrings and white space, in which every name that a student chooses counts only by where it
stood before (so another name changes nothing), and then fingerprints: hashes of windows of tokens, thinned out by
winnowing (copydetect's). What stands in the released notebook or in the instructor's own answers counts for nobody.
`likeness` then weighs what two of them share.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import keyword
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.errors import AutograderError
from autograder.intake import Unreadable, collect, parse
from autograder.lessons import LessonSource
from autograder.outputs import clean_text
from autograder.rebuild import rebuild
from autograder.release import released

OWN = "own cells"  # the part that holds what a student added beside the answers

TOKENS = 10  # tokens in a fingerprint
WINDOW = 4  # of so many fingerprints in a row one is kept
MAX_CHARACTERS = 200_000

_TOKEN = re.compile(
    r"""(?P<skip>\s+|\\\n|\#[^\n]*)
    |(?P<string>[rbfuRBFU]{0,2}(?:'''[\s\S]*?(?:'''|\Z)|\"\"\"[\s\S]*?(?:\"\"\"|\Z)
        |'(?:\\.|[^'\\\n])*'?|"(?:\\.|[^"\\\n])*"?))
    |(?P<number>\d[\w.]*|\.\d\w*)
    |(?P<name>[^\W\d]\w*)
    |(?P<operator>\*\*=?|//=?|[-+*/%@&|^<>=!:]=|->|<<|>>|.)""",
    re.VERBOSE | re.DOTALL,
)
_FIXED = frozenset(keyword.kwlist) | frozenset(dir(builtins))
_SMALL = np.uint64(2**52 - 1)  # copydetect compares fingerprints as floats


@dataclass(frozen=True)
class Text:
    """A text as numbers, for each token: what it is, how many tokens ago the same chosen name stood, where it is."""

    source: str
    codes: NDArray[np.uint64]
    back: NDArray[np.uint64]  # 0: no chosen name, or its first use
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Work:
    """One student's own code: by part of the notebook the text, and its fingerprints with the tokens they begin at."""

    student: str
    group: str  # "" for the class, else the folder that it is compared with
    texts: dict[str, Text]
    prints: dict[str, dict[int, list[int]]]

    @cached_property
    def every(self) -> set[int]:
        """The fingerprints of all parts together: a function that moved to another cell is still there."""
        return {value for found in self.prints.values() for value in found}

    @property
    def label(self) -> str:
        return f"{self.student} ({self.group})" if self.group else self.student


def read_class(folder: Path, source: LessonSource, group: str = "") -> tuple[list[Work], list[tuple[str, str]]]:
    """The works below a folder of submissions, and who could not be read, with the reason."""
    start = [str(cell.source) for cell in released(source).cells]
    works, unread = [], []
    for submission in collect(folder, source.name):
        try:
            if submission.data is None:
                raise Unreadable(submission.reason)
            notebook = rebuild(source, start, parse(submission.data))
        except Unreadable as error:
            unread.append((submission.student, str(error)))
            continue
        texts: dict[str, list[str]] = defaultdict(list)
        for cell in notebook.cells:
            if cell.kind == "code" and cell.origin in ("answer", "added"):
                part = cell.info.grade_id if cell.origin == "answer" and cell.info is not None else None
                texts[part or OWN].append(cell.source)
        works.append(work(submission.student, {part: "\n\n".join(t) for part, t in texts.items()}, group))
    return works, unread


def work(student: str, texts: dict[str, str], group: str = "") -> Work:
    """Fingerprints of one student's texts by part; of an endless submission the first MAX_CHARACTERS are read."""
    left, read = MAX_CHARACTERS, {}
    for part, text in texts.items():
        read[part] = tokens(clean_text(text[:left], MAX_CHARACTERS))
        left -= min(len(text), left)
    return Work(student, group, read, {part: fingerprints(text) for part, text in read.items()})


def tokens(source: str) -> Text:
    """The tokens of Python code, or of anything that is meant to be: no text is refused."""
    codes: list[int] = []
    back: list[int] = []
    spans: list[tuple[int, int]] = []
    last: dict[str, int] = {}
    before = ["", ""]
    depth = 0
    for found in _TOKEN.finditer(source):
        kind, text = str(found.lastgroup), found.group()
        if kind == "skip" or (kind == "string" and depth == 0 and _alone(source, found.start())):
            continue
        chosen = kind == "name" and text not in _FIXED and (before[1] != "." or before[0] == "self")
        at = len(codes)
        codes.append(_code("a name" if chosen else "a string" if kind == "string" else text))
        back.append(at - last[text] if chosen and text in last else 0)
        spans.append(found.span())
        if chosen:
            last[text] = at
        depth = max(depth + (text in "([{") - (text in ")]}"), 0) if kind == "operator" else depth
        before = [before[1], text]
    return Text(source, np.array(codes, np.uint64), np.array(back, np.uint64), tuple(spans))


def _alone(source: str, start: int) -> bool:
    """Whether a string begins its line: a docstring, or a comment written as one."""
    return not source[source.rfind("\n", max(start - 200, 0), start) + 1 : start].strip()


@lru_cache(maxsize=50_000)
def _code(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def hashes(text: Text) -> NDArray[np.uint64]:
    """A hash for every window of TOKENS tokens; the same however the names in it are called."""
    count = len(text.codes) - TOKENS + 1
    total = np.zeros(max(count, 0), np.uint64)
    for offset in range(TOKENS if count > 0 else 0):
        codes, back = text.codes[offset : offset + count], text.back[offset : offset + count]
        inside = np.where(back <= np.uint64(offset), back, np.uint64(0))  # a use before the window is not seen
        total = total * np.uint64(0x9E3779B97F4A7C15) + (codes ^ (inside * np.uint64(0xD1B54A32D192ED03)))
        total ^= total >> np.uint64(29)
    return total & _SMALL


def fingerprints(text: Text) -> dict[int, list[int]]:
    """Winnowed hashes and the tokens they begin at."""
    every = hashes(text)
    if not len(every):
        return {}
    chosen, places = _copydetect().winnow(every, WINDOW, remove_duplicates=False)
    found: dict[int, list[int]] = defaultdict(list)
    for value, place in zip(chosen.tolist(), places.tolist(), strict=True):
        found[value].append(place)
    return dict(found)


@lru_cache(maxsize=1)
def _copydetect() -> Any:
    try:
        return importlib.import_module("copydetect.utils")
    except ImportError as error:
        raise AutograderError(
            "similarity needs the package copydetect, which is not installed",
            "pip install 'cnncourse-autograder[similarity]'",
        ) from error


def boilerplate(source: LessonSource) -> set[int]:
    """Every window of the instructor's notebook, as released and as solved."""
    sources = [str(cell.source) for cell in released(source).cells] + [cell.source for cell in source.cells]
    return {value for text in sources for value in hashes(tokens(text)).tolist()}
