"""The way to a Dask scheduler, if it is a safe one.

Dask's scheduler obeys whoever reaches it and runs what it is sent, so only TLS or this very machine will do.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from autograder.errors import AutograderError

PIP = "pip install 'cnncourse-autograder[dask]'"
CONNECT_SECONDS = 30.0
READABLE = ["dask", "msgpack", "error"]  # no pickle: bytes, numbers and text are all that a worker may answer
CERTIFICATES = "set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__TLS__CLIENT__CERT and …__TLS__CLIENT__KEY"

OpenClient: TypeAlias = "Callable[[], AbstractContextManager[Any]]"


def checked(address: str, what: str = "--dask") -> str:
    """`address` when what is sent there stays secret and unforged. Raises AutograderError otherwise."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
        safe = parts.scheme == "tls" or (parts.scheme == "tcp" and _here(parts.hostname or ""))
        if safe and parts.hostname and parts.port:
            return address
    raise AutograderError(
        f"{what} {address!r} is not safe: a Dask scheduler obeys whoever reaches it, and students' work would cross "
        "the network in the clear",
        "expected tls://HOST:PORT (start scheduler and workers with --protocol tls and certificates), or a scheduler "
        "on this machine: tcp://127.0.0.1:8786",
    )


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def library() -> Any:
    """`distributed`, which only a cluster needs."""
    try:
        import distributed
    except ImportError as error:
        raise AutograderError(f"grading on a cluster needs Dask, which is not installed here ({error})", PIP) from error
    return distributed


def by_address(address: str) -> OpenClient:
    """What opens a client of the scheduler at `address`; certificates come from Dask's own configuration."""
    checked(address)
    library()
    return lambda: _connected(address)


@contextlib.contextmanager
def _connected(address: str, seconds: float = CONNECT_SECONDS) -> Iterator[Any]:
    try:
        client = library().Client(address, timeout=seconds, deserializers=READABLE, set_as_default=False)
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        said = (str(error) or type(error).__name__).splitlines()[0]
        tls = f"{CERTIFICATES}; " if address.startswith("tls") else ""
        raise AutograderError(
            f"no Dask scheduler answers at {address}: {said}", f"{tls}is `dask scheduler` running there?"
        ) from error
    with client:
        yield client
