"""Grades the notebooks of the course: student code in a jail, verdicts outside it."""

__version__ = "0.1.0"
