"""From book/ledger.yml to book/ledger.md: what the lectures state beside what the code computes.

`python -m coursebook.ledger` (`make ledger`) writes the page, and errata.md beside it (see errata.py). The pages' cells
compute every value again when the book is built; tests/test_ledger.py does too.
"""

from __future__ import annotations

import ast
import inspect
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from coursebook import compare

BOOK = Path(__file__).parents[2]
HEAD = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

% Written by `make ledger` from ledger.yml. Edit that file.

"""  # of errata.md, too
INTRO = """\
# The ledger

The [five lectures](references.md) that this course follows state numbers: so many weights, such a size, this gradient.
Numbers travel from slide to slide and nobody runs them. Here each one is computed by the code beside it, when this page
is built. Figures in the column *stated* are the lecture's; every other number on this page comes out of a cell.

Where the two differ, the row says so and why.
"""


@dataclass(frozen=True)
class Figure:
    """One quantity: what the lecture says it is, and the expression that computes it."""

    what: str
    stated: Any
    value: str
    shown: str | None = None
    digits: int | None = None

    @property
    def written(self) -> str:
        """What the lecture says, as it writes it."""
        return self.shown or compare.write(self.stated)

    def agrees(self, computed: Any) -> bool:
        """True if `computed` is what the lecture says, at the digits that it gives."""
        return compare.agrees(self.stated, computed, self.digits)


@dataclass(frozen=True)
class Entry:
    """One row of the ledger."""

    id: str
    lecture: str
    title: str
    claim: str
    code: str
    figures: tuple[Figure, ...]
    verdict: str
    note: str
    say: Mapping[str, str]

    def run(self) -> dict[str, Any]:
        """Run the code in a namespace of its own and return the namespace."""
        space: dict[str, Any] = {}
        exec(compile(self.code, f"<ledger: {self.id}>", "exec"), space)  # our own file, reviewed as code is
        return space

    def computed(self) -> list[Any]:
        """The computed value of each figure, in order."""
        space = self.run()
        return [eval(figure.value, space) for figure in self.figures]


def load(path: Path = BOOK / "ledger.yml") -> list[Entry]:
    """Every row of the ledger.

    Raises ValueError naming the row when a key is missing or unknown, an id stands twice, or note and `say` differ.
    """
    entries = [_entry(fields) for fields in yaml.safe_load(path.read_text(encoding="utf-8"))]
    ids = [entry.id for entry in entries]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise ValueError(f"ledger: id used twice: {', '.join(twice)}; give each row its own")
    return entries


def _entry(fields: dict[str, Any]) -> Entry:
    name = fields.get("id", "?")
    try:
        figures = tuple(Figure(**figure) for figure in fields["figures"])
        entry = Entry(**{"say": {}, **fields, "figures": figures})
    except (TypeError, KeyError) as error:
        raise ValueError(f"ledger row {name}: {error}; the head of ledger.yml lists the keys") from error
    if entry.verdict not in ("agrees", "differs"):
        raise ValueError(f"ledger row {name}: verdict is {entry.verdict!r}; expected 'agrees' or 'differs'")
    asked = {field for _, field, _, _ in string.Formatter().parse(entry.note) if field}
    if asked != set(entry.say):
        raise ValueError(
            f"ledger row {name}: the note uses {sorted(asked)}, say has {sorted(entry.say)}; they must be the same"
        )
    return entry


def page(entries: list[Entry]) -> str:
    """The whole of ledger.md."""
    return HEAD + "\n".join([INTRO, _overview(entries), _helpers(), *(_section(entry) for entry in entries)])


def comparing() -> str:
    """The source of the functions by which a page compares."""
    return "\n\n\n".join(
        _plain(inspect.getsource(function)) for function in (compare.agrees, compare.write, compare.row)
    )


def _helpers() -> str:
    glue = (
        "from myst_nb import glue\n\n\n"
        "def enter(name, *figures):\n"
        '    """Put each computed value, with its verdict, where the tables of this page show it."""\n'
        "    rows = [row(*figure) for figure in figures]\n"
        "    for i, (value, verdict) in enumerate(rows):\n"
        '        glue(f"{name}-{i}", value, display=False)\n'
        '        glue(f"{name}-{i}-verdict", verdict, display=False)\n'
        "    good = sum(verdict.startswith('✓') for _, verdict in rows)\n"
        '    glue(f"{name}-agree", f"{good} of {len(rows)}", display=False)\n'
    )
    return cell(f"{comparing()}\n\n\n{glue}", "hide-input")


def _plain(source: str) -> str:
    """A function with one line of docstring and no annotations: what the page needs of it."""
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None
    summary = (ast.get_docstring(function) or "").split("\n")[0]
    function.body[0] = ast.Expr(ast.Constant(summary))
    return ast.unparse(function)


def _overview(entries: list[Entry]) -> str:
    lines = ["| claim | lecture | figures that agree |", "|---|---|---:|"]
    lines += [
        f"| [{entry.title}](#ledger-{entry.id}) | {entry.lecture.capitalize()} | {{glue:text}}`{entry.id}-agree` |"
        for entry in entries
    ]
    return "\n".join(lines) + "\n"


def _section(entry: Entry) -> str:
    table = ["| quantity | stated | computed | |", "|---|---:|---:|---|"]
    table += [
        f"| {figure.what} | {figure.written} | {_glued(entry, i)} | {_glued(entry, i, '-verdict')} |"
        for i, figure in enumerate(entry.figures)
    ]
    values = ",\n".join(f"      ({figure.stated!r}, {figure.value}, {figure.digits})" for figure in entry.figures)
    enter = f'enter("{entry.id}",\n{values})\n'
    enter += "".join(f'glue("{entry.id}-{name}", {value}, display=False)\n' for name, value in entry.say.items())
    note = entry.note.format(**{name: f"{{glue:text}}`{entry.id}-{name}`" for name in entry.say})
    return "\n".join(
        [
            f"(ledger-{entry.id})=\n## {entry.title}\n",
            f"*{entry.lecture.capitalize()}:* {entry.claim}\n",
            cell(entry.code),
            cell(enter, "remove-input"),
            "\n".join(table) + "\n",
            note + "\n",
        ]
    )


def _glued(entry: Entry, i: int, suffix: str = "") -> str:
    return f"{{glue:text}}`{entry.id}-{i}{suffix}`"


def cell(code: str, tag: str = "") -> str:
    """A code cell of a page."""
    return "```{code-cell} ipython3\n" + (f":tags: [{tag}]\n\n" if tag else "") + code.rstrip() + "\n```\n"


if __name__ == "__main__":
    from coursebook import errata

    for name, text in {"ledger.md": page(load()), "errata.md": errata.page(load())}.items():
        (BOOK / name).write_text(text, encoding="utf-8")
        print(f"{BOOK / name} written from ledger.yml")
