"""What a person should look at in a student's code, found by reading it (never by running it).

A flag is a question, not a verdict: names can be hidden from any reader (`getattr`, `exec`), and the jail, not this
file, is what keeps points and secrets safe.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

MAX_CHARACTERS = 200_000


def uses(source: str, names: Iterable[str]) -> list[str]:
    """Which of the dotted `names` (functions, classes or whole modules) the code refers to, through any import alias.

    `torch.nn.functional.conv2d` is found in `F.conv2d(...)` after `import torch.nn.functional as F` or
    `F = torch.nn.functional`, in `c(...)` after `from torch.nn.functional import conv2d as c`, in
    `getattr(F, "conv2d")`, and in `from torch.nn.functional import *`. Code that cannot be parsed refers to nothing:
    see `hides`.
    """
    found = _read(source)
    if found is None:
        return []
    return [name for name in names if name in found.reached or name.startswith(found.stars)]


def hides(source: str) -> list[str]:
    """What in the code keeps a reader from seeing which functions it calls: `exec`, a computed `getattr`, and so on."""
    found = _read(source)
    if found is None:
        return ["code that is not plain Python"] if _could_run(source) else []
    named = {name for name in found.mentioned if name in _DYNAMIC or name.split(".")[0] in ("importlib", "runpy")}
    return sorted(named | ({"getattr with a computed name"} if found.computed_getattr else set()))


@dataclass(frozen=True)
class _Reading:
    """What one cell's code refers to, under full names."""

    mentioned: frozenset[str]
    reached: frozenset[str]  # these and what they are part of: a.b.c, a.b, a
    stars: tuple[str, ...]  # "a.b." of `from a.b import *`
    computed_getattr: bool


@lru_cache(maxsize=64)
def _read(source: str) -> _Reading | None:
    """A cell is asked about many names, and read once. None when it is no Python."""
    tree = parse(source)
    if tree is None:
        return None
    nodes = list(ast.walk(tree))
    computed = any(_is_getattr(node) and _attribute(node) is None for node in nodes)
    mentioned = frozenset(_mentioned(nodes))
    reached = {name[:end] for name in mentioned for end in _ends(name)}
    stars = tuple(name.removesuffix("*") for name in mentioned if name.endswith(".*"))
    return _Reading(mentioned, frozenset(reached), stars, computed)


def _ends(name: str) -> list[int]:
    """Where the parts of a dotted name end."""
    return [k for k, letter in enumerate(name) if letter == "."] + [len(name)]


_DYNAMIC = {
    *("exec", "eval", "compile", "__import__", "get_ipython", "sys.modules", "torch.ops", "torch._C"),
    *("builtins.exec", "builtins.eval", "builtins.compile", "builtins.__import__", "IPython.get_ipython"),
}


def _could_run(source: str) -> bool:
    """Whether IPython could make Python of a cell that is none as it stands; a syntax error hides nothing."""
    if len(source) > MAX_CHARACTERS:
        return True
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        ast.parse(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]
    except Exception as error:  # whatever strange text does to it
        return not isinstance(error, SyntaxError)
    return True


def parse(source: str) -> ast.Module | None:
    """The syntax tree of a cell, magics and shell lines left out; None when it is not Python or far too long."""
    if len(source) > MAX_CHARACTERS:
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
    if isinstance(node, ast.ClassDef):
        methods = [s for s in node.body if isinstance(s, ast.FunctionDef)]
        return bool(methods) and all(_is_stub(method) for method in methods)
    if not isinstance(node, ast.FunctionDef):
        return False
    body = [s for s in node.body if not (isinstance(s, ast.Expr) and _says_nothing(s.value))]
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return False
    # ast.walk needs no stack: writing the expression out again would, and a student chooses how deep it is
    return any(isinstance(n, ast.Name) and n.id == "NotImplementedError" for n in ast.walk(body[0]))


def _says_nothing(value: ast.expr) -> bool:
    """A docstring, or the line `super().__init__()` that a class's stub begins with."""
    if isinstance(value, ast.Constant):
        return True
    called = value.func if isinstance(value, ast.Call) and not value.args else None
    if not isinstance(called, ast.Attribute) or called.attr != "__init__" or not isinstance(called.value, ast.Call):
        return False
    return isinstance(called.value.func, ast.Name) and called.value.func.id == "super"


def _without_magics(source: str) -> str:
    """Magics as the code they run: `%time f()` is `f()`, the first line of a `%%time` cell is nothing."""
    return "\n".join(_plain(line) for line in source.split("\n"))


def _plain(line: str) -> str:
    indent, text = line[: len(line) - len(line.lstrip())], line.lstrip()
    if not text.startswith(("%", "!", "?")):
        return line
    words = text.split(None, 1)
    if words[0] in ("%time", "%timeit", "%prun") and len(words) == 2:
        return indent + words[1]
    return indent + "pass"


def _mentioned(nodes: list[ast.AST]) -> Iterator[str]:
    """Full dotted names: imported ones, and attribute chains whose first name was imported."""
    aliases: dict[str, str] = {}
    for node in nodes:
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
    _follow(nodes, aliases)
    for node in nodes:
        chain = _chain(node)
        if chain:
            yield _full(chain, aliases)


def _full(chain: list[str], aliases: dict[str, str]) -> str:
    head, *rest = chain
    return ".".join([aliases.get(head, head), *rest])


def _follow(nodes: list[ast.AST], aliases: dict[str, str]) -> None:
    """`F = torch.nn.functional` is as good as an import. Only names of what was imported are followed."""
    assigned = [node for node in nodes if isinstance(node, ast.Assign)]
    for _ in range(3):
        for node in assigned:
            if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                chain = _chain(node.value)
                if chain and chain[0] in aliases:
                    aliases.setdefault(node.targets[0].id, _full(chain, aliases)[:200])


def _is_getattr(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr"


def _attribute(node: ast.AST) -> str | None:
    """The name in `getattr(x, "name")`, None when it is computed."""
    assert isinstance(node, ast.Call)
    name = node.args[1] if len(node.args) > 1 else None
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else None


def _chain(node: ast.AST) -> list[str]:
    parts: list[str] = []
    while isinstance(node, ast.Attribute | ast.Call):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif _is_getattr(node) and (name := _attribute(node)) is not None:
            parts.append(name)
            node = node.args[0]
        else:
            return []
    if not isinstance(node, ast.Name):
        return []
    return [node.id, *reversed(parts)]
