"""Every attack of tests/attacks in the jail: it earns nothing, reads nothing, leaves nothing, disturbs nobody."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from conftest import processes, server_pid, settled

from autograder.sandbox import CallFailed, CellResult, Sandbox, Session

pytestmark = pytest.mark.sandbox
FOLDER = Path(__file__).parents[1] / "attacks"
ATTACKS = sorted(FOLDER.glob("*.py"))
HONEST = """
import torch
def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return torch.nn.functional.conv2d(x, weight, bias, stride, padding)
"""


@pytest.fixture(scope="module")
def honest(sandbox: Sandbox) -> Iterator[Session]:
    """A session that is open all the while."""
    with sandbox.session() as session:
        assert session.run_cell(HONEST).ok
        yield session


def case(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1 + seed % 2, 2, 6, 5, generator=generator), torch.randn(3, 2, 2, 3, generator=generator)


def right(answer: object, x: torch.Tensor, weight: torch.Tensor) -> bool:
    expected = F.conv2d(x, weight)
    return (
        type(answer) is torch.Tensor and answer.shape == expected.shape and torch.allclose(answer, expected, atol=1e-5)
    )


def ask(session: Session, how: str, x: torch.Tensor, weight: torch.Tensor) -> bool:
    """One hidden case: whether the answer to a call, a vector–Jacobian product or a module's questions is right."""
    if how == "module":
        made = session.make("Block")
        made.load({"weight": weight})
        made.parameters()
        return right(made(x), x, weight)
    if how == "vjp":
        y = F.conv2d(x.requires_grad_(), weight)
        y.backward(torch.ones_like(y))
        found = session.vjp("conv2d", [x.detach(), weight], torch.ones_like(y), wrt=[0])
        assert x.grad is not None
        return right(found.output, x.detach(), weight) and torch.allclose(found.inputs[0], x.grad, atol=1e-5)
    return right(session.call("conv2d", [x, weight]), x, weight)


def play(session: Session, code: str, how: str = "call") -> tuple[set[str], list[str]]:
    """Outcomes of an attack over two hidden cases, and all the words that came out of it."""
    cell: CellResult = session.run_cell(code)
    words = [cell.stdout, cell.stderr, cell.error or "", str(cell.outputs)]
    outcomes = {flag for flag in cell.flags if flag in ("limit", "crash", "wire")}
    for seed in (1, 2):
        if not session.alive:
            break
        x, weight = case(seed)
        try:
            outcomes.add("right" if ask(session, how, x, weight) else "wrong")
        except CallFailed as failed:
            outcomes.add(failed.kind)
            words += [failed.type_name, failed.message]
    return outcomes, words


def constant(tree: ast.Module, name: str) -> object:
    found = [node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name]
    return ast.literal_eval(found[0]) if found else None


@pytest.mark.parametrize("path", ATTACKS, ids=lambda path: path.stem)
def test_attack(path: Path, sandbox: Sandbox, honest: Session, secret: str) -> None:
    code = path.read_text()
    tree = ast.parse(code)
    allowed = constant(tree, "OUTCOME")
    assert ast.get_docstring(tree), "the first line says what the attack tries"
    assert isinstance(allowed, tuple)
    assert "right" not in allowed
    before = processes(server_pid(sandbox))
    with sandbox.session() as session:
        outcomes, words = play(session, code, str(constant(tree, "ASK") or "call"))
        everything = "\n".join(words)
        assert "LEAK" not in everything
        assert secret not in everything
        assert not any(character in everything for character in "\x1b\0\x07\u202e")
        assert outcomes, everything
        assert outcomes <= set(allowed), everything
        x, weight = case(3)
        assert right(honest.call("conv2d", [x, weight], seconds=20), x, weight), "the honest neighbour was disturbed"
    assert not settled(server_pid(sandbox), before), "a process survived"


def test_there_are_enough_attacks() -> None:
    assert len(ATTACKS) >= 60


HONEST_BLOCK = (
    HONEST
    + """
class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3, 2, 2, 3))
    def forward(self, x): return conv2d(x, self.weight)
"""
)


@pytest.mark.parametrize("how", ["call", "vjp", "module"])
def test_the_harness_sees_a_right_answer_however_it_asks(sandbox: Sandbox, how: str) -> None:
    with sandbox.session() as session:
        assert play(session, HONEST_BLOCK, how)[0] == {"right"}


def test_the_harness_sees_a_right_answer_and_a_leak(sandbox: Sandbox) -> None:
    """The harness itself: an honest notebook is "right", a printed LEAK is found, a running process is seen."""
    before = processes(server_pid(sandbox))
    with sandbox.session() as session:
        outcomes, words = play(session, HONEST + "print('LEAK')\nimport subprocess; subprocess.Popen(['sleep', '100'])")
        assert outcomes == {"right"}
        assert "LEAK" in "\n".join(words)
        assert len(processes(server_pid(sandbox)) - before) >= 3  # supervisor, child, sleep
    assert not settled(server_pid(sandbox), before)
