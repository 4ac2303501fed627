"""From book/ledger.yml to book/errata.md: the ledger's entries that differ, with those figures alone that do.

`make ledger` writes it beside ledger.md. Which figures differ is decided by the page's cells when the book is built.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from coursebook.ledger import HEAD, Entry, cell, comparing

INTRO = """\
# Errata

Where did a number come from that does not come out? Of the {glue:text}`entries` entries in [the ledger](ledger.md),
{glue:text}`differing` have a figure that their code does not confirm. They stand here alone, each with the figures that
differ and the reason, as far as one could be found. The code was run again for this page; to read it, follow the link
under a table.

Nobody is to blame who stands in front of a class with a slide. Many of these figures were copied faithfully from papers
that carry them to this day. Who recomputes them learns more about a network than who believes them.
"""
_HELPERS = '''\
from IPython.display import HTML
from myst_nb import glue


def wrong(name, *figures):
    """A table of the figures that differ; how many do, for the prose."""
    found = [(what, written, *row(*values)) for what, written, *values in figures]
    lines = [(what, written, value) for what, written, value, verdict in found if not verdict.startswith("✓")]
    glue(f"{name}-differ", f"{len(lines)} of {len(found)}", display=False)
    head = "<tr><th>quantity</th><th>stated</th><th>computed</th></tr>"
    body = "".join(f"<tr>{''.join(f'<td>{text}</td>' for text in line)}</tr>" for line in lines)
    return HTML(f'<table class="table"><thead>{head}</thead><tbody>{body}</tbody></table>')
'''


def page(entries: Sequence[Entry]) -> str:
    """The whole of errata.md."""
    chosen = [entry for entry in entries if entry.verdict == "differs"]
    counts = (
        f'glue("entries", {len(entries)}, display=False)\n'
        f'glue("differing", {len(chosen)}, display=False)\n'
    )  # fmt: skip
    helpers = cell(f"{comparing()}\n\n\n{_HELPERS}\n\n{counts}", "remove-cell")
    return HEAD + "\n".join([INTRO, _overview(chosen), helpers, *(_section(entry) for entry in chosen)])


def _overview(entries: Sequence[Entry]) -> str:
    lines = ["| claim | lecture | figures that differ |", "|---|---|---:|"]
    lines += [
        f"| [{entry.title}](#errata-{entry.id}) | {entry.lecture.capitalize()} | {{glue:text}}`{entry.id}-differ` |"
        for entry in entries
    ]
    return "\n".join(lines) + "\n"


def _section(entry: Entry) -> str:
    figures = ",\n".join(
        f"      ({figure.what!r}, {figure.written!r}, {figure.stated!r}, {figure.value}, {figure.digits})"
        for figure in entry.figures
    )
    said = "".join(f'glue("{entry.id}-{name}", {value}, display=False)\n' for name, value in entry.say.items())
    note = entry.note.format(**{name: f"{{glue:text}}`{entry.id}-{name}`" for name in entry.say})
    note = re.sub(r"\[([^\]]+)\]\(#(ledger-[\w-]+)\)", r"{ref}`\1 <\2>`", note)
    return "\n".join(
        [
            f"(errata-{entry.id})=\n## {entry.title}\n",
            f"*{entry.lecture.capitalize()}:* {entry.claim}\n",
            cell(entry.code + said, "remove-cell"),
            cell(f'wrong("{entry.id}",\n{figures})', "remove-input"),
            f"All figures of this entry, and the code: {{ref}}`in the ledger <ledger-{entry.id}>`.\n",
            note + "\n",
        ]
    )
