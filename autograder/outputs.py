"""Outputs of student code, reduced to what is safe to show anywhere: text, and pictures that are PNG."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the sandbox brings torch along, which pages do without
    from autograder.sandbox import CellResult

MAX_TEXT = 20_000
MAX_PICTURE = 3 * 2**20
MAX_SIDE = 6000
MAX_OUTPUTS = 50

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")


def clean_text(text: object, limit: int = MAX_TEXT) -> str:
    """Text without escape sequences, control characters or direction marks, cut at `limit` with a word about it."""
    if not isinstance(text, str):
        return ""
    cut = text[: limit + 1].encode("utf-8", "replace").decode("utf-8")
    safe = _CONTROL.sub("", _ANSI.sub("", cut.replace("\r\n", "\n").replace("\r", "\n")))
    return safe if len(text) <= limit else safe[:limit] + "\n… (cut here)"


def clean_png(data: object) -> str | None:
    """Base64 of a PNG of sane size, without its text chunks' power to matter; None for anything else."""
    if not isinstance(data, str) or len(data) > MAX_PICTURE * 4 // 3 + 8:
        return None
    try:
        raw = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) < 33 or raw[:8] != b"\x89PNG\r\n\x1a\n" or raw[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", raw[16:24])
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        return None
    return base64.b64encode(raw).decode("ascii")


def clean_outputs(result: CellResult) -> list[dict[str, Any]]:
    """nbformat outputs of a cell: its streams, its texts and PNG pictures, its error as one line."""
    outputs: list[dict[str, Any]] = []
    for name, text in (("stdout", result.stdout), ("stderr", result.stderr)):
        if text:
            outputs.append({"output_type": "stream", "name": name, "text": clean_text(text)})
    for output in list(result.outputs)[:MAX_OUTPUTS]:
        data = _clean_data(output)
        if data:
            outputs.append({"output_type": "display_data", "data": data, "metadata": {}})
    if not result.ok:
        message = clean_text(result.error or f"stopped: {result.limit or 'unknown'}", 1000)
        outputs.append({"output_type": "error", "ename": "Error", "evalue": message, "traceback": [message]})
    return outputs


def _clean_data(output: object) -> dict[str, str]:
    data = output.get("data") if isinstance(output, dict) else None
    if not isinstance(data, dict):
        return {}
    kept: dict[str, str] = {}
    picture = clean_png(data.get("image/png"))
    if picture is not None:
        kept["image/png"] = picture
    if isinstance(data.get("text/plain"), str):
        kept["text/plain"] = clean_text(data["text/plain"])
    return kept
