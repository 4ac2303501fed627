"""Nothing on a page asks the network for anything.

Jupyter Book writes thebe's address on a CDN into every page, twice, as a `const`, which is a SyntaxError as well. Both
go, with the script that would use them. The widget loader's small set-up script, which is ours, is put beside the
vendored libraries.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

SETUP_SCRIPT = Path(__file__).with_name("require-setup.js")


def drop_thebe(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    """Take sphinx-thebe's scripts and styles out of the page's list of files."""
    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context.get(kind, []) if not _is_thebe(file)]


def _is_thebe(file: object) -> bool:
    attributes = getattr(file, "attributes", {}) or {}
    text = f"{getattr(file, 'filename', file)} {attributes.get('body', '')}"
    return "thebe" in text.lower()


def copy_setup_script(app: Sphinx, exception: Exception | None) -> None:
    """Put require-setup.js where require.js lies."""
    folder = Path(app.outdir) / "vendor" / "widgets"
    if exception is None and app.builder.format == "html" and folder.is_dir():
        shutil.copy(SETUP_SCRIPT, folder / SETUP_SCRIPT.name)


def setup(app: Sphinx) -> None:
    """Connect after the theme, whose handlers add to the same lists."""
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", copy_setup_script, priority=900)
