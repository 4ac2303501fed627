"""A run as it goes: little in memory, written as it comes, stopped by Ctrl-C and taken up again, redone if it must."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_helpers import await_, descendants, honest_class, runs
from grading_helpers import LESSON, LESSONS, SEED, without_time

from autograder import cli, engine_batch, engine_key, run
from autograder.engine_stop import Stop
from autograder.engine_wire import pack, unpack
from autograder.intake import Submission, collect
from autograder.lessons import LessonSource
from autograder.pool import Pool
from autograder.progress import Progress
from autograder.run import Options, grade_class, make_kit, record_path
from autograder.store import Store

# ------------------------------------------------------------ what is sent


def test_a_submission_comes_out_as_it_went_in() -> None:
    for data in (None, b"", b"\x00\xff" * 1000, '{"ä": 1}'.encode()):
        one = Submission("zoë", data, "why", "2026-01-01T00:00:00+00:00", ("a flag", "another"))
        assert unpack(pack(one)) == one
        assert unpack(pack(one)).digest == one.digest
    for wrong in (b"", b"\x01", b"\x02\x00\x00\x00[]", b"\x02\x00\x00\x00{}", b"\xff\xff\xff\xff{}"):
        with pytest.raises(ValueError, match="unpack"):
            unpack(wrong)


# ------------------------------------------------------------ what a verdict depends on


def test_all_that_a_verdict_depends_on_is_in_its_key(source: LessonSource, monkeypatch: pytest.MonkeyPatch) -> None:
    base = engine_key.made_of(source, SEED, False)
    assert engine_key.made_of(source, SEED, False) == base

    def changed() -> set[str]:
        now = engine_key.made_of(source, SEED, False)
        return {name for name in base if now[name] != base[name]}

    assert {n for n, v in engine_key.made_of(source, SEED + 1, False).items() if v != base[n]} == {"seed"}
    assert {n for n, v in engine_key.made_of(source, SEED, True).items() if v != base[n]} == {"jail"}
    versions = engine_key.versions()
    for library in ("torch", "numpy", "python"):
        with monkeypatch.context() as patch:
            patch.setattr(engine_key, "versions", lambda library=library: {**versions, library: "0"})
            assert changed() == {"libraries"}
    real = engine_key._file_digest
    for module in ("grade", "release", "lessons", "copies", "rebuild", "intake", "inspection", "replay", "package"):
        with monkeypatch.context() as patch:
            patch.setattr(engine_key, "_file_digest", lambda p, m=module: "x" if p.stem == m else real(p))
            engine_key.code_digest.cache_clear()
            assert changed() == {"grader"}, module
    engine_key.code_digest.cache_clear()
    folder = engine_key.package.digest
    for name, part in (("checks", "checks"), ("hidden", "checks"), ("sandbox", "grader"), ("cnncourse", "course")):
        with monkeypatch.context() as patch:
            patch.setattr(engine_key.package, "digest", lambda p, n=name: "x" if p.name == n else folder(p))
            engine_key.code_digest.cache_clear()
            assert changed() == {part}, name
    engine_key.code_digest.cache_clear()
    assert changed() == set()


def test_what_only_shows_verdicts_is_not_in_the_key() -> None:
    assert not {"report", "feedback", "pages", "store", "policy", "export", "cli", "run"} & {*engine_key.grading_code()}


# ------------------------------------------------------------ memory


class _Count:
    """How many submissions with data are alive."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.alive, self.most, self.passes = folder, 0, 0, 0

    def __call__(self, *arguments: Any) -> Iterator[Submission]:
        self.passes += 1
        for one in collect(*arguments):
            yield _Counted(one.student, one.data, one.reason, one.timestamp, one.flags).watch(self)


class _Counted(Submission):
    def watch(self, count: _Count) -> _Counted:
        count.alive += 1
        count.most = max(count.most, count.alive)
        object.__setattr__(self, "_count", count)
        return self

    def __del__(self) -> None:
        self.__dict__["_count"].alive -= 1


class _Echo:
    """An engine that does nothing and holds nothing."""

    def __init__(self, kit: Any, number: int) -> None:
        self.kit = kit

    def run(self, submissions: Iterator[Submission]) -> Iterator[dict[str, Any] | None]:
        from autograder.grade import refused

        for submission in submissions:
            yield None
            yield refused(self.kit, submission, "not graded in this test", "needs_person")


def test_submissions_are_not_kept(source: LessonSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted = honest_class(source, 40, tmp_path / "submitted")
    count = _Count(submitted)
    monkeypatch.setattr(run, "collect", count)
    monkeypatch.setattr(run._Run, "_pool", lambda self, kit, number: _Echo(kit, number))
    summary = grade_class(Options(LESSON, submitted, tmp_path / "out", seed=SEED, lessons=LESSONS))
    assert len(summary.submissions) == 40
    assert count.passes == 2
    assert count.most <= 3
    record = json.loads(record_path(tmp_path / "out", LESSON, "student0000").read_text())
    assert "cells" in record
    assert all("cells" not in row for row in summary.submissions)


def test_who_disappears_while_the_others_are_graded_is_named_and_tried_again(
    source: LessonSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted = honest_class(source, 3, tmp_path / "submitted")
    real, passes = run.collect, []

    def collect_once(*arguments: Any) -> Iterator[Submission]:
        passes.append(1)
        yield from (s for s in real(*arguments) if len(passes) != 2 or s.student != "student0001")

    monkeypatch.setattr(run, "collect", collect_once)
    monkeypatch.setattr(run._Run, "_pool", lambda self, kit, number: _Echo(kit, number))
    options = Options(LESSON, submitted, tmp_path / "out", seed=SEED, lessons=LESSONS)
    rows = {row["student"]: row for row in grade_class(options).submissions}
    assert rows["student0001"]["status"] == "rejected"
    assert "was gone" in rows["student0001"]["reason"]
    assert json.loads(record_path(options.out, LESSON, "student0001").read_text())["key"] == ""  # never a result
    again = grade_class(options)
    assert (again.graded_now, again.kept) == (1, 2)


def test_a_record_is_written_after_its_rows_are_in_the_gradebook(
    source: LessonSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted = honest_class(source, 20, tmp_path / "submitted")
    sizes = []
    real = Store.save_many

    def save_many(self: Store, records: Any) -> None:
        assert not any(record_path(tmp_path / "out", LESSON, r["student"]).exists() for r in records)
        real(self, records)
        sizes.append(len(records))

    monkeypatch.setattr(Store, "save_many", save_many)
    monkeypatch.setattr(run._Run, "_pool", lambda self, kit, number: _Echo(kit, number))
    grade_class(Options(LESSON, submitted, tmp_path / "out", seed=SEED, lessons=LESSONS))
    assert sum(sizes) == 20
    assert max(sizes) <= 16


@pytest.mark.sandbox
def test_the_pool_takes_no_more_than_is_in_flight(source: LessonSource, tmp_path: Path) -> None:
    """At most two for each worker and what waits for a third: never the class."""
    submitted = honest_class(source, 12, tmp_path / "submitted")
    kit = make_kit(source, tmp_path / "out", SEED, False)
    taken, done, ahead = [], [], []

    def feed() -> Iterator[Submission]:
        for submission in collect(submitted, LESSON):
            taken.append(submission.student)
            ahead.append(len(taken) - len(done))
            yield submission

    for record in Pool(kit, 1).run(feed()):
        if record is not None:
            done.append(record["student"])
    assert done == taken
    assert len(done) == 12
    assert max(ahead) <= 4


# ------------------------------------------------------------ Ctrl-C


def command(submitted: Path, out: Path) -> list[str]:
    words = ["grade", LESSON, "--submitted", str(submitted), "--out", str(out), "--seed", str(SEED)]
    return [sys.executable, "-m", "autograder.cli", *words, "--workers", "2", "--lessons", str(LESSONS)]


@pytest.mark.sandbox
def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(source: LessonSource, tmp_path: Path) -> None:
    submitted, out = honest_class(source, 16, tmp_path / "submitted"), tmp_path / "out"
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command(submitted, out), start_new_session=True, **pipes)
    records = out / "records" / LESSON
    try:
        await_(lambda: len(list(records.glob("*.json"))) >= 3 or process.poll() is not None)
        below = descendants(process.pid)
        assert below
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers hear it too
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 2
    assert "What is graded is kept" in said
    assert "Traceback" not in said
    await_(lambda: not any(runs(pid) for pid in below), 20)
    done = {path.stem for path in records.glob("*.json")}
    assert 3 <= len(done) < 16
    with Store(out, source) as store:
        assert store.students() == done
    assert not (out / "results.json").exists()
    options = Options(LESSON, submitted, out, workers=2, seed=SEED, lessons=LESSONS)
    summary = grade_class(options)
    assert (summary.graded_now, summary.kept) == (16 - len(done), len(done))
    fresh = grade_class(replace(options, out=tmp_path / "undisturbed"))
    assert without_time(summary.results) == without_time(fresh.results)


def test_what_names_students_is_for_its_owner_only(
    source: LessonSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the page on what is kept says: of grades, work and mistakes nobody else on the machine reads anything."""
    submitted, out = honest_class(source, 2, tmp_path / "submitted"), tmp_path / "out"
    monkeypatch.setattr(run._Run, "_pool", lambda self, kit, number: _Echo(kit, number))
    words = ["--out", str(out), "--lessons", str(LESSONS)]
    assert cli.main(["grade", LESSON, "--submitted", str(submitted), *words]) == 1
    assert cli.main(["feedback", LESSON, *words]) == cli.main(["report", LESSON, *words]) == 0
    assert cli.main(["export", "--format", "moodle", "--out", str(out)]) == 0
    files = [path for path in out.rglob("*") if path.is_file()]
    free = {path for path in files if path.relative_to(out).parts[0] in ("release", ".jail", ".lock")}
    assert len(files) - len(free) > 10
    assert [path for path in files if path not in free and path.stat().st_mode & 0o077] == []
    assert not any(b"student0" in path.read_bytes() or "student0" in str(path) for path in free)


class _Interrupted(_Echo):
    """An engine in whose sixth submission somebody presses Ctrl-C."""

    def run(self, submissions: Iterator[Submission]) -> Iterator[dict[str, Any] | None]:
        for number, record in enumerate(r for r in super().run(submissions) if r is not None):
            if number == 5:
                os.kill(os.getpid(), signal.SIGINT)
            yield record


def test_what_is_graded_and_not_yet_written_is_written_at_ctrl_c(
    source: LessonSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted = honest_class(source, 12, tmp_path / "submitted")
    monkeypatch.setattr(engine_batch, "SECONDS", 600.0)
    monkeypatch.setattr(run._Run, "_pool", lambda self, kit, number: _Interrupted(kit, number))
    with pytest.raises(KeyboardInterrupt):
        grade_class(Options(LESSON, submitted, tmp_path / "out", seed=SEED, lessons=LESSONS))
    done = {path.stem for path in (tmp_path / "out" / "records" / LESSON).glob("*.json")}
    assert done == {f"student{i:04d}" for i in range(6)}
    with Store(tmp_path / "out", source) as store:
        assert store.students() == done


def test_the_first_ctrl_c_waits_and_the_second_does_not() -> None:
    found = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    try:
        _two_ctrl_c()
    finally:
        signal.signal(signal.SIGINT, found)


def _two_ctrl_c() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Stop() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            _interrupt()
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        _interrupt()


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)


# ------------------------------------------------------------ progress


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_counts_by_verdict_and_says_how_long() -> None:
    states = ["graded", "graded", "needs_person", "rejected"]
    for stream in (_Terminal(), io.StringIO()):
        with Progress(stream, every=0.0) as progress:
            progress.update(1, 6, None)
            for i, state in enumerate(states):
                progress.update(i + 2, 6, {"status": state})
        said = stream.getvalue()
        assert "2 graded, 1 need a person, 1 could not be read" in said
        assert "5/6" in said if stream.isatty() else re.search(r"5 of 6 notebooks after .*, about .* to go", said)


def test_a_log_file_gets_a_line_now_and_then() -> None:
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress.update(0, 500, None)
        for i in range(400):
            progress.update(i + 1, 500, {"status": "graded"})
    assert stream.getvalue() == ""  # a run of a moment says nothing
