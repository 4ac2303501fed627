"""One submission, from the bytes that were handed in to a record of points and reasons.

The student's code runs in a jailed process and is reached only through `run_cell` and `call`, which carry plain data.
Every comparison, every point and every word of a verdict is made here, outside it.

Fail closed: what gives no result gives no points, and every exercise without full points has a reason.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder import inspection
from autograder.intake import Submission, Unreadable, parse, printable
from autograder.lessons import LessonSource, Record
from autograder.outputs import clean_text
from autograder.rebuild import Rebuilt, rebuild
from autograder.remote import Remote
from autograder.replay import Replay
from autograder.sandbox import Limits, Sandbox
from cnncourse.checks import modules as lesson_modules
from cnncourse.checks.core import ExerciseResult, Prepared, evaluate
from cnncourse.checks.where import without_sizes

RECORD_FORMAT = 1
SUBMISSION_SECONDS = 300.0


@dataclass(frozen=True)
class Task:
    """An exercise as grading needs it. The first `public` of the prepared cases are those that the notebook shows."""

    prepared: Prepared
    public: int
    forbidden: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.prepared.name


@dataclass(frozen=True)
class Kit:
    """Everything about a lesson that does not depend on a student: made once per run, shared with the workers."""

    source: LessonSource
    released: tuple[str, ...]
    tasks: tuple[Task, ...]
    withheld: tuple[str, ...]
    jail: Path
    unsafe: bool = False
    limits: Limits = field(default_factory=Limits)

    @property
    def max_score(self) -> float:
        return sum(task.prepared.points for task in self.tasks)


def grade(kit: Kit, sandbox: Sandbox, submission: Submission) -> Record:
    """Grade one submission; never raises for anything a student can hand in."""
    start = time.perf_counter()
    if submission.data is None:
        return refused(kit, submission, submission.reason)
    try:
        rebuilt = rebuild(kit.source, kit.released, parse(submission.data))
    except Unreadable as error:
        return refused(kit, submission, str(error))
    sources = [cell.source for cell in rebuilt.cells]
    with Replay(sandbox, sources, [cell.runs for cell in rebuilt.cells], SUBMISSION_SECONDS) as replay:
        replay.start()
        results = [_evaluate(task, replay) for task in kit.tasks]
    record = _blank(kit, submission)
    record["exercises"] = [_exercise(task, r, rebuilt, replay) for task, r in zip(kit.tasks, results, strict=True)]
    record["checks"] = {task.name: _shown(task, r) for task, r in zip(kit.tasks, results, strict=True)}
    record["score"] = round(sum(e["score"] for e in record["exercises"]), 6)
    record["cells"] = _cells(rebuilt, replay)
    record["by_hand"] = _by_hand(kit, rebuilt)
    suspicious = [*_called(replay), *_forbidden(kit, rebuilt)]
    record["flags"] = [*submission.flags, *rebuilt.flags, *suspicious, *replay.flags()]
    if rebuilt.doubt or suspicious:
        record["status"], record["reason"] = "needs_person", rebuilt.doubt or suspicious[0]
    record["seconds"] = round(time.perf_counter() - start, 4)
    return record


def refused(kit: Kit, submission: Submission, reason: str, status: str = "rejected") -> Record:
    """The record of a submission that was not graded: no points, and the reason in every place where one is read."""
    record = _blank(kit, submission)
    record.update(status=status, reason=printable(reason, 300), flags=list(submission.flags))
    record["exercises"] = [
        {"name": t.name, "score": 0.0, "max_score": t.prepared.points, "verdict": "missing", "mistake": None}
        | {"hint": f"Not graded: {printable(reason, 300)}."}
        for t in kit.tasks
    ]
    return record


def _blank(kit: Kit, submission: Submission) -> Record:
    return {
        "format": RECORD_FORMAT,
        "student": submission.student,
        "status": "graded",
        "reason": "",
        "score": 0.0,
        "max_score": kit.max_score,
        "seconds": 0.0,
        "flags": [],
        "exercises": [],
        "timestamp": submission.timestamp,
        "digest": submission.digest,
        "checks": {},
        "cells": [],
        "by_hand": {},
        "sandboxed": not kit.unsafe,
    }


def _evaluate(task: Task, replay: Replay) -> ExerciseResult:
    replay.forbidden = task.forbidden
    return evaluate(task.prepared, Remote(replay), shown=task.public)


def _exercise(task: Task, result: ExerciseResult, rebuilt: Rebuilt, replay: Replay) -> Record:
    return {
        "name": task.name,
        "score": round(result.score, 6),
        "max_score": result.max_score,
        "verdict": result.verdict,
        "mistake": result.mistake,
        "hint": "" if result.verdict == "pass" else _reason(task, result, rebuilt, replay),
    }


def _reason(task: Task, result: ExerciseResult, rebuilt: Rebuilt, replay: Replay) -> str:
    """One sentence on why there are not all points; never empty."""
    if result.verdict == "missing":
        if task.name in rebuilt.missing:
            return f"The cell of {task.name} was missing from the notebook, and no other cell defines it."
        answer = rebuilt.answer(task.name) or ""
        if inspection.is_stub(answer, task.name):
            return "Not done yet: the function still raises NotImplementedError."
        error = replay.error_of(answer)
        if error:
            return f"The cell stopped before the function was there: {printable(error, 200)}"
    public = all(case.passed for case in result.cases[: task.public])
    return (without_sizes(result.hint) if public else result.hint) or "Some cases fail."


def _shown(task: Task, result: ExerciseResult) -> Record:
    """What a student may see of the cases: the public ones in full, of the hidden ones only how many passed."""
    public, hidden = result.cases[: task.public], result.cases[task.public :]
    rows = [
        {"name": c.name, "passed": c.passed, "got": clean_text(c.got, 300), "expected": clean_text(c.expected, 300)}
        | {"detail": printable(c.detail, 300)}
        for c in public
    ]
    return {"public": rows, "hidden_passed": sum(c.passed for c in hidden), "hidden": len(hidden)}


def _cells(rebuilt: Rebuilt, replay: Replay) -> list[Record]:
    return [
        {
            "kind": cell.kind,
            "source": cell.source,
            "origin": cell.origin,
            "index": cell.info.index if cell.info is not None else None,
            "grade_id": cell.info.grade_id if cell.info is not None else None,
            "outputs": replay.outputs(i),
        }
        for i, cell in enumerate(rebuilt.cells)
    ]


def _by_hand(kit: Kit, rebuilt: Rebuilt) -> dict[str, str]:
    """Questions that a person marks: "answered", "unchanged" (the stub is still there) or "missing"."""
    states: dict[str, str] = {}
    for info in kit.source.cells:
        if info.by_hand and info.grade_id is not None:
            answer = rebuilt.answer(info.grade_id)
            unchanged = answer is not None and answer.strip() == kit.released[info.index].strip()
            states[info.grade_id] = "missing" if answer is None else "unchanged" if unchanged else "answered"
    return states


def _called(replay: Replay) -> list[str]:
    """Forbidden functions that ran into the raise that stands in their place while an exercise is called.

    The child says so, where student code runs: who wants to hide a call can, and the code has to be read.
    """
    return [f"{name} called {what}, which the exercise asks to do without" for name, what in replay.called]


def _forbidden(kit: Kit, rebuilt: Rebuilt) -> list[str]:
    """Where a student names functions that an exercise asks to do without, or modules that are withheld."""
    flags: list[str] = []
    code = [cell for cell in rebuilt.cells if cell.origin in ("added", "answer") and cell.kind == "code"]
    # a helper in the cell of another exercise serves as well as one in a cell of one's own
    asked = {task.name: task.forbidden for task in kit.tasks}
    elsewhere = [(c.source, asked.get(c.info.grade_id or "", ()) if c.info is not None else ()) for c in code]
    for task in kit.tasks:
        own = [rebuilt.answer(task.name) or ""]
        found = _used(own, task.forbidden)
        flags.extend(f"{task.name} uses {name}, which the exercise asks to do without" for name in found)
    everything = [cell.source for cell in code]
    anywhere = {name for task in kit.tasks for name in task.forbidden}
    found = sorted({n for text, own in elsewhere for n in inspection.uses(text, anywhere - set(own))})
    flags.extend(f"another cell uses {name}, which an exercise asks to do without" for name in found)
    hidden = sorted({how for cell in code for how in inspection.hides(cell.source)})
    flags.extend(f"hides what it calls ({how}): read the code" for how in hidden)
    inside = [*(f"cnncourse.checks.{name}" for name in _INSIDE), *lesson_modules()]
    withheld = [name for name in kit.withheld if name != "cnncourse.checks"] + inside
    flags.extend(f"uses {name}, which is withheld in this lesson" for name in _used(everything, withheld))
    return flags


# `checks.for_lesson` is in every notebook; these are not, nor are the lessons' own modules.
_INSIDE = ("load", "core", "catalogue", "values", "where", "prepare", "evaluate")


def _used(sources: Sequence[str], names: Sequence[str] | set[str]) -> list[str]:
    return sorted({name for source in sources for name in inspection.uses(source, names)})
