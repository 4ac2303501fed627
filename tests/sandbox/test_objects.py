"""Objects that stay in the child: honest ones answer as torch does, lying ones give plain checked data or a failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from autograder.sandbox import CallFailed, Limits, Sandbox, Session
from autograder.sandbox.jail.objects import KEPT
from autograder.sandbox.objects import Object, named_tensors, pulled

pytestmark = pytest.mark.sandbox

HONEST = """
import torch
from torch import nn
class Block(nn.Module):
    def __init__(self, n=2, k=3):
        super().__init__()
        self.conv = nn.Conv2d(n, k, 3, padding=1, dtype=torch.float64)
        self.norm = nn.BatchNorm2d(k, dtype=torch.float64)
        self.drop = nn.Dropout(0.5)
    def forward(self, x, scale=1.0):
        return self.drop(self.norm(self.conv(x))) * scale
def block(n): return Block(n)
def cube(x, y): return x ** 3 * y
def inside(x):
    x += 1
    return x * x
def two(x): return x * 2, x.sum()
def shapeless(x): return x[..., :1]
def constant(x): return torch.ones_like(x)
def step(module, x):
    module(x).sum().backward()
    return float(sum(p.grad.abs().sum() for p in module.parameters()))
def number(): return 3.0
"""


def honest_block() -> nn.Module:
    namespace: dict[str, Any] = {}
    exec(HONEST, namespace)
    torch.manual_seed(0)
    made = namespace["block"](2)
    assert isinstance(made, nn.Module)
    return made


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[Session]:
    with sandbox.session() as opened:
        assert opened.run_cell(HONEST).ok
        yield opened


@pytest.fixture
def x() -> Tensor:
    return torch.randn(4, 2, 5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_a_module_answers_as_it_does_at_home(session: Session, x: Tensor) -> None:
    here, there = honest_block(), session.make("block", [2])
    assert {k: v.shape for k, v in there.parameters().items()} == {k: v.shape for k, v in here.named_parameters()}
    assert list(there.buffers()) == [name for name, _ in here.named_buffers()]
    for name, value in here.state_dict().items():
        assert torch.allclose(there.state()[name], value), name
    here.eval()
    there.train(False)
    assert torch.allclose(there(x, scale=2.0), here(x, scale=2.0))
    assert torch.equal(there.buffers()["norm.running_mean"], torch.zeros(3, dtype=torch.float64))
    here.train()
    there.train()
    there(x)
    here(x)
    assert torch.allclose(there.state()["norm.running_var"], here.state_dict()["norm.running_var"])


def test_what_is_random_does_not_depend_on_what_ran_before(sandbox: Sandbox, x: Tensor) -> None:
    answers = []
    for noise in (0, 7):
        with sandbox.session(seed=noise) as session:
            session.run_cell(HONEST + f"\ntorch.rand({noise})")
            made = session.make("block", [2])
            answers.append((made(x), made(x)))
    assert torch.equal(answers[0][0], answers[1][0])
    assert torch.equal(answers[0][1], answers[1][1])
    assert not torch.equal(answers[0][0], answers[0][1])


def test_a_state_is_loaded_whole_or_not_at_all(session: Session) -> None:
    made = session.make("block", [2])
    state = {name: value + 1 for name, value in made.state().items()}
    assert made.load(state) == ()
    assert all(torch.equal(made.state()[name], state[name]) for name in state)
    wrong = {**state, "extra": torch.ones(1), "conv.bias": torch.ones(7)}
    del wrong["norm.weight"]
    assert made.load(wrong) == ("missing norm.weight", "unexpected extra", "shape of conv.bias")
    assert torch.equal(made.state()["conv.bias"], state["conv.bias"])


def test_gradients_stay_with_the_module(session: Session, x: Tensor) -> None:
    made = session.make("block", [2])
    assert set(made.gradients().values()) == {None}
    total = session.call("step", [made, x])
    found = made.gradients()
    assert sum(float(g.abs().sum()) for g in found.values() if g is not None) == pytest.approx(total)
    made.zero_grad()
    assert set(made.gradients().values()) == {None}


def test_vjp_of_a_function(session: Session) -> None:
    a, b = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 5.0, 6.0])
    weights = torch.tensor([1.0, 10.0, 100.0])
    found = session.vjp("cube", [a, b], weights)
    assert torch.equal(found.output, a**3 * b)
    assert torch.allclose(found.inputs[0], 3 * a**2 * b * weights)
    assert torch.allclose(found.inputs[1], a**3 * weights)
    assert found.parameters == {}
    assert len(session.vjp("cube", [a, b], weights, wrt=[1]).inputs) == 1
    assert torch.equal(session.vjp("inside", [a], weights).inputs[0], 2 * (a + 1) * weights)
    assert torch.equal(session.vjp("two", [a], (weights, torch.tensor(2.0))).inputs[0], 2 * weights + 2)
    with pytest.raises(ValueError, match="places of floating-point tensors"):
        session.vjp("cube", [a, 2], weights, wrt=[1])


@pytest.mark.parametrize("name", ["constant", "shapeless", "two"])
def test_an_answer_without_a_gradient_has_zeros_and_is_itself_there(session: Session, name: str) -> None:
    a = torch.tensor([1.0, 2.0])
    found = session.vjp(name, [a], torch.ones(2))
    assert found.output is not None
    assert torch.equal(found.inputs[0], torch.zeros(2))


def test_vjp_of_a_module(session: Session, x: Tensor) -> None:
    here, there = honest_block().eval(), session.make("block", [2])
    there.train(False)
    y = here(x.requires_grad_())
    weights = torch.arange(float(y.numel()), dtype=torch.float64).reshape(y.shape)
    y.backward(weights)
    found = there.vjp([x.detach()], weights)
    assert torch.allclose(found.output, y)
    assert x.grad is not None
    assert torch.allclose(found.inputs[0], x.grad)
    for name, parameter in here.named_parameters():
        assert torch.allclose(found.parameters[name], parameter.grad), name


def test_what_is_no_object_is_not_kept(session: Session) -> None:
    with pytest.raises(CallFailed, match="expected an object such as an nn") as caught:
        session.make("number")
    assert caught.value.kind == "error"
    with pytest.raises(CallFailed, match="missing"):
        session.make("absent")
    assert session.alive


def test_an_object_ends_with_its_session_and_the_oldest_goes_first(sandbox: Sandbox, session: Session) -> None:
    first, last = session.make("block", [1]), session.make("block", [1])
    for _ in range(KEPT - 1):
        last = session.make("block", [1])
    with pytest.raises(CallFailed, match="Gone"):
        first.parameters()
    assert last.parameters()
    with sandbox.session() as other:
        other.run_cell(HONEST)
        with pytest.raises(CallFailed) as caught:
            other.call("step", [last, torch.ones(1)])
        assert caught.value.kind == "crash"
        assert other.alive
    session.close()
    with pytest.raises(CallFailed) as caught:
        last.parameters()
    assert caught.value.kind == "crash"


def ask_everything(made: Object) -> dict[str, str]:
    """The outcome of every question: "data", or the kind of the failure."""
    x = torch.ones(1, 2, 3, 3, dtype=torch.float64)
    questions = {
        "call": lambda: made(x),
        "train": lambda: made.train(),
        "parameters": made.parameters,
        "buffers": made.buffers,
        "state": made.state,
        "load": lambda: made.load({"a": torch.ones(1)}),
        "gradients": made.gradients,
        "vjp": lambda: made.vjp([x], torch.ones(1, 2, 3, 3, dtype=torch.float64)),
    }
    outcomes = {}
    for name, question in questions.items():
        try:
            answer = question()
            check_plain(answer)
            outcomes[name] = "data"
        except CallFailed as failed:
            outcomes[name] = failed.kind
    return outcomes


def check_plain(value: Any) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            assert type(key) is str
            check_plain(item)
    elif isinstance(value, tuple | list):
        for item in value:
            check_plain(item)
    elif hasattr(value, "inputs"):
        check_plain([value.output, value.inputs, value.parameters])
    else:
        assert value is None or type(value) in (Tensor, bool, int, float, str)


LIES = {
    "no module": "class Made:\n    def __call__(self, x): return x\n",
    "equal to all": "class Made:\n    def __getattr__(self, n): return self\n"
    "    def __call__(self, *a, **k): return self\n    def __eq__(self, o): return True\n    __hash__ = None\n",
    "endless names": "import itertools\nclass Made(nn.Module):\n"
    "    def named_parameters(self, *a, **k): return ((str(i), torch.ones(1)) for i in itertools.count())\n"
    "    named_buffers = named_parameters\n    def forward(self, x): return x\n",
    "its own state": "class Made(nn.Module):\n    def state_dict(self, *a, **k): return Made\n"
    "    def forward(self, x): return {1, 2}\n",
    "subclass": "class T(torch.Tensor):\n    @classmethod\n"
    "    def __torch_function__(cls, f, t, a=(), k=None): return True\n"
    "class Made(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.register_buffer('b', torch.ones(1).as_subclass(T))\n"
    "    def forward(self, x): return x.as_subclass(T)\n",
    "huge": "class Made(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.register_buffer('b', torch.zeros(1).expand(1 << 40))\n    def forward(self, x): return self.b\n",
    "patched torch": "torch.autograd.grad = lambda *a, **k: [1, 2]\n"
    "nn.Module.named_parameters = lambda s, *a: [(1, 2)]\n"
    "nn.Module.state_dict = lambda s: 3\nclass Made(nn.Module):\n    def forward(self, x): return x * 2\n",
    "patched runner": "import sys\nobjects = sys.modules['jail.objects']\nobjects.perform = lambda *a: {'inputs': 3}\n"
    "objects.Objects.keep = lambda *a: None\nclass Made(nn.Module): pass\n",
    "names": "class Made(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self._parameters = {'\\x1b[31m': torch.ones(1), 3: torch.ones(1), 'a' * 9999: torch.ones(1)}\n",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_object_gives_data_or_a_failure_of_that_question(sandbox: Sandbox, lie: str) -> None:
    with sandbox.session(limits=Limits(call_seconds=1.5, memory_bytes=600 << 20)) as session:
        assert session.run_cell("import torch\nfrom torch import nn\n" + LIES[lie]).ok
        made = session.make("Made")
        outcomes = ask_everything(made)
        assert set(outcomes.values()) <= {"data", "error"}, outcomes
        assert session.alive
        expected = {"endless names": "data", "its own state": "error", "subclass": "error", "patched torch": "error"}
        if lie in expected:
            assert outcomes["vjp"] == expected[lie], outcomes


def test_an_endless_answer_costs_the_time_of_one_call(sandbox: Sandbox) -> None:
    endless = "class D(dict):\n    def items(self):\n        while True: yield 'a', None\n"
    endless += (
        "class Made(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self._parameters = D()\n"
    )
    with sandbox.session(limits=Limits(call_seconds=0.7)) as session:
        session.run_cell("import torch\nfrom torch import nn\n" + endless)
        made = session.make("Made")
        with pytest.raises(CallFailed) as caught:
            made.parameters()
        assert caught.value.kind == "limit"
        assert not session.alive


@pytest.mark.parametrize(
    "answer",
    [
        None,
        3,
        {"a": 1},
        {"a": [torch.ones(1)]},
        {str(k): None for k in range(20_000)},
        [torch.ones(1)],
    ],
    ids=["none", "number", "no tensor", "list", "too many", "no dict"],
)
def test_names_and_tensors_are_checked(answer: Any) -> None:
    with pytest.raises(CallFailed, match="tensors by name"):
        named_tensors(answer)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"output": 1, "inputs": []},
        {"output": 1, "inputs": [], "parameters": {}},
        {"output": 1, "inputs": [torch.ones(3)], "parameters": {}},
        {"output": 1, "inputs": [torch.ones(2, dtype=torch.float64)], "parameters": {}},
        {"output": 1, "inputs": [2.0], "parameters": {}},
        {"output": 1, "inputs": [torch.ones(2)], "parameters": {"a": 1}},
    ],
)
def test_gradients_are_checked(answer: Any) -> None:
    with pytest.raises(CallFailed, match="expected"):
        pulled(answer, [torch.ones(2)])
