"""A class that does not exist: right answers, catalogued mistakes, blanks, late ones, damaged files, attacks.

Everything comes from the lesson itself (its solution, its catalogue of mistakes) and a seed, so a class of any size
can be made anywhere, always the same. Beside the submissions, never inside them, lies the truth: who is what, and what
grading must say about them. `DIR.truth.json` is about the lesson made last (as `results.json` is about the one graded
last), `DIR.truth/LESSON.json` about each: the same students may hand in several lessons.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nbformat.notebooknode import NotebookNode

from autograder import damage, notebooks
from autograder.attacks import ATTACKS
from autograder.errors import AutograderError
from autograder.files import write_json
from autograder.lessons import LessonSource
from autograder.release import released
from cnncourse.checks import load
from cnncourse.checks.core import Lesson, Mistake

DUE = datetime(2026, 1, 30, 23, 0, tzinfo=UTC)

# Thirty students hold every kind; more of them go round again.
CYCLE = (
    *("right", "mistakes", "damage", "mistakes", "figure", "attack", "mistakes", "blank", "damage", "late"),
    *("mistakes", "damage", "added", "attack", "mistakes", "damage", "partial", "mistakes", "damage", "attack"),
    *("damage", "mistakes", "damage", "late_mistakes", "mistakes", "damage", "attack", "damage", "mistakes", "damage"),
)
NAMES = (
    *("amara", "benoit", "chiara", "dmitri", "elif", "farid", "greta", "hiro", "ines", "jonas", "kavya", "liam", "mei"),
    *("nadia", "omar", "paula", "quentin", "rosa", "sven", "tariq", "uma", "viktor", "wanda", "xenia", "yusuf", "zoe"),
)
_MARKER = re.compile(r"^\s*#+\s*(BEGIN|END) SOLUTION\s*$")
ADDED_CELL = (
    "import math\n\n\ndef double(value):\n    return 2 * value\n\n\nprint('my own test:', double(21), math.pi)\n"
)
FIGURE_CELL = (
    "import matplotlib.pyplot as plt\n\n"
    "plt.figure(figsize=(4, 2.5))\n"
    "plt.plot([0, 1, 2, 3], [0, 1, 4, 9], marker='o')\n"
    "plt.xlabel('kernel side')\nplt.ylabel('products per window')\nplt.show()\n"
)
ANSWER = "In my own words: it depends on the case, as the examples above show, and the tempting answer forgets that."


@dataclass
class Student:
    """One invented student: what is handed in, and what grading must come to."""

    name: str
    kind: str
    notebook: NotebookNode
    handed_in: datetime
    expected: dict[str, Any]
    damage: str | None = None
    files: dict[str, bytes] = field(default_factory=dict)


class Classroom:
    """Makes students of a lesson, one after another, in a fixed order for a seed."""

    def __init__(self, source: LessonSource, seed: int = 0) -> None:
        self.source = source
        self.lesson: Lesson = load(source.name)
        self._released = released(source)
        self._random = random.Random(f"{source.name} {seed}")
        self._solutions = {e.name: solution(source, e.name) for e in self.lesson.exercises}
        self._wrong = [(e.name, m) for e in self.lesson.exercises for m in e.mistakes if m.source]
        self._random.shuffle(self._wrong)
        self._common = self._wrong[:5]  # a few mistakes are made by many, as in a real class
        self._used = 0

    def students(self, number: int) -> Iterator[Student]:
        """The first `number` students."""
        damages, attacks = 0, 0
        for i in range(number):
            kind = CYCLE[i % len(CYCLE)]
            name = f"{NAMES[i % len(NAMES)]}{i + 1:02d}"
            variant = {"damage": damages, "attack": attacks}.get(kind, i)
            damages += kind == "damage"
            attacks += kind == "attack"
            yield self.student(name, kind, variant)

    def student(self, name: str, kind: str, variant: int = 0) -> Student:
        """One student of a kind; `variant` picks the damage or the attack."""
        make: Callable[[str, int], Student] | None = getattr(self, f"_{kind}", None)
        if make is None:
            raise ValueError(f"student: kind is {kind!r}; expected one of {', '.join(sorted(set(CYCLE)))}")
        return make(name, variant)

    def _make(self, name: str, kind: str, answers: dict[str, str], **expected: Any) -> Student:
        notebook = copy.deepcopy(self._released)
        for cell in notebook.cells:
            meta = cell.metadata.get("nbgrader", {})
            if meta.get("solution") and cell.cell_type == "code" and meta["grade_id"] in answers:
                cell.source = answers[meta["grade_id"]]
            elif meta.get("solution") and cell.cell_type == "markdown" and kind != "blank":
                cell.source = ANSWER
            if cell.cell_type == "code" and kind != "blank":
                cell.execution_count = self._random.randint(1, 60)
        done = {e.name: {"verdict": "pass" if e.name in answers else "missing"} for e in self.lesson.exercises}
        before = timedelta(hours=self._random.randint(1, 90), minutes=self._random.randint(0, 59))
        truth = {"kind": kind, "status": "graded", "exercises": done, "late": False, "flag": "", **expected}
        return Student(name, kind, notebook, DUE - before, truth)

    def _right(self, name: str, variant: int) -> Student:
        return self._make(name, "right", {n: vary(s, variant) for n, s in self._solutions.items()})

    def _figure(self, name: str, variant: int) -> Student:
        student = self._make(name, "figure", dict(self._solutions))
        student.notebook.cells.append(notebooks.cell("code", FIGURE_CELL, "own-figure"))
        return student

    def _added(self, name: str, variant: int) -> Student:
        """Moves a helper out of an answer into a cell of their own, as many do."""
        exercise = self.lesson.exercises[0].name
        answers = {**self._solutions, exercise: f"{exercise} = _{exercise}_in_my_cell"}
        helper = re.sub(rf"\b{exercise}\b", f"_{exercise}_in_my_cell", self._solutions[exercise])
        student = self._make(name, "added", answers)
        at = next(i for i, c in enumerate(student.notebook.cells) if c.source == answers[exercise])
        student.notebook.cells.insert(at, notebooks.cell("code", helper, "own-helper"))
        student.notebook.cells.append(notebooks.cell("code", ADDED_CELL, "own-test"))
        return student

    def _mistakes(self, name: str, variant: int) -> Student:
        wrong = self._next_mistakes(1 + variant % 3)
        answers = {**self._solutions, **{exercise: m.source.strip("\n") + "\n" for exercise, m in wrong.items()}}
        student = self._make(name, "mistakes", answers)
        for exercise in self._leaning_on(set(wrong)):
            student.expected["exercises"][exercise] = {"verdict": "depends"}
        for exercise, mistake in wrong.items():
            student.expected["exercises"][exercise] = {"verdict": "wrong", "mistake": mistake.name}
        return student

    def _leaning_on(self, names: set[str]) -> set[str]:
        """Exercises whose solution calls one of `names`, directly or through another: their verdict follows."""
        reached = set(names)
        for _ in self._solutions:
            calls = re.compile(rf"\b({'|'.join(sorted(reached))})\(")
            reached |= {n for n, text in self._solutions.items() if calls.search(text.replace(f"def {n}(", ""))}
        return reached

    def _next_mistakes(self, number: int) -> dict[str, Mistake]:
        """Up to `number` mistakes in different exercises: a common one among several, then the next of the rest."""
        if not self._wrong:
            raise AutograderError(f"{self.lesson.name} has no catalogued mistakes with a source", "add Mistake.source")
        chosen = dict(self._random.sample(self._common, 1)) if number > 1 else {}
        fresh = 0
        for step in range(len(self._wrong)):
            exercise, mistake = self._wrong[(self._used + step) % len(self._wrong)]
            if exercise in chosen or len(chosen) == number:
                break
            chosen[exercise] = mistake
            fresh += 1
        self._used = (self._used + fresh) % len(self._wrong)
        return chosen or dict([self._wrong[self._used]])

    def _blank(self, name: str, variant: int) -> Student:
        return self._make(name, "blank", {})

    def _partial(self, name: str, variant: int) -> Student:
        half = dict(list(self._solutions.items())[: max(1, len(self._solutions) // 2)])
        return self._make(name, "partial", half)

    def _late(self, name: str, variant: int) -> Student:
        student = self._right(name, variant)
        return self._make_late(student)

    def _late_mistakes(self, name: str, variant: int) -> Student:
        return self._make_late(self._mistakes(name, variant))

    def _make_late(self, student: Student) -> Student:
        student.kind = student.expected["kind"] = "late"
        student.handed_in = DUE + timedelta(hours=self._random.randint(1, 60))
        student.expected["late"] = True
        return student

    def _attack(self, name: str, variant: int) -> Student:
        attack = ATTACKS[variant % len(ATTACKS)]
        names = [e.name for e in self.lesson.exercises]
        answers = {n: attack.answer.format(name=n) for n in names} if attack.answer else {}
        student = self._make(name, "attack", answers, attack=attack.name)
        student.expected["exercises"] = {n: {"verdict": "none"} for n in names}
        student.expected["flag"] = attack.seen or attack.flagged
        if attack.flagged:
            student.expected.update(status="needs_person", reason=attack.flagged)
        if attack.cell:
            student.notebook.cells.insert(0, notebooks.cell("code", attack.cell, "own-first"))
        return student

    def _damage(self, name: str, variant: int) -> Student:
        student = self._make(name, "damage", dict(self._solutions))
        return damage.apply(student, damage.DAMAGES[variant % len(damage.DAMAGES)], self.lesson)


def solution(source: LessonSource, exercise: str) -> str:
    """The instructor's solution of an exercise, without nbgrader's markers."""
    info = source.by_grade_id.get(exercise)
    if info is None or not info.solution:
        raise AutograderError(
            f"{source.name} has no solution cell with the grade_id {exercise!r}",
            "name solution cells as their function",
        )
    return "\n".join(line for line in info.source.split("\n") if not _MARKER.match(line))


def vary(source: str, variant: int) -> str:
    """The same program, written a little differently."""
    if variant % 3 == 1:
        return "# my solution\n" + source + "\n\n# done\n"
    if variant % 3 == 2:
        return "import torch  # noqa\nimport math  # noqa\n\n" + source
    return source


def simulate(source: LessonSource, number: int, to: Path, seed: int = 0) -> Path:
    """Write a class of `number` students below `to` and its truth beside it; returns the path of the truth.

    A class that has handed in other lessons hands in this one too: the same names, as far as the numbers agree.
    """
    if number < 1:
        raise AutograderError(f"a class of {number} students", "give --students a positive number")
    path, each = to.with_name(f"{to.name}.truth.json"), to.with_name(f"{to.name}.truth")
    _room(source.name, to, path)
    truth: dict[str, Any] = {"lesson": source.name, "seed": seed, "due": DUE.isoformat(), "students": {}}
    for student in Classroom(source, seed).students(number):
        write(student, to, source.name)
        truth["students"][student.name] = student.expected
    for file in (each / f"{source.name}.json", path):
        write_json(file, truth)
    return path


def _room(lesson: str, to: Path, truth: Path) -> None:
    """Refuse what would mix invented students with others, or take the place of what they have handed in."""
    inside = list(to.iterdir()) if to.exists() else []
    if inside and not truth.is_file():
        raise AutograderError(
            f"{to} is not empty, and no invented class: there is no {truth}",
            "give an empty or new folder, or one that `autograder simulate` has made",
        )
    if any((student / lesson).exists() for student in inside):
        raise AutograderError(
            f"the class in {to} has handed in {lesson} already", "give another folder: no submission is overwritten"
        )


def write(student: Student, to: Path, lesson: str) -> None:
    """Write one student's folder in nbgrader's layout."""
    folder = to / student.name / lesson
    folder.mkdir(parents=True)
    (folder / "timestamp.txt").write_text(f"{student.handed_in:%Y-%m-%d %H:%M:%S} UTC\n", encoding="utf-8")
    path = folder / f"{lesson}.ipynb"
    text = json.dumps(student.notebook, indent=1, ensure_ascii=False) + "\n"
    damage.write(student.damage, path, text)
    for name, data in student.files.items():
        (folder / name).write_bytes(data)
