"""A page for each student: what counts, why, and what to do about it.

Every text on it is escaped by the template; a student's written answer goes through Markdown without HTML and a
sanitizer after it. Of hidden cases a page says how many passed, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from autograder.errors import AutograderError
from autograder.files import read_json, write_text
from autograder.intake import printable
from autograder.lessons import LessonSource, Record, test_cell_of
from autograder.outputs import clean_png, clean_text
from autograder.pages import WORDS, css, duration, environment, points, spoken, stacked_bar, state

if TYPE_CHECKING:  # brings nbgrader along
    from autograder.deadlines import Deadline

MAX_FIGURES = 12
MAX_STOPPED = 8
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable(["image", "autolink"])
_TAGS = {"p", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "br", "h1", "h2", "h3", "h4", "hr"}


@dataclass(frozen=True)
class Written:
    """The pages that were written, and for whom there is none, with the reason."""

    pages: tuple[Path, ...]
    problems: tuple[tuple[str, str], ...]


def load_results(out: Path, lesson: str) -> dict[str, Any]:
    """What the last run wrote down of a lesson."""
    results = read_json(out / "results" / f"{lesson}.json")
    if not isinstance(results, dict):
        raise AutograderError(
            f"{lesson} has not been graded into {out}",
            f"autograder grade {lesson} --submitted DIR --out {out}",
        )
    return results


def write_feedback(out: Path, source: LessonSource, db: str | None = None) -> Written:
    """Write OUT/feedback/<student>/<LESSON>/<LESSON>.html for everybody in the results.

    One record is in memory at a time, and one that cannot be shown costs nobody else their page.
    """
    from autograder.deadlines import deadlines
    from autograder.run import record_path
    from autograder.store import hand_grades  # nbgrader takes seconds to load; the report does without

    results = load_results(out, source.name)
    people, due = hand_grades(out, source.name, db), deadlines(out, source.name, db)
    template = environment().get_template("feedback.html")
    written, problems = [], []
    for row in results["submissions"]:
        student = str(row["student"])
        try:
            record = read_json(record_path(out, source.name, student))
            if not isinstance(record, dict):
                raise ValueError("the record is missing or damaged; the next `autograder grade` makes it anew")
            if not record["gradable"]:
                continue
            page = _context(source, results, row, record, people.get(student, {}), due.get(student))
            path = out / "feedback" / student / source.name / f"{source.name}.html"
            write_text(path, template.render(**page), 0o600)
            written.append(path)
        except Exception as error:  # whatever is wrong with one record
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
            problems.append((student, printable(f"{kind}{error}", 200)))
    return Written(tuple(written), tuple(problems))


def _context(
    source: LessonSource,
    results: dict[str, Any],
    row: Record,
    record: Record,
    people: dict[str, Any],
    deadline: Deadline | None,
) -> dict[str, Any]:
    answers = list(_answers(source, record, people))
    marked = [a for a in answers if a["score"] is not None]
    text = f"{points(sum(a['score'] for a in marked))} of {points(sum(a['max'] for a in answers))}"
    exercises = [_exercise(e, record["checks"].get(e["name"], {}), people) for e in row["exercises"]]
    score = sum(e["score"] for e in exercises)
    late = deadline.late if deadline is not None else row.get("late_seconds") or 0.0
    return {
        "css": css(),
        "title": source.title,
        "lesson": source.name,
        "version": results["run"]["version"],
        "student": row["student"],
        "status": row["status"],
        "reason": str(row["reason"]).rstrip("."),
        "sandboxed": results["sandboxed"],
        "score": score,
        "max_score": row["max_score"],
        "bar": _bar(score, row["max_score"]),
        "late": duration(late) if late > 0 else "",
        "extension": duration(deadline.extension) if deadline is not None and deadline.extension > 0 else "",
        "flags": [printable(flag, 300) for flag in row["flags"]],
        "exercises": exercises,
        "answers": answers,
        "by_hand_max": sum(a["max"] for a in answers),
        "by_hand_text": text if len(marked) == len(answers) else "not marked yet",
        "stopped": list(_stopped(record)),
        "figures": list(_figures(record)),
    }


def _bar(score: float, most: float) -> Markup:
    return stacked_bar([("pass", score), ("none", max(most - score, 0))], f"{points(score)} of {points(most)} points")


def _exercise(exercise: Record, checks: Record, people: dict[str, Any]) -> dict[str, Any]:
    word, mark, style = WORDS[state(exercise)]
    cases = checks.get("public", [])
    cell = test_cell_of(exercise["name"])
    given = people.get(cell, {}).get("score")  # a person's points stand in the place of ours
    extra = people.get(cell, {}).get("extra", 0.0)
    said = [people.get(name, {}).get("comment") for name in (exercise["name"], cell)]
    return {
        "name": exercise["name"],
        "score": (exercise["score"] if given is None else given) + extra,
        "automatic": None if given is None else exercise["score"],
        "extra": points(extra) if extra else "",
        "comment": "\n\n".join(text for text in said if text),
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
        extra = grade.get("extra", 0.0)
        score = grade.get("score") if given or grade.get("score") is not None else 0.0
        worth = f"not marked yet ({points(info.points)})"
        if score is not None:  # nbgrader counts no extra credit before there is a score
            score += extra
            worth = f"{points(score)} of {points(info.points)}" + (
                f", {points(extra)} extra credit in it" if extra else ""
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
