"""What the buttons over a page need: Colab's address, and the script that folds all code away."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlparse

from sphinx.application import Sphinx

SCRIPT = Path(__file__).with_name("page.js")


def colab_url(repository: str, branch: str, notebook: str) -> str | None:
    """Where Colab opens `notebook`, or None when no GitHub repository is configured.

    Colab cannot open .md, so it is given the notebook of the built site, in the repository's branch `branch`.

    >>> colab_url("https://github.com/org/course", "gh-pages", "notebooks/start.ipynb")
    'https://colab.research.google.com/github/org/course/blob/gh-pages/notebooks/start.ipynb'
    """
    address = urlparse(repository)
    parts = [part for part in address.path.removesuffix(".git").split("/") if part]
    if address.netloc != "github.com" or len(parts) != 2:
        return None
    return f"https://colab.research.google.com/github/{parts[0]}/{parts[1]}/blob/{quote(branch)}/{quote(notebook)}"


def add_to_context(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    """Give the template the addresses, and whether there is code to fold."""
    notebook = context.get("coursebook_notebook")
    repository = app.config.html_theme_options.get("repository_url") or ""
    if notebook:
        context["coursebook_colab"] = colab_url(repository, app.config.coursebook_site_branch, notebook)
    context["coursebook_has_code"] = 'class="cell_input' in (context.get("body") or "")


def setup(app: Sphinx) -> None:
    """One small script, inline on each page: a file in _static would do as well, but one request less is one less."""
    app.add_config_value("coursebook_site_branch", "gh-pages", "html", str)
    app.add_js_file(None, body=SCRIPT.read_text(encoding="utf-8"), priority=100)
    app.connect("html-page-context", add_to_context, priority=200)
