"""Every attack that `simulate` knows, graded: no point, no leak, nobody beside it harmed, nothing left running."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest
from grading_helpers import LESSON, LESSONS, digest

from autograder.attacks import ATTACKS
from autograder.lessons import LessonSource
from autograder.run import Options, grade_class, record_path
from autograder.simulate import Classroom, write

pytestmark = pytest.mark.sandbox


def jails() -> set[int]:
    """Jails that this process has started and that are still there (another test's fixture may keep one open)."""
    children = psutil.Process().children(recursive=True)
    return {p.pid for p in children if p.is_running() and "bwrap" in p.name()}


def test_no_attack_earns_a_point(source: LessonSource, tmp_path: Path) -> None:
    submitted, out = tmp_path / "submitted", tmp_path / "out"
    room = Classroom(source, 3)
    # the sandbox's tests wait for the endless one
    fast = [i for i, attack in enumerate(ATTACKS) if attack.name != "never_return"]
    for i in fast:
        write(room.student(f"{ATTACKS[i].name}", "attack", i), submitted, LESSON)
    write(room.student("zzz_honest", "right"), submitted, LESSON)
    before, others = digest(submitted), jails()
    summary = grade_class(Options(LESSON, submitted, out, workers=1, seed=3, lessons=LESSONS))
    rows = {row["student"]: row for row in summary.submissions}
    honest = rows.pop("zzz_honest")
    assert honest["score"] == honest["max_score"]
    assert {name: row["score"] for name, row in rows.items()} == dict.fromkeys(rows, 0)
    assert digest(submitted) == before
    assert jails() <= others
    said = {name: json.loads(record_path(out, LESSON, name).read_text()) for name in rows}
    shown = {name: json.dumps([cell["outputs"] for cell in record["cells"]]) for name, record in said.items()}
    assert "FOUND []" in shown["search_the_disk"]
    assert "CONNECTED" not in shown["use_the_network"]
    assert "SEEN [" not in shown["tell_the_inputs"]
    assert "tensor(" not in json.dumps(said["tell_the_inputs"]["exercises"])
    outputs = [o for cell in said["script_in_the_output"]["cells"] for o in cell["outputs"]]
    assert not any({"text/html", "application/javascript"} & set(o.get("data", {})) for o in outputs)
