"""One page about the class: how it went, what was misunderstood, who needs a person."""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder.feedback import load_results
from autograder.files import read_json, write_text
from autograder.intake import printable
from autograder.lessons import LessonSource, Record
from autograder.outputs import clean_text
from autograder.pages import ORDER, WORDS, css, duration, environment, histogram, points, spoken, stacked_bar, state

MAX_NAMES = 8


def write_report(out: Path, source: LessonSource) -> Path:
    """Write OUT/report/<LESSON>.html from the results of the last run."""
    from autograder.run import record_path

    def record(student: str) -> Record:
        found = read_json(record_path(out, source.name, student))
        return found if isinstance(found, dict) else {}

    results = load_results(out, source.name)
    page = environment().get_template("report.html").render(**context(source, results, record))
    path = out / "report" / f"{source.name}.html"
    write_text(path, page, 0o600)
    return path


def context(source: LessonSource, results: dict[str, Any], record: Callable[[str], Record]) -> dict[str, Any]:
    """Everything that the page shows, from results.json; `record` gives a student's record, for examples."""
    rows: list[Record] = results["submissions"]
    read = [row for row in rows if row["status"] != "rejected"]
    shares = [row["score"] / row["max_score"] for row in read if row["max_score"]]
    mistakes, unnamed = _mistakes(read, record)
    slow = sorted(read, key=lambda row: -row["seconds"])[:5]
    return {
        "css": css(),
        "title": source.title,
        "lesson": source.name,
        "version": results["run"]["version"],
        "grader": results["run"]["grader"],
        "finished": results["run"]["finished"].replace("T", " ").replace("+00:00", " UTC"),
        "seed": results["seed"],
        "sandboxed": results["sandboxed"],
        "tiles": _tiles(rows, shares),
        "histogram": histogram(shares),
        "histogram_caption": _caption(rows, shares),
        "exercises": _exercises(read),
        "mistakes": mistakes,
        "unnamed": unnamed,
        "attention": _attention(rows),
        "suspicious": _flags(rows, files=False),
        "flags": _flags(rows, files=True),
        "names": [e["name"] for e in rows[0]["exercises"]] if rows else [],
        "students": [_student(row) for row in rows],
        "slowest": ", ".join(f"{row['student']} ({row['seconds']:.1f} s)" for row in slow) or "nobody",
    }


def _tiles(rows: list[Record], shares: list[float]) -> list[dict[str, str]]:
    median = f"{100 * statistics.median(shares):.0f} %" if shares else "–"
    return [
        {"value": str(len(rows)), "label": "notebooks handed in"},
        {"value": median, "label": "median score"},
        {"value": str(sum(share > 1 - 1e-9 for share in shares)), "label": "with all points"},
        {"value": str(sum(row["status"] != "graded" for row in rows)), "label": "need a person"},
        {"value": duration(sum(row["seconds"] for row in rows)), "label": "of grading, all together"},
        {"value": str(sum((row.get("late_seconds") or 0) > 0 for row in rows)), "label": "handed in late"},
    ]


def _caption(rows: list[Record], shares: list[float]) -> str:
    if not shares:
        return "No notebook could be read."
    without = len(rows) - len(shares)
    text = f"Half of the {len(shares)} notebooks have at least {100 * statistics.median(shares):.0f} % of the points"
    return text + (f"; {without} could not be read and are left out." if without else ".")


def _exercises(rows: list[Record]) -> list[dict[str, Any]]:
    grouped: dict[str, list[Record]] = defaultdict(list)
    for row in rows:
        for exercise in row["exercises"]:
            grouped[exercise["name"]].append(exercise)
    made = []
    for name, group in grouped.items():
        counts = Counter({"error": "stop", "limit": "stop"}.get(s, s) for s in map(state, group))
        passed = round(100 * counts["pass"] / len(group))
        said = ", ".join(f"{counts[key]} {key}" for key in ORDER if counts[key])
        made.append(
            {
                "name": name,
                "pass_rate": passed,
                "mean": sum(e["score"] for e in group) / len(group),
                "max_score": group[0]["max_score"],
                "bar": stacked_bar([(key, counts[key]) for key in ORDER], f"{name}: {said}"),
            }
        )
    return sorted(made, key=lambda e: (e["pass_rate"], e["name"]))


def _mistakes(rows: list[Record], record: Callable[[str], Record]) -> tuple[list[dict[str, Any]], int]:
    """Named mistakes, most common first, and how many wrong answers have no name."""
    who: dict[tuple[str, str], list[str]] = defaultdict(list)
    hints: dict[tuple[str, str], str] = {}
    unnamed = 0
    for row in rows:
        for e in row["exercises"]:
            if e["mistake"]:
                who[e["name"], e["mistake"]].append(row["student"])
                hints[e["name"], e["mistake"]] = e["hint"]
            elif e["verdict"] == "fail":
                unnamed += 1
    ranked = sorted(who, key=lambda key: (-len(who[key]), key))
    made = [
        {
            "count": len(who[key]),
            "exercise": key[0],
            "mistake": spoken(key[1]),
            "hint": hints[key],
            "who": _names(who[key]),
            "example": _example(key[0], who[key], record),
        }
        for key in ranked
    ]
    return made, unnamed


def _example(exercise: str, students: list[str], record: Callable[[str], Record]) -> dict[str, str] | None:
    """A case of the notebook's own check that one of them failed; hidden cases are shown to nobody."""
    for student in students[:3]:
        cases = record(student).get("checks", {}).get(exercise, {}).get("public", [])
        for case in cases:
            if not case["passed"]:
                return {key: clean_text(case[key], 160) for key in ("name", "got", "expected")}
    return None


def _names(students: list[str]) -> str:
    more = f" and {len(students) - MAX_NAMES} more" if len(students) > MAX_NAMES else ""
    return ", ".join(students[:MAX_NAMES]) + more


def _attention(rows: list[Record]) -> list[dict[str, str]]:
    words = {"rejected": "not readable", "needs_person": "look at it"}
    found = [row for row in rows if row["status"] != "graded"]
    return [
        {
            "student": r["student"],
            "status": r["status"],
            "word": words.get(str(r["status"]), "look at it"),
            "reason": r["reason"],
        }
        for r in sorted(found, key=lambda r: (r["status"], r["student"]))
    ]


# What is said about a file; whatever else is flagged is about what the code in it does.
_OF_FILE = re.compile(
    "(duplicated|missing|retyped) cell|moved cells|files beside|timestamp|made from version|the latest of|"
    "the notebook (is named|was taken)|Canvas marks|is not in the roster|left out, because unreadable|characters that"
)


def of_file(flag: str) -> bool:
    """Whether a flag is about what was handed in, and not about what the code in it does."""
    return bool(_OF_FILE.match(flag))


def _flags(rows: list[Record], files: bool) -> list[dict[str, str]]:
    """Flags with who has them, the most common first: those about the file, or those about the code."""
    who: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for flag in row["flags"]:
            if of_file(flag) == files:
                who[printable(flag, 200)].append(row["student"])
    ranked = sorted(who, key=lambda flag: (-len(who[flag]), flag))
    return [{"what": flag, "who": _names(who[flag])} for flag in ranked]


def _student(row: Record) -> dict[str, Any]:
    marks = []
    for e in row["exercises"]:
        word, mark, style = WORDS[state(e)]
        named = f", {spoken(e['mistake'])}" if e["mistake"] else ""
        marks.append({"mark": mark, "css": style, "title": f"{e['name']}: {word}, {points(e['score'])}{named}"})
    late = row.get("late_seconds") or 0.0
    return {
        "student": row["student"],
        "score": row["score"],
        "seconds": row["seconds"],
        "late": duration(late) if late > 0 else "",
        "marks": marks,
    }
