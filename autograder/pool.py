"""Worker processes that may die: each holds one sandbox and grades one submission at a time.

The coordinator sends a submission down a pipe and gets the record back as JSON text, so nothing that touched a
student's data is ever unpickled. A worker that dies or hangs is replaced, and its submission is tried once more
before a person has to look at it. Only what is in flight is held: the pool takes from an iterator as workers come free.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import reduction
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any

from autograder.engine_jobs import Job, Jobs
from autograder.engine_wire import unpack
from autograder.errors import AutograderError
from autograder.grade import SUBMISSION_SECONDS, Kit, grade, refused
from autograder.intake import Submission
from autograder.lessons import Record
from autograder.sandbox import Sandbox, SandboxError

GRACE = 60.0  # seconds past a submission's own limit before its worker is replaced
START_SECONDS = 240.0  # until a worker has torch loaded and its sandbox running
BEAT = 0.25  # seconds: how often `run` lets its caller do something else
AHEAD_BYTES = 64 << 10  # what fits into a pipe whose reader is busy, so that sending never waits


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    since: float
    ready: bool = False
    jobs: deque[Job] = field(default_factory=deque)  # the first is being graded, a second lies in the pipe

    def late(self, now: float) -> bool:
        allowed = SUBMISSION_SECONDS + GRACE if self.ready else START_SECONDS
        return (not self.ready or bool(self.jobs)) and now - self.since > allowed


class Pool:
    """`workers` processes; `run` yields a record for each submission, in the order in which they finish."""

    def __init__(self, kit: Kit, workers: int) -> None:
        if workers < 1:
            raise ValueError(f"Pool: workers is {workers}; expected at least 1")
        self._kit = kit
        # our own data for our own workers; multiprocessing's pickler would open a file for each tensor
        self._shared = _Shared.holding(pickle.dumps(kit))
        self._size = workers
        # `python -c` starts a worker and would look for modules in the folder where the command is run: a student's?
        os.environ["PYTHONSAFEPATH"] = "1"
        # fork would carry torch's threads and the coordinator's database connection along
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._jobs = Jobs(kit, (), _hopeless)

    def run(self, submissions: Iterable[Submission]) -> Generator[Record | None]:
        """Grade all; a submission whose worker died twice comes back as `needs_person`.

        Yields None where nothing has come for a moment, so that whoever asks can look after something else.
        """
        self._jobs = Jobs(self._kit, submissions, _hopeless)
        try:
            while self._jobs.stock() or any(w.jobs for w in self._workers):
                self._hire()
                self._fill()
                heard = self._ready()
                if not heard:
                    yield None
                for worker in heard:
                    yield from self._hear(worker)
        finally:
            self._stop()

    def _hire(self) -> None:
        if len(self._workers) == self._size:
            return
        starting = sum(not w.ready for w in self._workers)
        while len(self._workers) < self._size and starting < self._jobs.stock(self._size):
            self._workers.append(self._start())
            starting += 1

    def _fill(self) -> None:
        """Work for every worker that has none, then a second piece, so that nobody waits for the coordinator."""
        for held in (0, 1):
            for worker in self._workers:
                if worker.ready and len(worker.jobs) == held:
                    if not self._jobs.stock() or (held and self._jobs.next_bytes > AHEAD_BYTES):
                        return
                    self._send(worker, self._jobs.take())

    def _send(self, worker: _Worker, job: Job) -> None:
        if not worker.jobs:
            worker.since = time.monotonic()
        worker.jobs.append(job)
        with contextlib.suppress(OSError):  # a worker that died idle shows at the next wait
            worker.pipe.send_bytes(job.message)

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(self._shared, theirs, os.getpid()), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours, time.monotonic())

    def _ready(self) -> list[_Worker]:
        """Workers with something to say, dead ones and late ones."""
        busy = [w for w in self._workers if w.jobs or not w.ready]
        heard = set(wait([w.pipe for w in busy], timeout=BEAT))
        now = time.monotonic()
        return [w for w in busy if w.pipe in heard or w.late(now)]

    def _hear(self, worker: _Worker) -> Iterator[Record]:
        record = self._receive(worker)
        if record is None:
            self._workers.remove(worker)
            _end(worker)
            yield from self._jobs.lost(worker.jobs)
        elif "fatal" in record:
            raise no_jail(*record["fatal"])
        elif "ready" in record:
            worker.ready = True
        else:
            self._jobs.done()
            worker.jobs.popleft()
            worker.since = time.monotonic()
            yield record

    def _receive(self, worker: _Worker) -> Record | None:
        """The worker's message, or None when it died or hangs."""
        try:
            if worker.pipe.poll():
                message: Record = json.loads(worker.pipe.recv_bytes())
                return message
        except (EOFError, OSError, ValueError):
            pass
        return None

    def _stop(self) -> None:
        for worker in self._workers:
            if worker.ready and not worker.jobs:
                with contextlib.suppress(OSError):
                    worker.pipe.send_bytes(b"")
            elif worker.process.is_alive():
                worker.process.terminate()  # all at once, so that they end side by side
        for worker in self._workers:
            worker.process.join(10)
            _end(worker)
        self._workers.clear()


def _hopeless(deaths: int) -> AutograderError:
    return AutograderError(f"{deaths} grading processes in a row ended without a result", "run: autograder doctor")


def no_jail(reason: str, advice: str) -> AutograderError:
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


class _Shared:
    """Bytes in a file without a name, which a process that is being started inherits open.

    As an argument they would go down a pipe of which multiprocessing holds both ends: a process that is killed before
    it has read them all would be waited for for ever.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @classmethod
    def holding(cls, data: bytes) -> _Shared:
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.flush()
            return cls(os.dup(file.fileno()))

    def read(self) -> bytes:
        size, data = os.fstat(self._handle).st_size, bytearray()
        while len(data) < size:  # the place in the file is shared with other processes, so it is not used
            data += os.pread(self._handle, size - len(data), len(data))
        return bytes(data)

    def __reduce__(self) -> tuple[Any, ...]:
        return _inherited, (reduction.DupFd(self._handle),)

    def __del__(self) -> None:
        os.close(self._handle)


def _inherited(handle: Any) -> _Shared:
    return _Shared(handle.detach())


def _work(shared: _Shared, pipe: Connection, coordinator: int) -> None:
    """A worker's life: a sandbox, then submissions until an empty message, the pipe's end, or the coordinator's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the coordinator's to handle
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _die_with(coordinator)
    import torch

    torch.set_num_threads(1)
    with contextlib.suppress(EOFError, OSError):  # the coordinator is gone: nobody needs a result
        try:
            _serve(pickle.loads(shared.read()), pipe)
        except SandboxError as error:
            pipe.send_bytes(json.dumps({"fatal": [error.reason, error.advice]}).encode())


def _serve(kit: Kit, pipe: Connection) -> None:
    """Grade what comes down the pipe."""
    with Grader(kit) as grader:
        pipe.send_bytes(b'{"ready": true}')
        while message := pipe.recv_bytes():
            pipe.send_bytes(grader.answer(message))


class Grader:
    """A sandbox that grades packed submissions and answers in JSON; one that has broken is made anew, once for each."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._sandbox = self._open()

    def __enter__(self) -> Grader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the sandbox."""
        self._sandbox.close()

    def answer(self, message: bytes) -> bytes:
        """The record of a packed submission, as JSON text. SandboxError when there is no sandbox to be had."""
        submission = unpack(message)
        try:
            record = grade_safely(self._kit, self._sandbox, submission)
        except SandboxError:
            self._sandbox.close()
            self._sandbox = self._open()
            record = grade_safely(self._kit, self._sandbox, submission)
        return json.dumps(record).encode()

    def _open(self) -> Sandbox:
        kit = self._kit
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
