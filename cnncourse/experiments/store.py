"""Results on disk: one JSON file an experiment, a line a run, written whole or not at all."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import cnncourse
from cnncourse.experiments.training import Run

HOME = Path(__file__).parent / "results"


class BadResult(RuntimeError):
    """A stored result is missing, damaged, or not of the experiment as it is now."""


def path(name: str, home: Path = HOME) -> Path:
    """Where the result of an experiment lies."""
    return home / f"{name}.json"


def write(name: str, head: Mapping[str, Any], arms: Mapping[str, Mapping[str, Any]], home: Path = HOME) -> None:
    """Write a result: what is said of the experiment, and for each arm its settings and its runs."""
    content = [f"  {_json(key)}: {_json(value)}" for key, value in {**head, "versions": versions()}.items()]
    content.append('  "arms": {\n' + ",\n".join(_arm(arm, entry) for arm, entry in arms.items()) + "\n  }")
    home.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=home, prefix=f".{name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("{\n" + ",\n".join(content) + "\n}\n")
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path(name, home))
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(name: str, home: Path = HOME) -> dict[str, Any]:
    """What `write` wrote, the runs as `Run`s. Raises BadResult if the file is missing or damaged."""
    again = f"make it again with `python -m cnncourse.experiments run {name}`"
    try:
        content = json.loads(path(name, home).read_text(encoding="utf-8"))
        for arm in content["arms"].values():
            arm["runs"] = [Run(**run) for run in arm["runs"]]
    except FileNotFoundError:
        raise BadResult(f"experiments: {name} has no result at {path(name, home)}; {again}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadResult(f"experiments: the result {path(name, home)} is damaged ({error}); {again}") from None
    return dict(content)


def versions() -> dict[str, str]:
    """What the numbers were made with."""
    return {
        "cnncourse": cnncourse.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }


def _arm(name: str, entry: Mapping[str, Any]) -> str:
    runs = ",\n".join(f"        {_json(asdict(run))}" for run in entry["runs"])
    head = f'    {_json(name)}: {{\n      "settings": {_json(entry["settings"])},\n'
    return f'{head}      "runs": [\n{runs}\n      ]\n    }}'


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
