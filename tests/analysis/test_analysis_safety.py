"""`analyze` leaves the model as it was, whatever happens, and says what is wrong."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cnncourse import analyze, models


class Picky(nn.Module):
    """Everything that a careless analysis would change: statistics, modes, gradients, hooks, attributes, lists."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4, 2)
        self.calls, self.seen = 0, [torch.ones(2)]
        self.last: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        x = self.drop(self.bn(self.conv(x))).mean((2, 3))
        self.last = x
        self.seen.append(x)
        return self.head(x)


def state(model: nn.Module) -> dict[str, Any]:
    return {
        "values": {name: (id(t), t.clone()) for name, t in model.state_dict(keep_vars=True).items()},
        "grads": {name: None if p.grad is None else p.grad.clone() for name, p in model.named_parameters()},
        "modes": {name: m.training for name, m in model.named_modules()},
        "hooks": {name: (list(m._forward_hooks), list(m._forward_pre_hooks)) for name, m in model.named_modules()},
        "random": torch.random.get_rng_state(),
    }


def assert_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    torch.testing.assert_close(after, before, rtol=0, atol=0, equal_nan=True)


@pytest.fixture
def picky() -> Picky:
    model = Picky().train()
    model.bn.eval()
    model(torch.randn(2, 3, 6, 6)).sum().backward()
    model.conv.register_forward_hook(lambda *_: None)
    model.last = None
    return model


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_the_model_stays_as_it_was(picky: Picky, device: str) -> None:
    before, calls, seen = state(picky), picky.calls, len(picky.seen)
    a = analyze(picky, (3, 6, 6), device=device)
    assert a.totals.parameters == 3 * 4 * 9 + 4 + 8 + 10
    assert_same(before, state(picky))
    assert (picky.calls, len(picky.seen), picky.last) == (calls, seen, None)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_also_after_a_failure(picky: Picky, device: str) -> None:
    before = state(picky)
    with pytest.raises(ValueError, match=r"in conv \(Conv2d\), given \(1, 5, 6, 6\).*channels"):
        analyze(picky, (5, 6, 6), device=device)
    assert_same(before, state(picky))
    assert (picky.last, torch.is_grad_enabled()) == (None, True)


def test_a_lazy_model_stays_lazy() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(2))
    a = analyze(model, (3, 5, 5))
    assert a.totals.parameters == 4 * 28 + 2 * 37
    assert a.totals.training_bytes == 4 * (75 + 36 + 2)
    assert type(model[0]) is nn.LazyConv2d
    assert all(isinstance(p, nn.UninitializedParameter) for p in model.parameters())


def test_a_model_may_be_run_again_and_trained_after_it() -> None:
    model, twin = models.lenet5(), None
    twin = copy.deepcopy(model)
    analyze(model, (1, 32, 32))
    x = torch.randn(2, 1, 32, 32)
    torch.testing.assert_close(model(x), twin(x), rtol=0, atol=0)
    model(x).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_where_it_is_called_does_not_matter() -> None:
    alone = analyze(models.lenet5(), (1, 32, 32)).totals
    with torch.inference_mode():
        assert analyze(models.lenet5(), (1, 32, 32)).totals == alone
    compiled = nn.Module()  # as torch.compile makes it
    compiled._orig_mod = models.lenet5()
    with torch.no_grad():
        assert analyze(compiled, (1, 32, 32)).totals == alone
    assert analyze(nn.DataParallel(models.lenet5()), (1, 32, 32), device="cpu")["module.c1"].macs == 117_600


class Chooses(nn.Module):
    """The path depends on values, which a run without data cannot know."""

    def __init__(self) -> None:
        super().__init__()
        self.small, self.bn = nn.Linear(4, 2), nn.BatchNorm1d(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.small(x))
        return x if x.sum() > 1e9 else x.repeat(int(1 + x[0, 0].item() * 0), 1) * 2


def test_a_forward_that_needs_values_runs_on_noise() -> None:
    model = Chooses()
    before = state(model)
    a = analyze(model, (4,), batch_size=3)
    assert [row.name for row in a] == ["small", "bn", "sum()", "gt()", "getitem()", "repeat()", "mul()"]
    assert a["small"].macs == 3 * 8
    assert "run on noise on cpu" in a.notes[0]
    assert "run on noise" in str(a)
    assert_same(before, state(model))


def test_a_training_mode_that_refuses_one_example_is_no_failure() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    a = analyze(model, (4,))
    assert a.totals.training_bytes is None
    assert all(row.training_bytes is None for row in a)
    assert "no training memory" in a.notes[0]
    assert "more than 1 value" in a.notes[0]
    assert analyze(model, (4,), batch_size=2).totals.training_bytes == 4 * (8 + 6 + 6 + 3 + 3)


def test_an_error_that_the_model_catches_itself() -> None:
    class Tries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wrong, self.right = nn.Linear(5, 2), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            try:
                return self.wrong(x)
            except RuntimeError:
                return self.right(x)

    a = analyze(Tries(), (4,))
    assert [(row.name, row.macs) for row in a] == [("right", 8), ("wrong", 0)]
    assert a["wrong"].shape is None


def test_hooks_that_make_a_models_weights_are_run() -> None:
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), nn.ReLU())
    a = analyze(model, (4,))
    assert [(row.name, row.kind, row.macs) for row in a] == [("0", "ParametrizedLinear", 12), ("1", "ReLU", 0)]
    assert a.totals.parameters == a["0"].parameters == 12 + 3 + 3


WRONG: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "a class": (nn.ReLU, (3,), TypeError, r"did you forget \(\)"),
    "a function": (torch.relu, (3,), TypeError, "expected a torch.nn.Module"),
    "no layer": (nn.Sequential(), (3, 4, 4), ValueError, "ran no layer"),
    "no forward": (nn.ModuleList([nn.ReLU()]), (3, 4, 4), ValueError, "no forward of its own"),
    "a number": (nn.ReLU(), 3, TypeError, "expected numbers such as"),
    "nothing": (nn.ReLU(), (), TypeError, "expected numbers such as"),
    "half a pixel": (nn.ReLU(), (3, 4.5), TypeError, "a side is 4.5"),
    "negative": (nn.ReLU(), (3, -4), ValueError, "a side is -4"),
    "not its size": (models.lenet5(), (1, 28, 28), ValueError, r"does not pass LeNet5.*expected \(N, 1, 32, 32\)"),
    "too many inputs": (nn.ReLU(), [(3,), (3,)], ValueError, "positional argument"),
    "a layer's size": (nn.Sequential(nn.Flatten(), nn.Linear(3, 3)), (3, 4, 4), ValueError, r"in 1 \(Linear\), given"),
    "not copied": (nn.Sequential(), (3,), ValueError, "cannot be copied"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    model, size, error, message = WRONG[name]
    if name == "not copied":
        model = nn.ReLU()
        model.lines = (line for line in ())
    with pytest.raises(error, match=message) as caught:
        analyze(model, size)
    assert str(caught.value).startswith("analyze: ")


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"batch_size": 1.5}, {"dtype": "float"}, {"dtype": [None] * 2}])
def test_wrong_options_are_explained(options: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match="analyze: "):
        analyze(nn.ReLU(), (3, 4, 4), **options)


def test_an_unknown_row_is_named() -> None:
    with pytest.raises(KeyError, match=r"no row 'c9'.*c1, act1"):
        analyze(models.lenet5(), (1, 32, 32))["c9"]


@pytest.mark.cuda
def test_memory_is_what_the_device_allocates() -> None:
    model = models.alexnet().cuda()
    a = analyze(model, (8, 3, 224, 224), device="cuda")
    x = torch.randn(8, 3, 224, 224, device="cuda")
    before = torch.cuda.memory_allocated() - x.untyped_storage().nbytes()
    y = model(x)
    assert torch.cuda.memory_allocated() - before == pytest.approx(a.totals.training_bytes, rel=0.01)
    del y
