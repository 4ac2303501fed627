"""A submission as bytes, on its way to a worker: a JSON header, then the file as it was handed in.

Nothing that a student wrote is ever pickled or unpickled; what comes back is JSON text.
"""

from __future__ import annotations

import json
import struct
from dataclasses import fields
from typing import Any

from autograder.intake import Submission

_HEAD = struct.Struct("<I")


def pack(submission: Submission) -> bytes:
    """`submission` as one message."""
    header = {part.name: getattr(submission, part.name) for part in fields(Submission) if part.name != "data"}
    text = json.dumps({**header, "data": submission.data is not None}).encode()
    return _HEAD.pack(len(text)) + text + (submission.data or b"")


def unpack(message: bytes) -> Submission:
    """What `pack` was given. Raises ValueError for anything else."""
    if len(message) < _HEAD.size:
        raise ValueError(f"unpack: {len(message)} bytes; expected a header of {_HEAD.size} and more")
    end = _HEAD.size + _HEAD.unpack_from(message)[0]
    try:
        header: dict[str, Any] = json.loads(message[_HEAD.size : end])
        data = message[end:] if header.pop("data") else None
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in header.items()}
        return Submission(data=data, **values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"unpack: the header is none of a submission ({type(error).__name__}: {error})") from error
