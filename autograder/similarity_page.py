"""The page about pairs of submissions that share rare code: both sources side by side, what is shared marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from autograder.errors import AutograderError
from autograder.files import write_text
from autograder.lessons import LessonSource
from autograder.likeness import Comparison, Match, Pair, compare
from autograder.pages import css, environment
from autograder.similarity import OWN, TOKENS, Work, boilerplate, read_class

MAX_SHOWN = 50  # pairs with their sources; the rest stand in the table
MAX_SOURCE = 12_000


def write_similarity(
    source: LessonSource, submitted: Path, out: Path, threshold: float, others: Sequence[Path] = ()
) -> tuple[Path, Comparison]:
    """Compare a class with itself and with other classes; write OUT/report/similarity-LESSON.html."""
    works, unread = read_class(submitted, source)
    if not works:
        raise AutograderError(
            f"no submission of {source.name} below {submitted} can be read",
            f"expected {submitted}/<student>/{source.name}/{source.name}.ipynb",
        )
    for folder in others:
        more, _ = read_class(folder, source, group=folder.name)
        if not more:
            raise AutograderError(f"no submission of {source.name} below {folder} can be read", "leave this --with out")
        works += more
    found = compare(works, boilerplate(source), threshold)
    page = environment().get_template("similarity.html").render(**context(source, found, unread, threshold))
    path = out / "report" / f"similarity-{source.name}.html"
    write_text(path, page, 0o600)
    return path, found


def context(
    source: LessonSource, found: Comparison, unread: Sequence[tuple[str, str]], threshold: float
) -> dict[str, Any]:
    """Everything that the page shows."""
    return {
        "css": css(),
        "title": source.title,
        "lesson": source.name,
        "threshold": _percent(threshold),
        "students": found.students,
        "others": found.others,
        "own_earlier": found.own_earlier,
        "usual": [_percent(share) for share in found.usual],
        "few": found.few,
        "pairs": [_pair(pair, i) for i, pair in enumerate(found.pairs)],
        "shown": MAX_SHOWN,
        "unread": unread,
    }


def _pair(pair: Pair, number: int) -> dict[str, Any]:
    return {
        "number": number + 1,
        "first": pair.first.label,
        "second": pair.second.label,
        "listed": _percent(pair.listed),
        "whole": _percent(pair.whole.share),
        "parts": [_part(match) for match in pair.parts],
        "sources": [_sources(pair, match.part) for match in pair.parts] if number < MAX_SHOWN else [],
    }


def _part(match: Match) -> dict[str, Any]:
    return {"name": match.part, "share": _percent(match.share), "enough": match.enough}


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _sources(pair: Pair, part: str) -> dict[str, Any]:
    """Both texts of one part. What one has there may stand in the other's own cells: those are shown then."""
    sides = [(one, part if part in one.texts else OWN) for one in (pair.first, pair.second)]
    return {
        "name": part,
        "sides": [{"who": one.label, "where": at, "html": marked(one, at, pair.shared)} for one, at in sides],
    }


def marked(one: Work, part: str, shared: frozenset[int]) -> Markup:
    """The source of a part, escaped, with <mark> around the tokens of shared fingerprints."""
    text = one.texts.get(part)
    if text is None:
        return Markup("")
    inside = sorted({p + k for v, at in one.prints[part].items() if v in shared for p in at for k in range(TOKENS)})
    pieces: list[Markup] = []
    done = i = 0
    while i < len(inside) and text.spans[inside[i]][0] < MAX_SOURCE:
        first = last = inside[i]
        while i < len(inside) and inside[i] <= last + 1:
            last, i = inside[i], i + 1
        start, end = text.spans[first][0], text.spans[last][1]
        pieces += [escape(text.source[done:start]), Markup("<mark>{}</mark>").format(text.source[start:end])]
        done = end
    rest = text.source[done : max(MAX_SOURCE, done)]
    cut = "" if len(text.source) <= max(MAX_SOURCE, done) else "\n… (cut here)"
    return Markup("").join([*pieces, escape(rest), escape(cut)])
