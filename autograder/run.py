"""One run of `autograder grade`: what is already there is kept, the rest is graded, stored and written down.

For each submission the order is: grade, rebuilt copy, gradebook, record. The record is written last and whole, so a run
that is killed anywhere leaves either a finished submission or one that the next run grades again, with the same seed.
A record counts as long as its key does: what was handed in, the lesson with its checks and hidden cases, the seed, and
the code that grades.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import autograder
from autograder import before, package
from autograder.copies import write_copy
from autograder.errors import AutograderError
from autograder.files import read_json, write_json
from autograder.intake import Submission, collect
from autograder.lessons import LessonSource, Record, load_source
from autograder.release import released
from autograder.store import Store, write_workspace

if TYPE_CHECKING:  # brings torch and the sandbox along, which a run that keeps everything does without
    from autograder.grade import Kit

GRADING_CODE = ("grade.py", "replay.py", "rebuild.py", "intake.py", "inspection.py", "outputs.py", "package.py")
RESULT_KEYS = ("student", "status", "reason", "score", "max_score", "seconds", "flags", "exercises", "late_seconds")


@dataclass(frozen=True)
class Options:
    """What `autograder grade` was asked for."""

    lesson: str
    submitted: Path
    out: Path
    db: str | None = None
    workers: int = 0  # 0: one per core
    seed: int | None = None
    unsafe: bool = False
    lessons: Path | None = None
    due: str | None = None
    again: bool = False
    roster: Path | None = None  # who is who in an LMS's zip
    dask: str | None = None  # a scheduler's address
    slurm: Path | None = None  # a YAML file for dask-jobqueue


@dataclass(frozen=True)
class Summary:
    """What a run came to."""

    results: dict[str, Any]
    graded_now: int
    kept: int

    @property
    def submissions(self) -> list[Record]:
        return list(self.results["submissions"])

    @property
    def exit_code(self) -> int:
        """0: all graded; 1: some need a person; 2: nothing could be done."""
        if not self.submissions:
            return 2
        return 0 if all(s["status"] == "graded" for s in self.submissions) else 1


def grade_class(options: Options, progress: Callable[[int, int, Record | None], None] | None = None) -> Summary:
    """Grade every submission of a lesson. `progress(done, total, record)` is called as records come in."""
    options.out.mkdir(parents=True, exist_ok=True)
    with _lock(options.out):
        return _Run(options, progress or (lambda done, total, record: None)).go()


class _Run:
    def __init__(self, options: Options, progress: Callable[[int, int, Record | None], None]) -> None:
        self.options = options
        self.progress = progress
        self.out = options.out.resolve()
        self.source = load_source(options.lesson, options.lessons)
        self.seed = draw_seed(self.out, options.lesson, options.seed)
        self.made_of: dict[str, str] = {}

    def go(self) -> Summary:
        submissions = list(collect(self.options.submitted, self.options.lesson))
        if not submissions:
            raise AutograderError(
                f"nobody handed in {self.options.lesson} below {self.options.submitted}",
                f"expected {self.options.submitted}/<student>/{self.options.lesson}/{self.options.lesson}.ipynb",
            )
        base = self._base_key()
        write_workspace(self.out, self.source, self.options.submitted, self.options.db)
        with Store(self.out, self.source, self.options.db, self.options.due) as store:
            return self._grade(base, submissions, store)

    def _grade(self, base: str, submissions: list[Submission], store: Store) -> Summary:
        records: dict[str, Record] = {}
        todo: dict[str, Submission] = {}
        known = store.students()
        for submission in submissions:
            record = self._kept(submission, base)
            if record is None or (record["gradable"] and submission.student not in known):
                todo[submission.student] = submission
            else:
                records[submission.student] = record
        total, kept = len(submissions), len(records)
        self.progress(kept, total, None)
        if todo:
            kit = make_kit(self.source, self.out, self.seed, self.options.unsafe)
            for record in self._fresh(kit, list(todo.values())):
                submission = todo[record["student"]]
                records[submission.student] = self._finish(kit, submission, record, base, store)
                self.progress(len(records), total, record)
        for record in records.values():
            record["late_seconds"] = store.late_seconds(record["student"]) if record["gradable"] else 0.0
        results = self._results([records[s.student] for s in submissions])
        write_json(self.out / "results.json", results)
        write_json(self.out / "results" / f"{self.options.lesson}.json", results)
        return Summary(results, len(todo), kept)

    def _fresh(self, kit: Kit, todo: list[Submission]) -> Iterator[Record]:
        """Records for what is not known yet: refusals at once, the rest from the pool."""
        from autograder.grade import refused
        from autograder.pool import Pool

        for submission in todo:
            if submission.data is None:
                yield refused(kit, submission, submission.reason)
        waiting = [s for s in todo if s.data is not None]
        if waiting:
            workers = min(self.options.workers or os.cpu_count() or 1, len(waiting))
            yield from Pool(kit, workers).run(waiting)

    def _kept(self, submission: Submission, base: str) -> Record | None:
        record = (
            None if self.options.again else read_json(record_path(self.out, self.options.lesson, submission.student))
        )
        return record if isinstance(record, dict) and record.get("key") == self._key(submission, base) else None

    def _finish(self, kit: Kit, submission: Submission, record: Record, base: str, store: Store) -> Record:
        passing = record.pop("passing", False)  # a failure of ours, tried again next time
        record["key"] = "" if passing else self._key(submission, base)
        record["gradable"] = submission.is_person
        if submission.is_person:
            write_copy(self.out, kit, record)
            store.save(record)
        record["made_of"] = {**self.made_of, "file": before.short(submission.digest)}
        path = record_path(self.out, self.options.lesson, submission.student)
        before.keep(path, record)
        write_json(path, record, 0o600)
        return record

    def _base_key(self) -> str:
        """What a verdict depends on beside the submission: lesson, checks, hidden cases, seed, the code that grades.

        Other changes in `cnncourse` do not make old verdicts worthless; whoever wants them anew says --regrade.
        """
        home = Path(__file__).parent
        code = [hashlib.sha256((home / name).read_bytes()).hexdigest() for name in GRADING_CODE]
        self.made_of = {
            "lesson": before.short(self.options.lesson, self.source.digest),
            "checks": before.short(package.digest(home / "hidden"), package.digest(package.home() / "checks")),
            "seed": before.short(self.seed),
            "jail": before.short(self.options.unsafe),
            "grader": before.short(autograder.__version__, code, package.digest(home / "sandbox")),
        }
        return hashlib.sha256(repr(self.made_of).encode()).hexdigest()

    def _key(self, submission: Submission, base: str) -> str:
        return hashlib.sha256(f"{base} {submission.student} {submission.digest}".encode()).hexdigest()

    def _results(self, records: list[Record]) -> dict[str, Any]:
        return {
            "lesson": self.options.lesson,
            "seed": self.seed,
            "sandboxed": not self.options.unsafe,
            "submissions": [{key: record.get(key) for key in RESULT_KEYS} for record in records],
            "run": {
                "version": self.source.version,
                "grader": autograder.__version__,
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
                "submitted": str(self.options.submitted),
            },
        }


def make_kit(source: LessonSource, out: Path, seed: int, unsafe: bool) -> Kit:
    """Compute every right answer and every catalogued mistake's once, and build the jail's package."""
    from autograder.grade import Kit, Task
    from autograder.hidden import hidden_cases
    from cnncourse.checks import load
    from cnncourse.checks.core import prepare

    lesson = load(source.name)
    points = {exercise: cell.points for exercise, cell in source.test_cells()}
    wanted = {exercise.name: exercise.points for exercise in lesson.exercises}
    if points != wanted:
        raise AutograderError(
            f"{source.path.name} and its checks disagree on the exercises or their points: {points} against {wanted}",
            "give every exercise one test cell check_<name> with the points that the checks say",
        )
    tasks = []
    for exercise in lesson.exercises:
        public = exercise.public()
        cases = [*public, *hidden_cases(source.name, exercise.name, seed)]
        tasks.append(Task(prepare(exercise, cases), len(public), exercise.forbidden))
    jail = package.build(out / ".jail" / source.name, source.name, lesson.withheld)
    sources = tuple(str(cell.source) for cell in released(source).cells)
    return Kit(source, sources, tuple(tasks), lesson.withheld, jail, unsafe)


def draw_seed(out: Path, lesson: str, given: int | None) -> int:
    """The lesson's seed in this workspace: drawn once and kept; a given one takes its place."""
    path = out / "seeds.json"
    seeds = read_json(path)
    if not isinstance(seeds, dict):
        seeds = {}
    seed = given if given is not None else seeds.get(lesson)
    if not isinstance(seed, int):
        seed = secrets.randbelow(2**31)
    if seeds.get(lesson) != seed:
        write_json(path, {**seeds, lesson: seed}, 0o600)
    return seed


def record_path(out: Path, lesson: str, student: str) -> Path:
    """Where a submission's record lies; odd names get a hash, so that no name leads out of the folder."""
    plain = student.replace("-", "").replace("_", "").replace(".", "").replace("@", "").isalnum()
    name = (
        student
        if plain and student.isascii() and student[0].isalnum()
        else hashlib.sha256(student.encode()).hexdigest()
    )
    return out / "records" / lesson / f"{name}.json"


@contextlib.contextmanager
def _lock(out: Path) -> Iterator[None]:
    """One run at a time in a workspace; the kernel lets go of the lock when the process ends, however it ends."""
    with (out / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AutograderError(
                f"another autograder is at work in {out}", "wait until it is done, or use another --out"
            ) from error
        yield
