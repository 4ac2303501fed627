"""```{inlinesvg} file.svg```: a drawing in the page itself, so that it follows light and dark and the page's type."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class InlineSvg(SphinxDirective):
    """A figure whose picture is an SVG of book/, put into the page. `:alt:` is required, the content is the caption."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"alt": directives.unchanged_required, "width": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Read the file, give it a role and a name for screen readers, and wrap it with its caption in a figure."""
        _, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(path)
        if not self.options.get("alt"):
            raise self.error("inlinesvg: no alt text; say in `:alt:` what the drawing shows")
        svg = Path(path).read_text(encoding="utf-8").strip()
        svg = re.sub(r"<svg ", f'<svg role="img" aria-label="{escape(self.options["alt"])}" ', svg, count=1)
        figure = nodes.container(classes=["coursebook-figure"])
        style = f' style="max-width: {escape(self.options["width"])}"' if "width" in self.options else ""
        figure += nodes.raw("", f'<div class="coursebook-drawing"{style}>{svg}</div>', format="html")
        caption = nodes.container(classes=["coursebook-caption"])
        self.state.nested_parse(self.content, self.content_offset, caption)
        figure += caption
        return [figure]


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("inlinesvg", InlineSvg)
