"""What the widgets share: one inline script and style each, put together from files beside this one.

A widget's script must be a single text, because a static page opened from a file may not load modules. The files
are real ES modules all the same: `script` follows their relative imports, puts every file in once, before its users,
and drops the import lines.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

HERE = Path(__file__).parent
LIMIT = 100_000  # characters of script, and of style, that one widget may bring
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(?P<file>[\w.]+)";\n', re.MULTILINE)


def _read(name: str) -> str:
    path = HERE / name
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"widgets: {path} is missing; expected it beside _base.py. The installation is incomplete: "
            f"reinstall cnncourse from a complete checkout."
        ) from None


def _collect(name: str, done: list[str], parts: list[str]) -> None:
    if name in done:
        return
    done.append(name)
    source = _read(name)
    for match in _IMPORT.finditer(source):
        _collect(match["file"], done, parts)
    rest = _IMPORT.sub("", source)
    if re.search(r"^\s*import\b", rest, re.MULTILINE):
        raise ValueError(
            f"widgets: {name} has an import that is not of the form 'import {{ a, b }} from \"./file.js\";'"
        )
    parts.append(rest.strip())


def script(name: str) -> str:
    """The ES module `name` with every module that it imports, as one text without imports."""
    parts: list[str] = []
    _collect(name, [], parts)
    return _small(name, "\n\n".join(parts) + "\n")


def style(*names: str) -> str:
    """The shared style followed by the style sheets `names`."""
    return _small(names[-1], "".join(_read(name) for name in ("_base.css", *names)))


def _small(name: str, text: str) -> str:
    if len(text) > LIMIT:
        raise ValueError(f"widgets: {name} is {len(text):,} characters; expected at most {LIMIT:,}. Split the widget.")
    return text


def as_bytes(pixels: npt.NDArray[np.uint8]) -> str:
    """Pixels in row order as base64 text: what a widget stores of an image."""
    return base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode("ascii")


def whole(who: str, name: str, value: Any, low: int, high: int) -> int:
    """`value` as an int between low and high, or an error that says what was wrong."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(
            f"{who}: {name}={value!r} is a {type(value).__name__}; expected a whole number, e.g. {name}={low}."
        )
    if not low <= value <= high:
        raise ValueError(f"{who}: {name}={value}; expected {low} to {high}. Choose a value in that range.")
    return int(value)


def number(who: str, name: str, value: Any, low: float, high: float) -> float:
    """`value` as a float between low and high, or an error that says what was wrong."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{who}: {name}={value!r} is a {type(value).__name__}; expected a number, e.g. {name}={low:g}.")
    if not low <= value <= high:
        raise ValueError(f"{who}: {name}={value:g}; expected {low:g} to {high:g}. Choose a number in that range.")
    return float(value)


def yes_or_no(who: str, name: str, value: Any) -> bool:
    """`value` if it is True or False, or an error that says what was wrong."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{who}: {name}={value!r} is a {type(value).__name__}; expected True or False.")
    return bool(value)


def as_array(who: str, name: str, value: Any) -> npt.NDArray[np.float64]:
    """Numbers in a list, array or tensor as a float array, or an error that says what was wrong."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    try:
        if value is None:
            raise TypeError
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"{who}: {name} is a {type(value).__name__} that is no array of numbers; "
            f"expected rows of numbers, e.g. {name}=[[0, 1], [1, 0]]."
        ) from None
    if not np.isfinite(array).all():
        raise ValueError(f"{who}: {name} holds NaN or infinity; expected finite numbers. Replace them first.")
    return array


def one_of(who: str, name: str, value: str, known: Any) -> str:
    """`value` if it is among the known names, or an error that lists them."""
    if value not in known:
        raise ValueError(f"{who}: {name}={value!r} is unknown; expected one of {', '.join(map(repr, known))}.")
    return value
