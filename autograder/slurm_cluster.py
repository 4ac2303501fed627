"""Workers as Slurm jobs, through dask-jobqueue: scheduler here, TLS with certificates that live as long as the run."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.dask_client import PIP, READABLE, OpenClient, library
from autograder.errors import AutograderError
from autograder.slurm_config import SlurmConfig, read

DIRECTIVES = {"partition": "queue", "account": "account", "interface": "interface", "log_directory": "log_directory"}


def arguments(config: SlurmConfig) -> dict[str, Any]:
    """SLURMCluster's arguments for a configuration; certificates are `cluster`'s."""
    given = {theirs: getattr(config, ours) for ours, theirs in DIRECTIVES.items() if getattr(config, ours) is not None}
    return {
        "cores": config.cores,
        "processes": config.processes or config.cores,
        "memory": config.memory,
        "walltime": config.walltime,
        "python": config.python or sys.executable,
        "local_directory": config.local_directory,
        "job_script_prologue": list(config.prologue),
        "job_extra_directives": list(config.extra),
        "protocol": "tls://",
        "scheduler_options": {"dashboard": False},
        "worker_extra_args": ["--no-dashboard"],
        "n_workers": 0,
        **given,
    }


@contextlib.contextmanager
def cluster(config: SlurmConfig, shared: Path) -> Iterator[Any]:
    """A SLURMCluster without jobs. `shared`: a folder that the nodes see, for the certificates of this run."""
    library()
    try:
        import dask_jobqueue
    except ImportError as error:
        raise AutograderError(f"--slurm needs dask-jobqueue, which is not installed here ({error})", PIP) from error
    try:
        security = library().Security.temporary()
    except ImportError as error:
        raise AutograderError(f"temporary certificates need a library that is missing ({error})", PIP) from error
    shared.mkdir(parents=True, exist_ok=True)
    try:
        made = dask_jobqueue.SLURMCluster(  # type: ignore[attr-defined]
            **arguments(config), security=security, shared_temp_directory=str(shared), silence_logs="error"
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise AutograderError(
            f"the scheduler for the Slurm jobs does not start: {error}", "look at `interface` in the file"
        ) from error
    with made:
        yield made


def job_script(config: SlurmConfig, shared: Path) -> str:
    """What would be submitted; needs no Slurm."""
    with cluster(config, shared) as made:
        return str(made.job_script())


def by_file(path: Path) -> tuple[OpenClient, float]:
    """What starts the jobs that a file asks for and opens a client of their scheduler; seconds to wait for a worker."""
    config = read(path)
    library()
    return lambda: _started(config, path.resolve().parent / ".autograder-slurm"), 60 * config.wait_minutes


@contextlib.contextmanager
def _started(config: SlurmConfig, shared: Path) -> Iterator[Any]:
    with cluster(config, shared) as made:
        try:
            made.scale(jobs=config.jobs)
        except (OSError, RuntimeError) as error:
            raise AutograderError(f"sbatch refuses the jobs: {error}", "try: autograder slurm check FILE") from error
        client = library().Client(made, security=made.security, deserializers=READABLE, set_as_default=False)
        with client:
            yield client
