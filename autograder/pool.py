"""Worker processes that may die: each holds one sandbox and grades one submission at a time.

The coordinator sends a submission down a pipe and gets the record back as JSON text, so nothing that touched a
student's data is ever unpickled. A worker that dies or hangs is replaced, and its submission is tried once more
before a person has to look at it.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import json
import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from autograder.errors import AutograderError
from autograder.grade import SUBMISSION_SECONDS, Kit, grade, refused
from autograder.intake import Submission
from autograder.lessons import Record
from autograder.sandbox import Sandbox, SandboxError

GRACE = 60.0  # seconds past a submission's own limit before its worker is replaced
ATTEMPTS = 2
MAX_DEATHS = 8  # so that a machine on which nothing works says so


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    submission: Submission | None = None
    since: float = 0.0


class Pool:
    """`workers` processes; `run` yields a record for each submission, in the order in which they finish."""

    def __init__(self, kit: Kit, workers: int) -> None:
        if workers < 1:
            raise ValueError(f"Pool: workers is {workers}; expected at least 1")
        self._kit = kit
        # our own data for our own workers; multiprocessing's pickler would open a file for each tensor
        self._packed = pickle.dumps(kit)
        self._size = workers
        # `python -c` starts a worker and would look for modules in the folder where the command is run: a student's?
        os.environ.setdefault("PYTHONSAFEPATH", "1")
        # fork would carry torch's threads and the coordinator's database connection along
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._deaths_in_a_row = 0

    def run(self, submissions: Iterable[Submission]) -> Iterator[Record]:
        """Grade all; a submission whose worker died twice comes back as `needs_person`."""
        waiting = deque((s, 1) for s in submissions)
        attempts: dict[str, int] = {}
        try:
            while waiting or any(w.submission for w in self._workers):
                self._fill(waiting, attempts)
                for worker in self._ready():
                    submission = worker.submission
                    record = self._receive(worker)
                    if record is not None:
                        yield record
                    elif submission is not None:
                        yield from self._again(submission, attempts, waiting)
        finally:
            self._stop()

    def _fill(self, waiting: deque[tuple[Submission, int]], attempts: dict[str, int]) -> None:
        idle = [w for w in self._workers if w.submission is None]
        while waiting and len(self._workers) < min(self._size, len(waiting) + len(self._workers) - len(idle)):
            idle.append(self._start())
        for worker in idle:
            if not waiting:
                return
            submission, attempt = waiting.popleft()
            attempts[submission.student] = attempt
            worker.submission, worker.since = submission, time.monotonic()
            with contextlib.suppress(OSError):  # a worker that died idle shows at the next wait
                worker.pipe.send_bytes(_pack(submission))

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(self._packed, theirs, os.getpid()), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _ready(self) -> list[_Worker]:
        """Workers with something to say, dead ones and late ones."""
        busy = [w for w in self._workers if w.submission is not None]
        heard = set(wait([w.pipe for w in busy], timeout=1.0))
        late = time.monotonic() - SUBMISSION_SECONDS - GRACE
        return [w for w in busy if w.pipe in heard or w.since < late]

    def _receive(self, worker: _Worker) -> Record | None:
        """The worker's record, or None when it died or hangs (then it is gone)."""
        try:
            if worker.pipe.poll():
                record: Record = json.loads(worker.pipe.recv_bytes())
                worker.submission = None
                if "fatal" in record:
                    raise _no_jail(*record["fatal"])
                self._deaths_in_a_row = 0
                return record
        except (EOFError, OSError, ValueError):
            pass
        self._workers.remove(worker)
        _end(worker)
        self._deaths_in_a_row += 1
        if self._deaths_in_a_row >= MAX_DEATHS:
            raise AutograderError(
                f"{MAX_DEATHS} grading processes in a row ended without a result", "run: autograder doctor"
            )
        return None

    def _again(
        self, submission: Submission, attempts: dict[str, int], waiting: deque[tuple[Submission, int]]
    ) -> Iterator[Record]:
        attempt = attempts.get(submission.student, 1)
        if attempt < ATTEMPTS:
            waiting.append((submission, attempt + 1))
        else:
            reason = "the process that graded it died twice"
            yield refused(self._kit, submission, reason, "needs_person") | {"passing": True}

    def _stop(self) -> None:
        for worker in self._workers:
            if worker.submission is None:
                with contextlib.suppress(OSError):
                    worker.pipe.send_bytes(b"")
        for worker in self._workers:
            if worker.submission is None:
                worker.process.join(10)
            _end(worker)
        self._workers.clear()


def _no_jail(reason: str, advice: str) -> AutograderError:
    unsafe = "Only for notebooks you wrote yourself: --unsafe runs them with your own rights, and every result says so."
    return AutograderError(f"student code cannot be jailed here: {reason}", f"{advice}\n  → {unsafe}")


def _end(worker: _Worker) -> None:
    if worker.process.is_alive():
        worker.process.terminate()
        worker.process.join(5)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    worker.pipe.close()


def _pack(submission: Submission) -> bytes:
    data = None if submission.data is None else base64.b64encode(submission.data).decode("ascii")
    fields = [submission.student, data, submission.reason, submission.timestamp, list(submission.flags)]
    return json.dumps(fields).encode()


def _unpack(message: bytes) -> Submission:
    student, data, reason, timestamp, flags = json.loads(message)
    return Submission(student, None if data is None else base64.b64decode(data), reason, timestamp, tuple(flags))


def _work(packed: bytes, pipe: Connection, coordinator: int) -> None:
    """A worker's life: a sandbox, then submissions until an empty message, the pipe's end, or the coordinator's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the coordinator's to handle
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _die_with(coordinator)
    import torch

    torch.set_num_threads(1)
    with contextlib.suppress(EOFError, OSError):  # the coordinator is gone: nobody needs a result
        try:
            _serve(pickle.loads(packed), pipe)
        except SandboxError as error:
            pipe.send_bytes(json.dumps({"fatal": [error.reason, error.advice]}).encode())


def _serve(kit: Kit, pipe: Connection) -> None:
    """Grade what comes down the pipe; a sandbox that has broken is made anew, once for a submission."""
    sandbox = _sandbox(kit)
    try:
        while message := pipe.recv_bytes():
            submission = _unpack(message)
            try:
                record = grade_safely(kit, sandbox, submission)
            except SandboxError:
                sandbox.close()
                sandbox = _sandbox(kit)
                record = grade_safely(kit, sandbox, submission)
            pipe.send_bytes(json.dumps(record).encode())
    finally:
        sandbox.close()


def _sandbox(kit: Kit) -> Sandbox:
    return Sandbox(python_path=[kit.jail], unsafe=kit.unsafe, limits=kit.limits)


def grade_safely(kit: Kit, sandbox: Sandbox, submission: Submission) -> Record:
    """`grade`, and where our own code fails a record that asks for a person instead of an end of the batch."""
    try:
        return grade(kit, sandbox, submission)
    except SandboxError:
        raise
    except Exception as error:  # whatever it is, the others have to be graded
        where = _where(error)
        reason = f"the grader itself failed ({type(error).__name__} in {where})"
        return refused(kit, submission, reason, "needs_person") | {"passing": True}


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"  # noqa: PTH119


def _die_with(coordinator: int) -> None:
    """Have the kernel end this process when the coordinator is gone (Linux; elsewhere the pipe's end does)."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.getppid() != coordinator:
            os._exit(1)
