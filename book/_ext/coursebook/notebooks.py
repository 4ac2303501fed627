"""Each page as a notebook to download, made from the page: no outputs, no links that break away from the book."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jupytext
import nbformat
from sphinx.application import Sphinx

FOLDER = "notebooks"


def make_notebook(source: Path, docname: str, app: Sphinx) -> nbformat.NotebookNode:
    """The page at `source` as a notebook without outputs."""
    notebook = jupytext.read(source)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}
    )
    return notebook


def write_notebook(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    """Write the page's notebook into the site and tell the template where it lies."""
    source = Path(app.env.doc2path(pagename)) if doctree is not None else None
    if source is None or source.suffix != ".md" or not source.is_file():
        return
    target = Path(app.outdir) / FOLDER / f"{pagename}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(make_notebook(source, pagename, app), target)
    context["coursebook_notebook"] = f"{FOLDER}/{pagename}.ipynb"


def setup(app: Sphinx) -> None:
    """Before the theme makes its buttons."""
    app.connect("html-page-context", write_notebook, priority=100)
