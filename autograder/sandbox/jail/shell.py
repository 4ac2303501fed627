"""An IPython shell for one notebook: magics, displays and figures work, input() does not, output is collected."""

from __future__ import annotations

import base64
import builtins
import getpass
import subprocess
import sys
import traceback
from typing import Any

import matplotlib

matplotlib.use("module://matplotlib_inline.backend_inline")

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.core.async_helpers import get_asyncio_loop
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from matplotlib_inline.backend_inline import configure_inline_support
from traitlets.config import Config

MESSAGE = 2000  # characters of an error's text
OUTPUTS = 64
_WARM = (plt, np, torch)


def text_of(error: BaseException) -> str:
    """The error's text, whatever its __str__ does."""
    try:
        return str(error).encode(errors="replace").decode()[:MESSAGE]
    except BaseException:
        return "(an error without readable text)"


class Collector:
    """The outputs of one cell, in nbformat's form, up to a size."""

    def __init__(self) -> None:
        self.start(0)

    def start(self, room: int) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.room, self.dropped = room, 0

    def add(self, kind: str, data: dict[str, Any], **more: Any) -> None:
        kept: dict[str, str] = {}
        for mime in ("image/png", "text/plain"):
            value = data.get(mime)
            if isinstance(value, bytes):
                value = base64.b64encode(value).decode()
            if isinstance(value, str) and len(value) <= self.room:
                kept[mime] = value.encode(errors="replace").decode()
                self.room -= len(value)
        if not kept or len(self.outputs) >= OUTPUTS:
            self.dropped += 1
            return
        self.outputs.append({"output_type": kind, "data": kept, "metadata": {}, **more})


_collector = Collector()


class _Publisher(DisplayPublisher):
    def publish(self, data: Any, metadata: Any = None, source: Any = None, **_: Any) -> None:
        _collector.add("display_data", data)

    def clear_output(self, wait: bool = False) -> None:
        _collector.outputs.clear()


class _Hook(DisplayHook):
    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        _collector.add("execute_result", format_dict, execution_count=int(self.prompt_count))


def _no_input(prompt: object = "") -> str:
    raise StdinNotImplementedError("input() cannot be answered while a notebook is graded")


class Shell(InteractiveShell):
    """InteractiveShell with everything that needs a terminal or writes history taken out."""

    displayhook_class = _Hook
    display_pub_class = _Publisher

    def ask_exit(self) -> None:
        """`exit()` ends nothing: the rest of the notebook is graded, too."""

    def enable_gui(self, gui: Any = None) -> None:
        """`%matplotlib …` may name any backend; figures always come out inline."""

    def system(self, cmd: str) -> None:
        """`!command`: its output goes where print goes."""
        self.flush()
        command = self.var_expand(cmd, depth=1)  # type: ignore[no-untyped-call]
        done = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, check=False)
        self.user_ns["_exit_code"] = done.returncode

    def flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                continue

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        """Errors are reported by `run`; nothing is printed."""

    def showsyntaxerror(self, *args: Any, **kwargs: Any) -> None:
        """As above."""

    def run(self, source: str, room: int) -> dict[str, Any]:
        """Run one cell: {"kind": "cell", "error": None or [type, text, traceback lines], "outputs", "dropped"}."""
        _collector.start(room)
        result = self.run_cell(source, store_history=True)  # type: ignore[no-untyped-call]
        error = result.error_before_exec or result.error_in_exec
        self.flush()
        return {
            "kind": "cell",
            "error": None if error is None else [type(error).__name__[:100], text_of(error), _lines(error)],
            "outputs": _collector.outputs,
            "dropped": _collector.dropped,
        }


def _lines(error: BaseException) -> list[str]:
    """The traceback from the student's cell on; frames of IPython and of this package are left out."""
    try:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "IPython" not in f.filename]
        lines = [line for frame in frames[-12:] for line in traceback.format_list([frame])]
        return [line.rstrip("\n").encode(errors="replace").decode()[:MESSAGE] for line in lines]
    except BaseException:
        return []


def _warm(shell: Shell) -> None:
    """Draw and fail once, so that fonts, formatters and tracebacks are loaded before the first fork."""
    shell.run("import matplotlib.pyplot as plt; plt.figure(); plt.plot([0, 1]); plt.title('x')", 1 << 20)
    shell.run("1 / 0", 1 << 20)
    shell.run("x = 1 +", 1 << 20)
    shell.run("import asyncio\nawait asyncio.sleep(0)\nx = 1\nx", 1 << 20)
    loop = get_asyncio_loop()  # type: ignore[no-untyped-call]
    loop.close()  # it holds descriptors, which a child does not inherit
    shell.reset(new_session=True)  # type: ignore[no-untyped-call]
    shell.execution_count = 1


def make() -> Shell:
    """The shell that every child inherits."""
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Plain"
    shell = Shell.instance(config=config)
    matplotlib.interactive(True)  # as in a notebook: a figure is shown at the end of its cell
    configure_inline_support(shell, "module://matplotlib_inline.backend_inline")  # type: ignore[no-untyped-call]
    builtins.input = _no_input
    getpass.getpass = _no_input  # type: ignore[assignment]
    for name in ("stdout", "stderr"):
        getattr(sys, name).reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    _warm(shell)
    return shell
