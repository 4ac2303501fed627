"""Transposed convolutions against torch's, against the loops, and as the adjoint of the convolution."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from convolution_oracle import Arguments
from hypothesis import given, settings
from hypothesis import strategies as st
from pooling_oracle import refuses
from torch import Tensor
from torch.testing import assert_close

from cnncourse import layers
from cnncourse.layers import conv, naive

OURS = {1: layers.conv_transpose1d, 2: layers.conv_transpose2d}
TORCH = {1: F.conv_transpose1d, 2: F.conv_transpose2d}
CONV = {1: layers.conv1d, 2: layers.conv2d}
LOOPS = {1: naive.conv_transpose1d, 2: naive.conv_transpose2d}
# Relative to sums of up to a few hundred products of numbers near 1: rounding in float64 is about 1e-14.
EXACT: dict[str, float] = {"rtol": 1e-10, "atol": 1e-12}


@st.composite
def transposed(draw: st.DrawFn, axes: int, groups: bool = True) -> Arguments:
    """Shapes and options that fit, edges included: no images, one pixel, copies that overlap or leave gaps ..."""

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(axes))

    kernel, stride, dilation, size = each(1, 4), each(1, 4), each(1, 3), each(1, 5)
    extra = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    full = [(n - 1) * s + d * (k - 1) + e + 1
            for n, s, d, k, e in zip(size, stride, dilation, kernel, extra, strict=True)]  # fmt: skip
    padding = tuple(draw(st.integers(0, min(5, (n - 1) // 2))) for n in full)
    G = draw(st.sampled_from([1, 1, 2, 3])) if groups else 1
    per_in, per_out, n = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(0, 3))
    options = {"stride": stride, "padding": padding, "output_padding": extra, "groups": G, "dilation": dilation}
    return Arguments(
        axes, (n, G * per_in, *size), (G * per_in, per_out, *kernel), draw(st.booleans()), options,
        draw(st.sampled_from(["contiguous", "transposed", "strided"])), draw(st.integers(0, 999)),
    )  # fmt: skip


def tensors(case: Arguments, dtype: torch.dtype = torch.float64, device: Any = "cpu") -> tuple[Any, Any, Any]:
    """Input, weight and bias: one number for each channel of the output."""
    x, w, _ = case.tensors(dtype, device)
    draw = torch.Generator().manual_seed(7)
    channels = w.shape[1] * case.options.get("groups", 1)
    b = torch.randn(channels, generator=draw, dtype=torch.float64).to(device, dtype).requires_grad_()
    return x, w, b if case.bias else None


def gradients(y: Tensor, inputs: tuple[Any, ...]) -> list[Tensor]:
    dy = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(y.device, y.dtype)
    return list(torch.autograd.grad(y, [t for t in inputs if t is not None], dy))


def compare_with_torch(case: Arguments) -> None:
    ours, theirs = tensors(case), tensors(case)
    y, expected = OURS[case.axes](*ours, **case.options), TORCH[case.axes](*theirs, **case.options)
    assert_close(y, expected, **EXACT)
    for got, want in zip(gradients(y, ours), gradients(expected, theirs), strict=True):
        assert_close(got, want, **EXACT)


@given(transposed(1))
@settings(max_examples=300)
def test_conv_transpose1d_is_torchs(case: Arguments) -> None:
    compare_with_torch(case)


@given(transposed(2))
@settings(max_examples=700)
def test_conv_transpose2d_is_torchs(case: Arguments) -> None:
    compare_with_torch(case)


@given(transposed(2))
@settings(max_examples=40)
def test_a_few_images_at_a_time_gives_the_same(case: Arguments) -> None:
    kept = dict(conv._UNROLLED)
    try:
        conv._UNROLLED["cpu"] = 1  # one image at a time
        compare_with_torch(case)
    finally:
        conv._UNROLLED.update(kept)


@pytest.mark.parametrize("axes", [1, 2])
def test_it_is_the_adjoint_of_the_convolution(axes: int) -> None:
    @given(transposed(axes))
    @settings(max_examples=200)
    def each(case: Arguments) -> None:
        """<conv(y), x> = <y, conv_transpose(x)> for every x and y."""
        x, w, _ = tensors(case)
        z = OURS[axes](x, w, None, **case.options)
        y = torch.randn(z.shape, dtype=torch.float64)
        options = {key: value for key, value in case.options.items() if key != "output_padding"}
        back = CONV[axes](y, w, None, **options)
        inside = tuple(slice(0, n) for n in x.shape)  # output_padding >= stride leaves room for more windows
        assert_close((back[inside] * x).sum(), (y * z).sum(), rtol=1e-10, atol=1e-10)

    each()


@pytest.mark.parametrize("axes", [1, 2])
def test_loops_are_the_same(axes: int) -> None:
    @given(transposed(axes, groups=False))
    @settings(max_examples=50)
    def each(case: Arguments) -> None:
        ours = tensors(case)
        options = {key: value for key, value in case.options.items() if key != "groups"}
        slow = LOOPS[axes](*ours, **options)
        assert not slow.requires_grad
        assert_close(slow, OURS[axes](*ours, **options).detach(), **EXACT)

    each()


def test_a_number_lays_down_the_filter() -> None:
    x, w = torch.tensor([[[2.0, 0.0, 1.0]]]), torch.tensor([[[1.0, 2.0, 3.0]]])
    assert layers.conv_transpose1d(x, w, stride=2).flatten().tolist() == [2, 4, 6, 0, 1, 2, 3]
    assert layers.conv_transpose1d(x, w, stride=1).flatten().tolist() == [2, 4, 7, 2, 3]  # copies overlap: they add up
    assert layers.conv_transpose1d(x, w, stride=2, padding=1).flatten().tolist() == [4, 6, 0, 1, 2]
    y = layers.conv_transpose1d(x, w, torch.tensor([5.0]), stride=2, output_padding=1)
    assert y.flatten().tolist() == [7, 9, 11, 5, 6, 7, 8, 5]


CHECKED = [
    Arguments(1, (2, 4, 5), (4, 3, 3), True,
              {"stride": 2, "padding": 2, "output_padding": 1, "groups": 2, "dilation": 2}),
    Arguments(2, (2, 4, 3, 4), (4, 1, 3, 2), True, {"stride": (2, 1), "padding": (1, 0), "groups": 4}),
    Arguments(2, (2, 2, 3, 3), (2, 3, 2, 4), False, {"stride": 3, "output_padding": (2, 1)}),
]  # fmt: skip


@pytest.mark.parametrize("case", CHECKED, ids=str)
def test_backward_is_the_derivative(case: Arguments) -> None:
    inputs = [t for t in tensors(case) if t is not None]
    assert torch.autograd.gradcheck(lambda *t: OURS[case.axes](*t, **case.options), inputs, fast_mode=False)


def test_a_second_derivative_is_refused() -> None:
    x, w, _ = tensors(CHECKED[2])
    (dx,) = torch.autograd.grad(layers.conv_transpose2d(x, w).pow(2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()


def test_only_what_needs_a_gradient_gets_one() -> None:
    x, w, b = tensors(CHECKED[1])
    layers.conv_transpose2d(x.detach(), w.detach(), b, groups=4).sum().backward()
    assert x.grad is None
    assert w.grad is None
    assert_close(b.grad, torch.full((4,), 2 * 5 * 5.0, dtype=torch.float64))


@pytest.mark.parametrize("axes", [1, 2])
def test_one_example_and_other_layouts(axes: int) -> None:
    x, w, b = tensors(Arguments(axes, (2, 2, *(5, 6)[:axes]), (2, 3, *(2, 3)[:axes]), True))
    y = OURS[axes](x, w, b, 2, 1)
    assert_close(OURS[axes](x[0], w, b, 2, 1), y[0])
    assert_close(TORCH[axes](x[0], w, b, 2, 1), y[0])
    if axes == 2:
        assert_close(OURS[axes](x.to(memory_format=torch.channels_last), w, b, 2, 1), y)
    assert_close(OURS[axes](x[:1].expand(4, *x.shape[1:]), w, b, 2, 1), y[:1].expand(4, *y.shape[1:]))


# The largest error, as a share of the largest value.
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float16, 2e-3), (torch.bfloat16, 2e-2)])
def test_dtypes_on_each_device(device: torch.device, dtype: torch.dtype, tolerance: float) -> None:
    case = Arguments(2, (3, 4, 5, 4), (4, 3, 3, 2), True, {"stride": 2, "padding": (1, 0), "groups": 2})
    ours = tensors(case, dtype, device)
    exact = tuple(t.detach().double().cpu().requires_grad_() for t in ours)
    y, expected = layers.conv_transpose2d(*ours, **case.options), F.conv_transpose2d(*exact, **case.options)
    assert y.dtype == dtype
    assert y.device.type == device.type
    for got, want in zip([y, *gradients(y, ours)], [expected, *gradients(expected, exact)], strict=True):
        error = (got.detach().double().cpu() - want.detach()).abs().max() / want.detach().abs().max()
        assert float(error) < tolerance


def test_autocast_gives_the_dtype_that_torch_gives() -> None:
    x, w, b = tensors(Arguments(2, (2, 3, 6, 6), (3, 4, 3, 3), True), torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, expected = layers.conv_transpose2d(x, w, b), F.conv_transpose2d(x, w, b)
    assert y.dtype == expected.dtype == torch.bfloat16
    assert_close(y, expected, rtol=2e-2, atol=2e-2)
    y.float().sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.float32


X, W = torch.zeros(2, 4, 5, 6), torch.zeros(4, 3, 3, 3)
WRONG: dict[str, tuple[tuple[Any, ...], dict[str, Any], type[Exception], str]] = {
    "a list": (([1.0], W), {}, TypeError, "input is a list"),
    "no weight": ((X, None), {}, TypeError, "weight is a NoneType"),
    "a signal": ((X[0, 0], W), {}, ValueError, r"expected \(N, C, H, W\)"),
    "weight of another kind": ((X, W[0]), {}, ValueError, r"expected \(C_in, C_out // groups"),
    "channels": ((X[:, :3], W), {}, ValueError, r"input has 3 channels, weight has shape \(4, 3, 3, 3\)"),
    "groups": ((X, W), {"groups": 3}, ValueError, "multiple of groups=3"),
    "groups 0": ((X, W), {"groups": 0}, ValueError, "groups is 0"),
    "no channel": ((X[:, :0], W[:0]), {}, ValueError, "input has 0 channels"),
    "no rows": ((X[:, :, :0], W), {}, ValueError, "at least one pixel"),
    "bias": ((X, W, torch.zeros(4)), {}, ValueError, r"bias has shape \(4,\); expected \(3,\)"),
    "bias and groups": ((X, W, torch.zeros(3)), {"groups": 2}, ValueError, r"expected \(6,\)"),
    "dtype": ((X, W.double()), {}, TypeError, "weight has dtype torch.float64"),
    "stride 0": ((X, W), {"stride": 0}, ValueError, "stride is 0"),
    "padding -1": ((X, W), {"padding": -1}, ValueError, "padding is -1"),
    "padding 'same'": ((X, W), {"padding": "same"}, TypeError, "padding is 'same'"),
    "too much padding": ((X, W), {"padding": 4}, ValueError, r"gives an output of \(-1, 0\).*Use less padding"),
    "output_padding": ((X, W), {"stride": 2, "output_padding": 2}, ValueError, "output_padding is .2, 2.*less than"),
    "output_padding -1": ((X, W), {"output_padding": -1}, ValueError, "output_padding is -1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained_where_torch_refuses_too(name: str) -> None:
    positional, options, error, message = WRONG[name]
    assert refuses(F.conv_transpose2d, *positional, **options)
    with pytest.raises(error, match=f"conv_transpose2d: .*{message}"):
        layers.conv_transpose2d(*positional, **options)


def test_loops_explain_too() -> None:
    with pytest.raises(ValueError, match=r"naive.conv_transpose2d: input has 3 channels"):
        naive.conv_transpose2d(X[:, :3], W)
