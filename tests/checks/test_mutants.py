"""Every small change of a solution loses points, unless it is listed as equivalent, with the reason."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache

import pytest
from lesson_files import LESSON, ROOT, solutions
from mutate import mutants

from autograder.hidden import all_cases
from cnncourse.checks import evaluate, load, prepare
from cnncourse.checks.catalogue import compiled
from cnncourse.checks.notebook import caller

EQUIVALENT = tomllib.loads((ROOT / "tests" / "checks" / "equivalent_mutants.toml").read_text())
NAMES = [e.name for e in load(LESSON).exercises]
SAMPLE = 40


@cache
def prepared(name, seed):
    return prepare(replace(load(LESSON).exercise(name), mistakes=()), all_cases(LESSON, name, seed))


def share(name, source, seed):
    function = compiled(name, "import torch\n" + source, "mutant")
    return evaluate(prepared(name, seed), caller(function)).share


def survivors(name, seeds, every=1):
    found = mutants(solutions()[name])
    listed = {entry["mutant"] for entry in EQUIVALENT.get(name, [])}
    return [
        (label, seed)
        for k, (label, source) in enumerate(found.items())
        if k % every == 0 and label not in listed
        for seed in seeds
        if share(name, source, seed) == 1.0
    ]


@pytest.mark.parametrize("name", NAMES)
def test_mutants_lose_points(name):
    every = max(1, len(mutants(solutions()[name])) // SAMPLE)
    assert survivors(name, [7], every) == []


@pytest.mark.soak
@pytest.mark.parametrize("name", NAMES)
def test_all_mutants_lose_points(name):
    assert survivors(name, range(5)) == []


@pytest.mark.parametrize("name", NAMES)
def test_listed_mutants_exist_and_keep_all_points(name):
    found = mutants(solutions()[name])
    for entry in EQUIVALENT.get(name, []):
        assert entry["mutant"] in found, f"stale entry: {entry['mutant']}"
        assert share(name, found[entry["mutant"]], 3) == 1.0, f"not equivalent: {entry['mutant']}"
        assert len(entry["reason"]) > 10


def test_mutants_are_many_and_differ():
    assert len(mutants(solutions()["conv2d"])) > 100
    assert "1: return a + b -> return a - b" in mutants("def f(a, b):\n    return a + b")


def test_the_solution_itself_keeps_all_points():
    for name, source in solutions().items():
        assert share(name, source, 7) == 1.0
