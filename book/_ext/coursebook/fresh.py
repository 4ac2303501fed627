"""Outputs are never older than the package.

The execution cache of MyST-NB looks at a page's cells only, so an edit in `cnncourse` would leave stale outputs. Here
the cache's folder carries a hash of the package's files, and the same hash is a configuration value that makes Sphinx
read every page again.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

SUFFIXES = {".py", ".js", ".css", ".json", ".safetensors", ".yml"}
CACHE = ".jupyter_cache"


def package_hash(package: Path) -> str:
    """Hash of the names and contents of every file of `package` that can change an output.

    Raises FileNotFoundError when there is no such folder.
    """
    if not package.is_dir():
        raise FileNotFoundError(
            f"{package} is not a folder: the book is built from a clone in which the package lies beside book/"
        )
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*")):
        if file.suffix in SUFFIXES and file.is_file():
            digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def key_the_cache(app: Sphinx, config: Config) -> None:
    """Point the execution cache at this package's folder and drop the folders of earlier packages."""
    root = Path(app.srcdir).parent
    key = package_hash(root / "cnncourse")
    config.coursebook_package = key
    caches = Path(app.outdir).parent / CACHE
    for old in caches.glob("*"):
        if old.name != key:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    config.nb_execution_cache_path = str(caches / key)


def setup(app: Sphinx) -> None:
    """`coursebook_package` has no other use than to differ when the package differs."""
    app.add_config_value("coursebook_package", "", "env", str)
    app.connect("config-inited", key_the_cache)
