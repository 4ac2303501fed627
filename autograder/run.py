"""One run of `autograder grade`: what is already there is kept, the rest is graded, stored and written down.

For each submission the order is: grade, rebuilt copy, gradebook, record. The record is written last and whole, so a run
that is killed anywhere leaves either a finished submission or one that the next run grades again, with the same seed.
A record counts as long as its key does: what was handed in, and everything that `engine_key` counts.

Memory does not grow with what was handed in: of each submission a key and a row of results stay.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import autograder
from autograder import before, package
from autograder.copies import restore
from autograder.engine_batch import Batch, record_path
from autograder.engine_key import made_of
from autograder.engine_stop import Stop
from autograder.errors import AutograderError
from autograder.files import alone, read_json, write_json
from autograder.intake import Submission, collect
from autograder.intake_nobody import nobody
from autograder.lessons import LessonSource, Record, load_source
from autograder.release import released
from autograder.store import Store, write_workspace

if TYPE_CHECKING:  # brings torch and the sandbox along, which a run that keeps everything does without
    from autograder.dask_client import OpenClient
    from autograder.grade import Kit

GRADING_CODE = (
    "grade.py",
    "replay.py",
    "remote.py",
    "rebuild.py",
    "intake.py",
    "inspection.py",
    "outputs.py",
    "package.py",
)
__all__ = ["Options", "Summary", "draw_seed", "grade_class", "make_kit", "record_path"]
RESULT_KEYS = ("student", "status", "reason", "score", "max_score", "seconds", "flags", "exercises", "late_seconds")
GONE = "it was there when the run began, and was gone when it was to be graded"


class Engine(Protocol):
    """What grades submissions, somewhere, and yields their records as they come; None where none came for a moment."""

    def run(self, submissions: Iterable[Submission]) -> Generator[Record | None]: ...


MakeEngine: TypeAlias = "Callable[[Kit, int], Engine]"


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
    with alone(options.out):
        return _Run(options, progress or (lambda done, total, record: None)).go()


@dataclass(frozen=True)
class _Entry:
    """One student as the first look at the class found them: all that stays in memory of what was handed in."""

    key: str
    is_person: bool


class _Run:
    """The submissions are read twice: first for their keys, then, one at a time, those that have to be graded."""

    def __init__(self, options: Options, progress: Callable[[int, int, Record | None], None]) -> None:
        self.options = options
        self.progress = progress
        self.out = options.out.resolve()
        self.source = load_source(options.lesson, options.lessons)
        self.seed = draw_seed(self.out, options.lesson, options.seed)
        self.made_of = made_of(self.source, self.seed, options.unsafe)
        self.base = hashlib.sha256(repr(self.made_of).encode()).hexdigest()
        self.entries: dict[str, _Entry] = {}
        self.rows: dict[str, Record] = {}

    def go(self) -> Summary:
        self.entries = {s.student: _Entry(self._key(s.student, s.digest), s.is_person) for s in self._collect()}
        if not self.entries:
            raise nobody(self.options.submitted, self.options.lesson)
        engine = self._engine()  # before anything is written: it may refuse what --dask or --slurm says
        write_workspace(self.out, self.source, self.options.submitted, self.options.db)
        with Store(self.out, self.source, self.options.db, self.options.due) as store:
            return self._grade(store, engine)

    def _collect(self) -> Iterator[Submission]:
        return collect(self.options.submitted, self.options.lesson, *filter(None, [self.options.roster]))

    def _grade(self, store: Store, engine: MakeEngine) -> Summary:
        known = store.students()
        for student, entry in self.entries.items():
            row = self._kept(student, entry)
            if row is not None and not (entry.is_person and student not in known):
                self.rows[student] = row
        people = [student for student in self.rows if self.entries[student].is_person]
        restore(self.out, self.source, {s: record_path(self.out, self.source.name, s) for s in people})
        total, kept = len(self.entries), len(self.rows)
        self.progress(kept, total, None)
        if kept < total:
            self._fresh(store, engine, total - kept)
        late = store.all_late_seconds()
        for student, row in self.rows.items():
            row["late_seconds"] = late.get(student, 0.0) if self.entries[student].is_person else 0.0
        results = self._results([self.rows[student] for student in self.entries])
        write_json(self.out / "results.json", results, 0o600)
        write_json(self.out / "results" / f"{self.options.lesson}.json", results, 0o600)
        return Summary(results, total - kept, kept)

    def _fresh(self, store: Store, engine: MakeEngine, number: int) -> None:
        """Grade what is not known yet, and keep each result as soon as it is there, Ctrl-C or not."""
        kit = make_kit(self.source, self.out, self.seed, self.options.unsafe)
        batch = Batch(self.out, kit, store, self._kept_now)
        with Stop() as stop:
            try:
                with contextlib.closing(self._records(kit, engine(kit, number))) as records:
                    for record in records:
                        if record is not None:
                            batch.add(self._finished(record))
                        batch.flush_if_due()
                        if stop.asked:
                            raise KeyboardInterrupt
            finally:
                batch.flush()

    def _records(self, kit: Kit, engine: Engine) -> Generator[Record | None]:
        """Records for what is not known yet: refusals as they are met, the rest from the engine."""
        from autograder.grade import refused

        refusals: list[Record] = []

        def gradable() -> Iterator[Submission]:
            for submission in self._todo():
                if submission.data is None:
                    gone = {"passing": True} if submission.reason == GONE else {}
                    refusals.append(refused(kit, submission, submission.reason) | gone)
                else:
                    yield submission

        with contextlib.closing(engine.run(gradable())) as records:
            for record in records:
                while refusals:
                    yield refusals.pop()
                yield record
        yield from refusals

    def _todo(self) -> Iterator[Submission]:
        """The second look: what has to be graded, one submission at a time."""
        left = self.entries.keys() - self.rows.keys()
        for submission in self._collect():
            if submission.student in left:
                left.remove(submission.student)
                yield submission
        for student in sorted(left):
            yield Submission(student, None, GONE)

    def _engine(self) -> MakeEngine:
        """What grades: processes here, or a cluster. An address or a file that will not do is refused here."""
        if self.options.dask is not None and self.options.slurm is not None:
            raise AutograderError("--dask and --slurm together", "give one: a cluster that runs, or one to be started")
        if self.options.dask is not None:
            from autograder.dask_client import by_address

            return _on(by_address(self.options.dask))
        if self.options.slurm is not None:
            from autograder.slurm_cluster import by_file

            return _on(*by_file(self.options.slurm))
        return self._pool

    def _pool(self, kit: Kit, number: int) -> Engine:
        from autograder.pool import Pool

        return Pool(kit, min(self.options.workers or len(os.sched_getaffinity(0)), number))

    def _kept(self, student: str, entry: _Entry) -> Record | None:
        """The row of a submission that is graded already and depends on nothing that has changed."""
        record = None if self.options.again else read_json(record_path(self.out, self.options.lesson, student))
        return _row(record) if isinstance(record, dict) and record.get("key") == entry.key else None

    def _finished(self, record: Record) -> Record:
        passing = record.pop("passing", False)  # a failure of ours, tried again next time
        student = record["student"]
        record["key"] = "" if passing else self._key(student, record["digest"])
        record["gradable"] = self.entries[student].is_person
        record["made_of"] = {**self.made_of, "file": before.short(record["digest"])}
        return record

    def _kept_now(self, record: Record) -> None:
        """Called when a record is in the gradebook and on the disk."""
        self.rows[record["student"]] = _row(record)
        self.progress(len(self.rows), len(self.entries), record)

    def _key(self, student: str, digest: str) -> str:
        return hashlib.sha256(f"{self.base} {student} {digest}".encode()).hexdigest()

    def _results(self, records: list[Record]) -> dict[str, Any]:
        return {
            "lesson": self.options.lesson,
            "seed": self.seed,
            "sandboxed": not self.options.unsafe,
            "submissions": records,
            "run": {
                "version": self.source.version,
                "grader": autograder.__version__,
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
                "submitted": str(self.options.submitted),
            },
        }


def _on(open_client: OpenClient, wait_seconds: float | None = None) -> MakeEngine:
    def make(kit: Kit, number: int) -> Engine:
        from autograder.dask_engine import DaskEngine

        return DaskEngine(kit, open_client, wait_seconds)

    return make


def _row(record: Record) -> Record:
    """What results.json says of a record; equal words in many rows are kept once."""
    row = {key: record.get(key) for key in RESULT_KEYS}
    row["exercises"] = [
        {sys.intern(key): sys.intern(value) if type(value) is str else value for key, value in exercise.items()}
        for exercise in record["exercises"]
    ]
    return row


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
