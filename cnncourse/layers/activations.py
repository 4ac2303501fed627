"""Activations, with their derivatives: functions of one number, applied to every number of a tensor.

Most of them are a formula for y = f(x) and its slope f'(x); how that makes a forward and a backward pass stands once,
in `cnncourse.layers.pointwise`. At the kinks of relu and its kin the slope is the left one, as in torch.

With `inplace=True` the result is written over the input, as in torch; backward does not need the input again. NaN
stays NaN, and inf * 0 gives NaN: at -inf gelu and silu are NaN, and so may be their slopes at both infinities.
16-bit numbers are worked out in float32 and rounded at the end.

Sources: Nair & Hinton 2010, icml.cc/Conferences/2010/papers/432.pdf (relu); Maas et al. 2013 (leaky_relu); He et al.
2015, arXiv:1502.01852 (prelu); Clevert et al. 2016, arXiv:1511.07289 (elu); Klambauer et al. 2017, arXiv:1706.02515
(selu); Hendrycks & Gimpel 2016, arXiv:1606.08415 (gelu, silu); Dugas et al. 2001 (softplus).
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cnncourse.layers.autocast import in_single
from cnncourse.layers.geometry import in_autocast
from cnncourse.layers.pointwise import check_input, exact, from_output, pointwise, step

# selu keeps mean 0 and variance 1 of normally distributed numbers with these two (Klambauer et al. 2017, equation 14).
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
_FAR = 1000.0  # beyond it tanh(x) is 1 and its slope 0 in every dtype; the cube of a number this size is finite


class _ReLU(torch.autograd.Function):
    """y = max(x, 0), and dx = dy where y is not 0. The output tells where that is, so the input is not kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, inplace: bool) -> Tensor:
        if inplace:
            ctx.mark_dirty(x.clamp_(min=0))
            y = x
        else:
            y = x.clamp(min=0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        return torch.ne(y, 0, out=torch.empty_like(dy)).mul_(dy), None


class _PReLU(torch.autograd.Function):
    """y = max(x, 0) + w * min(x, 0) with w per channel, or one. dx = dy for x > 0, else w * dy.

    w is used by every number of its channel that is not positive: dw = sum of dy * min(x, 0) over them.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        return x.clamp(min=0).addcmul_(x.clamp(max=0), _per_channel(w, x))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, w = ctx.saved_tensors
        dx = dw = None
        if ctx.needs_input_grad[0]:
            positive = step(x)
            dx = positive.addcmul_(1 - positive, _per_channel(w, x)).mul_(dy)
        if ctx.needs_input_grad[1]:
            others = [a for a in range(x.dim()) if a != 1 or w.numel() == 1]
            dw = (exact(dy) * x.clamp(max=0)).sum(dim=others).reshape(w.shape).to(w.dtype)
        return dx, dw


def _per_channel(w: Tensor, x: Tensor) -> Tensor:
    return w.reshape(-1, *(1 for _ in x.shape[2:])) if w.numel() > 1 else w.reshape(())


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), slope 1 for x > 0, else 0. Any shape. TypeError unless input is a floating-point tensor.

    An infinite gradient gives NaN where it meets slope 0; torch gives 0 there.
    """
    check_input("relu", input)
    y: Tensor = _ReLU.apply(input, inplace)  # type: ignore[no-untyped-call]
    return y


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """max(x, 0) + w * min(x, 0) with a learned w. Slope 1 for x > 0, else w.

    Shapes: input (N, C, ...), or anything if there is one weight; weight (C), (1) or (). Gradients flow to both. Raises
    TypeError/ValueError where they do not fit.
    """
    input, weight = in_autocast(input, weight)
    check_input("prelu", input)
    if not isinstance(weight, Tensor):
        raise TypeError(f"prelu: weight is a {type(weight).__name__}; expected a torch.Tensor, e.g. torch.tensor(0.25)")
    channels = input.shape[1] if input.dim() > 1 else 1
    if weight.dim() > 1 or weight.numel() not in (1, channels):
        raise ValueError(
            f"prelu: weight has shape {tuple(weight.shape)}, input {tuple(input.shape)}; expected (1,), or "
            f"({channels},): one weight a channel (axis 1)"
        )
    if weight.dtype != input.dtype or weight.device != input.device:
        raise TypeError(
            f"prelu: weight is {weight.dtype} on {weight.device}, input {input.dtype} on {input.device}; expected the "
            "same. Convert one, e.g. weight.to(input)."
        )
    y: Tensor = _PReLU.apply(input, weight)  # type: ignore[no-untyped-call]
    return y


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x for x > 0, else negative_slope * x. Any shape. TypeError unless input is a floating-point tensor."""
    return pointwise("leaky_relu", input, partial(_leaky_relu, a=float(negative_slope)), inplace)


def _leaky_relu(x: Tensor, y: Tensor, slope: Tensor | None, a: float) -> None:
    s = slope if slope is not None and slope.dtype == x.dtype else torch.empty_like(x)
    torch.gt(x, 0, out=s)
    if 0 <= a <= 1:
        s.clamp_(min=a)  # 1 stays, 0 becomes a
    else:
        torch.add(s, 1 - s, alpha=a, out=s)
    if slope is not None and slope is not s:
        slope.copy_(s)
    torch.mul(x, s, out=y)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x for x > 0, else alpha * (e^x - 1), with slope 1, else alpha * e^x. Any shape. TypeError as `relu`."""
    return pointwise("elu", input, partial(_elu, alpha=float(alpha), scale=1.0), inplace)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """scale * elu(x, alpha), with alpha = 1.6733 and scale = 1.0507. Any shape. TypeError as `relu`."""
    return pointwise("selu", input, partial(_elu, alpha=_SELU_ALPHA, scale=_SELU_SCALE), inplace)


def _elu(x: Tensor, y: Tensor, slope: Tensor | None, alpha: float, scale: float) -> None:
    positive_part, negative_part = x.clamp(min=0), x.clamp(max=0)
    if slope is not None:
        left = negative_part.exp()  # right of 0 it is 1, which is the slope there
        if alpha != 1:
            left.mul_(alpha).lerp_(torch.ones_like(left), step(x))  # exactly one or the other
        torch.mul(left, scale, out=slope)
    y_scaled = torch.add(positive_part, negative_part.expm1_(), alpha=alpha)  # expm1: e^x - 1, exact near 0
    torch.mul(y_scaled, scale, out=y)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x * P(a standard normal number is below x) = x * Phi(x), with Phi(x) = (1 + erf(x / sqrt(2))) / 2.

    Slope Phi(x) + x * phi(x), where phi(x) = Phi'(x) = exp(-x^2 / 2) / sqrt(2 pi) is the normal density.

    With approximate='tanh', Phi(x) is taken as (1 + tanh(u)) / 2, u = sqrt(2 / pi) * (x + 0.044715 x^3), and its slope
    (1 - tanh(u)^2) / 2 * u' stands for phi(x). Any shape. TypeError as `relu`; ValueError for another `approximate`.
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate is {approximate!r}; expected 'none' or 'tanh'")
    return pointwise("gelu", input, _gelu if approximate == "none" else _gelu_tanh)


def _gelu(x: Tensor, y: Tensor, slope: Tensor | None) -> None:
    u = x * math.sqrt(0.5)
    Phi = torch.erf(u).add_(1).mul_(0.5)
    torch.mul(x, Phi, out=y)
    if slope is not None:
        density = u.square_().neg_().exp_()  # without its factor 1 / sqrt(2 pi)
        torch.addcmul(Phi, x, density, value=1 / math.sqrt(2 * math.pi), out=slope)


def _gelu_tanh(x: Tensor, y: Tensor, slope: Tensor | None) -> None:
    near = x.clamp(-_FAR, _FAR)
    square = near * near
    tanh_u = (near * square).mul_(0.044715).add_(near).mul_(math.sqrt(2 / math.pi)).tanh_()
    Phi = (0.5 * tanh_u).add_(0.5)
    if slope is not None:
        du = square.mul_(3 * 0.044715).add_(1).mul_(math.sqrt(2 / math.pi))
        density = tanh_u.square_().neg_().add_(1).mul_(du).mul_(0.5)
        torch.addcmul(Phi, near, density, out=slope)
    torch.mul(x, Phi, out=y)


def sigmoid(input: Tensor) -> Tensor:
    """s(x) = 1 / (1 + e^-x), with slope s(x) * (1 - s(x)). Any shape. TypeError as `relu`."""
    return from_output("sigmoid", input, _logistic, _logistic_slope)


def _logistic_slope(s: Tensor) -> Tensor:
    return torch.addcmul(s, s, s, value=-1)


def _logistic(x: Tensor) -> Tensor:
    """1 / (1 + e^-x). Where e^-x overflows, 1 / inf is the right answer, 0."""
    return x.neg().exp_().add_(1).reciprocal_()


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x * s(x) with the logistic s of `sigmoid`; slope s + x * s * (1 - s). Any shape. TypeError as `relu`."""
    return pointwise("silu", input, _silu, inplace)


def _silu(x: Tensor, y: Tensor, slope: Tensor | None) -> None:
    s = _logistic(x)
    if slope is not None:
        torch.addcmul(s, x, _logistic_slope(s), out=slope)
    torch.mul(x, s, out=y)


def tanh(input: Tensor) -> Tensor:
    """tanh(x) = (e^x - e^-x) / (e^x + e^-x), with slope 1 - tanh(x)^2. Any shape. TypeError as `relu`."""
    return from_output("tanh", input, torch.tanh, _tanh_slope)


def _tanh_slope(t: Tensor) -> Tensor:
    return (t * t).neg_().add_(1)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e^(beta x)) / beta, a smooth relu, with slope e^(beta x) / (1 + e^(beta x)).

    Where beta * x > threshold it is taken as x itself, with slope 1, as in torch. Any shape. TypeError as `relu`;
    ValueError for beta = 0.
    """
    if beta == 0:
        raise ValueError("softplus: beta is 0; expected another number, 1 by default")
    (input,) = in_single("softplus", input)
    return pointwise("softplus", input, partial(_softplus, beta=float(beta), threshold=float(threshold)))


def _softplus(x: Tensor, y: Tensor, slope: Tensor | None, beta: float, threshold: float) -> None:
    z = beta * x
    linear = None if z.max() <= threshold else z > threshold  # mostly none is, and to ask costs less than a mask
    e = z.exp_()
    if slope is not None:
        torch.div(e, e + 1, out=slope)
    torch.mul(e.log1p_(), 1 / beta, out=y)
    if linear is not None:
        y[linear] = x[linear].to(y.dtype)
        if slope is not None:
            slope[linear] = 1
