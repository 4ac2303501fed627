"""Every small change of a solution loses points, unless it is listed as equivalent, with the reason."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache

import pytest
from lesson_files import PRELUDE, ROOT, each_exercise, solutions, topic
from mutate import mutants

from autograder.hidden import all_cases
from cnncourse.checks import evaluate, lesson_names, load, prepare
from cnncourse.checks.catalogue import compiled
from cnncourse.checks.notebook import caller

SAMPLE = 40


@cache
def equivalent(lesson):
    """The lesson's file of changes that change nothing."""
    path = ROOT / "tests" / "checks" / "equivalent_mutants" / f"{topic(lesson)}.toml"
    return tomllib.loads(path.read_text()) if path.exists() else {}


@cache
def prepared(lesson, name, seed):
    return prepare(replace(load(lesson).exercise(name), mistakes=()), all_cases(lesson, name, seed))


def share(lesson, name, source, seed):
    function = compiled(name, PRELUDE + source, "mutant")
    return evaluate(prepared(lesson, name, seed), caller(function)).share


def survivors(lesson, name, seeds, every=1):
    found = mutants(solutions(lesson)[name])
    listed = {entry["mutant"] for entry in equivalent(lesson).get(name, [])}
    return [
        (label, seed)
        for k, (label, source) in enumerate(found.items())
        if k % every == 0 and label not in listed
        for seed in seeds
        if share(lesson, name, source, seed) == 1.0
    ]


@each_exercise
def test_mutants_lose_points(lesson, name):
    every = max(1, len(mutants(solutions(lesson)[name])) // SAMPLE)
    assert survivors(lesson, name, [7], every) == []


@pytest.mark.soak
@each_exercise
def test_all_mutants_lose_points(lesson, name):
    assert survivors(lesson, name, range(5)) == []


@each_exercise
def test_listed_mutants_exist_and_keep_all_points(lesson, name):
    found = mutants(solutions(lesson)[name])
    for entry in equivalent(lesson).get(name, []):
        assert entry["mutant"] in found, f"stale entry: {entry['mutant']}"
        assert share(lesson, name, found[entry["mutant"]], 3) == 1.0, f"not equivalent: {entry['mutant']}"
        assert len(entry["reason"]) > 10


def test_mutants_are_many_and_differ():
    assert len(mutants(solutions("01_convolution")["conv2d"])) > 100
    assert "1: return a + b -> return a - b" in mutants("def f(a, b):\n    return a + b")


@pytest.mark.parametrize("lesson", lesson_names())
def test_the_solution_itself_keeps_all_points(lesson):
    for name, source in solutions(lesson).items():
        assert share(lesson, name, source, 7) == 1.0
