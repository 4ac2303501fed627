"""Grading on a Dask cluster: the coordinator deals submissions out to workers and alone writes the gradebook.

A Dask scheduler believes whoever reaches it, so only TLS or this very machine will do. Each worker is compared with
this process before anything is sent to it. Submissions are pinned to a worker: when it is lost, Dask would run them
again where it likes and as often as it likes; here they are tried once more, then a person has to look.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import queue
import secrets
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from autograder import dask_worker, engine_key
from autograder.dask_client import OpenClient, checked, library
from autograder.engine_jobs import Job, Jobs
from autograder.errors import AutograderError
from autograder.grade import SUBMISSION_SECONDS, Kit
from autograder.intake import Submission
from autograder.lessons import Record
from autograder.pool import BEAT, GRACE, START_SECONDS, no_jail

WAIT_SECONDS = 60.0  # without any worker
LOOK_SECONDS = 1.0  # between two looks at who is there
FETCH_SECONDS = 30.0


@dataclass
class _Worker:
    """A worker process: starting until its sandbox runs, then with at most two jobs."""

    address: str
    since: float
    ready: bool = False
    jobs: deque[Job] = field(default_factory=deque)
    futures: deque[Any] = field(default_factory=deque)

    def late(self, now: float) -> bool:
        allowed = SUBMISSION_SECONDS + GRACE if self.ready else START_SECONDS
        return bool(self.futures) and now - self.since > allowed


class DaskEngine:
    """Grades on the workers of a cluster; `run` yields records as the pool's does."""

    def __init__(self, kit: Kit, open_client: OpenClient, wait_seconds: float | None = None) -> None:
        self._kit, self._open_client, self._wait_seconds = kit, open_client, wait_seconds or WAIT_SECONDS
        self._packed = pickle.dumps(kit)
        self._run = secrets.token_hex(8)
        self._client: Any = None
        self._workers: dict[str, _Worker] = {}
        self._given_up: set[str] = set()  # addresses of workers that hung
        self._events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._jobs = Jobs(kit, (), _hopeless)
        self._seen = 0.0  # when there was a worker last
        self._looked = 0.0

    def run(self, submissions: Iterable[Submission]) -> Generator[Record | None]:
        """Grade all; a submission that two workers were lost with comes back as `needs_person`."""
        self._jobs = Jobs(self._kit, submissions, _hopeless)
        if not self._jobs.stock():
            return
        with self._open_client() as self._client:
            self._seen = time.monotonic()
            try:
                yield from self._loop()
            finally:
                self._finish()

    def _loop(self) -> Iterator[Record | None]:
        while self._jobs.stock() or any(w.jobs for w in self._workers.values()):
            yield from self._look()
            self._fill()
            try:
                address, future = self._events.get(timeout=BEAT)
            except queue.Empty:
                yield None
                continue
            worker = self._workers.get(address)
            if worker is not None and worker.futures and worker.futures[0] is future:
                yield from self._hear(worker, future)
            elif worker is not None and future in worker.futures:
                self._events.put((address, future))  # the second came first: its turn is next
                time.sleep(0.005)

    def _fill(self) -> None:
        for held in (0, 1):
            for worker in self._workers.values():
                if worker.ready and len(worker.jobs) == held:
                    if not self._jobs.stock():
                        return
                    job = self._jobs.take()
                    worker.jobs.append(job)
                    self._send(worker, dask_worker.work, self._run, job.message)

    def _send(self, worker: _Worker, function: Callable[..., bytes], *arguments: Any) -> None:
        if not worker.futures:
            worker.since = time.monotonic()
        future = self._client.submit(
            function, *arguments, workers=[worker.address], allow_other_workers=False, pure=False, retries=0
        )
        worker.futures.append(future)
        future.add_done_callback(lambda done, address=worker.address: self._events.put((address, done)))

    # ------------------------------------------------------------ who is there

    def _look(self) -> Iterator[Record]:
        """Take on new workers, bury lost ones and those that hang."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        present = self._present()
        for address in [a for a, w in self._workers.items() if a not in present or w.late(now)]:
            if address in present:
                self._given_up.add(address)
            yield from self._bury(self._workers.pop(address))
        for address in present - self._workers.keys() - self._given_up:
            self._take_on(address)
        if self._workers:
            self._seen = now
        elif now - self._seen > self._wait_seconds:
            raise AutograderError(
                f"the Dask cluster has had no worker for {self._wait_seconds:.0f} seconds",
                "start workers (dask worker ADDRESS --nthreads 1) and run the same command again: what is graded "
                "is kept",
            )

    def _present(self) -> set[str]:
        try:
            return set(self._client.nthreads())
        except (OSError, TimeoutError) as error:
            raise AutograderError(
                f"the Dask scheduler is gone: {error}",
                "start it and run the same command again: what is graded is kept",
            ) from error

    def _take_on(self, address: str) -> None:
        checked(address, "the worker at")
        worker = self._workers[address] = _Worker(address, time.monotonic())
        self._send(worker, dask_worker.hello)

    def _bury(self, worker: _Worker) -> list[Record]:
        for future in worker.futures:
            future.cancel()
        return self._jobs.lost(worker.jobs)

    # ------------------------------------------------------------ what they say

    def _hear(self, worker: _Worker, future: Any) -> Iterator[Record]:
        if not worker.ready and future.status == "error":
            raise AutograderError(
                f"the worker {worker.address} cannot run the grading code",
                "install the same cnncourse and cnncourse-autograder there as here, and start it again",
            )
        answer = _answer(future)
        if answer is None or "failed" in answer:  # lost, or broken: the next look decides, or it is buried here
            self._workers.pop(worker.address, None)
            if answer is not None:
                self._given_up.add(worker.address)
            yield from self._bury(worker)
            return
        worker.futures.popleft()
        worker.since = time.monotonic()
        if "fatal" in answer:
            raise no_jail(f"on the worker {worker.address}: {answer['fatal'][0]}", str(answer["fatal"][1]))
        if "code" in answer:
            compare(worker.address, answer)
            self._send(worker, dask_worker.prepare, self._run, self._packed)
        elif "ready" in answer:
            worker.ready = True
        else:
            self._jobs.done()
            worker.jobs.popleft()
            yield answer

    def _finish(self) -> None:
        """Drop what is not done and have the workers end their sandboxes."""
        with contextlib.suppress(Exception):  # whatever is the matter with the cluster, the grading is over
            for worker in self._workers.values():
                for future in worker.futures:
                    future.cancel()
            ends = [
                self._client.submit(dask_worker.finish, self._run, workers=[w.address], pure=False)
                for w in self._workers.values()
            ]
            library().wait(ends, timeout=15)


def _hopeless(deaths: int) -> AutograderError:
    return AutograderError(
        f"{deaths} Dask workers in a row were lost without a result", "run on them: autograder doctor"
    )


def _answer(future: Any) -> Record | None:
    """A worker's JSON, None when there is none to be had."""
    if future.status != "finished":
        return None
    try:
        answer = future.result(timeout=FETCH_SECONDS)
        record = json.loads(answer) if isinstance(answer, bytes) else None
    except Exception:  # lost on the way, or nothing that we may read
        return None
    return record if isinstance(record, dict) else None


def compare(address: str, theirs: Record) -> None:
    """Refuse a worker that would grade differently."""
    ours = {**engine_key.versions(), "code": engine_key.all_digest()}
    for name, expected in ours.items():
        if theirs.get(name) != expected:
            words = "the grading code" if name == "code" else name
            got = str(theirs.get(name))[:40]
            raise AutograderError(
                f"the worker {address} has another version of {words}: got {got}, expected {str(expected)[:40]}",
                "install the same cnncourse, autograder, Python and torch there as here, and start its worker again",
            )
