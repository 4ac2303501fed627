"""What grading costs: CPU seconds of a submission by part, submissions a minute, memory, and the ratio to nbgrader.

For lesson 01 and for a lesson of light exercises (five of lesson 01's, in a notebook of their own in a temporary
folder). Both graders get the same simulated honest class in the same run; nbgrader gets its first few students, for it
takes seconds for each. A student's own running time is that of the same cells and calls in one plain process. The light
lesson is graded into PostgreSQL as well: a server of this run's own, whose commits wait for the disk as anybody's do.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import types
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from grading_machine import Memory, cpu, descendants, environment

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "book" / "instructors" / "grading_costs.md"  # included by the page scale.md
LIGHT = "01_light"
LIGHT_EXERCISES = ("output_size", "convolve", "conv2d_bias", "equivariance_error", "receptive_field")
KINDS = ("right", "mistakes", "right", "partial")
SEED = 20260121
PARTS = {
    "own": "the student's own running time",
    "trusted": "reading, rebuilding, wire, checks (trusted process)",
    "jail": "jailed process: fork, shell, wire, the student's code",
    "copy": "rebuilt copy",
    "store": "gradebook (SQLite, batches of 16)",
    "record": "record",
    "feedback": "feedback page",
}


def register_light() -> None:
    """Make `load("01_light")` find five exercises of lesson 01; in this process, which alone asks for them."""
    from autograder import hidden
    from cnncourse import checks

    lesson = checks.load("01_convolution")
    chosen = tuple(lesson.exercise(name) for name in LIGHT_EXERCISES)
    module = types.ModuleType("grading_light_lesson")
    module.LESSON = dataclasses.replace(lesson, name=LIGHT, exercises=chosen, questions=())  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    checks._LESSONS[LIGHT] = module.__name__
    hidden._MODULES[LIGHT] = hidden._MODULES["01_convolution"]


def write_light(to: Path) -> None:
    """The instructor's notebook of the light lesson, cut out of lesson 01."""
    from autograder import notebooks

    notebook = notebooks.read(ROOT / "lessons" / "01_convolution" / "01_convolution.ipynb")
    wanted = {*LIGHT_EXERCISES, *(f"check_{name}" for name in LIGHT_EXERCISES)}
    kept = [
        c for i, c in enumerate(notebook.cells) if i < 2 or c.metadata.get("nbgrader", {}).get("grade_id") in wanted
    ]
    notebook.cells = kept
    path = to / LIGHT / f"{LIGHT}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(notebooks.text(notebook), encoding="utf-8")


def make_class(lesson: str, lessons: Path, number: int, to: Path) -> None:
    """`number` students without tricks: right, with a known mistake, half done."""
    from autograder.lessons import load_source
    from autograder.simulate import Classroom, write

    room = Classroom(load_source(lesson, lessons), seed=1)
    for i in range(number):
        write(room.student(f"student{i:05d}", KINDS[i % len(KINDS)], i), to, lesson)


# ------------------------------------------------------------ a whole run, in a process of its own


def whole(lesson: str, lessons: Path, submitted: Path, out: Path, workers: int, db: str = "") -> dict[str, Any]:
    """Grade a class and say how long it took; called in a fresh process."""
    from autograder.progress import Progress
    from autograder.run import Options, grade_class

    options = Options(lesson, submitted, out, db=db or None, workers=workers, seed=SEED, lessons=lessons)
    first: list[float] = []
    done: list[float] = []

    def note(number: int, total: int, record: Any) -> None:
        (done if record else first).append(time.monotonic())
        progress.update(number, total, record)

    memory = Memory()
    memory.start()
    start, cpu = time.monotonic(), time.process_time()
    with Progress() as progress:
        summary = grade_class(options, note)
    seconds, spent = time.monotonic() - start, time.process_time() - cpu
    memory.stop()
    number = len(summary.submissions)
    skip = min(len(done) - 1, max(1, number // 10))  # workers start in the first tenth
    rate = 60 * (len(done) - skip) / max(done[-1] - done[skip - 1], 1e-9)
    return {
        "students": number,
        "seconds": seconds,
        "per_minute": 60 * number / seconds,
        "per_minute_running": rate,
        "coordinator_cpu": spent / number,
        "coordinator_mb": max(memory.own, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "all_mb": memory.most,
        "statuses": dict(Counter(row["status"] for row in summary.submissions)),
        "mean_score": sum(row["score"] for row in summary.submissions) / number,
    }


def postgres(lesson: str, lessons: Path, submitted: Path, out: Path, workers: int) -> dict[str, Any] | None:
    """The same run into PostgreSQL; None, and why, where no server can be started."""
    sys.path.append(str(ROOT / "tests" / "autograder"))
    import postgres_server

    if postgres_server.missing():
        say(f"{lesson}: not into PostgreSQL: {postgres_server.missing()}")
        return None
    say(f"{lesson}: the whole class into PostgreSQL")
    with postgres_server.server(durable=True) as server:
        os.environ["BENCH_DB"] = server.url()
        found: dict[str, Any] = json.loads(again("whole", lesson, lessons, submitted, out, workers, "env:BENCH_DB"))
    return found


# ------------------------------------------------------------ where the CPU seconds of a submission go


def parts(lesson: str, lessons: Path, submitted: Path, out: Path, number: int) -> dict[str, float]:
    """CPU seconds of one submission by part, the mean of `number`; everything in this process but the jail."""
    import torch

    from autograder.copies import write_copy
    from autograder.feedback import write_feedback
    from autograder.files import write_json
    from autograder.grade import grade
    from autograder.intake import collect
    from autograder.lessons import load_source
    from autograder.run import make_kit, record_path
    from autograder.sandbox import Sandbox
    from autograder.store import Store, write_workspace

    torch.set_num_threads(1)
    source = load_source(lesson, lessons)
    kit = make_kit(source, out, SEED, False)
    submissions = [s for s, _ in zip(collect(submitted, lesson), range(number), strict=False)]
    spent: dict[str, float] = {}
    with Sandbox(python_path=[kit.jail], limits=kit.limits) as sandbox, _watched(sandbox) as jail:
        grade(kit, sandbox, submissions[0])
        before, start = jail(), time.process_time()
        records = [grade(kit, sandbox, submission) for submission in submissions]
        spent["trusted"], spent["jail"] = time.process_time() - start, jail() - before
    for record in records:
        record.update(gradable=True, key="", made_of={})
    write_workspace(out, source, submitted, None)
    write_copy(out, kit, records[0])
    start = time.process_time()
    for record in records:
        write_copy(out, kit, record)
    spent["copy"] = time.process_time() - start
    with Store(out, source) as store:
        start = time.process_time()
        for i in range(0, number, 16):
            store.save_many(records[i : i + 16])
        spent["store"] = time.process_time() - start
    start = time.process_time()
    for record in records:
        write_json(record_path(out, lesson, record["student"]), record, 0o600)
    spent["record"] = time.process_time() - start
    rows = [{**record, "late_seconds": 0.0} for record in records]
    write_json(out / "results" / f"{lesson}.json", _results(lesson, rows))
    write_json(out / "results.json", _results(lesson, rows))
    write_feedback(out, source)
    start = time.process_time()
    write_feedback(out, source)
    spent["feedback"] = time.process_time() - start
    spent["own"] = sum(_own(kit, submission) for submission in submissions)
    return {name: value / number for name, value in spent.items()}


def _results(lesson: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    run = {"version": "", "grader": "", "finished": "2026-01-31T12:00:00+00:00", "submitted": ""}
    return {"lesson": lesson, "seed": SEED, "sandboxed": True, "submissions": rows, "run": run}


@contextlib.contextmanager
def _watched(sandbox: Any) -> Iterator[Callable[[], float]]:
    """A function that says how many CPU seconds the jail has used: its server now, each child just before its end."""
    from autograder.sandbox import Session

    ended = [0.0]
    server = [sandbox._process.pid, *descendants(sandbox._process.pid)]
    finish = Session._finish

    def counted(session: Any) -> None:
        ended[0] += sum(cpu(pid) for pid in descendants(sandbox._process.pid) if pid not in server)
        finish(session)

    Session._finish = counted  # type: ignore[method-assign]
    try:
        yield lambda: ended[0] + sum(cpu(pid) for pid in server)
    finally:
        Session._finish = finish  # type: ignore[method-assign]


def _own(kit: Any, submission: Any) -> float:
    """CPU seconds of the student's cells and of all calls to their functions, in this process without any grader."""
    import contextlib
    import io

    from autograder.intake import parse
    from autograder.rebuild import rebuild
    from cnncourse.checks.core import fresh

    space: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        start = time.process_time()
        for cell in rebuild(kit.source, kit.released, parse(submission.data)).cells:
            if cell.runs:
                with contextlib.suppress(Exception):
                    exec(compile(cell.source, "cell", "exec"), space)
        spent = time.process_time() - start
        for task in kit.tasks:
            for case in task.prepared.cases:
                arguments, named = fresh(case.args), fresh(dict(case.kwargs))
                start = time.process_time()
                with contextlib.suppress(Exception):
                    space[task.name](*arguments, **named)
                spent += time.process_time() - start
    return spent


# ------------------------------------------------------------ nbgrader


def nbgrader(lesson: str, lessons: Path, submitted: Path, course: Path, number: int) -> dict[str, Any]:
    """Seconds of `nbgrader autograde` for the first `number` students, its start included."""
    import shutil

    course.mkdir()
    shutil.copytree(lessons / lesson, course / "source" / lesson)
    for folder in sorted(submitted.iterdir())[:number]:
        shutil.copytree(folder, course / "submitted" / folder.name)
    (course / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.root = '.'\n", encoding="utf-8")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PYTHONSAFEPATH", None)

    def call(*words: str) -> float:
        start = time.monotonic()
        command = [sys.executable, "-m", "nbgrader", *words]
        done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"nbgrader {words[0]} failed:\n{done.stderr[-2000:]}")
        return time.monotonic() - start

    call("generate_assignment", lesson, "--create")
    seconds = call("autograde", lesson)
    return {"students": number, "seconds": seconds, "per_minute": 60 * number / seconds}


# ------------------------------------------------------------ the table


def measure(lesson: str, a: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Everything about one lesson."""
    lessons = ROOT / "lessons"
    if lesson == LIGHT:
        lessons = folder / "lessons"
        write_light(lessons)
    submitted = folder / lesson
    say(f"{lesson}: a class of {a.students}")
    make_class(lesson, lessons, a.students, submitted)
    say(f"{lesson}: CPU seconds by part")
    spent = parts(lesson, lessons, submitted, folder / f"parts-{lesson}", min(a.parts, a.students))
    say(f"{lesson}: the whole class with {a.workers} workers")
    run = json.loads(again("whole", lesson, lessons, submitted, folder / f"out-{lesson}", a.workers))
    found = {"lesson": lesson, "parts": spent, "ours": run}
    found["overhead"] = sum(spent.values()) - 2 * spent["own"]  # the jail's share holds it too
    found["postgres"] = None
    if lesson == LIGHT and a.postgres:
        found["postgres"] = postgres(lesson, lessons, submitted, folder / f"out-{lesson}-postgres", a.workers)
    if a.nbgrader:
        say(f"{lesson}: nbgrader with {a.nbgrader} students")
        found["nbgrader"] = nbgrader(lesson, lessons, submitted, folder / f"course-{lesson}", a.nbgrader)
        found["ratio"] = run["per_minute"] / found["nbgrader"]["per_minute"]
        found["ratio_running"] = run["per_minute_running"] / found["nbgrader"]["per_minute"]
    return found


def again(*words: Any) -> str:
    """This script in a fresh process, for one thing alone; its last line."""
    command = [sys.executable, __file__, "--inner", json.dumps([str(word) for word in words])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


def table(found: list[dict[str, Any]]) -> str:
    """The figures as Markdown."""
    names = " | ".join(f["lesson"] for f in found)
    rule = "|---|" + "---:|" * len(found)
    lines = [f"| CPU seconds a submission | {names} |", rule]
    for part, words in PARTS.items():
        lines.append(f"| {words} | " + " | ".join(f"{f['parts'][part]:.4f}" for f in found) + " |")
    lines.append(
        "| **overhead: all but the student's own** | " + " | ".join(f"**{f['overhead']:.4f}**" for f in found) + " |"
    )
    lines += ["", f"| whole runs | {names} |", rule]
    rows = {
        "students": lambda f: f"{f['ours']['students']}",
        "submissions a minute, start included": lambda f: f"{f['ours']['per_minute']:.0f}",
        "submissions a minute, running": lambda f: f"{f['ours']['per_minute_running']:.0f}",
        "into PostgreSQL: a minute, start included": lambda f: _rate(f["postgres"], "per_minute"),
        "into PostgreSQL: a minute, running": lambda f: _rate(f["postgres"], "per_minute_running"),
        "memory of everything, MB": lambda f: f"{f['ours']['all_mb']:.0f}",
        "memory of the coordinator, MB": lambda f: f"{f['ours']['coordinator_mb']:.0f}",
        "nbgrader: submissions a minute": lambda f: f"{f['nbgrader']['per_minute']:.1f}" if "nbgrader" in f else "–",
        "**ratio, start included**": lambda f: f"**{f['ratio']:.1f}**" if "ratio" in f else "–",
        "**ratio, running**": lambda f: f"**{f['ratio_running']:.1f}**" if "ratio" in f else "–",
    }
    lines += [f"| {words} | " + " | ".join(value(f) for f in found) + " |" for words, value in rows.items()]
    return "\n".join([environment(), "", *lines]) + "\n"


def _rate(run: dict[str, Any] | None, key: str) -> str:
    return "–" if run is None else f"{run[key]:.0f}"


def say(text: str) -> None:
    """One line of progress."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Measure and write the table."""
    command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("--lesson", nargs="*", default=["01_convolution", LIGHT], metavar="LESSON")
    command.add_argument("--students", type=int, default=300, metavar="N", help="students in a class (default: 300)")
    command.add_argument("--parts", type=int, default=40, metavar="N", help="of them for the parts (default: 40)")
    command.add_argument("--nbgrader", type=int, default=6, metavar="N", help="of them for nbgrader; 0: without")
    command.add_argument("--no-postgres", dest="postgres", action="store_false", help="not into PostgreSQL")
    command.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    command.add_argument("--json", type=Path, default=ROOT / "out" / "bench" / "grading.json", metavar="FILE")
    command.add_argument("--markdown", type=Path, default=PAGE, metavar="FILE")
    command.add_argument("--inner", help=argparse.SUPPRESS)
    a = command.parse_args()
    register_light()
    if a.inner:
        _, lesson, lessons, submitted, out, workers, *db = json.loads(a.inner)
        print(json.dumps(whole(lesson, Path(lessons), Path(submitted), Path(out), int(workers), *db)))
        return
    with tempfile.TemporaryDirectory(prefix="bench-grading-") as folder:
        found = [measure(lesson, a, Path(folder)) for lesson in a.lesson]
    a.json.parent.mkdir(parents=True, exist_ok=True)
    a.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    a.markdown.parent.mkdir(parents=True, exist_ok=True)
    a.markdown.write_text(table(found), encoding="utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
