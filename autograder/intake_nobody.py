"""Words for an instructor in whose folder, zip or exchange nobody has handed in the lesson."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from pathlib import Path

from autograder import intake_exchange
from autograder.errors import AutograderError
from autograder.intake import printable

LOOKED_AT = 1000
LISTED = 5


def nobody(submitted: Path, lesson: str) -> AutograderError:
    """Why there is nothing to grade: what was expected where, and the lessons that lie there instead."""
    what = f"nobody handed in {lesson}: "
    if submitted.is_file():
        return AutograderError(
            f"{what}no submission in the zip {submitted}", "give the zip of all submissions of this assignment"
        )
    inbound = _inbound(submitted, lesson)
    if inbound is not None:
        names = (path.name.rsplit("+", 3) for path in _inside(inbound))
        others = _others(pieces[1] for pieces in names if len(pieces) >= 3)
        return AutograderError(
            f"{what}no folder of that lesson in the exchange {inbound}{others}",
            f"expected {inbound}/<student>+{lesson}+<time>: is the lesson's name spelt as it was released?",
        )
    folders = (path for student in _inside(submitted) if student.is_dir() for path in _inside(student))
    others = _others(path.name for path in folders if (path / f"{path.name}.ipynb").is_file())
    return AutograderError(
        f"{what}no student's folder below {submitted} holds it{others}",
        f"expected {submitted}/<student>/{lesson}/{lesson}.ipynb; or give a zip from Moodle or Canvas, as it was "
        "downloaded, or nbgrader's exchange",
    )


def _inbound(submitted: Path, lesson: str) -> Path | None:
    """The exchange's folder, be it empty or full of other lessons."""
    empty = (folder for folder in (submitted, submitted / "inbound") if folder.name == "inbound" and folder.is_dir())
    return next(empty, None) or intake_exchange.inbound(submitted, lesson)


def _inside(folder: Path) -> list[Path]:
    if folder.is_symlink() or not os.access(folder, os.R_OK | os.X_OK) or not folder.is_dir():
        return []
    return sorted(itertools.islice(folder.iterdir(), LOOKED_AT))


def _others(names: Iterable[str]) -> str:
    found = sorted(set(names))
    if not found:
        return ""
    listed = ", ".join(printable(name, 40) for name in found[:LISTED])
    return f"; there is {listed}{' …' if len(found) > LISTED else ''}"
