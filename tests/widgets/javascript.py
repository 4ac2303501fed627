"""Run functions of the widgets' scripts, by node or in Chromium, on plain data."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

WIDGETS = Path(__file__).parents[2] / "cnncourse" / "widgets"
NODE = shutil.which("node")


def by_node(module: str, expression: str, given: Any, folder: Path) -> Any:
    """The value of `expression` with `m` the module (a file as it lies in the package) and `given` the data."""
    data = folder / "given.json"
    data.write_text(json.dumps(given), encoding="utf-8")
    code = f"""
import {{ readFileSync }} from "node:fs";
const m = await import({json.dumps(_copied(module, folder).as_uri())});
const given = JSON.parse(readFileSync({json.dumps(str(data))}, "utf8"));
process.stdout.write(JSON.stringify({expression}));
"""
    if NODE is None:
        raise RuntimeError("node is not installed")
    command = [NODE, "--input-type=module", "-e", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise AssertionError(f"{module}: {done.stderr}")
    return json.loads(done.stdout)


def _copied(module: str, folder: Path) -> Path:
    """The modules under names that node takes for ES modules without a package.json."""
    for path in WIDGETS.glob("*.js"):
        text = path.read_text(encoding="utf-8").replace('.js";', '.mjs";')
        (folder / f"{path.stem}.mjs").write_text(text, encoding="utf-8")
    return folder / f"{Path(module).stem}.mjs"
