"""The command: help everywhere, errors with a way out, exit codes that scripts can trust; the jail's package."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from grading_helpers import LESSON, LESSONS, Graded, digest

from autograder import package
from autograder import simulate as simulation
from autograder.cli import main
from autograder.errors import AutograderError
from autograder.files import read_json
from autograder.intake import collect
from autograder.lessons import LessonSource
from autograder.pool import Pool
from autograder.run import draw_seed, grade_class, make_kit, record_path
from autograder.sandbox import Sandbox
from cnncourse.checks import load

COMMANDS = ("release", "simulate", "grade", "feedback", "report", "export", "doctor")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert "usage: autograder" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["grade", "02_nothing", "--submitted", "x", "--out", "{tmp}/out"], "no lesson"),
        (["grade", LESSON, "--submitted", "{tmp}/none", "--out", "{tmp}/out"], "no folder with submissions"),
        (["grade", LESSON, "--submitted", "{tmp}", "--out", "{tmp}/out"], "nobody handed in"),
        (["grade", LESSON, "--submitted", "{tmp}", "--out", "{tmp}/out", "--workers", "-1"], "--workers"),
        (["feedback", LESSON, "--out", "{tmp}"], "has not been graded"),
        (["report", LESSON, "--out", "{tmp}"], "has not been graded"),
        (["export", "--format", "canvas", "--out", "{tmp}"], "no gradebook"),
        (["simulate", LESSON, "--students", "0", "--to", "{tmp}/class"], "0 students"),
        (["simulate", LESSON, "--to", "{tmp}"], "not empty"),
    ],
)
def test_errors_say_what_to_do(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "note.txt").write_text("not empty")
    assert main([a.format(tmp=tmp_path) for a in arguments] + _lessons(arguments)) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert "→" in printed


def _lessons(arguments: list[str]) -> list[str]:
    return [] if arguments[0] == "export" else ["--lessons", str(LESSONS)]


def test_a_class_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert (
            main(["simulate", LESSON, "--students", "8", "--to", str(tmp_path / name), "--lessons", str(LESSONS)]) == 0
        )
    one, two = (
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*.ipynb")} for f in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two
    assert (tmp_path / "one.truth.json").read_bytes() == (tmp_path / "two.truth.json").read_bytes()


def test_a_class_hands_in_a_second_lesson(
    source: LessonSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "load", lambda name: load(LESSON))
    to, second = tmp_path / "class", replace(source, name="99_second")
    truth = simulation.simulate(source, 3, to)
    assert truth == tmp_path / "class.truth.json"
    first, said = digest(to), json.loads(truth.read_text())
    assert simulation.simulate(second, 4, to) == truth
    both = digest(to)
    assert both.items() > first.items()  # nothing that was there has changed
    assert {path.split("/")[1] for path in both.keys() - first.keys()} == {"99_second"}
    assert [len(list(to.glob(f"*/{name}/*.ipynb"))) for name in (LESSON, "99_second")] == [3, 4]
    assert len(list(to.iterdir())) == 4  # the same students, and one more
    each = {name: json.loads((tmp_path / "class.truth" / f"{name}.json").read_text()) for name in (LESSON, "99_second")}
    assert json.loads(truth.read_text()) == each["99_second"]
    assert each[LESSON] == said
    assert each["99_second"]["students"].keys() > each[LESSON]["students"].keys()
    for again in (source, second):
        with pytest.raises(AutograderError, match=f"has handed in {again.name} already"):
            simulation.simulate(again, 9, to)
    truth.unlink()  # as it is where a folder holds the work of people
    with pytest.raises(AutograderError, match="no invented class"):
        simulation.simulate(replace(source, name="98_third"), 3, to)
    assert digest(to) == both


def test_seeds_are_drawn_once_and_kept(tmp_path: Path) -> None:
    first = draw_seed(tmp_path, LESSON, None)
    assert draw_seed(tmp_path, LESSON, None) == first
    assert draw_seed(tmp_path, LESSON, 7) == 7
    assert draw_seed(tmp_path, LESSON, None) == 7
    assert (tmp_path / "seeds.json").stat().st_mode & 0o077 == 0


def test_records_stay_in_their_folder(tmp_path: Path) -> None:
    for name in ("ada", "../../x", "..", "a/b", "x" * 300, "é"):
        path = record_path(tmp_path, LESSON, name)
        assert path.resolve().parent == (tmp_path / "records" / LESSON).resolve()
        assert len(path.name) < 255 or name.startswith("x")


def test_the_jails_package_holds_no_answer(tmp_path: Path) -> None:
    lesson = load(LESSON)
    folder = package.build(tmp_path, LESSON, lesson.withheld)
    text = "\n".join(path.read_text() for path in folder.rglob("checks/**/*.py"))
    assert "reference" not in text
    assert "EXERCISE" not in text
    code = "import sys; sys.path.insert(0, sys.argv[1])\n"
    code += "from cnncourse import checks\nassert checks.for_lesson('x', version='1')('f', 1) is None\n"
    for module in lesson.withheld:
        if module != "cnncourse.checks":
            code += f"try:\n    import {module}\nexcept ImportError as e:\n    assert {LESSON!r} in str(e), e\n"
            code += "else:\n    raise SystemExit(1)\n"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, cwd=tmp_path, timeout=60)


def test_every_withheld_module_exists() -> None:
    for module in load(LESSON).withheld:
        assert importlib.util.find_spec(module) is not None, f"{module}: a spelling mistake would leave it readable"
    with pytest.raises(AutograderError, match="no module of cnncourse"):
        package.build(Path("/nonexistent"), LESSON, ["torch.nn"])


def test_a_misspelt_withheld_module_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(AutograderError, match="does not have"):
        package.build(tmp_path, LESSON, ["cnncourse.layer"])


def test_without_bubblewrap_nothing_is_graded_unless_unsafe(
    graded: Graded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = graded.of_kind("right")[0]
    submitted = tmp_path / "submitted"
    submitted.mkdir()
    target = submitted / student / LESSON
    target.mkdir(parents=True)
    name = f"{LESSON}.ipynb"
    (target / name).write_bytes((graded.submitted / student / LESSON / name).read_bytes())
    programs = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if not (Path(p) / "bwrap").exists())
    monkeypatch.setenv("PATH", programs or "/nonexistent")
    with pytest.raises(AutograderError, match="cannot be jailed") as stopped:
        grade_class(graded.options(submitted=submitted, out=tmp_path / "out"))
    assert "--unsafe" in stopped.value.fix
    assert not (tmp_path / "out" / "results.json").exists()
    summary = grade_class(graded.options(submitted=submitted, out=tmp_path / "out", unsafe=True))
    assert summary.results["sandboxed"] is False
    assert read_json(record_path(tmp_path / "out", LESSON, student))["sandboxed"] is False
    (row,) = [r for r in summary.submissions if r["student"] == student]
    assert row["score"] == row["max_score"]


@pytest.mark.sandbox
def test_a_worker_that_is_killed_costs_nobody_anything(graded: Graded, source: LessonSource, tmp_path: Path) -> None:
    kit = make_kit(source, tmp_path, 1, False)
    pool = Pool(kit, 1)
    submissions = [s for s in collect(graded.submitted, LESSON) if s.student in graded.of_kind("right")]
    submissions += [s for s in collect(graded.submitted, LESSON) if s.student in graded.of_kind("late")][:1]
    records = pool.run(submissions)
    found = [next(record for record in records if record)]
    pool._workers[0].process.kill()
    found += [record for record in records if record]  # None: nothing new for a moment
    assert {r["student"] for r in found} == {s.student for s in submissions}
    assert all(r["status"] == "graded" for r in found)


@pytest.mark.sandbox
def test_the_jail_sees_neither_answers_nor_the_clone(source: LessonSource, tmp_path: Path) -> None:
    folder = package.build(tmp_path, LESSON, load(LESSON).withheld)
    paths = json.dumps([str(source.path), str(LESSONS), str(tmp_path)])
    code = f"import os\nseen = [p for p in {paths} if os.path.exists(p)]\n"
    code += "def what():\n    return seen\n"
    code += "def hidden():\n    import autograder.hidden\n    return 1\n"
    with Sandbox(python_path=[folder]) as sandbox, sandbox.session() as session:
        assert session.run_cell(code).ok
        assert session.call("what") == []
        with pytest.raises(Exception, match=r"ModuleNotFoundError|ImportError"):
            session.call("hidden")
