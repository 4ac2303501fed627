"""What is shown while training: in a terminal, in a notebook, in a file."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from cnncourse.train import progress
from cnncourse.train.progress import Progress, clock


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def screen(text: str) -> list[str]:
    """The lines as a terminal shows them: a carriage return goes back to the line's start."""
    lines = []
    for line in text.split("\n"):
        shown: list[str] = []
        for part in line.split("\r"):
            shown[: len(part)] = part
        lines.append("".join(shown).rstrip())
    return lines


def a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 60 columns from here on, and a clock that moves one second a look."""
    out, now = Terminal(), iter(range(1000))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(now)))
    monkeypatch.setattr(progress.shutil, "get_terminal_size", lambda: os.terminal_size((60, 20)))
    return out


def test_a_bar_moves_in_a_terminal_and_lines_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = a_terminal(monkeypatch)
    show = Progress(4)
    show.step("epoch 1, loss 0.5")
    assert screen(terminal.getvalue()) == ["█████░░░░░░░░░░░░░░░  25%  epoch 1, loss 0.5  0:06 left"]
    show.step("epoch 1, loss 0.25, and much more than fits on the line")
    assert len(screen(terminal.getvalue())[0]) == 59
    show.line("epoch 1/2: loss 0.4")
    show.step("epoch 2")
    assert [line.split(" ")[0] for line in screen(terminal.getvalue())] == ["epoch", "███████████████░░░░░"]
    show.step("epoch 2")
    show.line("epoch 2/2: loss 0.3")
    show.close()
    assert screen(terminal.getvalue()) == ["epoch 1/2: loss 0.4", "epoch 2/2: loss 0.3", ""]


def test_the_time_left_counts_what_was_done_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed run knows nothing of how long the steps before took: 1 step in 2 looks of a second, 10 to go."""
    terminal = a_terminal(monkeypatch)
    show = Progress(100, 89)
    show.step("x")
    assert "90%  x  0:20 left" in screen(terminal.getvalue())[0]


def test_quiet_and_plain(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (True, False):
        show = Progress(2, quiet=quiet)
        show.step("one")
        show.line("line")
        show.close()
        assert capsys.readouterr().out == ("" if quiet else "line\n")


def test_clock() -> None:
    assert [clock(s) for s in (0, 59.6, 754, 3723, -3)] == ["0:00", "1:00", "12:34", "1:02:03", "0:00"]


TRAINING = """
import time, torch
from cnncourse.train import fit
data = torch.randn(40, 2), torch.arange(40) % 2
fit(torch.nn.Linear(2, 2), data, epochs=2, batch_size=4, augment=lambda x: (time.sleep(0.03), x)[1], device="cpu")
"""


def test_a_real_terminal_gets_a_bar() -> None:
    """A program on a pseudo-terminal trains for half a second."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-W", "error", "-c", TRAINING], stdout=theirs, stderr=theirs) as program:
        os.close(theirs)
        text = b""
        while part := _read(ours):
            text += part
        assert program.wait(60) == 0, text.decode()
    os.close(ours)
    assert re.search("█+░+ +[0-9]+%  epoch 1, loss .* left", text.decode())
    lines = [line for line in screen(text.decode().replace("\r\n", "\n")) if line]
    assert [line.split(":")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # nobody writes any more
        return b""


@pytest.mark.slow
def test_a_notebook_shows_one_output_that_keeps_the_lines() -> None:
    """No widget, so that a page made from the notebook shows the same; and nothing on stderr."""
    code = (
        "import warnings; warnings.simplefilter('error')\n"
        "import torch; from cnncourse.train import fit\n"
        "fit(torch.nn.Linear(2, 2), (torch.randn(40, 2), torch.arange(40) % 2), epochs=2, device='cpu');"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    (output,) = notebook.cells[0].outputs
    lines = output["data"]["text/plain"].splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
