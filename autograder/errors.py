"""What the `autograder` command says when it cannot go on: what happened, and what to do about it."""

from __future__ import annotations


class AutograderError(Exception):
    """A problem that the person at the keyboard can solve.

    `fix` is one line that says how; the command prints both and ends with exit code 2.
    """

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix
