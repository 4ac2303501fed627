"""Notebook files as weapons: too much of everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from grading_helpers import LESSON

from autograder import inspection
from autograder.intake import MAX_BYTES, collect
from autograder.reaching import reaches

NOTEBOOK = f"{LESSON}.ipynb"
EMPTY = '{"nbformat": 4, "cells": [%s], "x": %s}'
BOMBS = {  # text of the file as a Python expression, and what is said about it; "" where it is read
    "a million cells": ("EMPTY % (','.join(['{}'] * 1_000_000), '0')", "1000002 parts; at most 1000000"),
    "cells up to the size": ("EMPTY % (','.join(['{\"source\": \"\"}'] * 900_000), '0')", "900000 cells; at most 2000"),
    "deep lists": ("EMPTY % ('', '[' * 200_000 + ']' * 200_000)", "nested too deeply"),
    "deep objects": ("EMPTY % ('', '{\"a\":' * 200_000 + '1' + '}' * 200_000)", "nested too deeply"),
    "many objects": ("EMPTY % ('', '[' + '{\"a\":1,\"b\":2,\"c\":3},' * 999_000 + '1]')", ""),
    "many numbers": ("EMPTY % ('', '[' + '1.5,' * 5_000_000 + '1]')", ""),
    "one long string": ("EMPTY % ('', '\"\\U0001F600' + 'a' * 20_000_000 + '\"')", ""),
    "a long number": ("EMPTY % ('', '9' * 1_000_000)", "not valid JSON"),
    "nothing but zeros": ("'\\0' * 5_000_000", "not valid JSON"),
}
READ = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1_200_000_000, 1_200_000_000))
resource.setrlimit(resource.RLIMIT_CPU, (40, 40))
from autograder.intake import Unreadable, parse
EMPTY = {empty!r}
data = ({text}).encode("utf-8")
assert len(data) <= {most}, len(data)
try:
    parse(data)
except Unreadable as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_or_read_within_a_gigabyte(name: str) -> None:
    text, reason = BOMBS[name]
    program = READ.format(empty=EMPTY, text=text, most=MAX_BYTES)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stderr[-500:]
    assert reason in run.stdout
    assert bool(reason) == bool(run.stdout)


def test_a_hundred_megabytes_of_outputs_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "submitted" / "ada" / LESSON / NOTEBOOK
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.write(b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "", "outputs": [{"text": "')
        file.truncate(100 * 2**20)
    (entry,) = collect(tmp_path / "submitted", LESSON)
    assert entry.data is None
    assert entry.reason == f"{NOTEBOOK} has 100.0 MB; at most 20 MB are read"


DEEP = (
    *("a" + ".b" * 400, "-" * 900 + "1", "f" + "()" * 900, "(" * 150 + ")" * 150, "[" * 5000),
    *("-" * 50_000 + "1", "f" + "()" * 50_000),  # Python's own parser gives up on these, each in its own way
)


@pytest.mark.parametrize("deep", DEEP, ids=[f"{text[:3]} × {len(text)}" for text in DEEP])
def test_deep_code_is_read_without_a_stack(deep: str) -> None:
    """None of these may end in an exception of the grader's own."""
    for text in (f"def f(x):\n    raise {deep}", f"import a\nb = {deep}", f"f = getattr({deep}, 'x')"):
        assert not inspection.is_stub(text, "f")
        assert inspection.uses(text, ["torch.nn"]) == []
        inspection.hides(text)
        inspection.defines(text, "f")
        assert reaches(text) == ()
