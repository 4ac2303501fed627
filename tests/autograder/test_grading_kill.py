"""`kill -9` at any moment: the same command afterwards comes to what an undisturbed run comes to, down to each row."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from grading_helpers import LESSON, LESSONS, SEED, digest, without_time
from store_helpers import named_tables

from autograder.lessons import LessonSource
from autograder.runlog import runs
from autograder.simulate import DUE, Classroom, write

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(900)]

KINDS = ("right", "mistakes", "blank", "partial", "late", "damage")
STUDENTS = 12
FEW, MANY = 6, 30


@dataclass(frozen=True)
class Undisturbed:
    """The class, and what a run of it comes to when nobody disturbs it."""

    submitted: Path
    state: dict[str, Any]
    seconds: float

    def start(self, out: Path) -> subprocess.Popen[str]:
        return start(self.submitted, out)


def start(submitted: Path, out: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "autograder.cli",
        "grade",
        LESSON,
        "--submitted",
        str(submitted),
        "--out",
        str(out),
    ]
    command += ["--lessons", str(LESSONS), "--seed", str(SEED), "--workers", "2", "--due", DUE.isoformat()]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(process: subprocess.Popen[str]) -> str:
    """What the run said; one that does not end is ended, so that the test fails and does not wait."""
    try:
        return process.communicate(timeout=400)[0]
    except BaseException:
        process.kill()
        raise


def state(out: Path) -> dict[str, Any]:
    """All that must not depend on a kill: results, records, every table of the gradebook, the graded copies."""
    records = {path.name: timeless(json.loads(path.read_text())) for path in records_of(out)}
    return {
        "results": without_time(json.loads((out / "results.json").read_text())),
        "records": records,
        "tables": named_tables(f"sqlite:///{out / 'gradebook.db'}"),
        "copies": digest(out / "autograded"),
    }


def records_of(out: Path) -> list[Path]:
    return sorted((out / "records" / LESSON).glob("*.json"))


def timeless(value: Any) -> Any:
    """Without what differs between two runs of the same thing."""
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k not in ("seconds", "late_seconds")}
    return [timeless(v) for v in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def undisturbed(source: LessonSource, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("kill")
    classroom = Classroom(source, seed=4)
    for i in range(STUDENTS):
        write(classroom.student(f"student{i:02d}", KINDS[i % len(KINDS)], i), folder / "submitted", LESSON)
    begun = time.monotonic()
    with start(folder / "submitted", folder / "out") as process:
        said = ended(process)
    assert process.returncode in (0, 1), said
    found = state(folder / "out")
    assert len(found["results"]["submissions"]) == len(found["records"]) == STUDENTS
    return Undisturbed(folder / "submitted", found, time.monotonic() - begun)


def moments(number: int) -> list[tuple[str, float]]:
    """Who is killed and when, as a part of an undisturbed run's time: somewhere in each of `number` equal parts."""
    return [("worker" if i % 3 == 2 else "coordinator", (i + random.random()) / number) for i in range(number)]


CASES = [pytest.param(*m, id=f"{i}-{m[0]}") for i, m in enumerate(moments(FEW))]
CASES += [pytest.param(*m, id=f"soak{i}-{m[0]}", marks=pytest.mark.soak) for i, m in enumerate(moments(MANY))]


@pytest.mark.parametrize(("victim", "part"), CASES)
def test_after_a_kill_the_same_command_comes_to_the_same(
    victim: str, part: float, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with undisturbed.start(out) as process:
        time.sleep(part * undisturbed.seconds)
        hit = kill(process, victim)
        said = ended(process)
    moment = f"{victim} hit={hit} after {part * undisturbed.seconds:.2f} of {undisturbed.seconds:.2f} s"
    if victim == "worker":
        assert process.returncode in (0, 1), f"{moment}: one worker less must cost nothing: {said}"
        assert state(out) == undisturbed.state, moment
    kept = len(records_of(out))
    if hit and victim == "coordinator":
        assert process.returncode == -signal.SIGKILL
        assert [run["outcome"] for run in runs(out)] in ([], ["never finished"]), moment
    with undisturbed.start(out) as process:
        said = ended(process)
    assert process.returncode in (0, 1), f"{moment}: {said}"
    print(f"{moment}: {kept} of {STUDENTS} records were there")
    assert state(out) == undisturbed.state, moment
    found = re.search(r"\((\d+) done now, (\d+) kept from before\)", said)
    assert found is not None, said
    assert (int(found[1]), int(found[2])) == (STUDENTS - kept, kept), f"{moment}: {said}"
    assert runs(out)[-1]["outcome"] == "done"


def kill(process: subprocess.Popen[str], victim: str) -> bool:
    """SIGKILL to the coordinator or one of its workers; whether there was one."""
    try:
        target = psutil.Process(process.pid)
        if victim == "worker":
            workers = [p for p in target.children() if "spawn_main" in " ".join(p.cmdline())]
            if not workers:
                return False
            target = random.choice(workers)
        target.kill()
        return process.poll() is None or process.returncode < 0
    except psutil.NoSuchProcess:
        return False
