"""No line begins with a comma: what is written against an inline formula stays on the formula's line.

MathJax makes a box of a formula, and a browser may break a line on either side of a box.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

FORMULA = re.compile(
    r"""([(\[“‘]*)                                                            # what opens before it
        (<span\ class="math\ notranslate\ nohighlight">\\\([^<]*\\\)</span>)  # the formula
        ((?:[,.;:!?)\]”’%…]|&nbsp;%)*)                                        # what closes after it
    """,
    re.VERBOSE,
)


def hold(body: str) -> str:
    """The page with each formula and its punctuation in one unbreakable span.

    >>> hold('at <span class="math notranslate nohighlight">\\\\(s\\\\)</span>, and')
    'at <span class="coursebook-held"><span class="math notranslate nohighlight">\\\\(s\\\\)</span>,</span> and'
    """
    return FORMULA.sub(_held, body)


def _held(match: re.Match[str]) -> str:
    before, formula, after = match.groups()
    return f'<span class="coursebook-held">{before}{formula}{after}</span>' if before or after else formula


def hold_page(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    """Rewrite a page's body before the template takes it."""
    if context.get("body"):
        context["body"] = hold(context["body"])


def setup(app: Sphinx) -> None:
    """After the page has been written, before the theme adds to it."""
    app.connect("html-page-context", hold_page, priority=150)
