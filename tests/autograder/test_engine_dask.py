"""Grading on a local Dask cluster of two worker processes: as the pool does it, with one of them killed on the way."""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_helpers import await_, honest_class, kill, runs
from grading_helpers import LESSON, LESSONS, SEED, without_time

from autograder import dask_client, dask_worker, engine_key
from autograder.cli import main
from autograder.dask_client import by_address, checked
from autograder.dask_engine import DaskEngine, compare
from autograder.errors import AutograderError
from autograder.grade import Kit
from autograder.intake import Submission, collect
from autograder.lessons import LessonSource
from autograder.run import Options, grade_class, make_kit

STUDENTS = 14


UNSAFE = (
    *("tcp://10.0.0.5:8786", "10.0.0.5:8786", "ws://127.0.0.1:8786", "tcp://127.0.0.1.evil.example:8786"),
    *("tcp://:8786", "inproc://127.0.0.1:1", "ucx://127.0.0.1:1", "tcp://localhost", "tcp://0.0.0.0:8786"),
    *("", "tls://", "tcp://[::1"),
)
SAFE = (
    *("tls://10.0.0.5:8786", "tls://cluster.example:8786", "tcp://127.0.0.1:8786", "127.0.0.1:8786"),
    *("tcp://localhost:1", "tcp://[::1]:8786", "tcp://127.8.9.1:8786"),
)


@pytest.mark.parametrize("address", UNSAFE)
def test_what_is_neither_tls_nor_this_machine_is_refused(address: str) -> None:
    with pytest.raises(AutograderError, match="not safe") as caught:
        checked(address)
    assert repr(address) in str(caught.value)
    assert "tls://HOST:PORT" in caught.value.fix


@pytest.mark.parametrize("address", SAFE)
def test_tls_and_this_machine_will_do(address: str) -> None:
    assert checked(address) == address


def test_an_unsafe_address_ends_the_command_before_anything_is_written(
    tmp_path: Path, source: LessonSource, capsys: pytest.CaptureFixture[str]
) -> None:
    submitted = honest_class(source, 1, tmp_path / "submitted")
    command = ["grade", LESSON, "--submitted", str(submitted), "--out", str(tmp_path / "out")]
    assert main([*command, "--dask", "tcp://10.0.0.5:8786", "--lessons", str(LESSONS)]) == 2
    assert "not safe" in capsys.readouterr().err
    assert not (tmp_path / "out" / "gradebook.db").exists()


def test_without_dask_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(AutograderError) as caught:
        by_address("tcp://127.0.0.1:8786")
    assert caught.value.fix == "pip install 'cnncourse-autograder[dask]'"


def test_a_worker_with_other_versions_is_refused() -> None:
    ours = json.loads(dask_worker.hello())
    compare("tcp://127.0.0.1:1", ours)
    for name in ("grader", "python", "torch", "numpy", "code"):
        with pytest.raises(AutograderError, match="another version") as caught:
            compare("tcp://127.0.0.1:1", {**ours, name: "9.9"})
        assert "got 9.9" in str(caught.value)
        with pytest.raises(AutograderError, match="another version"):
            compare("tcp://127.0.0.1:1", {k: v for k, v in ours.items() if k != name})


def test_the_digest_changes_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    before = engine_key.all_digest()
    monkeypatch.setattr(engine_key, "code_digest", lambda: "another")
    assert engine_key.all_digest() != before


class _Bomb:
    """What a worker must not be able to send: an object that does something when it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return (Path.touch, (Path(os.environ["BOMB"]),))


def _bomb() -> _Bomb:
    return _Bomb()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options, host="127.0.0.1", silence_logs=50) as made:
        yield made


@pytest.fixture(scope="module")
def small(source: LessonSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return honest_class(source, STUDENTS, tmp_path_factory.mktemp("small") / "submitted")


@pytest.fixture(scope="module")
def by_pool(small: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("pool") / "out"
    return without_time(grade_class(Options(LESSON, small, out, workers=2, seed=SEED, lessons=LESSONS)).results)


def processes(cluster: Any) -> dict[str, int]:
    """{address: pid} of the workers."""
    with dask_client._connected(cluster.scheduler_address) as client:
        found: dict[str, int] = client.run(os.getpid)
    return found


@pytest.mark.sandbox
def test_a_killed_worker_costs_nobody_anything(
    small: Path, by_pool: dict[str, Any], cluster: Any, tmp_path: Path
) -> None:
    """One of two workers is killed after the fourth record: the result equals the pool's."""
    victim = sorted(processes(cluster).values())[0]
    done: list[str] = []

    def progress(number: int, total: int, record: dict[str, Any] | None) -> None:
        done.extend([record["student"]] if record else [])
        if len(done) >= 4 and runs(victim):
            kill(victim)

    options = Options(LESSON, small, tmp_path / "out", seed=SEED, lessons=LESSONS, dask=cluster.scheduler_address)
    summary = grade_class(options, progress)
    assert not runs(victim)
    assert sorted(done) == sorted(row["student"] for row in summary.submissions)
    assert without_time(summary.results) == by_pool
    again = grade_class(options)
    assert (again.graded_now, again.kept) == (0, STUDENTS)


@pytest.mark.sandbox
def test_what_takes_every_worker_down_is_for_a_person(source: LessonSource, cluster: Any, tmp_path: Path) -> None:
    """The same submission is at work whenever a worker dies: two attempts, then a person; the others are graded."""
    submitted = honest_class(source, 5, tmp_path / "submitted")
    kit = make_kit(source, tmp_path / "out", SEED, False)
    engine = DaskEngine(kit, by_address(cluster.scheduler_address))
    pids: dict[str, int] = {}
    killed: list[int] = []
    records = {}
    for record in engine.run(collect(submitted, LESSON)):
        if record is not None:
            records[record["student"]] = record
        for worker in list(engine._workers.values()):
            if worker.ready and worker.jobs and worker.jobs[0].submission.student == "student0002":
                if worker.address not in pids:
                    pids.update(processes(cluster))
                if pids.get(worker.address) not in (None, *killed):
                    killed.append(pids[worker.address])
                    kill(killed[-1])
    assert len(killed) == 2
    assert records.keys() == {f"student{i:04d}" for i in range(5)}
    assert records["student0002"]["status"] == "needs_person"
    assert "died twice" in records["student0002"]["reason"]
    assert all(r["status"] == "graded" for name, r in records.items() if name != "student0002")


@pytest.mark.sandbox
def test_what_a_worker_pickles_is_not_unpickled(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = tmp_path / "bomb"
    monkeypatch.setenv("BOMB", str(bomb))
    pickle.loads(pickle.dumps(_Bomb()))
    assert bomb.exists()  # it works where somebody unpickles it
    bomb.unlink()
    with by_address(cluster.scheduler_address)() as client:
        await_(lambda: len(client.nthreads()) == 2)
        client.run(os.environ.__setitem__, "BOMB", str(tmp_path / "elsewhere"))
        future = client.submit(_bomb, pure=False)
        with pytest.raises(Exception) as refused:  # Dask's own, or too late, without a message
            future.result(timeout=8)
        assert isinstance(refused.value, TimeoutError) or "serial" in str(refused.value)
    assert not bomb.exists()


@pytest.mark.sandbox
def test_over_tls_who_has_the_certificate_grades_and_nobody_else(
    source: LessonSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed, dask = pytest.importorskip("distributed"), pytest.importorskip("dask")
    pytest.importorskip("cryptography")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    security = distributed.Security.temporary()
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_text(security.tls_ca_file)
    key.write_text(security.tls_client_key)
    names = ("ca-file", "client.cert", "client.key")
    ours = {f"distributed.comm.tls.{n}": str(key if n.endswith("key") else certificate) for n in names}
    others = {name: value for name, value in ours.items() if name.endswith("ca-file")}
    submitted = honest_class(source, 2, tmp_path / "submitted")
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options, host="tls://127.0.0.1", security=security, silence_logs=50) as tls:
        address = tls.scheduler_address
        assert address.startswith("tls://127.0.0.1:")
        for certificates in (others, {}):
            refusal = pytest.raises(AutograderError, match="no Dask scheduler")
            with dask.config.set(certificates), refusal as refused, dask_client._connected(address, seconds=2.0):
                pass
            assert "CA_FILE" in refused.value.fix
        with pytest.raises(AutograderError, match="no Dask scheduler"), _impatient(address.replace("tls", "tcp"))():
            pass
        with dask.config.set(ours):
            summary = grade_class(
                Options(LESSON, submitted, tmp_path / "out", seed=SEED, lessons=LESSONS, dask=address)
            )
    rows = {row["student"]: row for row in summary.submissions}
    assert {name: row["status"] for name, row in rows.items()} == dict.fromkeys(rows, "graded")
    assert rows["student0000"]["score"] == rows["student0000"]["max_score"]
    assert rows["student0001"]["score"] < rows["student0001"]["max_score"]


def test_no_scheduler_and_no_worker_say_so(source: LessonSource, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    kit = Kit(source, (), (), (), tmp_path)
    work = [Submission("ada", b"{}")]
    with pytest.raises(AutograderError, match="no Dask scheduler answers"):
        list(DaskEngine(kit, _impatient("tcp://127.0.0.1:9")).run(iter(work)))
    options = {"n_workers": 0, "processes": True, "dashboard_address": ":0", "silence_logs": 50}
    with distributed.LocalCluster(**options, host="127.0.0.1") as empty:
        engine = DaskEngine(kit, by_address(empty.scheduler_address), wait_seconds=1.0)
        with pytest.raises(AutograderError, match="no worker for 1 seconds"):
            list(engine.run(iter(work)))


def _impatient(address: str) -> dask_client.OpenClient:
    return lambda: dask_client._connected(address, seconds=1.0)
