"""What a regrade changed: for each student the score before and after, which exercises, and why.

Compared are a record and the one that stood there before it (see `before`). Points that people gave are in neither.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.before import path_before
from autograder.errors import AutograderError
from autograder.export import safe
from autograder.files import read_json, write_text
from autograder.lessons import LessonSource, Record
from autograder.pages import WORDS, css, environment, points, spoken, state

WHY = {
    "file": "handed in anew",
    "lesson": "the lesson changed",
    "checks": "the checks changed",
    "seed": "the seed changed",
    "grader": "the grader changed",
    "jail": "with and without a jail",
    "libraries": "other versions of libraries",
    "course": "cnncourse changed",
}
COLUMNS = (
    *("student", "score_before", "score_after", "change", "status_before", "status_after", "why", "exercise"),
    *("points_before", "points_after", "verdict_before", "verdict_after", "mistake_before", "mistake_after"),
)


@dataclass(frozen=True)
class Part:
    """One exercise whose points, verdict or mistake changed; {} where it was not there."""

    name: str
    before: Record
    after: Record


@dataclass(frozen=True)
class Change:
    """One student whose record says something else than before."""

    student: str
    before: Record
    after: Record
    parts: tuple[Part, ...]
    why: tuple[str, ...]

    @property
    def points(self) -> float:
        return round(float(self.after["score"]) - float(self.before["score"]), 6)


@dataclass(frozen=True)
class Diff:
    """A whole class: who changed, how many were graded anew to the same, how many were graded once."""

    changes: tuple[Change, ...]
    same: int
    once: int


def compare_records(out: Path, lesson: str) -> Diff:
    """Compare every record of the lesson's last run with what stood there before."""
    from autograder.run import record_path

    results = read_json(out / "results" / f"{lesson}.json")
    if not isinstance(results, dict):
        raise AutograderError(
            f"{lesson} has not been graded into {out}", f"autograder grade {lesson} --submitted DIR --out {out}"
        )
    changes, same, once = [], 0, 0
    for row in results["submissions"]:
        path = record_path(out, lesson, row["student"])
        after, before = read_json(path), read_json(path_before(path))
        if not isinstance(after, dict) or not isinstance(before, dict):
            once += 1
        elif change := _change(row["student"], before, after):
            changes.append(change)
        else:
            same += 1
    changes.sort(key=lambda c: (-abs(c.points), c.points, c.student))
    return Diff(tuple(changes), same, once)


def _change(student: str, before: Record, after: Record) -> Change | None:
    old, new = ({e["name"]: e for e in record["exercises"]} for record in (before, after))
    parts = tuple(
        Part(name, old.get(name, {}), new.get(name, {}))
        for name in {**new, **old}
        if _said(old.get(name, {})) != _said(new.get(name, {}))
    )
    if not parts and all(before[key] == after[key] for key in ("status", "score", "max_score")):
        return None
    return Change(student, before, after, parts, why(before, after))


def _said(exercise: Record) -> tuple[Any, ...]:
    return tuple(exercise.get(key) for key in ("verdict", "score", "max_score", "mistake"))


def why(before: Record, after: Record) -> tuple[str, ...]:
    """Which of the things that a verdict depends on are others now."""
    old, new = before.get("made_of"), after.get("made_of")
    if not isinstance(old, dict) or not isinstance(new, dict):
        return ("not known: the record before is of an older grader",)
    keys = [key for key in WHY if old.get(key) != new.get(key)]
    if "checks" in keys and "course" in keys:
        keys.remove("course")  # which the checks are a part of
    found = tuple(WHY[key] for key in keys)
    return found or ("nothing that is recorded: this code does not give the same twice",)


def write_diff(out: Path, source: LessonSource) -> tuple[Path, Diff]:
    """Write OUT/report/changes-LESSON.html and .csv; returns the page and what is on it."""
    diff = compare_records(out, source.name)
    page = out / "report" / f"changes-{source.name}.html"
    write_text(page, environment().get_template("changes.html").render(**context(source, diff)), 0o600)
    write_text(page.with_suffix(".csv"), table(diff), 0o600)
    return page, diff


def table(diff: Diff) -> str:
    """A row for each exercise that changed; of a student whose exercises did not change, one row."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for c in diff.changes:
        whole = [c.student, float(c.before["score"]), float(c.after["score"]), c.points]
        whole += [c.before["status"], c.after["status"], "; ".join(c.why)]
        for part in c.parts or (Part("", {}, {}),):
            cells = [
                part.name,
                *(p.get(key) for key in ("score", "verdict", "mistake") for p in (part.before, part.after)),
            ]
            writer.writerow([safe(cell) for cell in (*whole, *cells)])
    return stream.getvalue()


def context(source: LessonSource, diff: Diff) -> dict[str, Any]:
    """Everything that the page shows."""
    moved = [c.points for c in diff.changes]
    return {
        "css": css(),
        "title": source.title,
        "lesson": source.name,
        "same": diff.same,
        "once": diff.once,
        "more": sum(p > 0 for p in moved),
        "fewer": sum(p < 0 for p in moved),
        "level": sum(p == 0 for p in moved),
        "reasons": Counter(reason for c in diff.changes for reason in c.why).most_common(),
        "exercises": _exercises(diff),
        "changes": [_row(c) for c in diff.changes],
    }


def _exercises(diff: Diff) -> list[dict[str, Any]]:
    turns: Counter[tuple[str, str, str]] = Counter()
    for c in diff.changes:
        turns.update((p.name, _words(p.before), _words(p.after)) for p in c.parts)
    ranked = sorted(turns.items(), key=lambda item: (-item[1], item[0]))
    return [{"count": count, "name": name, "before": old, "after": new} for (name, old, new), count in ranked]


def _row(change: Change) -> dict[str, Any]:
    return {
        "student": change.student,
        "before": change.before["score"],
        "after": change.after["score"],
        "change": f"{'+' if change.points > 0 else '−' if change.points < 0 else '±'}{points(abs(change.points))}",
        "css": "pass" if change.points > 0 else "fail" if change.points < 0 else "soft",
        "status": (change.before["status"], change.after["status"]),
        "reason": change.after["reason"],
        "why": ", ".join(change.why),
        "parts": [
            {
                "name": p.name,
                "before": _words(p.before),
                "after": _words(p.after),
                "points": f"{points(p.before.get('score', 0.0))} → {points(p.after.get('score', 0.0))}",
            }
            for p in change.parts
        ],
    }


def _words(exercise: Record) -> str:
    if not exercise:
        return "no such exercise"
    word, mark, _ = WORDS[state(exercise)]
    return f"{mark} {word}" + (f" ({spoken(exercise['mistake'])})" if exercise["mistake"] else "")
