"""One file by URL: checked against its hash, resumed where it broke off, never half there."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

_TRIES = 3
_CHUNK = 2**20
_TIMEOUT = 30.0  # seconds without a byte


class DownloadError(OSError):
    """A file could not be had, or is not what it should be; the message says what to do."""


class OfflineError(DownloadError):
    """The server cannot be reached."""


def fetch(url: str, path: Path, sha256_head: str, what: str) -> Path:
    """`path`, which holds the file at `url`: at once if it is there and its hash is right, else downloaded.

    `sha256_head` is the beginning of the file's SHA-256 in hexadecimal, `what` names the thing in messages. A download
    goes to `path` + ".part", which a later call continues; it gets its name when its hash is right. Processes that ask
    for the same file wait for each other, and one of them downloads.

    Raises OfflineError if the server cannot be reached, DownloadError for a wrong hash, a file that the server does not
    have, or a connection that breaks off again and again.
    """
    if path.is_file():
        _check(path, sha256_head, f"{what}: the file {path}", f"Delete it, and it is fetched again from {url}.")
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with _alone(path.with_name(path.name + ".lock")):
        if path.is_file():  # another process was faster, and has checked it
            return path
        _download(url, part, path, sha256_head, what)
        try:
            _check(part, sha256_head, f"{what}: what {url} gave", "It was removed; try again.")
        except DownloadError:
            part.unlink()
            raise
        part.replace(path)
    return path


def _check(path: Path, sha256_head: str, subject: str, remedy: str) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(sha256_head):
        raise DownloadError(f"{subject} has SHA-256 {digest[:16]}…; expected {sha256_head}…. {remedy}")


def _download(url: str, part: Path, path: Path, sha256_head: str, what: str) -> None:
    """Bring `part` to its full length; what is in it already is not asked for again."""
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError

    reason = ""
    for attempt in range(1, _TRIES + 1):
        try:
            if _more(url, part, what):
                return
            reason = "the connection broke off"
        except HTTPError as error:
            error.close()
            raise DownloadError(f"{what}: {url} answers {error.code} {error.reason}. Is there a newer name?") from error
        except URLError as error:  # not even a connection
            raise OfflineError(_offline(url, path, sha256_head, what, str(error.reason))) from error
        except (TimeoutError, ConnectionError, HTTPException) as error:
            reason = str(error) or type(error).__name__
        time.sleep(0.1 * attempt)
    got = part.stat().st_size if part.exists() else 0
    if not got:
        raise OfflineError(_offline(url, path, sha256_head, what, reason))
    raise DownloadError(
        f"{what}: {url} stopped after {got:,} bytes, {_TRIES} times ({reason}). They are kept in {part}: "
        "ask again, and it goes on from there."
    )


def _offline(url: str, path: Path, sha256_head: str, what: str, reason: str) -> str:
    return (
        f"{what}: the weights are not on this machine, and {url} cannot be reached ({reason}). Go online, or bring the "
        f"file (SHA-256 {sha256_head}…) to {path} by hand, or use weights=None. The course needs no download: it comes "
        "with small trained nets, see cnncourse.zoo (zoo.names(), zoo.load(name))."
    )


def _more(url: str, part: Path, what: str) -> bool:
    """Ask for what is missing in `part`, write it, and say whether that was all of it."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    have = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urlopen(request, timeout=_TIMEOUT)
    except HTTPError as error:
        if error.code != 416 or not have:
            raise
        error.close()
        return True  # nothing behind what is there: it was all, or too much, which its hash shows
    with answer:
        if answer.status != 206:  # the server sends from the beginning, whatever it was asked
            have = 0
        with part.open("ab" if have else "wb") as file:
            total = _length(answer, have)
            return _copy(answer, file, have, total, what)


def _length(answer: Any, have: int) -> int | None:
    """The whole file's length, if the server says it."""
    rest = answer.headers.get("Content-Length")
    return None if rest is None else have + int(rest)


def _copy(answer: Any, file: IO[bytes], done: int, total: int | None, what: str) -> bool:
    with _progress(what, total) as show:
        while chunk := answer.read(_CHUNK):
            file.write(chunk)
            done += len(chunk)
            show(done)
    return total is None or done >= total


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Any]:
    """A line on the terminal that says how far it is, every half second."""
    state = {"last": time.monotonic(), "shown": False}

    def show(done: int) -> None:
        if time.monotonic() - state["last"] < 0.5:
            return
        state["last"], state["shown"] = time.monotonic(), True
        share = f" of {total / 1e6:.1f} MB ({done / total:.0%})" if total else " MB"
        print(f"\r{what}: {done / 1e6:.1f}{share}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        if state["shown"]:
            print(file=sys.stderr)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Only one process at a time is inside; the system lets the next one in when it leaves or dies."""
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if sys.platform == "win32":
            import msvcrt

            while True:
                try:
                    msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
                    break
                except OSError:  # it gives up after ten seconds; the download may take longer
                    continue
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
