"""Files that come inside other packages' wheels, found without importing those packages (and so without network)."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

_INSTALL_NAME = {"skimage": "scikit-image", "sklearn": "scikit-learn", "matplotlib": "matplotlib"}


@cache
def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        name = _INSTALL_NAME.get(package, package)
        raise FileNotFoundError(f"the package {name!r} is not installed, and its bundled files are needed; install it")
    return Path(next(iter(spec.submodule_search_locations)))


def wheel_file(package: str, inside: str) -> Path:
    """The path of the file `inside` an installed package, such as ("skimage", "data/chelsea.png").

    Raises FileNotFoundError if the package is not installed or its version does not carry the file.
    """
    path = _folder(package) / inside
    if not path.is_file():
        raise FileNotFoundError(
            f"{inside!r} is not among the files of the installed {_INSTALL_NAME.get(package, package)!r} "
            f"(looked for {path}); another version of that package may carry it"
        )
    return path
