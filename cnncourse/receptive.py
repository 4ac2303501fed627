"""Which input pixels one unit can see: by the formula, and measured with a gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from cnncourse.errors import per_axis, whole

Numbers: TypeAlias = "int | tuple[int, ...]"
Spec: TypeAlias = Sequence[Any]


class ReceptiveField(NamedTuple):
    """A unit's view of the input; numbers where all axes agree, else tuples with one number for each axis.

    Unit i sees the pixels start + i * jump ... start + i * jump + size - 1; pixels outside the input are padding.
    """

    size: Numbers
    jump: Numbers
    start: Numbers


# Layers that act on each position by itself: they see what their input sees.
_POINTWISE = (
    nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Sigmoid, nn.Tanh, nn.Identity,
    nn.Dropout, nn.Dropout2d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LocalResponseNorm, nn.Softmax2d,
)  # fmt: skip


def receptive_field(model_or_specs: nn.Module | Sequence[Spec], layer: str | None = None) -> ReceptiveField:
    """The receptive field of a unit behind a chain of windows, by the recurrence

        size  <- size + (K - 1) * D * jump
        start <- start - P * jump
        jump  <- jump * S            (each with the old jump; at first size = 1, jump = 1, start = 0)

    `model_or_specs` is a list of (kernel, stride[, dilation[, padding]]), each a number or one for each axis, or a
    chain of modules (`nn.Sequential`, nested ones too) of which `layer` names the last to count, as in
    `named_modules()`; by default all that come before the first layer which looks at everything.

    It is the *largest possible* view: weights that are zero shrink it. Raises ValueError for a model with branches
    or a layer that is no window, TypeError for numbers that are not whole.
    Source: Araujo, Norris & Sim 2019, doi:10.23915/distill.00021.

    >>> receptive_field([(3, 1), (3, 1), (2, 2)])
    ReceptiveField(size=6, jump=2, start=0)
    """
    specs = _specs_of(model_or_specs, layer) if isinstance(model_or_specs, nn.Module) else list(model_or_specs)
    if layer is not None and not isinstance(model_or_specs, nn.Module):
        raise TypeError("receptive_field: layer= names a module of a model; with a list of specs, cut the list instead")
    axes = max((len(v) for spec in specs for v in _numbers(spec) if isinstance(v, Sequence)), default=1)
    size, jump, start = [1] * axes, [1] * axes, [0] * axes
    for number, spec in enumerate(specs):
        kernel, stride, dilation, padding = _per_axis(number, spec, axes)
        for a in range(axes):
            size[a] += (kernel[a] - 1) * dilation[a] * jump[a]
            start[a] -= padding[a] * jump[a]
            jump[a] *= stride[a]
    return ReceptiveField(_short(size), _short(jump), _short(start))


def _numbers(spec: Any) -> Sequence[Any]:
    if not isinstance(spec, Sequence) or isinstance(spec, str) or not 2 <= len(spec) <= 4:
        raise ValueError(f"receptive_field: a layer is {spec!r}; expected (kernel, stride[, dilation[, padding]])")
    return spec


def _per_axis(number: int, spec: Spec, axes: int) -> list[tuple[int, ...]]:
    names = ("kernel", "stride", "dilation", "padding")
    least = (1, 1, 1, 0)
    values = [*spec, *(1, 0)[len(spec) - 2 :]]
    return [
        per_axis(f"receptive_field: layer {number}: {name}", value, axes, low)
        for name, value, low in zip(names, values, least, strict=True)
    ]


def _short(values: list[int]) -> Numbers:
    return values[0] if len(set(values)) == 1 else tuple(values)


def _specs_of(model: nn.Module, layer: str | None) -> list[Spec]:
    """The windows of a chain, in order, up to and including `layer`."""
    chain = list(_leaves(model, ""))
    names = [name for name, _ in chain]
    if layer is not None and layer not in names:
        raise ValueError(f"receptive_field: no layer {layer!r} in this chain; it has {', '.join(names) or 'none'}")
    specs: list[Spec] = []
    for name, module in chain:
        spec = _spec(module)
        if spec is None:
            if layer is None:
                break
            raise ValueError(
                f"receptive_field: layer {name!r} ({type(module).__name__}) is no sliding window: behind it every unit "
                "sees all that it sees. Name a layer before it."
            )
        if spec:
            specs.append(spec)
        if name == layer:
            break
    return specs


def _leaves(module: nn.Module, name: str) -> list[tuple[str, nn.Module]]:
    if isinstance(module, nn.Sequential):
        return [leaf for key, child in module.named_children() for leaf in _leaves(child, f"{name}.{key}".lstrip("."))]
    if any(True for _ in module.children()):
        inner = [child for child in module.named_children() if isinstance(child[1], nn.Sequential)]
        if not name and inner:  # a model whose forward runs its Sequentials one after the other, as the course's do
            return [leaf for key, child in inner for leaf in _leaves(child, key)]
        raise ValueError(
            f"receptive_field: {name or 'the model'} is a {type(module).__name__}, whose forward this cannot follow; "
            "expected a chain of nn.Sequential. Give a list of (kernel, stride), or use measured_receptive_field."
        )
    return [(name, module)]


def _spec(module: nn.Module) -> Spec | None:
    """(kernel, stride, dilation, padding) of a window, () of a pointwise layer, None of one that sees everything."""
    if isinstance(module, _POINTWISE):
        return ()
    if not hasattr(module, "kernel_size") or "Transpose" in type(module).__name__ or "Unpool" in type(module).__name__:
        return None
    options: dict[str, Any] = {key: getattr(module, key, 1) for key in ("kernel_size", "stride", "padding", "dilation")}
    kernel, stride, padding, dilation = options.values()
    if padding == "same":
        kernels = kernel if isinstance(kernel, Sequence) else (kernel,)
        dilations = per_axis("receptive_field: dilation", dilation, len(kernels), 1)
        padding = tuple(d * (k - 1) // 2 for d, k in zip(dilations, kernels, strict=True))
    return kernel, stride, dilation, 0 if padding == "valid" else padding


def measured_receptive_field(
    model: nn.Module, layer: str, x: Tensor, unit: Sequence[int] | None = None
) -> ReceptiveField:
    """What one unit of `layer` really looks at: the bounding box of the input pixels with a gradient that is not zero.

    x (N, C, *lengths) is run through `model`; `unit` is the position in the layer's map (default: the middle one), and
    all its channels count. jump is measured between that unit and the next. Smaller than `receptive_field` where
    the image's border, zero weights or dead ReLUs cut it, and a maximum passes gradient to its winner only: give a
    large x of noise, and a batch of several.
    Raises ValueError for an unknown layer, a map without axes, or a unit that no pixel reaches.
    """
    modules = dict(model.named_modules())
    if layer not in modules:
        raise ValueError(f"measured_receptive_field: no layer {layer!r}; it has {', '.join(n for n in modules if n)}")
    x = x.detach().clone().requires_grad_(True)
    y = _output_of(model, modules[layer], x)
    if y.dim() != x.dim():
        raise ValueError(
            f"measured_receptive_field: {layer!r} gives shape {tuple(y.shape)}; expected a map with {x.dim() - 2} axes"
        )
    shape = y.shape[2:]
    at = tuple(n // 2 for n in shape) if unit is None else tuple(unit)
    if len(at) != len(shape) or not all(0 <= whole("unit", a, 0) < n for a, n in zip(at, shape, strict=True)):
        raise ValueError(f"measured_receptive_field: unit is {at}; expected a position inside {tuple(shape)}")
    first, last = _box(y, x, at)
    jump = []
    for axis, n in enumerate(shape):
        step = 1 if at[axis] + 1 < n else -1
        beside = tuple(a + step * (k == axis) for k, a in enumerate(at))
        moved = _box(y, x, beside)[1 if step > 0 else 0][axis] if n > 1 else (last if step > 0 else first)[axis]
        jump.append(abs(moved - (last if step > 0 else first)[axis]))
    size = [b - a + 1 for a, b in zip(first, last, strict=True)]
    start = [a - i * j for a, i, j in zip(first, at, jump, strict=True)]
    return ReceptiveField(_short(size), _short(jump), _short(start))


def _output_of(model: nn.Module, module: nn.Module, x: Tensor) -> Tensor:
    seen: list[Tensor] = []
    handle = module.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    try:
        model(x)
    finally:
        handle.remove()
    if not seen or not isinstance(seen[-1], Tensor):
        raise ValueError("measured_receptive_field: the layer did not run, or its output is no tensor")
    return seen[-1]


def _box(y: Tensor, x: Tensor, at: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """First and last pixel along each axis that the unit at `at` depends on."""
    ravel = 0
    for a, n in zip(at, y.shape[2:], strict=True):
        ravel = ravel * n + a
    (dx,) = torch.autograd.grad(y.flatten(2)[:, :, ravel].abs().sum(), x, retain_graph=True)
    touched = (dx != 0).flatten(0, 1).any(dim=0)
    if not bool(touched.any()):
        raise ValueError(
            f"measured_receptive_field: no pixel reaches unit {at}; is it behind a dead ReLU? Use noise as x."
        )
    where = touched.nonzero()
    return where.min(dim=0).values.tolist(), where.max(dim=0).values.tolist()
