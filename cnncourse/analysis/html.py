"""An analysis as a table for notebooks: no script, legible on light and on dark pages, scrolling in its own box."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from cnncourse.analysis.table import cells, legend, total_cells
from cnncourse.plot.style import COLORS

if TYPE_CHECKING:
    from cnncourse.analysis.result import Analysis, Row

# Colours of text and ground are the page's own; lines are a share of the text's colour, so they show on every ground.
_STYLE = f"""<style>
.cnn-analysis {{ overflow-x: auto; max-width: 100%; color: inherit; line-height: 1.35; }}
.cnn-analysis table {{ border-collapse: collapse; margin: 0; width: auto; font-variant-numeric: tabular-nums; }}
.cnn-analysis caption {{ text-align: left; font-weight: bold; padding: 0 0 .4em; caption-side: top; color: inherit; }}
.cnn-analysis th, .cnn-analysis td {{ padding: .15em .6em; border: 0; white-space: nowrap; text-align: right;
  vertical-align: top; background: none; color: inherit; }}
.cnn-analysis th {{ font-weight: normal; }}
.cnn-analysis thead th, .cnn-analysis tfoot th, .cnn-analysis tfoot td {{ font-weight: bold; }}
.cnn-analysis .text {{ text-align: left; }}
.cnn-analysis tbody th {{ font-family: monospace; }}
.cnn-analysis thead tr {{ border-bottom: 1px solid; }}
.cnn-analysis tfoot tr {{ border-top: 1px solid; }}
.cnn-analysis tbody tr + tr {{ border-top: 1px solid rgb(128 128 128 / .25); }}
.cnn-analysis .bar {{ display: block; height: 4px; margin-left: auto; min-width: 1px; }}
.cnn-analysis .params {{ background: {COLORS["filter"]}; }}
.cnn-analysis .macs {{ background: {COLORS["input"]}; }}
.cnn-analysis p {{ margin: .4em 0 0; font-size: .9em; white-space: normal; }}
</style>"""
_HEADS = (
    ("layer", "text", "the module's name; a function called between layers has ()"),
    ("kind", "text", "3×3 /2 is a window of 3×3 with stride 2"),
    ("shape", "text", "of the output"),
    ("parameters", "", "weights and biases; the bar is the share of all"),
    ("mult-adds", "", "one for each use of a weight; the bar is the share of all"),
    ("output", "", "memory of the values made; 0 for a view or in place"),
    ("training", "", "memory held for the backward pass"),
    ("field", "", "side in pixels of what a unit can see"),
)


def html_table(analysis: Analysis) -> str:
    """The table of `print(analysis)` as HTML, with a bar for each row's share of parameters and multiply-adds."""
    name = escape(analysis.model)
    head = "".join(f'<th scope="col" class="{kind}" title="{hint}">{text}</th>' for text, kind, hint in _HEADS)
    body = "\n".join(_row(row, analysis) for row in analysis.rows)
    total = total_cells(analysis)
    foot = '<th scope="row" class="text" colspan="3">total</th>' + "".join(f"<td>{text}</td>" for text in total[3:])
    notes = "".join(f"<p>{escape(line)}</p>" for line in [" ".join(legend(analysis)[:3]), *legend(analysis)[3:]])
    return (
        f'{_STYLE}\n<div class="cnn-analysis" role="region" aria-label="Analysis of {name}" tabindex="0">\n'
        f"<table>\n<caption>{name}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n"
        f"<tfoot><tr>{foot}</tr></tfoot>\n</table>\n{notes}\n</div>"
    )


def _row(row: Row, analysis: Analysis) -> str:
    name, kind, shape, params, macs, output, training, field = (escape(text) for text in cells(row))
    t = analysis.totals
    exact = cells(row, exact=True)
    return (
        f'<tr><th scope="row" class="text">{name}</th><td class="text">{kind}</td><td class="text">{shape}</td>'
        f'<td title="{exact[3]}">{params}{_bar("params", row.parameters, t.parameters)}</td>'
        f'<td title="{exact[4]}">{macs}{_bar("macs", row.macs, t.macs)}</td>'
        f'<td title="{exact[5]} bytes">{output}</td><td title="{exact[6]} bytes">{training}</td><td>{field}</td></tr>'
    )


def _bar(kind: str, part: int, whole: int) -> str:
    return f'<span class="bar {kind}" style="width:{100 * part / whole:.1f}%"></span>' if part else ""
