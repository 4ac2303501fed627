"""The command `cnncourse`: `doctor` says what is installed, `validate NOTEBOOK` runs a lesson before handing in."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from importlib import metadata

_NEEDED = ("torch", "numpy", "matplotlib", "scikit-image", "scikit-learn", "safetensors", "anywidget", "ipywidgets")
_NEEDED_TO_VALIDATE = ("ipython", "nbformat", "nbclient", "ipykernel")
_OPTIONAL = ("jupyterlab", "nbval", "cnncourse-autograder")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 all is well, 1 something is to be looked at, 2 nothing could be done."""
    parser = argparse.ArgumentParser(
        prog="cnncourse", description="The companion of the course, from the command line."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("doctor", help="say which device, versions, extras and lessons are there")
    check = commands.add_parser("validate", help="run a lesson's notebook as before handing in; the file is only read")
    check.add_argument("notebook", help="the notebook to run")
    check.add_argument("--timeout", type=float, default=120, metavar="S", help="seconds a cell may take (120)")
    given = parser.parse_args(arguments)
    return doctor() if given.command == "doctor" else _validate(given.notebook, given.timeout)


def doctor() -> int:
    """Print what is there. 1 if a package that the course needs is missing."""
    print(f"python                {platform.python_version()} on {platform.system()} {platform.machine()}")
    print(f"cnncourse             {_version('cnncourse') or 'not installed: run pip install on its folder or wheel'}")
    missing = []
    for name in (*_NEEDED, *_NEEDED_TO_VALIDATE):
        version = _version(name)
        missing += [] if version else [name]
        print(f"{name:<22}{version or 'MISSING'}")
    for name in _OPTIONAL:
        print(f"{name:<22}{_version(name) or 'not installed (optional)'}")
    if "torch" not in missing:
        print(f"device                {_device()}")
        from cnncourse.checks import lesson_names, load

        for name in lesson_names():
            print(f"lesson                {name} {load(name).version}")
    if missing:
        print(f"\nMissing: {', '.join(missing)}. Install with: pip install {' '.join(missing)}")
    return 1 if missing else 0


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _device() -> str:
    import torch

    from cnncourse import pick_device

    return f"{pick_device('auto')}, {torch.get_num_threads()} threads"


def _validate(notebook: str, timeout: float) -> int:
    from cnncourse.validate import CannotValidate, validate

    if not timeout > 0:
        print(f"--timeout is {timeout}; expected seconds above 0", file=sys.stderr)
        return 2
    try:
        report = validate(notebook, timeout)
    except CannotValidate as error:
        print(error, file=sys.stderr)
        return 2
    print(report)
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
