"""Stands in the way of nbgrader's own autograde and feedback in a workspace of ours.

nbgrader runs a student's notebook with the rights of whoever starts it, and its feedback shows hidden tests. A
button in formgrader is enough to start either, so the workspace's configuration names these two as their exporters:
they refuse before anything is run or overwritten.
"""

from __future__ import annotations

from typing import Any, NoReturn

from nbconvert.exporters import Exporter
from nbgrader.converters.base import NbGraderException


class UseAutograderGrade(Exporter):
    """Refuses to run student code outside the jail."""

    def __init__(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse(
            kwargs.get("parent"),
            "nbgrader's autograde would run student code with your rights. Run in a terminal: "
            "autograder grade LESSON --submitted DIR --out .",
        )


class UseAutograderFeedback(Exporter):
    """Refuses to make pages that show hidden tests."""

    def __init__(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse(
            kwargs.get("parent"),
            "nbgrader's feedback shows hidden tests. Run in a terminal: autograder feedback LESSON --out .",
        )


def _refuse(parent: Any, message: str) -> NoReturn:
    log = getattr(parent, "log", None)  # nbgrader prints what is logged, not what is raised
    if log is not None:
        log.error(message)
    raise NbGraderException(message)
