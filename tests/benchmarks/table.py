"""Write book/costs.md from what `pytest --benchmark-json=FILE` measured: `python tests/benchmarks/table.py FILE`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

PAGE = Path(__file__).parents[2] / "book" / "costs.md"
_TEXT = """# What it costs

The reference layers are written to be read. How much time does that take, beside the same work in torch? Each
row is one forward and backward pass, or one whole training step, timed beside torch's own in the same run. A ratio of 1
is as fast as torch.

{environment}

{table}

*Times are medians. "Aim" is the largest ratio that the project allows itself; else the row is there to compare.*

`layers` is the implementation that chapters and lessons use, `windows` the short one of the chapter *Convolution*.
{memory}
This page is written by `make bench`. Your machine gives other times; the ratios should be alike.
"""


def rows(measured: dict[str, Any]) -> list[dict[str, Any]]:
    """For each benchmark that is not the peer: what, who, seconds of both, ratio, aim, whether it is reached."""
    groups: dict[str, dict[str, dict[str, Any]]] = {}
    for one in measured["benchmarks"]:
        groups.setdefault(one["group"], {})[one["extra_info"]["who"]] = one
    found = []
    for group, by_name in groups.items():
        if "torch" not in by_name:
            raise ValueError(f"{group}: got {', '.join(by_name)}; expected one called 'torch' to compare with")
        peer = by_name.pop("torch")["stats"]["median"]
        for name, one in by_name.items():
            ratio, aim = one["stats"]["median"] / peer, one["extra_info"].get("aim")
            found.append({"what": group, "who": name, "peer": peer, "ours": one["stats"]["median"], "ratio": ratio,
                          "aim": aim, "reached": aim is None or ratio <= aim})  # fmt: skip
    return found


def table(found: Iterable[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | implementation | torch, ms | ours, ms | ratio | aim |", "|---|---|---:|---:|---:|---:|"]
    for row in found:
        aim = "" if row["aim"] is None else f"{row['aim']:g}" + ("" if row["reached"] else ", **missed**")
        what = row["what"].removesuffix(" [cpu]").replace(" [cuda]", ", GPU")
        times = f"{row['peer'] * 1e3:.2f} | {row['ours'] * 1e3:.2f} | {row['ratio']:.2f}"
        lines.append(f"| {what} | `{row['who']}` | {times} | {aim} |")
    return "\n".join(lines)


def environment(measured: dict[str, Any]) -> str:
    """What the numbers were measured on."""
    cpu = measured.get("machine_info", {}).get("cpu", {}).get("brand_raw") or platform.machine()
    gpu = f"; GPU: {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return (
        f"Measured on {measured['datetime'][:10]}: {cpu}, {os.cpu_count()} cores, two threads{gpu}; "
        f"torch {torch.__version__}, Python {platform.python_version()}, float32."
    )


def page(measured: dict[str, Any], memory: str = "") -> str:
    """The page of the book."""
    return _TEXT.format(environment=environment(measured), table=table(rows(measured)), memory=memory)


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 written, 2 the file cannot be read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="what pytest-benchmark wrote with --benchmark-json")
    parser.add_argument("--memory", type=Path, help="a Markdown table of memory, put below the times")
    parser.add_argument("--to", type=Path, default=PAGE, help="the page to write (default: book/costs.md)")
    options = parser.parse_args(arguments)
    try:
        measured = json.loads(options.file.read_text(encoding="utf-8"))
        memory = "" if options.memory is None else f"\n{options.memory.read_text(encoding='utf-8')}\n"
        text = page(measured, memory)
    except (OSError, ValueError, KeyError) as error:
        parser.error(f"{options.file}: {error}; run `make bench`, which writes it")
    options.to.write_text(text, encoding="utf-8")
    print(table(rows(measured)))
    print(f"\nwritten: {options.to}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
