"""batch_norm and local_response_norm against torch's, the formulas in loops, and finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from layer_oracle import EXACT, LAYOUTS, MANY, Drawn, agree, drawn, upstream
from torch import Tensor
from torch.testing import assert_close

from cnncourse import layers
from cnncourse.layers import naive, pointwise

# batch_norm divides by the deviation s = sqrt(var + eps) twice; with few, nearly equal values in a channel rounding of
# the mean by 1e-16 is enlarged by up to 1 / sqrt(eps), and the gradient cancels to its last digits.
CANCELLED: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-10}


@st.composite
def batch_norms(draw: st.DrawFn) -> tuple[Drawn, list[Drawn], dict[str, Any]]:
    """An input of two to five axes, weight and bias (or none), and options."""
    shape = tuple(draw(st.lists(st.integers(0, 4), min_size=2, max_size=5)))
    training = draw(st.booleans())
    assume(shape[1] > 0)  # torch's own has no answer without channels
    assume(not training or math.prod(shape[:1] + shape[2:]) != 1)
    affine = [Drawn(shape[1:2], seed=draw(st.integers(0, 99))) for _ in range(2)] if draw(st.booleans()) else []
    x = draw(drawn(shape=shape))
    x.layout = "contiguous" if x.layout == "expanded" else x.layout  # one value a channel is not worth comparing
    options = {"training": training, "momentum": draw(st.sampled_from([0.1, 0.0, 1.0, 0.37]))}
    return x, affine, options | {"eps": draw(st.sampled_from([1e-5, 1e-3, 0.5]))}


@pytest.mark.parametrize("examples", MANY)
def test_batch_norm_is_torchs(examples: int) -> None:
    @given(batch_norms(), st.booleans(), st.integers(0, 99))
    @settings(max_examples=examples)
    def each(call: tuple[Drawn, list[Drawn], dict[str, Any]], track: bool, seed: int) -> None:
        x, affine, options = call
        C, track = x.shape[1], track or not options["training"]
        after = []

        def run(batch_norm: Callable[..., Tensor], x: Tensor, *affine: Tensor) -> Tensor:
            mean, var = (Drawn((C,), seed=seed + i).tensor().detach() for i in range(2))
            var = var.abs() + 0.2
            after.append([mean, var])
            y = batch_norm(x, *([mean, var] if track else [None, None]), *affine, **options)
            return y / max(1.0, float(y.detach().abs().max()) if y.numel() else 1.0)  # so that one tolerance fits all

        inputs = [x.tensor(), *(d.tensor() for d in affine)]
        agree(partial(run, layers.batch_norm), partial(run, F.batch_norm), inputs, CANCELLED)
        assert_close(*after, rtol=1e-13, atol=1e-15)

    each()


def test_batch_norm_is_the_loop() -> None:
    for shape in ((4, 3), (3, 2, 5), (2, 3, 4, 2)):
        x = Drawn(shape).tensor().detach()
        w, b = Drawn(shape[1:2], seed=1).tensor().detach(), Drawn(shape[1:2], seed=2).tensor().detach()
        got = layers.batch_norm(x, None, None, w, b, training=True)
        assert_close(got, naive.batch_norm(x, w, b), **EXACT)
        assert_close(layers.batch_norm(x, None, None, training=True, eps=0.1), naive.batch_norm(x, eps=0.1), **EXACT)


@pytest.mark.parametrize("momentum", [0.1, 0.9])
def test_running_statistics_follow_the_batches(momentum: float) -> None:
    ours = [torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)]
    theirs = [t.clone() for t in ours]
    for step in range(20):
        x = 5 + Drawn((4, 3, 5, 2), scale=3.0, seed=step).tensor().detach()
        layers.batch_norm(x, *ours, training=True, momentum=momentum)
        F.batch_norm(x, *theirs, training=True, momentum=momentum)
        assert_close(ours, theirs, rtol=4e-15, atol=0)  # a few last bits: sums in another order
    unbiased = x.var(dim=(0, 2, 3), correction=1)
    fresh = torch.zeros(3, dtype=torch.float64)
    layers.batch_norm(x, None, fresh, training=True, momentum=1.0)
    assert_close(fresh, unbiased, rtol=1e-14, atol=0)


def test_a_large_mean_costs_no_digits() -> None:
    x = Drawn((50, 2, 7)).tensor(torch.float32).detach()
    y = layers.batch_norm(x + 4096, None, None, training=True)  # 4096 + x is rounded to 12 bits behind the point
    assert_close(y, layers.batch_norm((x + 4096) - 4096, None, None, training=True), rtol=0, atol=1e-3)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_in_pieces(layout: str, training: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pointwise._PIECE, "cpu", 130)  # one, then two images of 60 numbers at a time
    options = {"running_mean": torch.zeros(3).double(), "running_var": torch.ones(3).double(), "training": training}
    inputs = [Drawn((5, 3, 4, 5), layout).tensor()]
    agree(partial(layers.batch_norm, **options), partial(F.batch_norm, **options), inputs)  # type: ignore[arg-type]


@pytest.mark.parametrize("examples", MANY)
def test_local_response_norm_is_torchs(examples: int) -> None:
    @given(drawn(least=3, most=5, longest=4), st.integers(1, 7), st.sampled_from([1e-4, 0.5, 3.0]), st.data())
    @settings(max_examples=examples)
    def each(x: Drawn, size: int, alpha: float, data: st.DataObject) -> None:
        beta, k = (
            data.draw(st.sampled_from([0.75, 0.5, 1.0, 2.0, 0.0, -0.5])),
            data.draw(st.sampled_from([1.0, 2.0, 0.3])),
        )
        options = {"size": size, "alpha": alpha, "beta": beta, "k": k}
        x.scale = min(x.scale, 10.0)
        tensor = x.tensor()
        if x.layout != "contiguous" and tensor.numel():  # torch's own takes no view here
            agree(
                partial(layers.local_response_norm, **options),
                lambda t: F.local_response_norm(t.contiguous(), **options),  # type: ignore[arg-type]
                [tensor],
            )
        elif tensor.numel():
            agree(partial(layers.local_response_norm, **options), partial(F.local_response_norm, **options), [tensor])
        else:
            assert layers.local_response_norm(tensor, **options).shape == tensor.shape  # type: ignore[arg-type]

    each()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9])
def test_local_response_norm_is_the_loop(size: int) -> None:
    x = Drawn((2, 6, 3, 2)).tensor().detach()
    options = {"alpha": 0.9, "beta": 0.6, "k": 2.0}
    got = layers.local_response_norm(x, size, **options)
    assert_close(got, naive.local_response_norm(x, size, **options), **EXACT)


def test_an_even_window_looks_further_back() -> None:
    x = torch.ones(1, 4, 1, dtype=torch.float64)
    y = layers.local_response_norm(x, size=2, alpha=2.0, beta=1.0, k=1.0)
    assert_close(1 / y.flatten(), torch.tensor([2.0, 3, 3, 3]).double())  # channel c sees c - 1 and c


@pytest.mark.parametrize("layout", LAYOUTS)
def test_local_response_norm_in_pieces(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pointwise._PIECE, "cpu", 130)
    options = {"size": 4, "alpha": 0.7}
    theirs = partial(F.local_response_norm, **options)  # type: ignore[arg-type]
    inputs = [Drawn((5, 3, 4, 5), layout).tensor()]
    agree(partial(layers.local_response_norm, **options), lambda x: theirs(x.contiguous()), inputs)  # type: ignore[arg-type]


STATISTICS = torch.tensor([0.3, -1.0]).double(), torch.tensor([1.5, 0.2]).double()
CHECKED: dict[str, Callable[..., Tensor]] = {
    "training": lambda x, w, b: layers.batch_norm(x, None, None, w, b, training=True),
    "evaluation": lambda x, w, b: layers.batch_norm(x, *STATISTICS, w, b),
    "weight alone": lambda x, w, b: layers.batch_norm(x + b.sum(), None, None, w, training=True),
    "local, odd": lambda x, *_: layers.local_response_norm(x, 3, 0.8, 0.75, 1.0),
    "local, even": lambda x, *_: layers.local_response_norm(x, 2, 0.8, 0.75, 1.0),
}


@pytest.mark.parametrize("name", CHECKED)
def test_backward_is_the_derivative(name: str) -> None:
    inputs = [Drawn((3, 2, 4)).tensor(), Drawn((2,), seed=1).tensor(), Drawn((2,), seed=2).tensor()]
    inputs = inputs if "local" not in name else inputs[:1]
    assert torch.autograd.gradcheck(CHECKED[name], inputs)
    (dx,) = torch.autograd.grad(CHECKED[name](*inputs).pow(2).sum(), inputs[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()


def test_only_what_needs_a_gradient_gets_one() -> None:
    x, w, b = (Drawn(shape, seed=i).tensor() for i, shape in enumerate([(4, 3), (3,), (3,)]))
    for training in (True, False):
        options: Any = {"training": training}
        fixed = [torch.zeros(3).double(), torch.ones(3).double()]
        layers.batch_norm(x.detach(), *fixed, w, b.detach(), **options).square().sum().backward()
        assert w.grad is not None
        assert x.grad is None
        assert b.grad is None
        w.grad = None


# Largest error as a share of the largest value; measured on a CPU: 3e-7, 7e-4 and 6e-3.
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 3e-6), (torch.float16, 3e-3), (torch.bfloat16, 2e-2)])
@pytest.mark.parametrize("name", ["batch_norm", "local_response_norm"])
def test_dtypes_on_each_device(name: str, device: torch.device, dtype: torch.dtype, tolerance: float) -> None:
    x = Drawn((8, 4, 5, 3)).tensor(dtype, device)
    exact = x.detach().double().cpu().requires_grad_()
    rest: Any = {"training": True, "running_mean": None, "running_var": None} if name == "batch_norm" else {"size": 3}
    y, want = getattr(layers, name)(x, **rest), getattr(F, name)(exact, **rest)
    assert (y.dtype, y.device.type) == (dtype, device.type)
    dx, want_dx = torch.autograd.grad(y, x, upstream(y))[0], torch.autograd.grad(want, exact, upstream(want))[0]
    for got, wanted in ((y, want), (dx, want_dx)):
        error = (got.detach().double().cpu() - wanted.detach()).abs().max() / wanted.detach().abs().max()
        assert float(error) < tolerance


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast_gives_the_dtype_that_torch_gives(dtype: torch.dtype) -> None:
    x, w = Drawn((4, 3, 5, 2)).tensor(dtype), torch.ones(3, requires_grad=True)
    results = []
    for f in (layers, F):
        mean, var = torch.zeros(3), torch.ones(3)  # float32, as a model's are
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = f.batch_norm(x, mean, var, w, w, training=True), f.local_response_norm(x, 3)
        results.append([*y, mean, var, *torch.autograd.grad(y[0], (x, w), upstream(y[0]))])
        assert torch.autograd.grad(y[1], x, upstream(y[1]))[0].dtype == dtype
    assert_close(*results, rtol=2e-2, atol=4e-2)  # compares dtypes, too


def test_no_images_and_no_channels() -> None:
    mean, var = torch.full((3,), 2.0), torch.full((3,), 5.0)
    y = layers.batch_norm(torch.zeros(0, 3, 4), mean, var, training=True, momentum=0.5)
    assert y.shape == (0, 3, 4)
    assert (mean.tolist(), var.tolist()) == ([2.0] * 3, [5.0] * 3)  # nothing was seen
    assert layers.batch_norm(torch.zeros(2, 0, 4), None, None, training=True).shape == (2, 0, 4)


X, C = torch.zeros(4, 3, 2), torch.zeros(3)
WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "one value": (lambda: layers.batch_norm(X[:1, :, :1], C, C, training=True), ValueError, r"\(1, 3, 1\), one value"),
    "no statistics": (lambda: layers.batch_norm(X, None, None), ValueError, "training is False and running_mean"),
    "half of them": (lambda: layers.batch_norm(X, C, None), ValueError, "expected both"),
    "one axis": (lambda: layers.batch_norm(C, None, None, training=True), ValueError, r"\(3,\); expected \(N, C\)"),
    "weight": (lambda: layers.batch_norm(X, C, C, C[:2]), ValueError, r"weight has shape \(2,\).*expected \(3,\)"),
    "bias is a number": (lambda: layers.batch_norm(X, C, C, C, 1.0), TypeError, "bias is a float"),  # type: ignore[arg-type]
    "bias elsewhere": (lambda: layers.batch_norm(X, C, C, C, C.to("meta")), ValueError, "bias is on meta.*Move"),
    "statistics in float64": (lambda: layers.batch_norm(X, C.double(), C), TypeError, "running_mean has.*Convert"),
    "eps": (lambda: layers.batch_norm(X, C, C, eps=-1.0), ValueError, "eps is -1.0"),
    "eps 0": (lambda: layers.batch_norm(X, C, C, training=True, eps=0), ValueError, "eps is 0"),
    "integers": (lambda: layers.batch_norm(X.long(), C, C), TypeError, "batch_norm: input has dtype torch.int64"),
    "too flat": (lambda: layers.local_response_norm(X[0], 3), ValueError, r"\(3, 2\); expected \(N, C, L\)"),
    "size 0": (lambda: layers.local_response_norm(X, 0), ValueError, "local_response_norm: size is 0"),
    "size 2.5": (lambda: layers.local_response_norm(X, 2.5), TypeError, "size is 2.5"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()
