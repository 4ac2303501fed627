"""What a person should look at in a student's code, found by reading it (never by running it).

A flag is a question, not a verdict: names can be hidden from any reader (`getattr`, `exec`), and the jail, not this
file, is what keeps points and secrets safe.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

MAX_CHARACTERS = 200_000


def uses(source: str, names: Iterable[str]) -> list[str]:
    """Which of the dotted `names` (functions, classes or whole modules) the code refers to, through any import alias.

    `torch.nn.functional.conv2d` is found in `F.conv2d(...)` after `import torch.nn.functional as F`, and in `c(...)`
    after `from torch.nn.functional import conv2d as c`. Code that cannot be parsed refers to nothing.
    """
    tree = parse(source)
    if tree is None:
        return []
    mentioned = set(_mentioned(tree))
    return [name for name in names if any(m == name or m.startswith(name + ".") for m in mentioned)]


def parse(source: str) -> ast.Module | None:
    """The syntax tree of a cell, magics and shell lines left out; None when it is not Python or far too long."""
    if len(source) > MAX_CHARACTERS or source.lstrip().startswith("%%"):
        return None
    for text in (source, _without_magics(source)):
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def defines(source: str, name: str) -> bool:
    """Whether the cell defines or assigns `name` at top level with more than a stub in it."""
    tree = parse(source)
    if tree is None:
        return False
    return any(_names(node) == name and not _is_stub(node) for node in tree.body)


def is_stub(source: str, name: str) -> bool:
    """Whether the cell still raises NotImplementedError as the whole body of `name`: an exercise nobody began."""
    tree = parse(source)
    return tree is not None and any(_names(node) == name and _is_stub(node) for node in tree.body)


def _names(node: ast.stmt) -> str | None:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


def _is_stub(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef):
        return False
    body = [s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    return len(body) == 1 and isinstance(body[0], ast.Raise) and "NotImplementedError" in ast.unparse(body[0])


def _without_magics(source: str) -> str:
    lines = source.split("\n")
    return "\n".join("pass" if line.lstrip().startswith(("%", "!", "?")) else line for line in lines)


def _mentioned(tree: ast.Module) -> Iterator[str]:
    """Full dotted names: imported ones, and attribute chains whose first name was imported."""
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
                aliases[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
                aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        chain = _chain(node)
        if chain:
            head, *rest = chain
            yield ".".join([aliases.get(head, head), *rest])


def _chain(node: ast.AST) -> list[str]:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return []
    return [node.id, *reversed(parts)]
