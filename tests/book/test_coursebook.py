"""The book's Sphinx extension: what it makes of a page's text, and when it complains."""

from __future__ import annotations

import doctest
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from coursebook import alttext, buttons, compare, fresh, notebooks, offline, plainmd
from coursebook.plainmd import Surroundings, plain
from docutils import nodes
from docutils.utils import new_document


@pytest.mark.parametrize("module", [alttext, buttons, compare, notebooks, plainmd])
def test_examples_in_docstrings(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("It costs {glue:text}`macs:,`.", "It costs 42."),
        ("{math}`x^2` and {cite}`lecun1998`", "$x^2$ and (LeCun 1998)"),
        ("see [Letters](notation.md#sizes)", "see *Letters*"),
        ("see [pytorch](https://pytorch.org)", "see [pytorch](https://pytorch.org)"),
        ("a [blue]{.role-input} word", "a blue word"),
        ("(label)=\n## Title\n% a comment", "## Title"),
        ("$$\nx\n$$ (eq)", "$$\nx\n$$"),
        ("```{math}\n:label: eq\nx\n```", "$$\nx\n$$"),
        ("```{code-block} bash\nmake {book}`x`\n```", "```bash\nmake {book}`x`\n```"),
        ("```bash\n{glue:text}`left alone`\n```", "```bash\n{glue:text}`left alone`\n```"),
        (
            "````{solution} e\n```{note}\nIn.\n```\n````",
            "<details>\n<summary>Solution</summary>\n\n> **Note.**\n>\n> In.\n\n</details>",
        ),
        (":::{dropdown} Why?\nBecause.\n:::", "<details>\n<summary>Why?</summary>\n\nBecause.\n\n</details>"),
        ("```{bibliography}\n```", ""),
        ("```{figure} nothing.png\n:alt: a cat\nA cat.\n```", "*(a cat)*\n\n*A cat.*"),
    ],
)
def test_prose_for_a_notebook(source: str, expected: str) -> None:
    around = Surroundings(Path(), glued=lambda key: "42", cite=lambda keys: "(LeCun 1998)")
    assert plain(source, around) == expected


def test_pictures_travel_inside_the_notebook(tmp_path: Path) -> None:
    (tmp_path / "dot.svg").write_text("<svg/>", encoding="utf-8")
    assert plain("![a dot](dot.svg)", Surroundings(tmp_path)) == "![a dot](data:image/svg+xml;base64,PHN2Zy8+)"


def test_notebook_has_no_outputs_and_needs_no_myst_nb(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "---\njupytext:\n  text_representation:\n    extension: .md\n    format_name: myst\n"
        "kernelspec:\n  display_name: Python 3\n  name: python3\n---\n\n"
        "# Page\n\n```{code-cell} ipython3\n:tags: [hide-input]\n\nfrom myst_nb import glue\nglue('x', 1)\n```\n",
        encoding="utf-8",
    )
    made = notebooks.make_notebook(page, Surroundings(tmp_path), install="cnncourse @ git+https://example.org/x")
    install, title, code = made.cells
    assert "%pip install" in install.source
    assert title.source == "# Page"
    assert "myst_nb" not in code.source
    assert code.outputs == []
    assert code.metadata.jupyter.source_hidden
    exec(code.source, {})


def warnings_of(node: nodes.Node, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the check for alt texts says about a page with this node."""
    said: list[Any] = []
    monkeypatch.setattr(alttext.logger, "warning", lambda *args, **options: said.append(args))
    document = new_document("page")
    document += node
    alttext.check(None, document, "page")  # type: ignore[arg-type]
    return said


@pytest.mark.parametrize(
    ("node", "complaints"),
    [
        (nodes.image(uri="a.png", alt="a cat"), 0),
        (nodes.image(uri="a.png"), 1),
        (nodes.image(uri="a.png", alt="../_images/4f2a.png"), 1),
        (nodes.raw("", '<p><img src="a.png"><img src="b.png" alt="a dog"></p>', format="html"), 1),
    ],
)
def test_pictures_without_words_are_noticed(node: nodes.Node, complaints: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(warnings_of(node, monkeypatch)) == complaints


def test_hash_follows_every_file_that_can_change_an_output(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    first = fresh.package_hash(tmp_path)
    (tmp_path / "notes.txt").write_text("nothing", encoding="utf-8")
    assert fresh.package_hash(tmp_path) == first
    for name in ("a.py", "widget.js", "widget.css", "net.safetensors"):
        (tmp_path / name).write_text("changed", encoding="utf-8")
        assert fresh.package_hash(tmp_path) != first
        first = fresh.package_hash(tmp_path)
    with pytest.raises(FileNotFoundError, match="beside book"):
        fresh.package_hash(tmp_path / "missing")


def test_thebe_leaves_and_nothing_else_does() -> None:
    context: dict[str, Any] = {
        "script_files": ["_static/doctools.js", "_static/sphinx-thebe.js"],
        "css_files": ["_static/thebe.css"],
    }
    offline.drop_thebe(None, "page", "page.html", context, None)  # type: ignore[arg-type]
    assert context == {"script_files": ["_static/doctools.js"], "css_files": []}


@pytest.mark.parametrize("repository", ["", "https://gitlab.com/a/b", "https://github.com/a"])
def test_no_colab_without_a_github_repository(repository: str) -> None:
    assert buttons.colab_url(repository, "gh-pages", "notebooks/start.ipynb") is None
