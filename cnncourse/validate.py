"""Before handing in: run a copy of a lesson's notebook in a fresh kernel and say what the public checks say.

The file itself is only read.
"""

from __future__ import annotations

import _thread
import json
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnncourse.checks import lesson_names, load
from cnncourse.checks.core import Lesson

STUB_ANSWER = "YOUR ANSWER HERE"
_REPORT = "from cnncourse.validate import _tell as _cnncourse_tell\n_cnncourse_tell({lesson!r}, globals(), {limit!r})"
_MARK = "cnncourse-validate:"
_HIDDEN = re.compile(r"^[^\n]*BEGIN HIDDEN TESTS.*?END HIDDEN TESTS[^\n]*\n?", re.DOTALL | re.MULTILINE)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class CannotValidate(Exception):
    """There is nothing to say about this file, and why."""


@dataclass(frozen=True)
class Verdict:
    """What the public check says of one exercise: `state` is passed, failed, "not written" or unknown."""

    name: str
    state: str
    hint: str = ""


@dataclass
class Report:
    """All that `cnncourse validate` prints."""

    path: Path
    lesson: str
    version: str
    exercises: list[Verdict] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """True if there is nothing left to look at."""
        return not self.cells and not self.errors and all(v.state == "passed" for v in self.exercises)

    def __str__(self) -> str:
        wide = max((len(v.name) for v in self.exercises), default=0)
        lines = [f"{self.path.name}: lesson {self.lesson}, version {self.version}", ""]
        lines += [f"  {v.state:<12}{v.name:<{wide}}  {v.hint}".rstrip() for v in self.exercises]
        for title, entries in (("Cells", self.cells), ("Errors on the way", self.errors)):
            if entries:
                lines += ["", f"{title}:", *(f"  {entry}" for entry in entries)]
        passed = sum(v.state == "passed" for v in self.exercises)
        lines += [
            "",
            f"{passed} of {len(self.exercises)} exercises pass the public checks; ran in {self.seconds:.0f} s.",
        ]
        lines.append(
            "Ready to hand in." if self.ok else "Grading adds hidden cases. What is listed above costs points."
        )
        return "\n".join(lines)


def validate(path: str | Path, timeout: float = 120) -> Report:
    """Run a copy of the notebook in a fresh kernel, `timeout` seconds a cell, and report.

    Raises CannotValidate if the file is no notebook, belongs to no lesson, or no kernel can be started.
    """
    path = Path(path)
    notebook = _read(path)
    lesson, version = _lesson(notebook, path)
    report = Report(path, lesson.name, version)
    if version != lesson.version:
        report.cells.append(
            f"The notebook is version {version or 'unknown'}, the installed cnncourse has {lesson.version}: "
            f"get the cnncourse and the notebook that belong together."
        )
    report.cells += _structure(notebook, lesson)
    _execute(notebook, lesson, report, path.resolve().parent, timeout)
    return report


def _read(path: Path) -> Any:
    import nbformat

    if path.is_dir():
        raise CannotValidate(f"{path} is a folder; expected the notebook in it, a file that ends in .ipynb.")
    if not path.is_file():
        raise CannotValidate(f"There is no file {path}.")
    try:
        return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    except Exception as error:
        raise CannotValidate(f"{path} is not a readable notebook ({type(error).__name__}: {error}).") from None


def _lesson(notebook: Any, path: Path) -> tuple[Lesson, str]:
    stamp = notebook.metadata.get("cnncourse", {})
    stamp = stamp if isinstance(stamp, Mapping) else {}
    name = str(stamp.get("lesson", path.stem))
    if name not in lesson_names():
        raise CannotValidate(
            f"{path} does not say which lesson it is ({name!r} is none). Lessons: {', '.join(lesson_names())}. "
            f"Start again from the notebook that you were given and copy your cells into it."
        )
    return load(name), str(stamp.get("version", ""))


def _grade_id(cell: Any) -> str:
    entry = cell.metadata.get("nbgrader", {})
    return str(entry.get("grade_id", "")) if isinstance(entry, Mapping) else ""


def _visible(source: str) -> str:
    """The source as released: without an instructor's hidden region."""
    return _HIDDEN.sub("", source)


def _structure(notebook: Any, lesson: Lesson) -> Iterator[str]:
    """What is missing, twice there or changed, in words."""
    count = Counter(_grade_id(cell) for cell in notebook.cells)
    sources = {_grade_id(cell): cell for cell in notebook.cells}
    wanted = ["setup", *(x for e in lesson.exercises for x in (e.name, f"check_{e.name}")), *lesson.questions]
    for grade_id in wanted:
        if not count[grade_id]:
            yield f"The cell {grade_id!r} is missing. Copy it back from the notebook that you were given."
        elif count[grade_id] > 1:
            yield f"The cell {grade_id!r} is there {count[grade_id]} times. Keep one; type your own into a new cell."
    for exercise in lesson.exercises:
        cell = sources.get(f"check_{exercise.name}")
        if cell is not None and _visible(cell.source).strip() != f'check("{exercise.name}", {exercise.name})':
            yield f"The check of {exercise.name} was changed. Grading uses the original."
    for question in lesson.questions:
        cell = sources.get(question)
        if cell is not None and cell.source.strip() in ("", STUB_ANSWER):
            yield f"The question {question!r} has no answer yet."


def _execute(notebook: Any, lesson: Lesson, report: Report, folder: Path, timeout: float) -> None:
    import nbformat
    from nbclient import NotebookClient

    copy = nbformat.from_dict(json.loads(json.dumps(notebook)))  # type: ignore[no-untyped-call]
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.source, cell.outputs = _visible(cell.source), []
    limit = min(timeout, 30)  # seconds for all cases of one exercise, at the end
    last = nbformat.v4.new_code_cell(_REPORT.format(lesson=lesson.name, limit=limit))  # type: ignore[no-untyped-call]
    copy.cells.append(last)
    client = NotebookClient(
        copy,
        timeout_func=lambda cell: timeout if cell is not last else limit * (len(lesson.exercises) + 1),
        interrupt_on_timeout=True,
        allow_errors=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    start = time.monotonic()
    try:
        client.execute(stderr=subprocess.DEVNULL)  # the kernel's own log
    except Exception as error:
        report.errors.append(f"The run stopped: {type(error).__name__}. A cell may have ended the kernel.")
    report.seconds = time.monotonic() - start
    report.errors += _errors(copy.cells[:-1], timeout)
    order = [_grade_id(cell) for cell in copy.cells]
    verdicts = _verdicts(copy.cells[-1], lesson)
    report.exercises = sorted(verdicts, key=lambda v: order.index(v.name) if v.name in order else len(order))


def _errors(cells: list[Any], timeout: float) -> Iterator[str]:
    for number, cell in enumerate(cells, start=1):
        for output in cell.get("outputs", []):
            stopped = output.output_type == "error" and output.ename == "KeyboardInterrupt"
            if output.output_type != "error" or (_grade_id(cell).startswith("check_") and not stopped):
                continue
            name = f" ({_grade_id(cell)})" if _grade_id(cell) else ""
            if stopped:
                yield f"cell {number}{name}: stopped after {timeout:g} s. Look for a loop without end."
                break
            yield f"cell {number}{name}{_line(output)}: {output.ename}: {_ANSI.sub('', output.evalue)[:200]}"


def _line(output: Any) -> str:
    text = _ANSI.sub("", "\n".join(output.get("traceback", [])))
    found = re.findall(r"Cell In\[\d+\], line (\d+)", text)
    return f", line {found[-1]}" if found else ""


def _verdicts(last: Any, lesson: Lesson) -> list[Verdict]:
    for output in last.get("outputs", []):
        text = output.get("text", "") if output.output_type == "stream" else ""
        for line in text.splitlines():
            if line.startswith(_MARK):
                return [Verdict(*entry) for entry in json.loads(line.removeprefix(_MARK))]
    return [Verdict(e.name, "unknown", "The run did not come this far.") for e in lesson.exercises]


def _within(limit: float, work: Callable[[], Any]) -> Any:
    """What `work` returns, or None if it had to be interrupted."""
    timer = threading.Timer(limit, _thread.interrupt_main)
    timer.start()
    try:
        return work()
    except KeyboardInterrupt:
        return None
    finally:
        timer.cancel()


def _tell(lesson_name: str, names: Mapping[str, Any], limit: float) -> None:
    """Run in the notebook's kernel after its last cell: print the verdicts as one line of JSON."""
    import contextlib
    import io

    from cnncourse.checks.notebook import Check, unfinished

    lesson = load(lesson_name)
    check = Check(lesson, lesson.version)
    verdicts = []
    for exercise in lesson.exercises:
        if exercise.name not in names:
            verdicts.append((exercise.name, "failed", "There is no function of this name after the run."))
            continue
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            result = _within(limit, lambda name=exercise.name: check.result(name, names[name]))  # type: ignore[misc]
        if result is None:
            words = f"It did not end within {limit:g} s: look for a loop without end."
            verdicts.append((exercise.name, "failed", words))
            continue
        state = "passed" if result.verdict == "pass" else "not written" if unfinished(result) else "failed"
        verdicts.append((exercise.name, state, result.hint if state == "failed" else ""))
    print(f"\n{_MARK}{json.dumps(verdicts)}")
