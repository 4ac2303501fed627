"""A page for each student: what counts, why, and what to do about it.

Every text on it is escaped by the template; a student's written answer goes through Markdown without HTML and a
sanitizer after it. Of hidden cases a page says how many passed, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from autograder.errors import AutograderError
from autograder.files import read_json, write_text
from autograder.intake import printable
from autograder.lessons import LessonSource, Record
from autograder.outputs import clean_png, clean_text
from autograder.pages import WORDS, css, duration, environment, points, spoken, stacked_bar, state

MAX_FIGURES = 12
MAX_STOPPED = 8
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable(["image", "autolink"])
_TAGS = {"p", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "br", "h1", "h2", "h3", "h4", "hr"}


def load_records(out: Path, lesson: str) -> tuple[dict[str, Any], dict[str, Record]]:
    """results.json of a lesson and the records behind it, by student."""
    results = read_json(out / "results" / f"{lesson}.json")
    if not isinstance(results, dict):
        raise AutograderError(
            f"{lesson} has not been graded into {out}",
            f"autograder grade {lesson} --submitted DIR --out {out}",
        )
    records: dict[str, Record] = {}
    for path in sorted((out / "records" / lesson).glob("*.json")):
        record = read_json(path)
        if isinstance(record, dict):
            records[record["student"]] = record
    return results, records


def write_feedback(out: Path, source: LessonSource, db: str | None = None) -> list[Path]:
    """Write OUT/feedback/<student>/<LESSON>/<LESSON>.html for everybody in the results; returns the pages."""
    from autograder.store import hand_grades  # nbgrader takes seconds to load; the report does without

    results, records = load_records(out, source.name)
    people = hand_grades(out, source.name, db)
    template = environment().get_template("feedback.html")
    written = []
    for row in results["submissions"]:
        record = records.get(row["student"])
        if record is None or not record["gradable"]:
            continue
        page = template.render(**_context(source, results, row, record, people.get(row["student"], {})))
        path = out / "feedback" / row["student"] / source.name / f"{source.name}.html"
        write_text(path, page)
        written.append(path)
    return written


def _context(
    source: LessonSource, results: dict[str, Any], row: Record, record: Record, people: dict[str, Any]
) -> dict[str, Any]:
    answers = list(_answers(source, record, people))
    marked = [a for a in answers if a["score"] is not None]
    text = f"{points(sum(a['score'] for a in marked))} of {points(sum(a['max'] for a in answers))}"
    late = row.get("late_seconds") or 0.0
    return {
        "css": css(),
        "title": source.title,
        "lesson": source.name,
        "version": results["run"]["version"],
        "student": row["student"],
        "status": row["status"],
        "reason": str(row["reason"]).rstrip("."),
        "sandboxed": results["sandboxed"],
        "score": row["score"],
        "max_score": row["max_score"],
        "bar": _bar(row),
        "late": duration(late) if late > 0 else "",
        "flags": [printable(flag, 300) for flag in row["flags"]],
        "exercises": [_exercise(e, record["checks"].get(e["name"], {})) for e in row["exercises"]],
        "answers": answers,
        "by_hand_max": sum(a["max"] for a in answers),
        "by_hand_text": text if len(marked) == len(answers) else "not marked yet",
        "stopped": list(_stopped(record)),
        "figures": list(_figures(record)),
    }


def _bar(row: Record) -> Markup:
    return stacked_bar(
        [("pass", row["score"]), ("none", max(row["max_score"] - row["score"], 0))],
        f"{points(row['score'])} of {points(row['max_score'])} points",
    )


def _exercise(exercise: Record, checks: Record) -> dict[str, Any]:
    word, mark, style = WORDS[state(exercise)]
    cases = checks.get("public", [])
    return {
        "name": exercise["name"],
        "score": exercise["score"],
        "max_score": exercise["max_score"],
        "word": word,
        "mark": mark,
        "css": style,
        "mistake": spoken(exercise["mistake"]) if exercise["mistake"] else "",
        "hint": clean_text(exercise["hint"], 600),
        "cases": cases,
        "public_passed": sum(c["passed"] for c in cases),
        "failed": any(not c["passed"] for c in cases) and exercise["verdict"] != "missing",
        "hidden": checks.get("hidden", 0),
        "hidden_passed": checks.get("hidden_passed", 0),
    }


def _answers(source: LessonSource, record: Record, people: dict[str, Any]) -> Iterator[dict[str, Any]]:
    texts = {cell["grade_id"]: cell["source"] for cell in record["cells"] if cell["origin"] == "answer"}
    for info in source.cells:
        if not info.by_hand or info.grade_id is None:
            continue
        grade = people.get(info.grade_id, {})
        given = record["by_hand"].get(info.grade_id) == "answered"
        score = grade.get("score") if given or grade.get("score") is not None else 0.0
        worth = (
            f"{points(score)} of {points(info.points)}"
            if score is not None
            else f"not marked yet ({points(info.points)})"
        )
        yield {
            "name": spoken(info.grade_id),
            "html": markdown(texts[info.grade_id]) if given and info.grade_id in texts else "",
            "score": score,
            "max": info.points,
            "points": worth,
            "comment": grade.get("comment") or "",
        }


def markdown(text: str) -> Markup:
    """A student's Markdown as harmless HTML: no raw HTML, links or pictures, and a sanitizer behind it."""
    return Markup(nh3.clean(_MARKDOWN.render(clean_text(text)), tags=_TAGS, attributes={}))


def _stopped(record: Record) -> Iterator[dict[str, str]]:
    found = 0
    for cell in record["cells"]:
        for output in cell["outputs"]:
            unfinished = "NotImplementedError" in output.get("evalue", "")
            if output["output_type"] == "error" and not unfinished and found < MAX_STOPPED:
                found += 1
                yield {"error": clean_text(output["evalue"], 300), "source": clean_text(cell["source"], 3000)}


def _figures(record: Record) -> Iterator[str]:
    found = 0
    for cell in record["cells"]:
        for output in cell["outputs"]:
            picture = clean_png(output.get("data", {}).get("image/png"))
            if picture and found < MAX_FIGURES:
                found += 1
                yield picture
