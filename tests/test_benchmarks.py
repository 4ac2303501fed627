"""The table of the benchmarks says what was measured, and says so where an aim is missed."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILE = Path(__file__).parent / "benchmarks" / "table.py"


@pytest.fixture(scope="module")
def table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_table", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measured(**seconds: tuple[float, float | None]) -> dict[str, Any]:
    return {
        "datetime": "2026-01-02T03:04:05", "machine_info": {"cpu": {"brand_raw": "A Processor"}},
        "benchmarks": [
            {"group": "pool [cpu]", "extra_info": {"who": who, "aim": aim}, "stats": {"median": median}}
            for who, (median, aim) in seconds.items()
        ],
    }  # fmt: skip


def test_ratio_and_aim(table: ModuleType) -> None:
    found = table.rows(measured(torch=(0.002, None), layers=(0.005, 2.0), windows=(0.003, None)))
    assert [(row["who"], row["ratio"], row["reached"]) for row in found] == [
        ("layers", pytest.approx(2.5), False), ("windows", pytest.approx(1.5), True)]  # fmt: skip
    lines = table.table(found).splitlines()
    assert lines[2] == "| pool | `layers` | 2.00 | 5.00 | 2.50 | 2, **missed** |"
    assert lines[3] == "| pool | `windows` | 2.00 | 3.00 | 1.50 |  |"


def test_the_page_names_date_and_machine(table: ModuleType, tmp_path: Path) -> None:
    source, memory, to = tmp_path / "b.json", tmp_path / "m.md", tmp_path / "page.md"
    source.write_text(json.dumps(measured(torch=(0.002, None), layers=(0.003, 2.0))))
    memory.write_text("| memory |")
    assert table.main([str(source), "--memory", str(memory), "--to", str(to)]) == 0
    text = to.read_text()
    for said in ("2026-01-02", "A Processor", "torch 2.", "| pool | `layers` | 2.00 | 3.00 | 1.50 | 2 |", "| memory |"):
        assert said in text


def test_what_cannot_be_compared_is_refused(table: ModuleType, tmp_path: Path) -> None:
    source = tmp_path / "b.json"
    for text in ("{", "{}", json.dumps(measured(layers=(0.003, None)))):
        source.write_text(text)
        with pytest.raises(SystemExit) as end:
            table.main([str(source), "--to", str(tmp_path / "page.md")])
        assert end.value.code == 2
    assert not (tmp_path / "page.md").exists()
