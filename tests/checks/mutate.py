"""All small changes of a function: swapped operators, constants off by one, exchanged axes, dropped terms."""

from __future__ import annotations

import ast
import copy
import difflib
from collections.abc import Iterator

BINARY = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.FloorDiv),
    ast.FloorDiv: (ast.Div, ast.Mult),
}
COMPARE = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.IsNot: ast.Is, ast.Is: ast.IsNot}
PARTNERS = (("i", "j"), ("H", "W"), ("di", "dj"), ("top", "left"), ("bottom", "right"), ("size", "jump"))
CALLS = {"min": "max", "max": "min", "sum": "mean", "mean": "sum"}


def mutants(source: str) -> dict[str, str]:
    """Label -> source of each mutant. The label shows the line before and after."""
    original = ast.unparse(ast.parse(source))
    made: dict[str, str] = {}
    for tree in _changed_trees(ast.parse(original)):
        text = ast.unparse(ast.fix_missing_locations(tree))
        if text != original:
            made.setdefault(_label(original, text), text)
    return made


def _label(before: str, after: str) -> str:
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[3:]
    number = next(k for k, (a, b) in enumerate(zip(before.splitlines(), after.splitlines(), strict=False)) if a != b)
    old = " ".join(line[1:].strip() for line in lines if line[0] == "-")
    new = " ".join(line[1:].strip() for line in lines if line[0] == "+")
    return f"{number}: {old} -> {new}"


def _changed_trees(tree: ast.Module) -> Iterator[ast.Module]:
    """One deep copy per change: the node to change is found again in the copy by its place in `ast.walk`."""
    for k, node in enumerate(ast.walk(tree)):
        for n in range(len(_changes(node))):
            changed = copy.deepcopy(tree)
            target = list(ast.walk(changed))[k]
            replacement = _changes(target)[n]()
            if replacement is not target:
                _replace(changed, target, replacement)
            yield changed


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list) and any(v is old for v in value):
                setattr(parent, name, [new if v is old else v for v in value])


def _set(node, **fields):
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def _changes(node):
    """Functions that change `node` in place or return what takes its place."""
    handler = globals().get(f"_{type(node).__name__.lower()}")
    return handler(node) if handler else []


def _binop(node):
    swaps = [lambda new=new: _set(node, op=new()) for new in BINARY.get(type(node.op), ())]
    return [*swaps, lambda: node.left, lambda: node.right]


def _augassign(node):
    plain = lambda: ast.Assign([node.target], node.value)  # noqa: E731
    return [plain, lambda: _set(node, op=ast.Sub()), ast.Pass]


def _assign(node):
    return [ast.Pass]


def _compare(node):
    changes = [
        lambda k=k, new=new: _set(node, ops=[new() if m == k else op for m, op in enumerate(node.ops)])
        for k, op in enumerate(node.ops)
        if (new := COMPARE.get(type(op)))
    ]
    if len(node.ops) > 1:
        changes.append(lambda: ast.Compare(node.left, node.ops[:1], node.comparators[:1]))
        changes.append(lambda: ast.Compare(node.comparators[0], node.ops[1:], node.comparators[1:]))
    return changes


def _constant(node):
    if type(node.value) is not int:
        return []
    return [lambda: _set(node, value=node.value + 1), lambda: _set(node, value=node.value - 1)]


def _name(node):
    if not isinstance(node.ctx, ast.Load):
        return []
    pairs = [*PARTNERS, *((f"{x}_h", f"{x}_w") for x in "KSP"), ("H_out", "W_out"), ("C_in", "C_out"), ("N", "K")]
    both = [(a, b) for pair in pairs for a, b in (pair, pair[::-1])]
    return [lambda b=b: _set(node, id=b) for a, b in both if node.id == a]


def _tuple(node):
    return [
        lambda k=k: _set(node, elts=[*node.elts[:k], node.elts[k + 1], node.elts[k], *node.elts[k + 2 :]])
        for k in range(len(node.elts) - 1)
    ]


def _slice(node):
    changes = []
    if node.lower is not None:
        changes.append(lambda: _set(node, lower=None))
    if node.upper is not None:
        changes.append(lambda: _set(node, upper=None))
    return changes


def _call(node):
    changes = []
    if isinstance(node.func, ast.Attribute):
        changes.append(lambda: node.func.value)
        if node.func.attr in CALLS:
            changes.append(lambda: _set(node.func, attr=CALLS[node.func.attr]) and node)
    elif isinstance(node.func, ast.Name) and node.func.id in CALLS:
        changes.append(lambda: _set(node.func, id=CALLS[node.func.id]) and node)
        changes += [lambda a=a: a for a in node.args]
    changes += [
        lambda k=k: _set(node, keywords=node.keywords[:k] + node.keywords[k + 1 :]) for k in range(len(node.keywords))
    ]
    return changes


def _unaryop(node):
    return [lambda: node.operand]


def _ifexp(node):
    return [lambda: node.body, lambda: node.orelse]


def _if(node):
    return [lambda: _set(node, test=ast.Constant(True)), lambda: _set(node, test=ast.Constant(False))]


def _return(node):
    return [lambda: _set(node, value=ast.Constant(None))]
