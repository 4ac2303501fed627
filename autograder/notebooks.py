"""nbformat with types: the few things the autograder makes notebooks with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

# jsonschema would build 38 grammars for internet addresses at import, where this package happens to be installed: a
# third of the time of a short command. No notebook's schema asks for one.
_GRAMMARS = "rfc3987_syntax"
if _GRAMMARS not in sys.modules:
    sys.modules[_GRAMMARS] = None  # type: ignore[assignment]
    import nbformat as _nbformat

    del sys.modules[_GRAMMARS]
else:
    import nbformat as _nbformat

from nbformat.notebooknode import NotebookNode  # noqa: E402

_any: Any = _nbformat


def read(path: Path) -> NotebookNode:
    """Read a notebook of ours as format 4. Raises ValueError when it is none."""
    try:
        notebook: NotebookNode = _any.read(path, as_version=4)
    except _any.ValidationError as error:
        raise ValueError(str(error).splitlines()[0]) from error
    return notebook


def text(notebook: NotebookNode) -> str:
    """The notebook as the text of its file."""
    return str(_any.writes(notebook, version=4)) + "\n"


def node(data: Any) -> Any:
    """Plain data as nbformat's nodes."""
    return _any.from_dict(data)


def new() -> NotebookNode:
    """An empty notebook, format 4.5."""
    made: NotebookNode = _any.v4.new_notebook()
    made.nbformat_minor = 5
    return made


def cell(kind: str, source: str, cell_id: str) -> NotebookNode:
    """A cell of kind "code", "markdown" or "raw". Not validated one by one: `text` looks at the whole notebook."""
    if kind not in ("code", "markdown", "raw"):
        raise ValueError(f"cell: kind is {kind!r}; expected code, markdown or raw")
    made: NotebookNode = node({"id": cell_id, "cell_type": kind, "metadata": {}, "source": source})
    if kind == "code":
        made.execution_count, made.outputs = None, []
    return made


def printed(words: str) -> NotebookNode:
    """An output as if a cell had printed it."""
    made: NotebookNode = _any.v4.new_output("stream", name="stdout", text=words)
    return made
