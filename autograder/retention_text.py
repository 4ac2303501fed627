"""Students found in text, JSON and tables, and taken out of them.

A student's id may be a part of another's ("ada", "ada-2") or a plain word ("max"). So every known id is looked for at
once, the longest wins, and where the form of the data says which student a part is about, that decides.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

REMOVED = "[removed]"
_WORD = re.compile(r"\w+")
_DROP = object()
_WHO = {"student", "students", "student_id", "other", "others", "first", "second", "a", "b", "who"}
_FREE = {"flags", "reason", "note", "message"}  # sentences of ours about one student that may name another
_ID_COLUMNS = {
    *("student_id", "student", "id", "id number", "email address", "email", "sis user id", "sis login id"),
    *("pseudonym", "rater", "other", "lms_user_id", "lms_id"),
}


class Words:
    """Which students a text names. `aliases`: what else a student is called (address, full name, pseudonym)."""

    def __init__(self, known: Iterable[str], gone: AbstractSet[str], aliases: Mapping[str, str] | None = None) -> None:
        self.gone = gone
        self.names = {**{student: student for student in (*known, *gone)}, **(aliases or {})}
        self._by_first: dict[str, list[str]] = defaultdict(list)
        for name in sorted(filter(_WORD.search, self.names), key=len, reverse=True):
            first = _WORD.search(name)
            assert first is not None
            self._by_first[first[0]].append(name)

    def is_gone(self, value: object) -> bool:
        """Whether a value is the name of a student who goes."""
        return isinstance(value, str) and self.names.get(value.removeprefix("'")) in self.gone

    def is_other(self, value: object) -> bool:
        """Whether a value is the id of a student who stays."""
        return isinstance(value, str) and value in self.names and self.names[value] not in self.gone

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the text names students who go."""
        end = 0
        for match in _WORD.finditer(text):
            if match.start() < end:
                continue
            for name in self._by_first.get(match[0], ()):
                lead = name.index(match[0])  # an alias may begin with a sign
                start, stop = match.start() - lead, match.start() - lead + len(name)
                bounded = stop >= len(text) or not (text[stop].isalnum() or text[stop] == "_")
                if start >= end and bounded and text.startswith(name, start):
                    end = stop
                    if self.names[name] in self.gone:
                        yield start, stop
                    break

    def found_in(self, text: str) -> bool:
        """Whether the text names anybody who goes."""
        return next(self.places(text), None) is not None

    def without(self, text: str) -> str:
        """The text with a mark in the place of every name."""
        made, end = [], 0
        for start, stop in self.places(text):
            made += [text[end:start], REMOVED]
            end = stop
        return "".join([*made, text[end:]])


def pruned_json(text: str, words: Words, *, record: bool = False) -> str | None:
    """JSON without those who go; None when nothing is left. Raises ValueError for what is no JSON.

    `record`: the file is one student's record. Then it goes as a whole, or only sentences of ours in it are looked at:
    what the student wrote is theirs, and a word in it is no name.
    """
    data = json.loads(text)
    left = _record(data, words) if record else _pruned(data, words, free=True)
    if left is _DROP or (left != data and left in ({}, [])):
        return None
    return text if left == data else json.dumps(left, indent=1, ensure_ascii=False) + "\n"


def _record(data: Any, words: Words) -> Any:
    if not isinstance(data, dict):
        return data
    if words.is_gone(data.get("student")):
        return _DROP
    return {key: _pruned(value, words, free=True) if key in _FREE else value for key, value in data.items()}


def _pruned(value: Any, words: Words, *, free: bool) -> Any:
    if isinstance(value, dict):
        # In what is about somebody else only keys that name students count: "max" may be a mistake's name there.
        if any(words.is_gone(inner) for key, inner in value.items() if free or key in _WHO):
            return _DROP
        mine = free and not words.is_other(value.get("student"))
        made = {k: _pruned(v, words, free=mine or k in _FREE) for k, v in value.items() if not words.is_gone(k)}
        return {key: inner for key, inner in made.items() if inner is not _DROP}
    if isinstance(value, list):
        kept = (_pruned(inner, words, free=free) for inner in value if not words.is_gone(inner))
        return [inner for inner in kept if inner is not _DROP]
    return words.without(value) if free and isinstance(value, str) else value


def pruned_lines(text: str, words: Words) -> str | None:
    """A log without the lines about those who go: JSON lines by their parts, others as a whole; None: nothing left."""
    kept = []
    for line in text.splitlines(keepends=True):
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            data = None
        if isinstance(data, dict):
            left = _pruned(data, words, free=True)
            if left is not _DROP:
                kept.append(line if left == data else json.dumps(left, ensure_ascii=False) + "\n")
        elif not words.found_in(line):
            kept.append(line)
    return "".join(kept) or None


def pruned_csv(text: str, words: Words) -> str | None:
    """A table without the rows of those who go; None when only its head is left."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    own = [i for i, name in enumerate(head) if name in _ID_COLUMNS]
    kept = []
    for row in rows[1:]:
        about = [row[i] for i in own if i < len(row)] if own else row
        if not any(words.is_gone(cell) for cell in about):
            kept.append([cell if _number(cell) else words.without(cell) for cell in row])
    if kept == rows[1:]:
        return text
    if not any(any(row[i] for i in own if i < len(row)) if own else any(row) for row in kept):
        return None
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([*rows[:1], *kept])
    return stream.getvalue()


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
