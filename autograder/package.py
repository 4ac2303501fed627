"""The copy of `cnncourse` that student code sees: without checks, references and what a lesson withholds."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import cnncourse
from autograder.errors import AutograderError

KEPT_SUFFIXES = {".py", ".safetensors", ".json", ".npz", ".png", ".txt", ".js", ".css", ".typed"}

_CHECKS = '''"""While a notebook is graded its checks do nothing: the verdict is made elsewhere."""


class CheckFailed(Exception):
    """Never raised here."""


def for_lesson(name, version=None):
    """A check that accepts every call and does nothing."""

    def check(*args, **kwargs):
        return None

    return check
'''

_WITHHELD = '''"""Not here while the lesson is graded."""
raise ImportError(
    "{module} is not available while {lesson} is graded: the lesson asks you to write this yourself. "
    "Use your own functions."
)
'''


def home() -> Path:
    """The folder of the installed `cnncourse`, checks included."""
    return Path(str(cnncourse.__file__)).parent


def build(to: Path, lesson: str, withheld: Sequence[str]) -> Path:
    """Make `to/cnncourse` for a lesson and return `to`, the folder that goes on the jail's import path.

    Raises AutograderError when a withheld name is no module of cnncourse (a spelling mistake would leave it readable).
    """
    target = to / "cnncourse"
    if target.exists():
        shutil.rmtree(target)
    for path in _files(home()):
        part = path.relative_to(home())
        if part.parts[0] == "checks":
            continue
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / part)
    (target / "checks").mkdir(parents=True)
    (target / "checks" / "__init__.py").write_text(_CHECKS, encoding="utf-8")
    for module in withheld:
        if module == "cnncourse.checks":
            continue  # always a stub, see above
        _withhold(target, module, lesson)
    return to


def _files(top: Path) -> Iterator[Path]:
    for path in sorted(top.rglob("*")):
        if (
            path.is_file()
            and not path.is_symlink()
            and path.suffix in KEPT_SUFFIXES
            and "__pycache__" not in path.parts
        ):
            yield path


def _withhold(target: Path, module: str, lesson: str) -> None:
    package, _, rest = module.partition(".")
    parts = rest.split(".")
    if package != "cnncourse" or not rest or not all(part.isidentifier() for part in parts):
        raise AutograderError(
            f"{lesson} withholds {module!r}, which is no module of cnncourse", "correct the lesson's checks"
        )
    place = target.joinpath(*parts)
    if not place.is_dir() and not place.with_suffix(".py").is_file():
        raise AutograderError(
            f"{lesson} withholds {module!r}, which cnncourse does not have", "correct the lesson's checks"
        )
    shutil.rmtree(place, ignore_errors=True)
    place.with_suffix(".py").write_text(_WITHHELD.format(module=module, lesson=lesson), encoding="utf-8")


def digest(folder: Path) -> str:
    """A hash over every file below `folder`, names included."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in KEPT_SUFFIXES and "__pycache__" not in path.parts:
            total.update(str(path.relative_to(folder)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
