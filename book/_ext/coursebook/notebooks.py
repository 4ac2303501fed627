"""Each page as a notebook to download: no outputs, prose in plain Markdown, nothing that needs the book's folder."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import jupytext
import nbformat
from myst_nb.core.variables import format_plain_text
from pybtex.database import BibliographyData, parse_file
from sphinx.application import Sphinx

from coursebook.plainmd import Surroundings, plain

FOLDER = "notebooks"
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
GLUE = "from myst_nb import glue"
NO_GLUE = "def glue(name, value, display=True):  # in the book this puts a number into the text\n    pass"
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}


def make_notebook(source: Path, around: Surroundings, *, install: str | None = None) -> nbformat.NotebookNode:
    """The page at `source` as a notebook without outputs.

    `install`, a pip requirement, adds a first cell that installs the package where it is missing (Colab).
    """
    notebook = jupytext.read(source)
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cells.append(_code(cell.source, HIDDEN & set(cell.metadata.get("tags", []))))
        elif text := plain(cell.source, around):
            cells.append(nbformat.v4.new_markdown_cell(text))
    if install:
        check = "import importlib.util\n\nif importlib.util.find_spec('cnncourse') is None:\n"
        cells.insert(0, nbformat.v4.new_code_cell(f"{check}    %pip install -q '{install}'"))
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # the same on each build
    return nbformat.v4.new_notebook(cells=cells, metadata=KERNEL)


def _code(source: str, hidden: set[str]) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell(re.sub(rf"^{GLUE}$", NO_GLUE, source, flags=re.MULTILINE))
    if hidden:
        cell.metadata["jupyter"] = {"source_hidden": True}
    return cell


def surroundings(app: Sphinx, docname: str) -> Surroundings:
    """What the page `docname` refers to: values that its cells glued, other pages, the bibliography."""
    source = Path(app.env.doc2path(docname))
    base = app.config.html_baseurl.rstrip("/")
    works = _bibliography(app)

    def page(target: str) -> str | None:
        """Another page's address in the published book; a downloaded notebook has no neighbours."""
        path, _, anchor = target.partition("#")
        if not base or not path.endswith(".md"):
            return None
        other = (source.parent / path).resolve().relative_to(Path(app.srcdir).resolve()).with_suffix(".html")
        return f"{base}/{other.as_posix()}" + (f"#{anchor}" if anchor else "")

    return Surroundings(source.parent, lambda key: glued(app, docname, key), page, lambda keys: cite(works, keys))


def glued(app: Sphinx, docname: str, reference: str) -> str:
    """The value behind `{glue:text}`reference``: `key`, `key:format` or `/other/page.md::key:format`."""
    other, _, key = reference.rpartition("::")
    key, _, spec = key.partition(":")
    name = other.strip("/").removesuffix(".md") or docname
    file = Path(app.env.mystnb_config.output_folder) / f"{name}.glue.json"  # type: ignore[attr-defined]
    values = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    text = values.get(key, {}).get("data", {}).get("text/plain")
    if text is None:
        return f"({key.replace('-', ' ')}, from the cell)"
    return str(format_plain_text(text, spec))


def _bibliography(app: Sphinx) -> BibliographyData:
    data = BibliographyData()
    for name in app.config.bibtex_bibfiles:
        data.entries.update(parse_file(str(Path(app.srcdir) / name)).entries)
    return data


def cite(works: BibliographyData, keys: str) -> str:
    """Author and year of each key.

    >>> cite(BibliographyData(), "unknown2001")
    '(unknown2001)'
    """
    return "(" + "; ".join(_short(works, key.strip()) for key in keys.split(",")) + ")"


def _short(works: BibliographyData, key: str) -> str:
    if key not in works.entries:
        return key
    entry = works.entries[key]
    names = [" ".join(person.last_names) for person in entry.persons.get("author", [])]
    who = names[0] + (" et al." if len(names) > 2 else f" and {names[1]}" if len(names) == 2 else "") if names else key
    return re.sub(r"[{}]", "", f"{who} {cast(str, entry.fields.get('year', ''))}".strip())


def write_notebook(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    """Write the page's notebook into the site and tell the template where it lies."""
    source = Path(app.env.doc2path(pagename)) if doctree is not None else None
    if source is None or source.suffix != ".md" or not source.is_file():
        return
    repository = app.config.html_theme_options.get("repository_url") or ""
    install = f"cnncourse @ git+{repository}" if repository else None
    target = Path(app.outdir) / FOLDER / f"{pagename}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    text = nbformat.writes(make_notebook(source, surroundings(app, pagename), install=install))
    target.write_text(text + "\n", encoding="utf-8")
    context["coursebook_notebook"] = f"{FOLDER}/{pagename}.ipynb"
    # From file:// a page may not read its neighbours, so it carries its own copy.
    context["coursebook_notebook_json"] = text.replace("<", "\\u003c")


def setup(app: Sphinx) -> None:
    """Before the theme makes its buttons."""
    app.connect("html-page-context", write_notebook, priority=100)
