"""What came out of a cell, reduced to text and pictures that are safe to keep. Student code wrote all of it."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
_PNG = b"\x89PNG\r\n\x1a\n"
MAX_OUTPUTS = 64
MAX_TRACEBACK = 200


def clean_text(text: str, limit: int) -> str:
    """`text` without escape sequences, control and direction characters (newline and tab stay), cut at `limit`."""
    plain = _CONTROL.sub("", _ANSI.sub("", text[: 2 * limit].replace("\r\n", "\n")))
    return plain if len(plain) <= limit else plain[:limit] + "…"


def clean_outputs(outputs: Any, room: int) -> list[dict[str, Any]] | None:
    """nbformat outputs with text/plain and image/png only, or None when `outputs` is not such a list."""
    if type(outputs) is not list or len(outputs) > MAX_OUTPUTS:
        return None
    cleaned = []
    for output in outputs:
        if type(output) is not dict or type(output.get("data")) is not dict:
            return None
        data, kind = output["data"], output.get("output_type")
        kept: dict[str, str] = {}
        text, picture = data.get("text/plain"), data.get("image/png")
        if type(text) is str:
            kept["text/plain"] = clean_text(text, room)
        if type(picture) is str and is_png(picture, room):
            kept["image/png"] = picture
        if kind not in ("display_data", "execute_result"):
            return None
        made: dict[str, Any] = {"output_type": kind, "data": kept, "metadata": {}}
        if kind == "execute_result":
            count = output.get("execution_count")
            made["execution_count"] = count if type(count) is int and 0 <= count < 10**6 else None
        cleaned.append(made)
    return cleaned


def is_png(text: str, room: int) -> bool:
    """Whether base64 `text` is strictly that, starts like a PNG and is at most `room` long."""
    if len(text) > room:
        return False
    try:
        return base64.b64decode(text.replace("\n", ""), validate=True).startswith(_PNG)
    except (binascii.Error, ValueError):
        return False


def error_output(error: Any) -> dict[str, Any] | None:
    """nbformat's error output from [type, text, traceback lines], or None when `error` is not that."""
    if type(error) is not list or len(error) != 3 or type(error[2]) is not list:
        return None
    name, text, lines = error
    if type(name) is not str or type(text) is not str or not all(type(line) is str for line in lines):
        return None
    name, text = clean_text(name, 100), clean_text(text, 2000)
    shown = [clean_text(line, 2000) for line in lines[:MAX_TRACEBACK]]
    return {"output_type": "error", "ename": name, "evalue": text, "traceback": [*shown, f"{name}: {text}"]}
