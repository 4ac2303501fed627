"""A program for the tests to kill: writes a class's results batch by batch, as a run does, without grading anything.

Arguments: the workspace, a folder for the lesson, the number of students. What has a record already is left alone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from store_helpers import lesson, record

from autograder.engine_batch import Batch, record_path
from autograder.store import Store


def results(number: int) -> list[dict[str, Any]]:
    """Records of different scores, some of them in doubt."""
    more = {"cells": [], "reason": "", "flags": [], "key": "k", "max_score": 21.0, "score": 0.0}
    states = ("graded", "graded", "needs_person")
    made = []
    for i in range(number):
        one = record(f"student{i:03d}", (i % 9) / 4, status=states[i % 3]) | more
        one["exercises"] = [e | {"hint": "", "verdict": "fail"} for e in one["exercises"]]
        made.append(one)
    return made


def main(out: Path, folder: Path, number: int) -> None:
    """Write what is not there yet."""
    source = lesson(folder)
    out.mkdir(parents=True, exist_ok=True)
    kit: Any = SimpleNamespace(source=source, released=tuple(cell.source for cell in source.notebook.cells))
    with Store(out, source, due="2026-01-30T11:00+00:00") as store:
        known = store.students()
        batch = Batch(out, kit, store, lambda record: print(record["student"], flush=True))
        for one in results(number):
            path = record_path(out, source.name, one["student"])
            if path.exists() and one["student"] in known:
                continue
            batch.add(one)
            batch.flush_if_due()
        batch.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
