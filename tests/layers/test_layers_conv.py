"""The reference convolutions against torch's, against plain loops, and against finite differences."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from convolution_oracle import TORCH, Arguments, arguments, slow_conv
from hypothesis import given, settings
from torch import Tensor
from torch.testing import assert_close

from cnncourse import layers
from cnncourse.layers import conv

OURS = {1: layers.conv1d, 2: layers.conv2d, 3: layers.conv3d}
# Relative to sums of up to a few hundred products of numbers near 1: rounding in float64 is about 1e-14.
EXACT: dict[str, float] = {"rtol": 1e-10, "atol": 1e-12}


def gradients(y: Tensor, inputs: tuple[Tensor | None, ...]) -> list[Tensor]:
    """Of a sum with random weights, so that no two outputs count the same."""
    dy = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(y.device, y.dtype)
    return list(torch.autograd.grad(y, [t for t in inputs if t is not None], dy))


def torchs(case: Arguments, *tensors: Any) -> Tensor:
    """torch's answer; for 'same' with an odd number of zeros torch warns, so they are put there by hand."""
    x, w, b = tensors
    options = dict(case.options)
    if options["padding"] == "same":
        total = [d * (k - 1) for d, k in zip(options["dilation"], w.shape[2:], strict=True)]
        x = F.pad(x, [side for t in reversed(total) for side in (t // 2, t - t // 2)])
        options["padding"] = 0
    return TORCH[case.axes](x, w, b, **options)


def compare_with_torch(case: Arguments) -> None:
    ours, theirs = case.tensors(), case.tensors()
    y, expected = OURS[case.axes](*ours, **case.options), torchs(case, *theirs)
    assert_close(y, expected, **EXACT)
    for got, want in zip(gradients(y, ours), gradients(expected, theirs), strict=True):
        assert_close(got, want, **EXACT)


@given(arguments(1))
@settings(max_examples=300)
def test_conv1d_is_torchs(case: Arguments) -> None:
    compare_with_torch(case)


@given(arguments(2))
@settings(max_examples=500)
def test_conv2d_is_torchs(case: Arguments) -> None:
    compare_with_torch(case)


@given(arguments(3))
@settings(max_examples=200)
def test_conv3d_is_torchs(case: Arguments) -> None:
    compare_with_torch(case)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_it_is_the_definition(axes: int) -> None:
    @given(arguments(axes, strings=False))
    @settings(max_examples=25)
    def each(case: Arguments) -> None:
        tensors = case.tensors()
        with torch.no_grad():
            y = OURS[axes](*tensors, **case.options)
        assert_close(y, slow_conv(*(t if t is None else t.detach() for t in tensors), **case.options), **EXACT)

    each()


CHECKED = [
    Arguments(1, (2, 4, 9), (6, 2, 3), True, {"stride": 2, "padding": 3, "dilation": 2, "groups": 2}),
    Arguments(2, (2, 4, 6, 5), (4, 1, 3, 2), True, {"stride": (2, 1), "padding": (1, 2), "groups": 4}),
    Arguments(2, (2, 2, 5, 6), (3, 2, 2, 4), False, {"padding": "same", "dilation": (1, 1)}),
    Arguments(3, (1, 2, 3, 4, 3), (2, 2, 2, 2, 2), True, {"stride": (1, 2, 1), "padding": (1, 0, 1)}),
]


@pytest.mark.parametrize("case", CHECKED, ids=str)
def test_backward_is_the_derivative(case: Arguments) -> None:
    tensors = [t for t in case.tensors() if t is not None]
    assert torch.autograd.gradcheck(lambda *t: OURS[case.axes](*t, **case.options), tensors, fast_mode=False)


@given(arguments(2))
@settings(max_examples=40)
def test_a_few_images_at_a_time_gives_the_same(case: Arguments) -> None:
    kept = dict(conv._UNROLLED)
    try:
        conv._UNROLLED["cpu"] = 1  # one image at a time
        compare_with_torch(case)
    finally:
        conv._UNROLLED.update(kept)


def test_backward_against_torch_nn_grad() -> None:
    x, w, _ = Arguments(2, (3, 2, 7, 5), (4, 2, 3, 2), False).tensors()
    y = layers.conv2d(x, w, stride=2, padding=1)
    dy = torch.randn_like(y)
    dx, dw = torch.autograd.grad(y, (x, w), dy)
    assert_close(dx, torch.nn.grad.conv2d_input(x.shape, w, dy, stride=2, padding=1), **EXACT)
    assert_close(dw, torch.nn.grad.conv2d_weight(x, w.shape, dy, stride=2, padding=1), **EXACT)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_one_example_without_a_batch(axes: int) -> None:
    x, w, b = Arguments(axes, (1, 2, *(5, 6, 4)[:axes]), (3, 2, *(2, 3, 2)[:axes]), True).tensors()
    y = OURS[axes](x[0], w, b, padding=1)
    assert y.dim() == axes + 1
    assert_close(y, TORCH[axes](x[0], w, b, padding=1), **EXACT)


def test_same_keeps_the_size_and_puts_the_odd_zero_behind() -> None:
    x = torch.arange(1.0, 6.0).reshape(1, 1, 5)
    w = torch.tensor([[[1.0, 10.0, 100.0, 1000.0]]])
    y = layers.conv1d(x, w, padding="same")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says, once in a process, that this needs a copy
        assert_close(y, F.conv1d(x, w, padding="same"))
    assert y.flatten().tolist() == [3210.0, 4321.0, 5432.0, 543.0, 54.0]  # one zero before, two behind


def test_a_filter_is_not_flipped() -> None:
    y = layers.conv1d(torch.tensor([[[0.0, 1.0, 0.0]]]), torch.tensor([[[1.0, 2.0, 3.0]]]), padding=1)
    assert y.flatten().tolist() == [3.0, 2.0, 1.0]  # an impulse gives the flipped filter


def test_only_what_needs_a_gradient_gets_one() -> None:
    x, w, b = Arguments(2, (2, 2, 5, 5), (3, 2, 3, 3), True).tensors()
    assert b is not None
    layers.conv2d(x.detach(), w, b).sum().backward()
    assert x.grad is None
    assert_close(b.grad, torch.full((3,), 18.0, dtype=torch.float64))
    layers.conv2d(x, w.detach()).sum().backward()
    assert x.grad is not None


def test_nothing_given_is_changed() -> None:
    tensors = Arguments(2, (2, 2, 5, 5), (3, 2, 3, 3), True).tensors()
    before = [t.detach().clone() for t in tensors if t is not None]
    layers.conv2d(*tensors, padding=1).sum().backward()
    for tensor, old in zip(tensors, before, strict=True):
        assert tensor is not None
        assert torch.equal(tensor, old)


def test_a_second_derivative_is_refused() -> None:
    x, w, _ = Arguments(2, (1, 1, 3, 3), (1, 1, 2, 2), False).tensors()
    (dx,) = torch.autograd.grad(layers.conv2d(x, w).pow(2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()


# The largest error, as a share of the largest value; measured on a CPU: 9e-8, 5e-4 and 7e-3.
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float16, 2e-3), (torch.bfloat16, 2e-2)])
def test_dtypes_on_each_device(device: torch.device, dtype: torch.dtype, tolerance: float) -> None:
    case = Arguments(2, (3, 4, 9, 8), (6, 2, 3, 2), True, {"stride": 2, "padding": (1, 2), "groups": 2})
    tensors = case.tensors(dtype, device)
    exact = [None if t is None else t.detach().double().cpu().requires_grad_() for t in tensors]
    y, expected = layers.conv2d(*tensors, **case.options), F.conv2d(*exact, **case.options)
    assert y.dtype == dtype
    assert y.device.type == device.type
    pairs = zip([y, *gradients(y, tensors)], [expected, *gradients(expected, tuple(exact))], strict=True)
    for got, want in pairs:
        error = (got.detach().double().cpu() - want.detach()).abs().max() / want.detach().abs().max()
        assert float(error) < tolerance


def test_autocast_gives_the_dtype_that_torch_gives() -> None:
    x, w, b = Arguments(2, (2, 3, 6, 6), (4, 3, 3, 3), True).tensors(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, expected = layers.conv2d(x, w, b), F.conv2d(x, w, b)
    assert y.dtype == expected.dtype == torch.bfloat16
    assert_close(y, expected)
    y.float().sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.float32


def test_memory_formats_other_than_rows() -> None:
    x, w, b = Arguments(2, (2, 3, 6, 5), (4, 3, 3, 3), True).tensors()
    y = layers.conv2d(x, w, b)
    assert_close(layers.conv2d(x.to(memory_format=torch.channels_last), w, b), y)
    assert_close(layers.conv2d(x[:1].expand(4, -1, -1, -1), w, b), y[:1].expand(4, -1, -1, -1))


X, W = torch.zeros(2, 4, 5, 6), torch.zeros(6, 4, 3, 3)
WRONG = {
    "input is a list": (([1.0], W), {}, TypeError, "input is a list.*torch.Tensor"),
    "weight is None": ((X, None), {}, TypeError, "weight is a NoneType"),
    "bias is a number": ((X, W, 1.0), {}, TypeError, "bias is a float"),
    "input without channels": ((X[0, 0], W), {}, ValueError, r"shape \(5, 6\).*expected \(N, C, H, W\)"),
    "weight of a conv1d": ((X, W[0]), {}, ValueError, r"weight has shape \(4, 3, 3\)"),
    "a kernel of no size": ((X, W[:, :, :0]), {}, ValueError, "none of them zero"),
    "a weight without channels": ((X[:, :0], W[:, :0]), {}, ValueError, "none of them zero"),
    "channels do not match": ((X, W[:, :3]), {}, ValueError, "input has 4 channels.*takes 3"),
    "channels do not match the groups": ((X, W), {"groups": 2}, ValueError, r"takes 4 \* 2 = 8"),
    "groups do not divide the filters": ((X, W[:5, :2]), {"groups": 2}, ValueError, "5 filters in 2 groups"),
    "no filter": ((X, W[:0]), {}, ValueError, "0 filters"),
    "groups=0": ((X, W), {"groups": 0}, ValueError, "groups is 0"),
    "bias of another length": ((X, W, torch.zeros(5)), {}, ValueError, r"bias has shape \(5,\); expected \(6,\)"),
    "other dtype": ((X, W.double()), {}, TypeError, "weight has dtype torch.float64.*Convert"),
    "other dtype of bias": ((X, W, torch.zeros(6).half()), {}, TypeError, "bias has dtype torch.float16"),
    "other device": ((X, W.to("meta")), {}, ValueError, "weight is on meta.*Move"),
    "whole numbers": ((X.long(), W.long()), {}, TypeError, r"input.float\(\)"),
    "complex": ((X.cfloat(), W.cfloat()), {}, TypeError, "floating-point"),
    "stride 0": ((X, W), {"stride": 0}, ValueError, "stride is 0"),
    "stride 1.5": ((X, W), {"stride": 1.5}, TypeError, "stride is 1.5"),
    "stride True": ((X, W), {"stride": True}, TypeError, "stride is True"),
    "three strides": ((X, W), {"stride": (1, 1, 1)}, ValueError, "2: one for each axis"),
    "padding -1": ((X, W), {"padding": -1}, ValueError, "padding is -1"),
    "padding 'full'": ((X, W), {"padding": "full"}, ValueError, "'full'.*'valid' or 'same'"),
    "'same' with a stride": ((X, W), {"padding": "same", "stride": (1, 2)}, ValueError, "expected stride 1"),
    "dilation 0": ((X, W), {"dilation": (1, 0)}, ValueError, "dilation is 0"),
    "does not fit": ((X, W), {"dilation": 3}, ValueError, "window of 7 pixels.*does not fit.*Use a smaller"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained(name: str) -> None:
    positional, options, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        layers.conv2d(*positional, **options)
