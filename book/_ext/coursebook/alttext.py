"""No picture without words: an image without alt text, or with its file path as alt text, fails the build."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

PATH = re.compile(r"^\S*[/\\]?\S+\.(png|svg|jpe?g|gif|webp)$", re.IGNORECASE)
IMG = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
ALT = re.compile(r"""\balt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)


def problem(alt: str | None) -> str | None:
    """What is wrong with an alt text, or None.

    >>> problem("a cat, blurred by a 5 × 5 mean"), problem("../_images/6d1f.png"), problem("")
    (None, 'its alt text is a file path', 'it has no alt text')
    """
    if not alt or not alt.strip():
        return "it has no alt text"
    return "its alt text is a file path" if PATH.match(alt.strip()) else None


def check(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Warn for each image of a page that says nothing to somebody who cannot see it."""
    for image in doctree.findall(nodes.image):
        if found := problem(image.get("alt")):
            _warn(docname, image, str(image.get("uri", "?")), found)
    for raw in doctree.findall(nodes.raw):
        for tag in IMG.findall(raw.astext()):
            alt = ALT.search(tag)
            if found := problem((alt[1] or alt[2]) if alt else None):
                _warn(docname, raw, tag[:80], found)


def _warn(docname: str, node: nodes.Node, what: str, found: str) -> None:
    logger.warning(
        "%s: %s. For a cell's figure write `mystnb: {image: {alt: ...}}` in the cell's header, for a file `:alt:`.",
        what,
        found,
        location=node if node.line else docname,
        type="coursebook",
        subtype="alt",
    )


def setup(app: Sphinx) -> None:
    """After MyST-NB has chosen which output of a cell is shown."""
    app.connect("doctree-resolved", check)
