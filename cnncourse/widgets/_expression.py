"""What the graph stepper can draw: an expression's inputs, or an error that says what cannot be drawn."""

from __future__ import annotations

import ast
from collections.abc import Iterable

_CALLS = {"exp": 1, "log": 1, "sigmoid": 1, "tanh": 1, "relu": 1, "max": 2}
_SIGNS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
_MOST_INPUTS, _MOST_GATES = 8, 16


class _Reader:
    """Reads the parts of one expression in order; `inputs` and `gates` are what it has met."""

    def __init__(self) -> None:
        self.inputs: list[str] = []
        self.named: set[str] = set()
        self.used: set[str] = set()
        self.gates = 0

    def read(self, node: ast.expr) -> bool:
        """Count the gates of `node`; True if it is a plain number."""
        match node:
            case ast.Constant(value=value) if isinstance(value, (int, float)) and not isinstance(value, bool):
                return True
            case ast.Name(id=name):
                self.used.add(name)
                if name not in self.named and name not in self.inputs:
                    self.inputs.append(name)
                return False
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return self._gate([self.read(inner)])
            case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _SIGNS):
                plain = [self.read(left), self.read(right)]
                if isinstance(op, ast.Pow) and not plain[1]:
                    raise ValueError("a power needs a plain number, such as x**2")
                chain = isinstance(op, ast.Add) and isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add)
                return all(plain) if chain and not any(plain) else self._gate(plain)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if _CALLS.get(name) == len(args):
                if any(self.read(arg) for arg in args):
                    raise ValueError(f"{name} of a plain number: write its value")
                return self._gate([False])
        raise ValueError(f"{ast.unparse(node)!r} is none of its parts")

    def _gate(self, plain: list[bool]) -> bool:
        self.gates += not all(plain)
        return all(plain)


def inputs_of(who: str, text: str, examples: Iterable[str]) -> list[str]:
    """The inputs of "q = x + y; f = q * z" in order of appearance (x, y, z). ValueError if it is no graph."""
    try:
        return _inputs(text)
    except SyntaxError as error:
        problem = error.msg or "it cannot be read"
    except ValueError as error:
        problem = str(error)
    raise ValueError(
        f"{who}: graph={text!r} cannot be drawn: {problem}. Expected one of {', '.join(map(repr, examples))}, or an "
        f"expression of names and numbers with + - * / **, {', '.join(_CALLS)}, e.g. 'q = x + y; f = q * z'."
    )


def _inputs(text: str) -> list[str]:
    clean = text.replace("\u2212", "-").replace("·", "*").replace("×", "*").replace("^", "**")
    parts = [part.strip() for part in clean.replace("\n", ";").split(";") if part.strip()]
    statements = [ast.parse(part).body[0] for part in parts]
    reader = _Reader()
    for k, statement in enumerate(statements):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.Expr(value=value):
                name = ""
            case _:
                raise ValueError(f"{parts[k]!r} is no expression")
        before = reader.gates
        if reader.read(value) or reader.gates == before:
            raise ValueError(f"{parts[k]!r} has no gate")
        if name in reader.named or name in reader.inputs:
            raise ValueError(f"{name} is set twice, or used before it is set")
        if not name and k < len(statements) - 1:
            raise ValueError(f"{parts[k]!r} leads nowhere: give it a name and use it")
        reader.named.add(name)
        last = name
    if not statements:
        raise ValueError("there is no expression")
    loose = sorted(reader.named - reader.used - {last, ""})
    if loose:
        raise ValueError(f"{loose[0]} leads nowhere: use it in the last expression")
    if len(reader.inputs) > _MOST_INPUTS or reader.gates > _MOST_GATES:
        raise ValueError(
            f"{len(reader.inputs)} inputs and {reader.gates} gates; at most {_MOST_INPUTS} and {_MOST_GATES}"
        )
    return reader.inputs
