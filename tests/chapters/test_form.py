"""The form that every chapter keeps (nothing is run here)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pages import BOOK, CHAPTERS, Page, page

from cnncourse.checks import lesson_names

each = pytest.mark.parametrize("chapter", [page(name) for name in CHAPTERS], ids=CHAPTERS)
MAKES_A_FIGURE = re.compile(r"^(show_\w+\(|fig\b$)", re.MULTILINE)


def figures(chapter: Page) -> list[Any]:
    return [cell for cell in chapter.shown if MAKES_A_FIGURE.search(cell.source)]


@each
def test_the_header_names_kernel_and_format(chapter: Page) -> None:
    header = yaml.safe_load(chapter.text.split("---")[1])
    assert header["jupytext"]["text_representation"]["format_name"] == "myst"
    assert header["kernelspec"]["name"] == "python3"


@each
def test_the_first_cell_imports_and_seeds(chapter: Page) -> None:
    assert "seed_everything()" in chapter.shown[0].source
    assert "import" in chapter.shown[0].source


@each
def test_a_cell_fits_beside_its_idea(chapter: Page) -> None:
    for cell in chapter.shown:
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 15, cell.source
        assert max(map(len, lines)) <= 82, f"longer lines are cut off at the page's width: {cell.source}"


@each
def test_a_figure_has_alt_text_and_a_caption_that_is_a_sentence(chapter: Page) -> None:
    assert figures(chapter)
    for cell in figures(chapter):
        figure = cell.metadata.get("mystnb")
        assert figure, cell.source
        assert len(figure["image"]["alt"]) > 40, cell.source
        assert figure["figure"]["caption"].rstrip().endswith((".", "?")), cell.source


@each
def test_three_questions_each_with_a_hidden_answer_that_names_the_tempting_one(chapter: Page) -> None:
    asked = re.findall(r"^`{3,}\{exercise\}\n:label: (\S+)", chapter.text, re.MULTILINE)
    block = re.compile(r"^(`{3,})\{solution\} (\S+)\n:class: dropdown\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
    answers = {label: answer for _, label, answer in block.findall(chapter.text)}
    assert len(asked) >= 3
    assert set(asked) == set(answers)
    for label, answer in answers.items():
        assert "The tempting answer" in answer, label


@each
def test_it_leads_to_a_lesson_and_has_something_to_play_with(chapter: Page) -> None:
    assert any(f"`{lesson}`" in chapter.prose for lesson in lesson_names()), "names no lesson"
    assert re.search(r"from cnncourse\.widgets import", chapter.text), "has no interactive figure"


@each
def test_every_citation_is_in_the_bibliography(chapter: Page) -> None:
    bib = (BOOK / "references.bib").read_text(encoding="utf-8")
    known = re.findall(r"^@\w+\{(\w+),", bib, re.MULTILINE)
    cited = {key for keys in re.findall(r"\{cite:[pt]\}`([^`]+)`", chapter.text) for key in keys.split(",")}
    assert len(known) == len(set(known)), "the same key twice"
    assert cited
    assert cited <= set(known)


@each
def test_it_is_in_the_table_of_contents(chapter: Page) -> None:
    entry = f"- file: {chapter.path.relative_to(BOOK).with_suffix('')}\n"
    assert entry in (BOOK / "_toc.yml").read_text(encoding="utf-8")


@each
def test_its_numbers_are_tested_in_a_file_of_its_own(chapter: Page) -> None:
    tests = Path(__file__).parent / f"test_{chapter.path.stem}.py"
    assert f'= same_numbers("{chapter.path.relative_to(BOOK)}")' in tests.read_text(encoding="utf-8")
