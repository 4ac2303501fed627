"""One class, graded once for real, that the tests of this folder look at from all sides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from grading_helpers import LESSON, LESSONS, SEED, Graded, digest

from autograder.lessons import LessonSource, load_source
from autograder.run import Options, grade_class
from autograder.simulate import DUE, simulate


@pytest.fixture(scope="session")
def source() -> LessonSource:
    return load_source(LESSON, LESSONS)


@pytest.fixture(scope="session")
def simulated(source: LessonSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("class") / "submitted"
    simulate(source, 30, to, seed=1)
    return to


@pytest.fixture(scope="session")
def graded(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    before = digest(simulated)
    out = tmp_path_factory.mktemp("course") / "out"
    options = Options(LESSON, simulated, out, workers=2, seed=SEED, lessons=LESSONS, due=DUE.isoformat())
    summary = grade_class(options)
    truth = json.loads(simulated.with_name("submitted.truth.json").read_text())
    return Graded(simulated, out, truth, before, summary)
