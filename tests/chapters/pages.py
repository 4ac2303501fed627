"""The book's chapters as tests read them: their text, their cells, and the names and numbers that they make."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jupytext
import pytest
import torch

BOOK = Path(__file__).resolve().parents[2] / "book"
PARTS = ("design", "case_studies", "visualization", "beyond", "fooling")
CHAPTERS = sorted(str(path.relative_to(BOOK)) for part in PARTS for path in (BOOK / part).glob("*.md"))


class Page:
    """One chapter, read without being run."""

    def __init__(self, name: str) -> None:
        self.path = BOOK / name
        self.text = self.path.read_text(encoding="utf-8")
        cells = jupytext.read(self.path).cells
        self.cells = [cell for cell in cells if cell.cell_type == "code"]
        self.shown = [cell for cell in self.cells if "remove-cell" not in cell.metadata.get("tags", [])]
        self.prose = "\n".join(cell.source for cell in cells if cell.cell_type != "code")

    @cached_property
    def run(self) -> SimpleNamespace:
        """Run the code cells once, in order, in one namespace: its names, and as `glued` the numbers for the prose."""
        glued: dict[str, Any] = {}
        names: dict[str, Any] = {"__name__": "page"}
        threads, real = torch.get_num_threads(), sys.modules.get("myst_nb")
        sys.modules["myst_nb"] = SimpleNamespace(glue=lambda name, value, display=False: glued.update({name: value}))  # type: ignore[assignment]
        try:
            for number, cell in enumerate(self.cells):
                exec(compile(cell.source, f"{self.path.name}, code cell {number}", "exec"), names)
        finally:
            torch.set_num_threads(threads)
            del sys.modules["myst_nb"]
            if real is not None:
                sys.modules["myst_nb"] = real
        return SimpleNamespace(**names, glued=glued)


@cache
def page(name: str) -> Page:
    """`page("design/convolution.md")`, read once however many tests ask."""
    return Page(name)


def same_numbers(name: str) -> Callable[[], None]:
    """A test that the page's prose names all numbers that its cells glue, and no others.

    Each chapter's own test file has it, so that the page runs in one process only.
    """

    @pytest.mark.slow
    def test() -> None:
        asked = set(re.findall(r"\{glue:text\}`([^`:]+)", page(name).text))
        glued = set(page(name).run.glued)
        assert asked - glued == set(), "named in the prose, never glued"
        assert glued - asked == set(), "glued, never named"

    return test
