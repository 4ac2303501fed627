"""Properties of the repository as a whole: what it names, what it stores, what it pins."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
VENDOR = ROOT / "book" / "_vendor"
# Written so that this file does not name them either.
HOSTS = [
    ".".join(parts)
    for parts in [("pypi", "org"), ("pythonhosted", "org"), ("download", "pytorch", "org/whl"), ("npmjs", "org")]
]
OURS = {"cnncourse", "cnncourse-autograder"}


def tracked() -> list[Path]:
    """The files that git knows, and in an unpacked archive all that lie in the source folders."""
    try:
        run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        files = [ROOT / name for name in run.stdout.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        folders = ("book", "lessons", "cnncourse", "autograder", "tests")
        files = [file for folder in folders for file in (ROOT / folder).rglob("*") if "__pycache__" not in file.parts]
    return [file for file in files if file.is_file()]


def texts() -> list[tuple[Path, str]]:
    """Every tracked text file of ours."""
    found = []
    for file in tracked():
        if VENDOR / "vendor" in file.parents:
            continue
        try:
            found.append((file.relative_to(ROOT), file.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def test_no_package_registry_is_named() -> None:
    named = [(str(path), host) for path, text in texts() for host in HOSTS if host in text]
    assert not named


def test_no_path_of_a_developers_machine() -> None:
    pattern = re.compile(r"(?<![\w.<])/(?:home|Users)/[a-z][\w.-]+/|(?<![\w.])/work/")
    found = [
        (str(path), match[0])
        for path, text in texts()
        for match in pattern.finditer(text)
        if path.name != "test_repo.py"
    ]
    assert not found


def test_notebooks_carry_no_outputs() -> None:
    kept = []
    for path, text in texts():
        if path.suffix != ".ipynb" or path.parts[0] == "tests":
            continue
        for cell in json.loads(text)["cells"]:
            if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"] is not None):
                kept.append((str(path), cell.get("id")))
    assert not kept, "clear them: jupyter nbconvert --clear-output --inplace NOTEBOOK"


def pins() -> dict[str, str]:
    """Name to version of requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if line.strip() and not line.startswith("#")]
    unpinned = [line for line in entries if not re.fullmatch(r"[\w.-]+==[\w.!+-]+", line)]
    assert not unpinned, unpinned
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in entries)}


@pytest.mark.parametrize(("project", "extras"), [("pyproject.toml", ["dev"]), ("autograder/pyproject.toml", [])])
def test_requirements_cover_the_distributions(project: str, extras: list[str]) -> None:
    declared = tomllib.loads((ROOT / project).read_text(encoding="utf-8"))["project"]
    wanted = list(declared["dependencies"])
    for extra in extras:
        wanted += declared.get("optional-dependencies", {}).get(extra, [])
    pinned = pins()
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        if name in OURS:
            continue
        assert name in pinned, f"{project} asks for {name}, requirements.txt does not pin it"
        assert requirement.specifier.contains(pinned[name]), f"{name}=={pinned[name]} is outside {requirement}"


def test_pins_hold_for_what_they_need_themselves() -> None:
    """A package that a pinned one requires is pinned too: nothing floats in on installation."""
    pinned = pins()
    floating = set()
    for name in pinned:
        try:
            needs = requires(name) or []
        except PackageNotFoundError:
            continue
        for requirement in map(Requirement, needs):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                floating |= {canonicalize_name(requirement.name)} - pinned.keys()
    assert floating <= {"setuptools", "pip", "wheel"}, sorted(floating)


def test_torch_is_the_build_that_needs_no_gpu_packages() -> None:
    assert pins()["torch"] == "2.13.0"


@pytest.mark.parametrize("folder", ["mathjax", "widgets", "fonts"])
def test_vendored_libraries_carry_their_licences(folder: str) -> None:
    licences = sorted((VENDOR / "vendor" / folder).glob("LICENSE*"))
    assert licences
    assert all(len(licence.read_text(encoding="utf-8")) > 500 for licence in licences)


def test_every_vendored_file_has_a_licence_beside_or_above_it() -> None:
    for file in (VENDOR / "vendor").rglob("*"):
        if file.is_file():
            above = [parent for parent in file.parents if VENDOR in parent.parents]
            assert any(list(parent.glob("LICENSE*")) for parent in above), file


def test_static_folder_holds_no_script() -> None:
    """Sphinx would put every script and style below book/_static into every page."""
    found = {file.name for file in (ROOT / "book" / "_static").rglob("*") if file.suffix in {".js", ".css"}}
    assert found == {"custom.css"}


def test_ci_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111, "not executable"
    assert "make test" in script.read_text(encoding="utf-8")
