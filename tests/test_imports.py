"""Who may import whom: the layers of the house, read from the source without running it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES = 400

# What each part of cnncourse may import of cnncourse, beside itself. A part that is not written yet is no error; a part
# that is not listed here is.
BASE = {"errors"}
ANY_MODEL = BASE | {"device", "features", "layers", "plot", "receptive", "swapping"}
TOOLS = {"analysis", "compress", "effective", "train", "visualize", "fooling"}
TASKS = {"detection", "segmentation", "signals"}
PARTS = ANY_MODEL | {"data", "models"} | TOOLS | TASKS | {"zoo"}  # all that checks and widgets stand on
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "layers": BASE,
    "data": BASE | {"device"},
    "device": BASE,
    "plot": BASE,
    "models": BASE | {"layers"},
    "features": BASE | {"layers"},
    "receptive": BASE | {"layers"},
    "swapping": BASE | {"layers"},
    **dict.fromkeys(TOOLS, ANY_MODEL | TOOLS),
    **dict.fromkeys(TASKS, ANY_MODEL | {"models", "data", "train"} | TASKS),
    "experiments": PARTS,
    "zoo": PARTS,
    "checks": PARTS,
    "widgets": PARTS | {"experiments"},
    "validate": PARTS | {"checks"},
    "cli": PARTS | {"checks", "widgets", "validate"},
}
LAYERS_USE = {"torch", "cnncourse"}  # beside the standard library


def modules(root: Path) -> dict[str, Path]:
    """Every module of both packages by its dotted name."""
    found = {}
    for package in ("cnncourse", "autograder"):
        for file in sorted((root / package).rglob("*.py")):
            parts = file.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(name: str, file: Path, known: dict[str, Path], everywhere: bool = True) -> Iterator[tuple[int, str]]:
    """(line, module) of each import in a file; `everywhere`: also of those in functions and for type checkers only."""
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    for node in ast.walk(tree) if everywhere else _at_import(tree.body):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            for _ in range(node.level - 1):
                package = package.rpartition(".")[0]
            base = ".".join(filter(None, [package if node.level else "", node.module]))
            for alias in node.names:  # `from package import module` means the module
                yield node.lineno, f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base


def _at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _at_import(node.orelse)
            continue
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for inner in ("body", "orelse", "finalbody"):
                yield from _at_import(getattr(node, inner, []))
            for handler in getattr(node, "handlers", []):
                yield from _at_import(handler.body)


def wrong_imports(root: Path) -> list[str]:
    """Every import against the rules above, as `file:line: reason`."""
    known, found = modules(root), []
    for name, file in known.items():
        for line, target in imports(name, file, known):
            if reason := _against(name, target):
                found.append(f"{file.relative_to(root)}:{line}: {reason}")
    return found


def _against(name: str, target: str) -> str | None:
    package, _, rest = name.partition(".")
    part, top = rest.partition(".")[0], target.partition(".")[0]
    if package == "cnncourse" and top == "autograder":
        return "cnncourse never imports the autograder: students do not have it"
    if name.startswith("autograder.sandbox"):
        alone = top == "cnncourse" or (top == "autograder" and not target.startswith("autograder.sandbox"))
        return f"autograder.sandbox stands alone, but imports {target}" if alone else None
    if package != "cnncourse" or not part:
        return None
    if part not in MAY_IMPORT:
        return f"cnncourse.{part} is in no layer yet: add it to MAY_IMPORT in {Path(__file__).name}"
    if part == "layers" and top not in LAYERS_USE | sys.stdlib_module_names:
        return f"cnncourse.layers imports {target}; expected torch only"
    other = target.partition(".")[2].partition(".")[0]
    if top == "cnncourse" and other and other != part and other not in MAY_IMPORT[part]:
        return f"cnncourse.{part} imports cnncourse.{other}; expected {', '.join(sorted(MAY_IMPORT[part])) or 'none'}"
    return None


def cycle(root: Path) -> list[str] | None:
    """Modules that import each other in a ring while they are imported, if there are any."""
    known = modules(root)
    graph = {name: {target for _, target in imports(name, file, known, everywhere=False) if target in known} - {name}
             for name, file in known.items()}  # fmt: skip
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring: list[str] = error.args[1]
        return ring
    return None


def long_files(root: Path) -> list[str]:
    """Source files of more than MOST_LINES lines."""
    folders = [(root / name, ("*.py", "*.js", "*.css")) for name in ("cnncourse", "autograder", "tests", "book/_ext")]
    files = sorted(file for folder, patterns in folders for pattern in patterns for file in folder.rglob(pattern))
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    return [f"{file.relative_to(root)}: {n} lines" for file, n in lengths.items() if n > MOST_LINES]


def test_imports_point_down_only() -> None:
    assert len(modules(ROOT)) > 10
    assert wrong_imports(ROOT) == []


def test_no_cycles() -> None:
    assert cycle(ROOT) is None


def test_files_are_short() -> None:
    assert long_files(ROOT) == []


BREAKS = {
    "layers/a.py": ("import numpy", "expected torch only"),
    "layers/b.py": ("def f():\n    from ..models import lenet5", "cnncourse.layers imports cnncourse.models"),
    "data/c.py": ("from cnncourse import layers", "cnncourse.data imports cnncourse.layers"),
    "models/d.py": ("from cnncourse.zoo import load", "expected errors, layers"),
    "zoo/e.py": ("import cnncourse.checks.core", "cnncourse.zoo imports cnncourse.checks"),
    "checks/f.py": ("from ..widgets import lens", "cnncourse.checks imports cnncourse.widgets"),
    "cli.py": ("import autograder", "never imports the autograder"),
    "novel.py": ("import math", "in no layer yet"),
    "../autograder/sandbox/g.py": ("from autograder.files import write_text", "stands alone"),
    "../autograder/sandbox/jail/h.py": ("from cnncourse import errors", "stands alone"),
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small house without a fault."""
    for package in ("cnncourse", "autograder", "autograder/sandbox"):
        for part in ("", "layers", "models", "zoo", "checks", "widgets") if package == "cnncourse" else ("",):
            folder = tmp_path / package / part
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "__init__.py").write_text("")
    (tmp_path / "cnncourse/errors.py").write_text("import math\n")
    (tmp_path / "cnncourse/layers/conv.py").write_text("import torch, math\nfrom cnncourse.errors import whole\n")
    (tmp_path / "cnncourse/models/lenet.py").write_text("from ..layers.conv import conv2d\n")
    (tmp_path / "autograder/grade.py").write_text("from cnncourse import checks\nfrom autograder import sandbox\n")
    return tmp_path


def test_a_good_house_passes(house: Path) -> None:
    assert (wrong_imports(house), cycle(house), long_files(house)) == ([], None, [])


@pytest.mark.parametrize("place", BREAKS)
def test_a_wrong_import_is_found(house: Path, place: str) -> None:
    source, reason = BREAKS[place]
    file = (house / "cnncourse" / place).resolve()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    (found,) = wrong_imports(house)
    assert reason in found
    assert f"{file.relative_to(house)}:" in found


def test_a_ring_is_found_but_not_where_it_is_broken(house: Path) -> None:
    first, second = house / "cnncourse/layers/one.py", house / "cnncourse/layers/two.py"
    first.write_text("from cnncourse.layers import two\n")
    second.write_text("try:\n    from .one import f\nexcept ImportError:\n    pass\n")
    ring = cycle(house)
    assert ring is not None
    assert {"cnncourse.layers.one", "cnncourse.layers.two"} <= set(ring)
    for late in ("def g():\n    from .one import f\n", "if TYPE_CHECKING:\n    from .one import f\n"):
        second.write_text(late)
        assert cycle(house) is None


def test_a_long_file_is_found(house: Path) -> None:
    (house / "cnncourse/layers/long.py").write_text("\n" * (MOST_LINES + 1))
    assert long_files(house) == [f"cnncourse/layers/long.py: {MOST_LINES + 1} lines"]
