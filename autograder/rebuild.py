"""The notebook that is graded: the instructor's, with the student's work put into it.

Rules, so that nobody has to guess (each one that applies is reported as a flag):

- Points, types, order, tags and the instructor's own cells come from the instructor's notebook.
- A student's cell finds its place by grade_id; where an editor dropped that, by the cell's id.
- Cells that the student added run too, each after the instructor's cell that stands before it.
- An instructor's cell that the student changed: the instructor's form runs, then the student's, as an added cell.
- *Missing* solution cell: nothing is put in its place, so a function defined elsewhere still counts.
- *Duplicated* grade_id (copied or split cells): all of them run, in order, and the last stands for the answer, as
  in the student's own kernel. Of a written answer all copies are shown to the person who reads it.
- *Retyped* cell: gets its type back and keeps its text.
- *Moved* cell: goes back to where it belongs.
- Test cells are never taken from the student; where theirs are missing, changed or doubled, a flag says so.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from autograder import reaching
from autograder.intake import StudentCell, StudentNotebook
from autograder.lessons import CellInfo, LessonSource

MAX_REACHES = 12


@dataclass(frozen=True)
class RebuiltCell:
    """One cell of the rebuilt notebook.

    `origin`: "course" (instructor's), "answer" (student's text in the instructor's cell), "added" (student's), "test".
    """

    kind: str
    source: str
    origin: str
    info: CellInfo | None = None

    @property
    def runs(self) -> bool:
        """Whether the jail executes it: code that is neither a test nor tagged `skip-grading`."""
        return self.kind == "code" and self.origin != "test" and not (self.info is not None and self.info.skip)


@dataclass(frozen=True)
class Rebuilt:
    """The cells in order, what was odd, grade_ids without an answer, and a reason to have a person look (or "")."""

    cells: tuple[RebuiltCell, ...]
    flags: tuple[str, ...]
    missing: frozenset[str]
    doubt: str = ""

    def answer(self, grade_id: str) -> str | None:
        """The student's text in the cell `grade_id`, None when it is missing."""
        for cell in self.cells:
            if cell.origin == "answer" and cell.info is not None and cell.info.grade_id == grade_id:
                return cell.source
        return None


def rebuild(source: LessonSource, released_sources: Sequence[str], student: StudentNotebook) -> Rebuilt:
    """Put `student`'s work into the instructor's notebook.

    `released_sources` are the sources of the released copy, cell by cell: what the student began with.
    """
    if len(released_sources) != len(source.cells):
        raise ValueError(
            f"rebuild: {len(released_sources)} released sources for {len(source.cells)} cells; expected one each"
        )
    flags = list(student.flags)
    places = _match(source, released_sources, student.cells)
    _report_moves(source, places, flags)
    if not source.version or student.version in (None, source.version):
        _report_tests(source, released_sources, student.cells, places, flags)
    taken = _answers(source, student.cells, places, flags)
    added = _added(source, released_sources, student.cells, places, taken)
    cells: list[RebuiltCell] = [*added[-1]]
    missing: set[str] = set()
    for info in source.cells:
        cells.append(_place(info, released_sources[info.index], student.cells, taken, missing, flags))
        cells.extend(added[info.index])
    flags.extend(_reaching(cells))
    doubt = _doubt(source, student, missing)
    if source.version and student.version and student.version != source.version and not doubt:
        flags.append(f"made from version {student.version} of the lesson, graded as version {source.version}")
    return Rebuilt(tuple(cells), tuple(flags), frozenset(missing), doubt)


def _match(source: LessonSource, released: Sequence[str], cells: Sequence[StudentCell]) -> list[int | None]:
    """For each student's cell the index of the instructor's cell it stands for, or None."""
    by_id = {info.cell_id: info.index for info in source.cells if info.cell_id}
    known = {info.index for info in source.cells if info.grade_id}
    by_text = {text: i for i, text in reversed(list(enumerate(released))) if text.strip() and i not in known}
    places: list[int | None] = []
    for cell in cells:
        if cell.grade_id in source.by_grade_id:
            places.append(source.by_grade_id[cell.grade_id].index)
        elif cell.cell_id in by_id:
            places.append(by_id[cell.cell_id])
        else:
            places.append(by_text.get(cell.source))
    return places


def _report_moves(source: LessonSource, places: Sequence[int | None], flags: list[str]) -> None:
    found = [place for place in places if place is not None]
    counts = Counter(found)
    stayed = set(_longest_rise(found))
    names = (source.cells[place].grade_id for place in found if place not in stayed and counts[place] == 1)
    moved = [name for name in names if name is not None]
    if moved:
        flags.append(f"moved cells were put back: {', '.join(moved)}")


def _report_tests(
    source: LessonSource,
    released: Sequence[str],
    cells: Sequence[StudentCell],
    places: Sequence[int | None],
    flags: list[str],
) -> None:
    there: dict[int | None, list[StudentCell]] = defaultdict(list)
    for cell, place in zip(cells, places, strict=True):
        there[place].append(cell)
    odd = [
        str(info.grade_id)
        for info in source.cells
        if info.is_test
        and [(c.kind, c.source.strip()) for c in there[info.index]] != [("code", released[info.index].strip())]
    ]
    if odd:
        flags.append(f"test cells that are not the course's: {', '.join(odd)}; the course's own were used")


def _longest_rise(numbers: Sequence[int]) -> list[int]:
    """The longest strictly rising subsequence: the cells that need not have moved."""
    ends: list[int] = []  # ends[k]: position of the smallest number that ends a rise of length k + 1
    before: list[int | None] = []
    for i, number in enumerate(numbers):
        k = bisect_left(ends, number, key=lambda at: numbers[at])
        before.append(ends[k - 1] if k else None)
        ends[k : k + 1] = [i]
    rise: list[int] = []
    at = ends[-1] if ends else None
    while at is not None:
        rise.append(numbers[at])
        at = before[at]
    return rise[::-1]


def _answers(
    source: LessonSource, cells: Sequence[StudentCell], places: Sequence[int | None], flags: list[str]
) -> dict[int, int]:
    """Which student's cell answers which instructor's cell (the last of several), with a flag for each duplicate."""
    taken: dict[int, int] = {}
    for i, place in enumerate(places):
        if place is None or not _is_answer(source.cells[place]):
            continue
        if place in taken and f"duplicated cell: {source.cells[place].grade_id}" not in flags:
            flags.append(f"duplicated cell: {source.cells[place].grade_id}")
        taken[place] = i
    return taken


def _is_answer(info: CellInfo) -> bool:
    return info.solution or info.task


def _added(
    source: LessonSource,
    released: Sequence[str],
    cells: Sequence[StudentCell],
    places: Sequence[int | None],
    taken: dict[int, int],
) -> dict[int, list[RebuiltCell]]:
    """The student's own cells, by the index of the instructor's cell they follow (-1: before the first).

    Earlier copies of a duplicated answer stand before the answer, where they ran in the student's kernel.
    """
    added: dict[int, list[RebuiltCell]] = defaultdict(list)
    anchor = -1
    for i, (cell, place) in enumerate(zip(cells, places, strict=True)):
        if place is None:
            if cell.source.strip():
                added[anchor].append(RebuiltCell(cell.kind, cell.source, "added"))
            continue
        info = source.cells[place]
        if _is_answer(info):
            if taken[place] != i:
                added[place - 1].append(RebuiltCell(info.kind, cell.source, "added"))
                continue
        elif not info.is_test and not info.skip and cell.kind == "code" and cell.source != released[place]:
            added[place].append(RebuiltCell("code", cell.source, "added"))
        anchor = place
    return added


def _place(
    info: CellInfo,
    released: str,
    cells: Sequence[StudentCell],
    taken: dict[int, int],
    missing: set[str],
    flags: list[str],
) -> RebuiltCell:
    if info.is_test:
        return RebuiltCell(info.kind, released, "test", info)
    if not _is_answer(info):
        return RebuiltCell(info.kind, released, "course", info)
    if info.index not in taken:
        missing.add(str(info.grade_id))
        flags.append(f"missing cell: {info.grade_id}")
        note = "This cell was missing from the submission."
        return RebuiltCell(info.kind, f"# {note}" if info.kind == "code" else f"*{note}*", "course", info)
    cell = cells[taken[info.index]]
    if cell.kind != info.kind:
        flags.append(f"retyped cell ({cell.kind} for {info.kind}): {info.grade_id}")
    return RebuiltCell(info.kind, cell.source, "answer", info)


def _reaching(cells: Sequence[RebuiltCell]) -> list[str]:
    """What a person should look at in the student's own code, although the jail gives it nothing."""
    own = [cell.source for cell in cells if cell.kind == "code" and cell.origin in ("added", "answer")]
    found = sorted({what for text in own for what in reaching.reaches(text)})
    return [f"reaches beyond the exercises ({what}): read the code" for what in found[:MAX_REACHES]]


def _doubt(source: LessonSource, student: StudentNotebook, missing: set[str]) -> str:
    """Why this may not be the lesson it is handed in as; "" when there is no doubt."""
    if student.lesson is not None and student.lesson != source.name:
        return f"the notebook says it belongs to the lesson {student.lesson}"
    wanted = [info for info in source.cells if _is_answer(info)]
    if wanted and len(missing) == len(wanted):
        return "none of the lesson's cells is in the notebook"
    return ""
