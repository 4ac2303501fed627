"""Five thousand notebooks cost as much apiece as a hundred, in seconds and in memory. For `make soak`."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from grading_helpers import ROOT

SIZES = (100, 1000, 5000)
MOST_MB = 1500.0


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The benchmark's script, whose light lesson and classes serve here too."""
    folder = str(ROOT / "tests" / "benchmarks")
    sys.path.insert(0, folder)
    try:
        return import_module("grading")
    finally:
        sys.path.remove(folder)


@pytest.mark.soak
@pytest.mark.sandbox
@pytest.mark.timeout(7200)
def test_cost_and_memory_are_flat_in_the_size_of_the_class(bench: ModuleType, tmp_path: Path) -> None:
    """The coordinator's CPU seconds of a submission, and everybody's memory: ratios in one run, on any machine."""
    bench.register_light()
    bench.write_light(tmp_path / "lessons")
    found: dict[int, dict[str, Any]] = {}
    for number in SIZES:
        submitted, out = tmp_path / f"class{number}", tmp_path / f"out{number}"
        bench.make_class(bench.LIGHT, tmp_path / "lessons", number, submitted)
        found[number] = json.loads(bench.again("whole", bench.LIGHT, tmp_path / "lessons", submitted, out, 2))
        assert found[number]["statuses"] == {"graded": number}
        assert len(list((out / "records" / bench.LIGHT).glob("*.json"))) == number
    first, last = found[SIZES[0]], found[SIZES[-1]]
    shown = json.dumps(found, indent=1)
    assert last["all_mb"] < MOST_MB, shown
    assert last["coordinator_mb"] < first["coordinator_mb"] + 100, shown
    # the coordinator's start is shared by 50 times as many; what each costs beyond it must not grow
    assert last["coordinator_cpu"] < found[1000]["coordinator_cpu"] * 1.3, shown
    assert last["mean_score"] == pytest.approx(first["mean_score"], rel=0.1), shown
