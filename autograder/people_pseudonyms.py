"""Names that only the holder of a key can tie to a student: the same for one student in every lesson and export."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from autograder.errors import AutograderError

KEY = "pseudonyms.key"
_BYTES = 32
_LETTERS = 13  # 65 bits: two students of the same name are not to be expected in any class


def key(out: Path) -> bytes:
    """The key of a workspace, drawn once; readable by its owner only."""
    path = out / KEY
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(_BYTES) + "\n")
    return _read(path)


def _read(path: Path) -> bytes:
    if path.is_symlink() or path.stat().st_mode & 0o077:
        raise AutograderError(
            f"{path} can be read by others: the names would not be secret", f"chmod 600 {path}, if it was yours alone"
        )
    try:
        found = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        found = b""
    if len(found) != _BYTES:
        raise AutograderError(
            f"{path} is no key: expected {2 * _BYTES} hexadecimal digits",
            "bring it back from a backup, or delete it: new names will not match those of earlier exports",
        )
    return found


def pseudonym(secret: bytes, student: str) -> str:
    """The name of one student under a key."""
    digest = hmac.new(secret, student.encode(), hashlib.sha256).digest()
    return "s-" + base64.b32encode(digest).decode("ascii")[:_LETTERS].lower()


def pseudonyms(out: Path, students: Iterable[str]) -> dict[str, str]:
    """{student: name} for a class; no two are alike."""
    secret = key(out)
    names = {student: pseudonym(secret, student) for student in students}
    if len(set(names.values())) != len(names):
        raise AutograderError("two students would get the same name", f"delete {out / KEY}: a new key will be drawn")
    return names
