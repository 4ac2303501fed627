"""Code that reaches beyond an exercise is named; what honest students write is not."""

from __future__ import annotations

import json
import re

import pytest
from grading_helpers import LESSONS, ROOT

from autograder import reaching
from autograder.attacks import ATTACKS
from autograder.reaching import reaches
from autograder.simulate import ADDED_CELL, FIGURE_CELL
from cnncourse.checks import lesson_names, load

BEYOND = {
    "import socket": "socket",
    "from urllib.request import urlopen as u": "urllib.request",
    "import os\nos.fork()": "os.fork",
    "os.kill(1, 9)": "os.kill",  # imported in another cell
    "from os import fork as f\nf()": "os.fork",
    "import os as o\no._exit(0)": "os._exit",
    "import sys\nsys._getframe().f_back": "sys._getframe",
    "class A:\n    def __reduce__(self): return 1": "__reduce__",
    "class A(float): pass": "a subclass of float",
    "import torch as t\nclass A(t.Tensor): pass": "a subclass of Tensor",
    "open('/etc/passwd')": "a path in /etc",
    "f'/proc/{1}/mem'": "a path in /proc",
    "torch.equal = lambda *a: True": "torch is changed",
    "import numpy as n\nn.allclose, n.all = f, f": "numpy is changed",
    "del np.all": "numpy is changed",
    "for m in (torch, np):\n    setattr(m, 'all', f)": "setattr",
    "torch.set_default_device('meta')": "torch.set_default_device",
    "%time import subprocess": "subprocess",
}
HONEST = (
    "signal = torch.zeros(3)\nresource = signal.sum()\nsocket = requests = 1",
    "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.weight = 1",
    "class Net(nn.Module):\n    def __init__(self):\n        for i in range(3):\n            setattr(self, f'c{i}', i)",
    "import torch\ntorch.backends.cudnn.deterministic = True\ntorch.manual_seed(0)",
    "import os\nos.environ['OMP_NUM_THREADS'] = '1'\nprint(os.path.join('a', 'b'))",
    "F.requires_grad = True\nimage.grad = None\nx = y if a == b else c",
    "import time, math, random, sys\nprint(sys.version, 'kernel/stride', '/', 'a/etc/b')",
    "def f(: this is no Python",
    "",
)


@pytest.mark.parametrize("code", BEYOND)
def test_what_reaches_beyond_is_named(code: str) -> None:
    assert BEYOND[code] in reaches(code)


@pytest.mark.parametrize("code", HONEST)
def test_what_honest_students_write_is_not(code: str) -> None:
    assert reaches(code) == ()


def test_nothing_of_the_course_reaches_beyond() -> None:
    """Right answers, catalogued mistakes, the lessons themselves: a flag that everybody has says nothing."""
    texts = [path.read_text() for path in sorted((ROOT / "tests" / "right_answers").rglob("*.py"))]
    texts += [m.source for name in lesson_names() for e in load(name).exercises for m in e.mistakes if m.source]
    for path in LESSONS.glob("*/*.ipynb"):
        texts += ["".join(c["source"]) for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]
    assert len(texts) > 150
    assert {text: reaches(text) for text in texts if reaches(text)} == {}
    assert reaches(ADDED_CELL) == reaches(FIGURE_CELL) == ()


def test_the_quick_look_passes_nothing_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most cells are not parsed at all: what is skipped must hold nothing."""
    texts = [*BEYOND, *(p.read_text() for p in sorted((ROOT / "tests" / "attacks").glob("*.py")))]
    texts += [text for attack in ATTACKS for text in (attack.cell, attack.answer.format(name="f"))]
    quick = [reaches.__wrapped__(text) for text in texts]
    monkeypatch.setattr(reaching, "_WORTH", re.compile(""))
    assert quick == [reaches.__wrapped__(text) for text in texts]


def test_every_attack_of_the_simulated_class_is_seen_somehow() -> None:
    for attack in ATTACKS:
        assert attack.seen or attack.flagged, attack.name
        words = {what for text in (attack.cell, attack.answer.format(name="f")) for what in reaches(text)}
        by_outcome = ("ended the process", "ran into a limit", "names of their own making", "Javascript")
        assert attack.flagged or attack.seen in (*words, *by_outcome), attack.name
