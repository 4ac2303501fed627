"""What runs on a Dask worker: one sandbox for each process, packed submissions in, JSON text out.

Every function takes and returns bytes: the coordinator reads nothing else, so nothing that a worker sends is
unpickled. They raise nothing, for an exception would travel as an object.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import shutil
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder import engine_key, package
from autograder.sandbox import SandboxError

if TYPE_CHECKING:
    from autograder.grade import Kit
    from autograder.pool import Grader


@dataclass
class _Bench:
    """This process's grader for one run, and the folder with its copy of the course's package."""

    run: str
    kit: Kit
    grader: Grader
    folder: Path

    def close(self) -> None:
        self.grader.close()
        shutil.rmtree(self.folder, ignore_errors=True)


_LOCK = threading.Lock()  # a worker with several threads grades one submission at a time all the same
_BENCH: list[_Bench] = []


def hello() -> bytes:
    """Versions and a hash of the grading code here, to be compared before anything is sent."""
    return _json({**engine_key.versions(), "code": engine_key.all_digest()})


def prepare(run: str, packed: bytes) -> bytes:
    """Start the sandbox of a run. `packed` is the coordinator's kit: our own data, from our own process."""
    with _LOCK:
        try:
            if not _BENCH or _BENCH[0].run != run:
                _close()
                _BENCH.append(_open(run, pickle.loads(packed)))
        except SandboxError as error:
            return _json({"fatal": [error.reason, error.advice]})
        except Exception as error:  # an exception would travel as an object
            return _json({"failed": f"{type(error).__name__}: {error}"[:500]})
    return _json({"ready": True})


def work(run: str, message: bytes) -> bytes:
    """Grade one packed submission: its record."""
    with _LOCK:
        if not _BENCH or _BENCH[0].run != run:
            return _json({"failed": "this worker has no sandbox for the run"})
        try:
            return _BENCH[0].grader.answer(message)
        except SandboxError as error:
            return _json({"fatal": [error.reason, error.advice]})
        except Exception as error:
            return _json({"failed": f"{type(error).__name__}: {error}"[:500]})


def finish(run: str) -> bytes:
    """End the sandbox of a run."""
    with _LOCK:
        if _BENCH and _BENCH[0].run == run:
            _close()
    return _json({"ready": False})


def _open(run: str, kit: Kit) -> _Bench:
    import torch

    from autograder.pool import Grader

    torch.set_num_threads(1)
    folder = Path(tempfile.mkdtemp(prefix="autograder-course-"))
    try:
        kit = replace(kit, jail=package.build(folder, kit.source.name, kit.withheld))
        return _Bench(run, kit, Grader(kit), folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _close() -> None:
    while _BENCH:
        with contextlib.suppress(OSError):
            _BENCH.pop().close()


def _json(data: object) -> bytes:
    return json.dumps(data).encode()
