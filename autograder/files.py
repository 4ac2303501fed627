"""Files that are written whole or not at all, and files from strangers that are read without following their tricks."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.errors import AutograderError


def write_text(path: Path, text: str, mode: int = 0o644) -> None:
    """Write the whole file or none of it: a temporary file beside it, then a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, data: Any, mode: int = 0o644) -> None:
    """JSON, readable and in a fixed form, written whole or not at all."""
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n", mode)


def read_json(path: Path) -> Any:
    """The file's content, or None where there is none or it is damaged (then whoever asked makes it anew)."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


class Refused(Exception):
    """A file that is not read, with the reason as a sentence for a person."""


def read_stranger(folder: int, name: str, limit: int) -> bytes:
    """The bytes of `name` in the open folder `folder`, if it is a plain file of at most `limit` bytes.

    Links are not followed, pipes and devices are not waited for, and what is read is what was looked at (one file
    descriptor for both). Raises Refused with the reason; FileNotFoundError when there is no such file.
    """
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        link = _is_link(folder, name)
        raise Refused(f"{name} is a symbolic link" if link else f"{name} cannot be read ({error.strerror})") from error
    with os.fdopen(handle, "rb") as stream:
        info = os.fstat(stream.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise Refused(f"{name} is not a plain file")
        if info.st_size > limit:
            raise Refused(f"{name} has {info.st_size / 2**20:.1f} MB; at most {limit / 2**20:.0f} MB are read")
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise Refused(f"{name} grew while it was read")
    return data


def open_folder(folder: int | None, name: str | Path) -> int:
    """A file descriptor of a real folder (no link); raises Refused, or FileNotFoundError when it does not exist."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        what = "a symbolic link" if _is_link(folder, name) else "not a folder"
        raise Refused(f"{Path(name).name} is {what}") from error


def _is_link(folder: int | None, name: str | Path) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


@contextlib.contextmanager
def alone(out: Path) -> Iterator[None]:
    """One command at a time in a workspace; the kernel lets go of the lock when the process ends, however it ends."""
    with (out / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AutograderError(
                f"another autograder is at work in {out}", "wait until it is done, or use another --out"
            ) from error
        yield
