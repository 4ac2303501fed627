"""Two commands at once in one workspace: the second is refused before it touches anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from grading_helpers import LESSON, LESSONS

from autograder.errors import AutograderError
from autograder.files import alone
from autograder.run import Options, grade_class


def test_the_second_is_refused_and_the_lock_is_given_back(tmp_path: Path) -> None:
    options = Options(LESSON, tmp_path / "submitted", tmp_path / "out", lessons=LESSONS)
    options.out.mkdir()
    options.submitted.mkdir()
    with alone(options.out), pytest.raises(AutograderError, match="another autograder is at work"):
        grade_class(options)
    assert [path.name for path in options.out.iterdir()] == [".lock"]
    with pytest.raises(AutograderError, match="nobody handed in"):
        grade_class(options)
