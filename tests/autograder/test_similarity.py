"""Copies in disguise are found; honest students, however alike short answers are, are not listed."""

from __future__ import annotations

import copy
import re
import sys
from pathlib import Path

import pytest
from grading_helpers import LESSON, LESSONS, ROOT
from similarity_helpers import answers, renamed

from autograder import notebooks, similarity
from autograder.cli import main
from autograder.lessons import LessonSource, load_source
from autograder.likeness import compare
from autograder.release import released
from autograder.similarity import Work, boilerplate, read_class, work
from autograder.similarity_page import marked, write_similarity

RIGHT = ROOT / "tests" / "right_answers" / "convolution"


def hand_in(to: Path, student: str, code: dict[str, str], added: str = "") -> None:
    """A notebook with a student's code by exercise, and a cell of their own."""
    notebook = copy.deepcopy(released(load_source(LESSON, LESSONS)))
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if cell.cell_type == "code" and name in code:
            cell.source = code[name]
    if added:
        notebook.cells.insert(3, notebooks.cell("code", added, "own"))
    path = to / student / LESSON / f"{LESSON}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(notebooks.text(notebook))


def functions(text: str) -> dict[str, str]:
    """The functions of a module, each with its text."""
    return {m[1]: m[0] for m in re.finditer(r"^def (\w+)\(.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)}


def planted(to: Path) -> set[frozenset[str]]:
    """Sixty honest students and five who copied, each with another disguise; returns the pairs."""
    honest = [answers(i) for i in range(60)]
    for i, code in enumerate(honest):
        hand_in(to, f"honest{i:02d}", code)
    hand_in(to, "renamed", {name: renamed(text, 1) for name, text in honest[1].items()})
    hand_in(to, "plain", honest[2])
    order = [renamed(text, 3) for text in honest[3].values()]
    hand_in(to, "reordered", {"conv2d": "\n\n\n".join(reversed(order))})
    helper = renamed(honest[4]["conv2d"].replace("def conv2d(", "def my_helper("), 4)
    moved = {**{n: renamed(t, 4) for n, t in honest[4].items()}, "conv2d": "conv2d = my_helper"}
    hand_in(to, "moved", moved, added=helper)
    only = {"conv2d": renamed(honest[5]["conv2d"], 5)}
    hand_in(to, "one_function", {**answers(1005), **only})
    found = {"renamed": 1, "plain": 2, "reordered": 3, "moved": 4, "one_function": 5}
    return {frozenset((name, f"honest{i:02d}")) for name, i in found.items()}


def test_planted_copies_are_found_and_nobody_else(tmp_path: Path) -> None:
    expected = planted(tmp_path / "class")
    source = load_source(LESSON, LESSONS)
    page, found = write_similarity(source, tmp_path / "class", tmp_path / "out", 0.7)
    pairs = {frozenset((p.first.student, p.second.student)): p for p in found.pairs}
    assert pairs.keys() == expected
    one = pairs[frozenset(("one_function", "honest05"))]
    assert one.whole.share < 0.7 <= one.parts[0].share
    assert one.parts[0].part == "conv2d"
    text = page.read_text()
    assert "honest01 and renamed" in text
    assert "<mark>" in text
    assert "cheat" not in text.lower()
    assert "plagiar" not in text.lower()
    assert not re.search(r"https?://|<script|<link", text)
    assert page.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("number", [2, 5, 15, 30, 60, 120])
def test_an_honest_class_of_any_size_has_no_pair(source: LessonSource, number: int) -> None:
    works = [work(f"s{i}", answers(7000 * number + i)) for i in range(number)]
    assert compare(works, boilerplate(source)).pairs == ()


def test_differently_written_right_answers_are_no_pair(source: LessonSource) -> None:
    """The catalogue's right answers, each handed in by one student, alone and within a class."""
    right = [work(path.stem, functions(path.read_text())) for path in sorted(RIGHT.glob("*.py"))]
    assert len(right) >= 4
    assert all(len(one.every) > 30 for one in right)
    common = boilerplate(source)
    assert compare(right, common).pairs == ()
    among = [*right, *(work(f"s{i}", answers(i)) for i in range(40))]
    assert compare(among, common).pairs == ()


def test_the_same_short_answers_say_nothing(source: LessonSource) -> None:
    """Two who wrote the very same one-liners, which nobody else in the class wrote."""
    short = {
        "output_size": answers(1)["output_size"],
        "conv2d_bias": "def conv2d_bias(g):\n    return torch.stack([g[:, o].sum() for o in range(len(g[0]))])",
    }
    works = [work(f"s{i}", answers(i)) for i in range(30)]
    two = [work(name, {**answers(seed), **short}) for name, seed in (("a", 900), ("b", 901))]
    assert compare([*works, *two], boilerplate(source)).pairs == ()


def test_what_a_quarter_of_the_class_wrote_is_how_one_writes_it(source: LessonSource) -> None:
    works = [work(f"s{i}", answers(i if i > 10 else 0)) for i in range(30)]
    assert compare(works, boilerplate(source)).pairs == ()
    few = [work(f"s{i}", answers(i if i > 2 else 0)) for i in range(30)]
    assert {frozenset((p.first.student, p.second.student)) for p in compare(few, boilerplate(source)).pairs} == {
        frozenset(pair) for pair in (("s0", "s1"), ("s0", "s2"), ("s1", "s2"))
    }


def test_the_instructors_text_is_nobodys(source: LessonSource) -> None:
    """Two who handed in nothing but the instructor's own answers under other names share no code of theirs."""
    solved = {name: renamed(text, 2) for name, text in functions("\n".join(c.source for c in source.cells)).items()}
    works = [work(name, solved) for name in ("a", "b")] + [work(f"s{i}", answers(i)) for i in range(20)]
    assert compare(works, boilerplate(source)).pairs == ()


def test_names_comments_and_spaces_leave_no_trace() -> None:
    text = answers(12)["conv2d"]
    assert work("a", {"x": text}).every == work("b", {"x": renamed(text, 3)}).every
    assert work("a", {"x": text}).every != work("b", {"x": answers(13)["conv2d"]}).every


@pytest.mark.parametrize("text", ["", "'''", '"\\', "def (", "((((" * 500, "\x00\x1b[31m", "é🙂" * 99, "'" * 5000])
def test_no_text_is_refused(text: str) -> None:
    one = work("a", {"x": text})
    assert "\x1b" not in marked(one, "x", frozenset(one.every))


def test_sources_cannot_act_on_the_page() -> None:
    text = "x = '<script>alert(1)</script>'  # <img src=x>\n" + answers(1)["conv2d"]
    one = work("a", {"x": text})
    for shared in (frozenset[int](), frozenset(one.every)):
        html = str(marked(one, "x", shared))
        assert "<script" not in html
        assert "<img" not in html
        assert ("<mark>" in html) == bool(shared)


def test_other_classes_are_compared_with_but_not_with_each_other(tmp_path: Path) -> None:
    for i in range(12):
        hand_in(tmp_path / "now", f"now{i:02d}", answers(i))
    for i in range(12):
        hand_in(tmp_path / "then", f"then{i:02d}", answers(300 + i))
    hand_in(tmp_path / "then", "again", answers(300))
    hand_in(tmp_path / "now", "copier", {n: renamed(t, 1) for n, t in answers(301).items()})
    hand_in(tmp_path / "now", "then03", answers(303))
    arguments = ["--lessons", str(LESSONS), "--submitted", str(tmp_path / "now"), "--out", str(tmp_path / "out")]
    source = load_source(LESSON, LESSONS)
    _, found = write_similarity(source, tmp_path / "now", tmp_path / "out", 0.7, [tmp_path / "then"])
    assert [{p.first.label, p.second.label} for p in found.pairs] == [{"copier", "then01 (then)"}]
    assert found.own_earlier == 1
    assert main(["similarity", LESSON, *arguments, "--with", str(tmp_path / "then")]) == 0


def test_bad_input_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand_in(tmp_path / "now", "a", answers(1))
    given = ["similarity", LESSON, "--lessons", str(LESSONS), "--out", str(tmp_path / "out"), "--submitted"]
    assert main([*given, str(tmp_path / "now"), "--threshold", "65"]) == 2
    assert "above 0 and up to 1" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main([*given, str(tmp_path / "empty")]) == 2
    assert main([*given, str(tmp_path / "now"), "--with", str(tmp_path / "empty")]) == 2
    assert not (tmp_path / "out").exists()


def test_without_the_extra_the_pip_line_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_in(tmp_path / "now", "a", answers(1))
    similarity._copydetect.cache_clear()
    monkeypatch.setitem(sys.modules, "copydetect.utils", None)
    arguments = ["--lessons", str(LESSONS), "--submitted", str(tmp_path / "now"), "--out", str(tmp_path / "out")]
    assert main(["similarity", LESSON, *arguments]) == 2
    similarity._copydetect.cache_clear()
    assert "pip install 'cnncourse-autograder[similarity]'" in capsys.readouterr().err


def test_unread_submissions_are_named_and_no_code_runs(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    hand_in(tmp_path / "now", "a", {"conv2d": f"open({str(trap)!r}, 'w')\n" + answers(1)["conv2d"]})
    (tmp_path / "now" / "b" / LESSON).mkdir(parents=True)
    (tmp_path / "now" / "b" / LESSON / f"{LESSON}.ipynb").write_text("{")
    works, unread = read_class(tmp_path / "now", load_source(LESSON, LESSONS))
    assert [one.student for one in works] == ["a"]
    assert isinstance(works[0], Work)
    assert unread[0][0] == "b"
    assert "not valid JSON" in unread[0][1]
    assert not trap.exists()
