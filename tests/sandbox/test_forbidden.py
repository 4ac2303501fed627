"""Functions that an exercise asks to do without: they raise while its calls run, and only then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from autograder.sandbox import CallFailed, Sandbox, Session

pytestmark = pytest.mark.sandbox
NAMES = (
    "torch.nn.functional.conv2d",
    "torch.conv2d",
    "scipy.signal.convolve",
    "torch.nn.Conv2d",
    "no.such.name",
    "lazy.part",
)
CODE = """
import sys, torch, types
sys.modules["lazy"] = lazy = types.ModuleType("lazy")
def refuse(name): raise ImportError(name)
lazy.__getattr__ = refuse
import torch.nn.functional as F
from torch.nn.functional import conv2d as c
layer = torch.nn.Conv2d(1, 1, 1, bias=False)
def by_alias(x): return F.conv2d(x, x)
def by_import(x): return c(x, x)
def by_torch(x): return torch.conv2d(x, x)
def by_module(x): return layer(x)
def quietly(x):
    try: return F.conv2d(x, x)
    except Exception: return x
def by_hand(x): return F.pad(x, (1, 1)) @ torch.ones(5, 5)
def hidden(x, before=F.conv2d): return before(x, x)
def replaces(x):
    global c
    c = lambda *a: x
    return c(x, x)
def lies(x):
    import sys
    sys.modules['jail.forbid'].Guard.called = property(lambda s: ['torch.conv2d', 'made up', 3])
    return x
"""


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[Session]:
    with sandbox.session() as opened:
        assert opened.run_cell(CODE).ok
        yield opened


X = torch.ones(1, 1, 3, 3)


@pytest.mark.parametrize(
    ("function", "name"),
    [("by_alias", NAMES[0]), ("by_import", NAMES[0]), ("by_torch", NAMES[1]), ("by_module", NAMES[0])],
)
def test_a_forbidden_function_raises_and_is_named(session: Session, function: str, name: str) -> None:
    session.forbidden = NAMES
    with pytest.raises(CallFailed, match="asks you to write yourself") as caught:
        session.call(function, [X])
    assert (caught.value.kind, caught.value.type_name) == ("error", "ForbiddenCall")
    assert session.called == (name,)
    session.forbidden = ()
    assert session.call(function, [X]).shape[0] == 1
    assert session.called == ()


def test_a_swallowed_refusal_is_named_too(session: Session) -> None:
    session.forbidden = NAMES
    assert torch.equal(session.call("quietly", [X]), X)
    assert session.called == (NAMES[0],)


def test_other_functions_and_later_calls_go_on(session: Session) -> None:
    session.forbidden = NAMES
    assert session.call("by_hand", [X]).shape == (1, 1, 3, 5)
    assert session.called == ()
    assert torch.equal(session.call("replaces", [X]), X)
    session.forbidden = ()
    assert torch.equal(session.call("by_import", [X]), X), "what a student's function has set stays"


def test_it_is_no_wall(session: Session) -> None:
    """Said in the book, too: what was taken before the call is out of reach, and the child may say what it likes."""
    session.forbidden = NAMES
    assert session.call("hidden", [X]).shape == (1, 1, 1, 1)
    assert session.called == ()
    with pytest.raises(CallFailed) as caught:
        session.call("lies", [X])
    assert caught.value.kind == "wire"
