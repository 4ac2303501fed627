"""What reading the code shows a person, names that may not be mixed up, and what is imported for nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autograder.cli import main
from autograder.copies import defused
from autograder.inspection import hides, uses
from autograder.intake import collect

CONV = ("torch.conv2d", "torch.nn.functional.conv2d", "torch.nn.Conv2d")


@pytest.mark.parametrize(
    "code",
    [
        "import torch\ny = torch.conv2d(x, w)",
        "import torch as t\ny = t.nn.functional.conv2d(x, w)",
        "from torch.nn import functional as g\ny = g.conv2d(x, w)",
        "import torch\ny = torch.nn.Conv2d(1, 1, 3)(x)",
        "import torch\nF = torch.nn.functional\nG = F\ny = G.conv2d(x, w)",
        "from torch.nn.functional import *",
        "import torch.nn.functional as F\ny = getattr(F, 'conv2d')(x, w)",
        "import torch\ny = getattr(getattr(torch.nn, 'functional'), 'conv2d')(x, w)",
        "%%time\nimport torch\ny = torch.conv2d(x, w)",
        "import torch\n%time y = torch.conv2d(x, w)",
    ],
)
def test_torchs_convolution_is_found_however_it_is_reached(code: str) -> None:
    assert uses(code, CONV)


@pytest.mark.parametrize(
    "code",
    [
        "exec('from torch import conv2d')",
        "__import__('torch').conv2d",
        "import importlib\nm = importlib.import_module('torch')",
        "import torch\ny = getattr(torch, 'con' + 'v2d')(x, w)",
        "import torch\ny = torch.ops.aten.conv2d(x, w)",
        "%%writefile helper.py\n] [",
    ],
)
def test_code_that_hides_what_it_calls_is_for_a_person(code: str) -> None:
    assert hides(code)


def test_ordinary_code_is_not_suspicious() -> None:
    code = "import torch\n%matplotlib inline\ny = x.unfold(2, 3, 1)\nz = torch.einsum('ij,jk->ik', a, b)\n"
    code += "n = getattr(x, 'ndim')\n"
    assert hides(code) == []
    assert uses(code, CONV) == []
    assert hides("") == []
    assert hides("def conv2d(x:\n    return") == []  # a syntax error runs nowhere
    assert hides("files = !ls")


def test_folders_whose_names_look_alike_stay_apart(tmp_path: Path) -> None:
    for name in ("odd\x01", "odd\x02", "ann"):
        (tmp_path / name / "01_convolution").mkdir(parents=True)
    names = [s.student for s in collect(tmp_path, "01_convolution")]
    assert len(set(names)) == 3
    assert "ann" in names
    assert all(name.isprintable() for name in names)


def test_a_script_link_written_with_entities_is_no_link() -> None:
    assert "&#58;" not in defused("[here](javascript&#58;alert(1))")
    assert "&colon;" not in defused("[here](javascript&colon;alert(1))")


@pytest.mark.parametrize("command", ["grade", "simulate", "release"])
def test_a_folder_that_cannot_be_made_is_said_in_words(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    to = str(tmp_path / "file" / "x")
    given = {
        "grade": ["01_convolution", "--submitted", str(tmp_path), "--out", to],
        "simulate": ["01_convolution", "--students", "1", "--to", to],
        "release": ["--to", to],
    }
    assert main([command, *given[command]]) == 2
    said = capsys.readouterr().err
    assert "file" in said
    assert "→" in said


def test_pages_and_kept_results_do_not_load_torch() -> None:
    code = "import sys, autograder.run, autograder.report, autograder.feedback as f; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
