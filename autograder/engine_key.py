"""What a verdict depends on, as short hashes: a finished submission is graded again when one of them changes.

Counted are the lesson, its checks with their hidden cases, the seed, the jail, the grading code with everything that it
imports, the course's package (the checks compare with it and students call it in the jail), and the versions of Python,
torch and NumPy. Left out is what only shows or counts verdicts: the report, feedback, the policy, the gradebook.
"""

from __future__ import annotations

import ast
import hashlib
import platform
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

import autograder
from autograder import before, package
from autograder.lessons import LessonSource

HOME = Path(__file__).parent
# Where a verdict begins: reading, grading, hidden cases; and the rebuilt copy, which shows it.
ROOTS = ("intake", "grade", "release", "package", "copies")
LIBRARIES = ("torch", "numpy")


def made_of(source: LessonSource, seed: int, unsafe: bool) -> dict[str, str]:
    """Everything that a verdict depends on beside the submission itself."""
    return {
        "lesson": before.short(source.name, source.digest),
        "checks": before.short(package.digest(HOME / "hidden"), package.digest(package.home() / "checks")),
        "seed": before.short(seed),
        "jail": before.short(unsafe),
        "grader": before.short(code_digest()),
        "course": before.short(package.digest(package.home())),
        "libraries": before.short(versions()),
    }


def versions() -> dict[str, str]:
    """Versions of what computes: the same on every machine that grades one class."""
    found = {name: metadata.version(name) for name in LIBRARIES}
    return {"grader": autograder.__version__, "python": platform.python_version(), **found}


@cache
def code_digest() -> str:
    """A hash over the code that grades."""
    parts = [(name, _file_digest(HOME / f"{name}.py")) for name in grading_code()]
    return hashlib.sha256(repr((parts, package.digest(HOME / "sandbox"))).encode()).hexdigest()


def all_digest() -> str:
    """A hash over the code that grades and the package that it grades with: to compare two machines."""
    folders = (HOME / "hidden", package.home())
    return hashlib.sha256(repr((code_digest(), [package.digest(f) for f in folders])).encode()).hexdigest()


@cache
def grading_code() -> tuple[str, ...]:
    """The autograder's modules that decide verdicts: ROOTS and what they import, read from their source."""
    found: set[str] = set()
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imported(HOME / f"{name}.py")
    return tuple(sorted(found))


def _imported(path: Path) -> Iterable[str]:
    """Names of the modules beside this one that a file imports, in functions too, for type checkers only not."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = {id(inner) for node in ast.walk(tree) if _for_types(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.module or id(node) in typing:
            continue
        names = (
            [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "autograder" else [node.module]
        )
        parts = [name.split(".") for name in names]
        yield from (p[1] for p in parts if p[0] == "autograder" and (HOME / f"{p[1]}.py").is_file())


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
