"""Max unpooling against torch's, together with pooling and by itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from pooling_oracle import EXACT, Pooling, poolings, refuses, same, vjp
from torch import Tensor
from torch.testing import assert_close

from cnncourse import layers
from cnncourse.layers import naive

plain = poolings(dilated=False, kinds=("normal", "small integers"))


def spare(case: Pooling, size: tuple[int, ...]) -> dict[str, Any]:
    """The options of an unpooling to an output of `size`; the size only where torch's rule allows it."""
    kernel, padding = case.options["kernel_size"], case.options["padding"]
    return {"kernel_size": kernel, "stride": case.options["stride"], "padding": padding, "output_size": size}


def is_empty(y: Tensor) -> bool:
    """An output without a pixel, which torch makes where its indices lie outside, and we refuse."""
    return 0 in y.shape[-2:]


@given(plain, st.booleans())
@settings(max_examples=1000)
def test_it_is_torchs_or_both_refuse(case: Pooling, sized: bool) -> None:
    x = case.input()
    y, index = F.max_pool2d(x.detach(), **case.options, return_indices=True)
    options = spare(case, tuple(x.shape[-2:])) if sized else {**spare(case, ()), "output_size": None}
    ours, theirs = y.clone().requires_grad_(), y.clone().requires_grad_()
    if refuses(F.max_unpool2d, theirs, index, **options) or is_empty(F.max_unpool2d(theirs, index, **options)):
        with pytest.raises(ValueError, match=r"max_unpool2d: (output_size is|indices run|the output would)"):
            layers.max_unpool2d(ours, index, **options)
        return
    back, expected = layers.max_unpool2d(ours, index, **options), F.max_unpool2d(theirs, index, **options)
    same(back, expected)
    same(vjp(back, ours), vjp(expected, theirs))


@given(plain)
@settings(max_examples=300)
def test_maxima_stay_in_their_places(case: Pooling) -> None:
    x = case.input().detach()
    y, index = layers.max_pool2d(x, **case.options, return_indices=True)
    options = spare(case, tuple(x.shape[-2:]))
    if refuses(F.max_unpool2d, y, index, **options):  # ceil_mode can leave more than a stride
        return
    back = layers.max_unpool2d(y, index, **options)
    won = torch.zeros(x.shape).flatten(-2).scatter_(-1, index.flatten(-2), 1).reshape(x.shape).bool()
    same(back[won], x[won])
    assert not back[~won].any()


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2), st.integers(0, 999))
@settings(max_examples=100)
def test_any_indices_will_do(H: int, W: int, N: int, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(N, 2, H, W, generator=draw, dtype=torch.float64).requires_grad_()
    places = [torch.randperm(4 * H * W, generator=draw)[: H * W] for _ in range(2 * N)]  # each place once
    index = torch.stack(places).reshape(x.shape) if N else torch.zeros(x.shape, dtype=torch.int64)
    y, expected = layers.max_unpool2d(x, index, 2), F.max_unpool2d(x, index, 2)
    same(y, expected)
    same(vjp(y, x), vjp(expected, x))
    same(naive.max_unpool2d(x, index, 2), y.detach())


def test_indices_go_back_and_forth_with_torch() -> None:
    x = torch.randn(2, 3, 6, 8)
    ours, theirs = layers.max_pool2d(x, 2, return_indices=True), F.max_pool2d(x, 2, return_indices=True)
    same(F.max_unpool2d(*ours, 2), layers.max_unpool2d(*theirs, 2))


def test_other_layouts_in_memory() -> None:
    x, index = F.max_pool2d(torch.randn(2, 3, 6, 8), 2, return_indices=True)
    y = layers.max_unpool2d(x, index, 2)
    same(layers.max_unpool2d(x.mT.contiguous().mT, index.mT.contiguous().mT, 2), y)
    wide = torch.channels_last
    same(layers.max_unpool2d(x.contiguous(memory_format=wide), index.contiguous(memory_format=wide), 2), y)
    same(layers.max_unpool2d(x[0], index[0], 2), y[0])
    same(layers.max_unpool2d(x, index, 2, output_size=(2, 3, 7, 8)), F.max_unpool2d(x, index, 2, output_size=(7, 8)))


def test_backward_is_the_derivative() -> None:
    x, index = F.max_pool2d(torch.randn(2, 3, 6, 8, dtype=torch.float64), 2, return_indices=True)
    x.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: layers.max_unpool2d(x, index, 2, output_size=(7, 8)), x)
    (dx,) = torch.autograd.grad(layers.max_unpool2d(x, index, 2).pow(2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_dtypes_on_each_device(device: torch.device, dtype: torch.dtype) -> None:
    case = Pooling((2, 3, 7, 8), {"kernel_size": 2})
    x, index = layers.max_pool2d(case.input(dtype, device), 2, return_indices=True)
    y = layers.max_unpool2d(x, index, 2, output_size=(7, 8))
    same(y, F.max_unpool2d(x, index, 2, output_size=(7, 8)))
    assert y.device.type == device.type
    assert_close(vjp(y, x), vjp(F.max_unpool2d(x, index, 2, output_size=(7, 8)), x), **EXACT)


X = torch.randn(2, 3, 2, 4)
I = torch.arange(8).reshape(2, 4).expand(2, 3, 2, 4)
WRONG: dict[str, tuple[tuple[Any, ...], dict[str, Any], type[Exception], str]] = {
    "no indices": ((X, None, 2), {}, TypeError, "indices is of type NoneType"),
    "short indices": ((X, I.int(), 2), {}, TypeError, "torch.int32; expected an int64"),
    "other shape": ((X, I[..., :2], 2), {}, ValueError, r"indices has shape \(2, 3, 2, 2\)"),
    "indices of a batch": ((X[0], I, 2), {}, ValueError, "expected the same"),
    "beyond": ((X, I + 25, 2), {}, ValueError, "25 to 32; expected pixels of an output of 4 x 8, 0 to 31.*output_size"),
    "negative": ((X, I - 1, 2), {}, ValueError, "indices run from -1"),
    "too small": ((X, I, 2), {"output_size": (2, 8)}, ValueError, r"output_size is \(2, 8\).*\(4, 8\)"),
    "too large": ((X, I, 2), {"output_size": (4, 10)}, ValueError, r"less than the stride \(2, 2\)"),
    "three sizes": ((X, I, 2), {"output_size": (3, 4, 8)}, ValueError, r"\(3, 4, 8\)"),
    "one size": ((X, I, 2), {"output_size": (4,)}, ValueError, r"\(4,\)"),
    "zero channels": ((X[:, :0], I[:, :0], 2), {}, ValueError, "only N may be 0"),
    "two axes": ((X[0, 0], I[0, 0], 2), {}, ValueError, "expected .N, C, H, W."),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_explained_where_torch_refuses_too(name: str) -> None:
    positional, options, error, message = WRONG[name]
    assert refuses(F.max_unpool2d, *positional, **options)
    with pytest.raises(error, match=f"max_unpool2d: .*{message}"):
        layers.max_unpool2d(*positional, **options)


def test_what_torch_lets_pass_is_explained() -> None:
    with pytest.raises(TypeError, match="max_unpool2d: input is a list"):
        layers.max_unpool2d([1.0], I, 2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_unpool2d: the output would be 0 x 4"):
        layers.max_unpool2d(X, I * 0, 2, 2, 2)
