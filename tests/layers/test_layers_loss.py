"""softmax, log_softmax, cross_entropy and mse_loss against torch's, the formulas in loops, and finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_oracle import EXACT, LAYOUTS, MANY, Drawn, agree, drawn, upstream
from torch import Tensor
from torch.testing import assert_close

from cnncourse import layers
from cnncourse.layers import naive, pointwise

REDUCTIONS = ["none", "mean", "sum"]
INFINITE = math.inf


@pytest.mark.parametrize("examples", MANY)
def test_softmax_is_torchs(examples: int) -> None:
    @given(drawn(least=1), st.data(), st.sampled_from(["softmax", "log_softmax"]))
    @settings(max_examples=examples)
    def each(x: Drawn, data: st.DataObject, name: str) -> None:
        dim = data.draw(st.integers(-len(x.shape), len(x.shape) - 1))
        agree(partial(getattr(layers, name), dim=dim), partial(getattr(F, name), dim=dim), [x.tensor()])

    each()


@given(drawn(least=2, most=2, longest=4))
@settings(max_examples=40)
def test_softmax_is_the_loop(x: Drawn) -> None:
    for dim in (0, 1, -1):
        if x.shape[dim]:
            assert_close(naive.softmax(x.tensor().detach(), dim), layers.softmax(x.tensor().detach(), dim), **EXACT)
    cube = Drawn((2, 3, 4)).tensor().detach()
    assert_close(naive.softmax(cube, 1), layers.softmax(cube, 1), **EXACT)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dim", [0, 1, 3])
def test_softmax_in_pieces(name: str, layout: str, dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pointwise._PIECE, "cpu", 7)
    x = Drawn((3, 2, 5, 4), layout).tensor()
    agree(partial(getattr(layers, name), dim=dim), partial(getattr(F, name), dim=dim), [x])


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_softmax_of_extreme_logits(name: str, dtype: torch.dtype) -> None:
    rows = [[1e4, -1e4, 0], [1e4, 1e4, 1e4 - 1], [-INFINITE, 0, 1], [-INFINITE] * 3, [INFINITE, 0, 1],
            [math.nan, 0, 1], [1e-310, 0, -1e-310]]  # fmt: skip
    x = torch.tensor(rows, dtype=dtype, requires_grad=True)
    tolerance = EXACT if dtype == torch.float64 else {"rtol": 1e-6, "atol": 1e-6}
    agree(partial(getattr(layers, name), dim=1), partial(getattr(F, name), dim=1), [x], tolerance)
    if name == "softmax":
        assert layers.softmax(x, 1)[0].tolist() == [1.0, 0.0, 0.0]


def test_softmax_converts_first() -> None:
    x = Drawn((2, 3)).tensor(torch.float32)
    assert_close(layers.softmax(x, 1, dtype=torch.float64), F.softmax(x, 1, dtype=torch.float64))
    assert_close(layers.softmax(x.long(), 1, dtype=torch.float64), F.softmax(x.long(), 1, dtype=torch.float64))


@st.composite
def cross_entropies(draw: st.DrawFn) -> tuple[Drawn, Any, dict[str, Any]]:
    """Logits, what the targets are, and options."""
    C, places = draw(st.integers(1, 4)), draw(st.lists(st.integers(0, 3), max_size=3))
    shape = (places[0], C, *places[1:]) if places else (C,)
    probabilities = draw(st.booleans())
    options = {
        "reduction": draw(st.sampled_from(REDUCTIONS)), "label_smoothing": draw(st.sampled_from([0.0, 0.1, 0.7, 1.0])),
        "weight": draw(st.sampled_from([None, Drawn((C,), seed=draw(st.integers(0, 99)))])),
    }  # fmt: skip
    if not probabilities:
        options["ignore_index"] = draw(st.sampled_from([-100, 0, 1, -1]))
    return draw(drawn(shape=shape)), probabilities, options


@pytest.mark.parametrize("examples", MANY)
def test_cross_entropy_is_torchs(examples: int) -> None:
    @given(cross_entropies(), st.integers(0, 99))
    @settings(max_examples=examples)
    def each(call: tuple[Drawn, bool, dict[str, Any]], seed: int) -> None:
        logits, probabilities, options = call
        draw = torch.Generator().manual_seed(seed)
        shape = logits.shape
        if options["weight"] is not None:
            options["weight"] = options["weight"].tensor().detach().abs() + 0.1
        if probabilities:
            inputs = [logits.tensor(), torch.rand(shape, generator=draw, dtype=torch.float64).requires_grad_()]
        else:
            C, places = (shape[0], ()) if len(shape) == 1 else (shape[1], (shape[0], *shape[2:]))
            target = torch.randint(0, C, places, generator=draw)
            target[torch.rand(places, generator=draw) < 0.2] = options["ignore_index"] % C  # often nothing is left
            if options["ignore_index"] < 0:
                target = torch.where(torch.rand(places, generator=draw) < 0.2, options["ignore_index"], target)
            inputs, options = [logits.tensor()], {**options, "target": target}
        agree(partial(layers.cross_entropy, **options), partial(F.cross_entropy, **options), inputs)

    each()


@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 99), st.booleans())
@settings(max_examples=60)
def test_cross_entropy_is_the_loop(C: int, N: int, seed: int, weighted: bool) -> None:
    logits, t = Drawn((N, C), scale=30.0, seed=seed).tensor().detach(), torch.arange(N) % C
    weight = torch.rand(C, dtype=torch.float64) + 0.5 if weighted else None
    for ignore in (-100, C - 1):
        got = layers.cross_entropy(logits, t, weight, ignore_index=ignore)
        assert_close(got, naive.cross_entropy(logits, t, weight, ignore), equal_nan=True, **EXACT)


def test_cross_entropy_of_logits_of_10000() -> None:
    for dtype in (torch.float32, torch.float64):
        logits = torch.tensor([[1e4, -1e4, 0], [1e4 - 1, 1e4, -INFINITE]], dtype=dtype, requires_grad=True)
        loss = layers.cross_entropy(logits, torch.tensor([1, 0]), reduction="none")
        assert_close(loss, torch.tensor([2e4, 1 + math.log1p(math.exp(-1))], dtype=dtype))
        loss.sum().backward()
        p = 1 / (1 + math.e)
        assert_close(logits.grad, torch.tensor([[1.0, -1, 0], [p - 1, 1 - p, 0]], dtype=dtype))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_infinite_and_missing_logits_are_as_torchs(smoothing: float) -> None:
    rows = [[-INFINITE, 0, 1], [0.0, -INFINITE, 1], [math.nan, 0, 1], [INFINITE, 0, 1], [0, 0, 0]]
    logits = torch.tensor(rows, dtype=torch.float64, requires_grad=True)
    for target in (torch.tensor([1, 1, 0, 0, 2]), torch.tensor([-100, 0, -100, -100, 2])):
        options = {"target": target, "label_smoothing": smoothing, "reduction": "none"}
        got, want = layers.cross_entropy(logits, **options), F.cross_entropy(logits, **options)  # type: ignore[arg-type]
        assert_close(got, want, equal_nan=True)
    assert not layers.cross_entropy(logits, torch.tensor([-100] * 4 + [2])).isnan()


def test_nothing_to_learn_from_gives_nan_and_no_gradient() -> None:
    for t in (torch.full((2,), -100), torch.zeros(0).long()):
        logits = Drawn((len(t), 3)).tensor()
        agree(partial(layers.cross_entropy, target=t), partial(F.cross_entropy, target=t), [logits])
        assert layers.cross_entropy(logits, t).isnan()
    agree(layers.mse_loss, F.mse_loss, [Drawn((0, 2)).tensor(), Drawn((0, 2)).tensor()])


@given(drawn(), st.sampled_from(REDUCTIONS), st.integers(0, 99), st.booleans())
@settings(max_examples=150)
def test_mse_loss_is_torchs(x: Drawn, reduction: str, seed: int, weighted: bool) -> None:
    inputs = [x.tensor(), Drawn(x.shape, seed=seed).tensor()]
    options = {"reduction": reduction, "weight": torch.rand(x.shape, dtype=torch.float64) if weighted else None}
    agree(partial(layers.mse_loss, **options), partial(F.mse_loss, **options), inputs)  # type: ignore[arg-type]


T, W = torch.tensor([1, 0]), torch.tensor([0.5, 2.0, 1.0], dtype=torch.float64)
CHECKED: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda x: layers.softmax(x, 0),
    "log_softmax": lambda x: layers.log_softmax(x, 1),
    "cross_entropy": lambda x: layers.cross_entropy(x, T, W, label_smoothing=0.2),
    "soft cross_entropy": lambda x: layers.cross_entropy(x, x.square() + 0.1, W, label_smoothing=0.2),
    "mse_loss": lambda x: layers.mse_loss(x, 3 * x + 1),
}


@pytest.mark.parametrize("name", CHECKED)
def test_backward_is_the_derivative(name: str) -> None:
    assert torch.autograd.gradcheck(CHECKED[name], Drawn((2, 3)).tensor())


@pytest.mark.parametrize("name", CHECKED)
def test_a_second_derivative_is_refused(name: str) -> None:
    x = Drawn((2, 3)).tensor()
    (dx,) = torch.autograd.grad(CHECKED[name](x).pow(2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast_gives_the_dtype_that_torch_gives(dtype: torch.dtype) -> None:
    x, t = Drawn((4, 3)).tensor(dtype), torch.tensor([0, 2, 1, 1])
    calls: list[Callable[[Any], Tensor]] = [
        lambda f: f.softmax(x, 1), lambda f: f.log_softmax(x, 1), lambda f: f.cross_entropy(x, t),
        lambda f: f.cross_entropy(x, t, torch.ones(3, dtype=dtype)), lambda f: f.mse_loss(x, torch.ones(4, 3)),
        lambda f: f.cross_entropy(x, torch.full((4, 3), 0.5), label_smoothing=0.1),
    ]  # fmt: skip
    for call in calls:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y, want = call(layers), call(F)
        assert_close(y, want, rtol=1e-2, atol=1e-2)
        (dx,) = torch.autograd.grad(y, x, upstream(y))
        assert dx.dtype == dtype


# Largest error as a share of the largest value; measured on a CPU: 2e-7, 7e-4 and 5e-3.
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float16, 3e-3), (torch.bfloat16, 2e-2)])
def test_dtypes_on_each_device(device: torch.device, dtype: torch.dtype, tolerance: float) -> None:
    x, t = Drawn((40, 7)).tensor(dtype, device), torch.arange(40, device=device) % 7
    for f in (lambda f, x, _: f.softmax(x, 1), lambda f, x, _: f.log_softmax(x, 1),
              lambda f, x, t: f.cross_entropy(x, t), lambda f, x, _: f.mse_loss(x, 2 * x.detach())):  # fmt: skip
        exact = x.detach().double().cpu().requires_grad_()
        y, want = f(layers, x, t), f(F, exact, t.cpu())
        assert (y.dtype, y.device.type) == (dtype, device.type)
        dx, want_dx = torch.autograd.grad(y, x, upstream(y))[0], torch.autograd.grad(want, exact, upstream(want))[0]
        for got, wanted in ((y, want), (dx, want_dx)):
            error = (got.detach().double().cpu() - wanted.detach()).abs().max() / wanted.detach().abs().max()
            assert float(error) < tolerance


X, I, V = torch.zeros(2, 3), torch.tensor([0, 2]), torch.zeros(3, requires_grad=True)
WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no dim": (lambda: layers.softmax(X), TypeError, "softmax: dim is None.*dim=1"),
    "no such dim": (lambda: layers.log_softmax(X, 2), ValueError, r"log_softmax: dim is 2.*\(2, 3\).*-2 to 1"),
    "whole numbers": (lambda: layers.softmax(I, 0), TypeError, "torch.int64"),
    "class 3 of 3": (lambda: layers.cross_entropy(X, I + 1), ValueError, "class 3; expected 0 to 2, for 3 logits"),
    "class -1": (lambda: layers.cross_entropy(X, I - 1), ValueError, "class -1"),
    "class 4 with another ignored": (lambda: layers.cross_entropy(X, I + 2, ignore_index=2), ValueError, "class 4.*=2"),
    "int32": (lambda: layers.cross_entropy(X, I.int()), TypeError, r"torch.int32.*target.long\(\)"),
    "targets of another batch": (lambda: layers.cross_entropy(X, I[:1]), ValueError, r"shape \(1,\).*expected \(2,\)"),
    "one-hot integers": (lambda: layers.cross_entropy(X, X.long()), ValueError, r"target has shape \(2, 3\)"),
    "probabilities of another shape": (lambda: layers.cross_entropy(X, X[:, :2]), ValueError, r"expected \(2, 3\)"),
    "ignored probabilities": (lambda: layers.cross_entropy(X, X, ignore_index=1), ValueError, "ignore_index is 1"),
    "weights of another length": (lambda: layers.cross_entropy(X, I, X[0, :2]), ValueError, r"weight .*\(2,\).*\(3,\)"),
    "weights with a gradient": (lambda: layers.cross_entropy(X, I, 1 + V), ValueError, "detach"),
    "weights in another dtype": (lambda: layers.cross_entropy(X, I, X[0].double()), TypeError, "torch.float64"),
    "smoothing": (lambda: layers.cross_entropy(X, I, label_smoothing=1.5), ValueError, "label_smoothing is 1.5"),
    "reduction": (lambda: layers.cross_entropy(X, I, reduction="max"), ValueError, "reduction is 'max'.*'none'"),
    "size_average": (lambda: layers.cross_entropy(X, I, None, True), ValueError, "size_average.*reduction="),
    "a list": (lambda: layers.cross_entropy(X, [0, 2]), TypeError, "target is a list"),  # type: ignore[arg-type]
    "no classes": (lambda: layers.cross_entropy(X[:, :0], I), ValueError, r"input has shape \(2, 0\)"),
    "broadcast": (lambda: layers.mse_loss(X, X[:, :1]), ValueError, r"target has shape \(2, 1\), input \(2, 3\).*same"),
    "mse of integers": (lambda: layers.mse_loss(X, X.long()), TypeError, "target has dtype torch.int64"),
    "mse reduction": (lambda: layers.mse_loss(X, X, reduction="max"), ValueError, "mse_loss: reduction is 'max'"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()
