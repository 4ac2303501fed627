"""The student's work is put into the instructor's notebook, whatever happened to the cells on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder import inspection
from autograder.intake import StudentCell, StudentNotebook
from autograder.lessons import LessonSource
from autograder.rebuild import Rebuilt, rebuild
from autograder.release import released


@pytest.fixture(scope="module")
def sources(source: LessonSource) -> list[str]:
    return [str(cell.source) for cell in released(source).cells]


@pytest.fixture
def cells(source: LessonSource, sources: list[str]) -> list[StudentCell]:
    """What an untouched released notebook looks like when it comes back."""
    return [StudentCell(i.kind, sources[i.index], i.cell_id, i.grade_id) for i in source.cells]


def at(cells: list[StudentCell], grade_id: str) -> int:
    return next(i for i, cell in enumerate(cells) if cell.grade_id == grade_id)


def put(source: LessonSource, sources: list[str], cells: list[StudentCell], **more: str) -> Rebuilt:
    return rebuild(source, sources, StudentNotebook(tuple(cells), **more))


def running(rebuilt: Rebuilt) -> list[str]:
    return [cell.source for cell in rebuilt.cells if cell.runs]


def test_an_untouched_notebook_stays_what_it_is(
    source: LessonSource, sources: list[str], cells: list[StudentCell]
) -> None:
    rebuilt = put(source, sources, cells)
    assert [c.source for c in rebuilt.cells] == sources
    assert rebuilt.flags == ()
    assert rebuilt.doubt == ""


def test_tests_and_tagged_cells_never_run(source: LessonSource, sources: list[str], cells: list[StudentCell]) -> None:
    i = at(cells, "check_conv2d")
    cells[i] = replace(cells[i], source="mine = 1")
    rebuilt = put(source, sources, cells)
    assert not any("check(" in text or "mine" in text for text in running(rebuilt))
    assert not any(cell.runs for cell in rebuilt.cells if cell.info is not None and cell.info.skip)


def test_added_cells_run_where_they_stand(source: LessonSource, sources: list[str], cells: list[StudentCell]) -> None:
    cells.insert(at(cells, "conv2d"), StudentCell("code", "helper = 1", "h", None))
    cells.insert(0, StudentCell("code", "first = 1", "f", None))
    order = running(put(source, sources, cells))
    assert order[0] == "first = 1"
    assert order.index("helper = 1") == order.index(sources[source.by_grade_id["conv2d"].index]) - 1


def test_a_changed_cell_of_the_course_runs_in_both_forms(
    source: LessonSource, sources: list[str], cells: list[StudentCell]
) -> None:
    i = at(cells, "setup")
    cells[i] = replace(cells[i], source="import numpy")
    order = running(put(source, sources, cells))
    assert order.index("import numpy") == order.index(sources[source.by_grade_id["setup"].index]) + 1


def test_a_missing_cell_is_flagged_and_leaves_room(
    source: LessonSource, sources: list[str], cells: list[StudentCell]
) -> None:
    del cells[at(cells, "conv2d")]
    cells.append(StudentCell("code", "def conv2d(x): return x", "z", None))
    rebuilt = put(source, sources, cells)
    assert rebuilt.missing == {"conv2d"}
    assert "missing cell: conv2d" in rebuilt.flags
    assert not any("raise NotImplementedError" in text and "def conv2d(" in text for text in running(rebuilt))


def test_duplicates_all_run_and_the_last_counts(
    source: LessonSource, sources: list[str], cells: list[StudentCell]
) -> None:
    i = at(cells, "conv2d")
    cells[i : i + 1] = [replace(cells[i], source="first = 1"), replace(cells[i], source="second = 2")]
    rebuilt = put(source, sources, cells)
    order = running(rebuilt)
    assert order.index("second = 2") == order.index("first = 1") + 1
    assert rebuilt.answer("conv2d") == "second = 2"
    assert "duplicated cell: conv2d" in rebuilt.flags


def test_a_retyped_cell_gets_its_type_back(source: LessonSource, sources: list[str], cells: list[StudentCell]) -> None:
    i = at(cells, "conv2d")
    cells[i] = replace(cells[i], kind="markdown", source="x = 1")
    rebuilt = put(source, sources, cells)
    assert "x = 1" in running(rebuilt)
    assert any(flag.startswith("retyped") for flag in rebuilt.flags)


def test_only_the_moved_cell_is_named(source: LessonSource, sources: list[str], cells: list[StudentCell]) -> None:
    cells.insert(1, cells.pop(at(cells, "receptive_field")))
    rebuilt = put(source, sources, cells)
    assert rebuilt.flags == ("moved cells were put back: receptive_field",)
    assert [c.source for c in rebuilt.cells] == sources


def test_without_metadata_cells_are_found_by_their_ids(
    source: LessonSource, sources: list[str], cells: list[StudentCell]
) -> None:
    cells = [replace(cell, grade_id=None) for cell in cells]
    cells[source.by_grade_id["conv2d"].index] = replace(cells[source.by_grade_id["conv2d"].index], source="mine = 1")
    assert put(source, sources, cells).answer("conv2d") == "mine = 1"


def test_another_notebook_needs_a_person(source: LessonSource, sources: list[str], cells: list[StudentCell]) -> None:
    assert "99_other" in put(source, sources, cells, lesson="99_other").doubt
    assert "none of the lesson" in put(source, sources, [StudentCell("code", "x = 1", "", None)]).doubt
    assert "version 0.9" in put(source, sources, cells, version="0.9").flags[0]


@pytest.mark.parametrize(
    "text",
    [
        "import torch.nn.functional as F\nF.conv2d(x, w)",
        "from torch.nn.functional import conv2d as c\nc(x, w)",
        "import torch\ny = torch.nn.functional.conv2d",
        "from torch.nn import functional\nfunctional.conv2d(x)",
        "%matplotlib inline\nimport torch\ntorch.nn.functional.conv2d(x, w)",
    ],
)
def test_a_forbidden_function_is_found_through_its_aliases(text: str) -> None:
    assert inspection.uses(text, ["torch.nn.functional.conv2d"]) == ["torch.nn.functional.conv2d"]


@pytest.mark.parametrize(
    "text",
    ["def conv2d(x): return x\nconv2d(1)", "# F.conv2d", "x.conv2d()", "(" * 3000, "%%bash\nls", "0" * 300_000, "\0"],
)
def test_what_is_not_used_is_not_found(text: str) -> None:
    assert inspection.uses(text, ["torch.nn.functional.conv2d"]) == []


def test_a_stub_is_known() -> None:
    assert inspection.is_stub('def f(x):\n    """Doc."""\n    # YOUR CODE HERE\n    raise NotImplementedError()', "f")
    assert not inspection.is_stub("def f(x):\n    return x", "f")
    start = "class F(nn.Module):\n    def __init__(self):\n        super().__init__()\n        "
    assert inspection.is_stub(f"{start}raise NotImplementedError()", "F")
    assert not inspection.is_stub(f"{start}self.weight = 0\n        raise NotImplementedError()", "F")
    assert not inspection.is_stub(f"{start}raise NotImplementedError()\n    def g(self):\n        return 1", "F")
