"""The book's own Sphinx extension: offline pages, notebooks to download, fresh outputs, alt texts.

Each module does one of these and can be read on its own; `setup` joins them.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from coursebook import alttext, buttons, figures, fresh, notebooks, offline, punctuation


def setup(app: Sphinx) -> dict[str, Any]:
    """Register every part with Sphinx."""
    for part in (fresh, offline, figures, notebooks, buttons, alttext, punctuation):
        part.setup(app)
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
