"""What the tests of the autograder share: where the lesson lies, folders as hashes, the graded class."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.run import Options, Summary

ROOT = Path(__file__).resolve().parents[2]
LESSONS = ROOT / "lessons"
LESSON = "01_convolution"
SEED = 20260121


def digest(folder: Path) -> dict[str, str]:
    """What lies in a folder, byte for byte; links as links."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = f"link to {path.readlink()}"
        elif path.is_file():
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def without_time(results: dict[str, Any]) -> dict[str, Any]:
    """results.json without what differs between two runs of the same thing."""
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in results["submissions"]]
    return {
        "lesson": results["lesson"],
        "seed": results["seed"],
        "sandboxed": results["sandboxed"],
        "submissions": rows,
    }


@dataclass(frozen=True)
class Graded:
    """The graded class."""

    submitted: Path
    out: Path
    truth: dict[str, Any]
    before: dict[str, str]
    summary: Summary

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["student"]: row for row in self.summary.submissions}

    def of_kind(self, kind: str) -> list[str]:
        return [name for name, expected in self.truth["students"].items() if expected["kind"] == kind]

    def options(self, **changes: Any) -> Options:
        fields = {"lesson": LESSON, "submitted": self.submitted, "out": self.out, "lessons": LESSONS, "workers": 2}
        return Options(**{**fields, **changes})
