"""Which input pixels one unit can see: by the formula, and measured with a gradient."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from cnncourse import layers
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


def receptive_field(model_or_specs: nn.Module | Sequence[Spec], layer: str | None = None) -> ReceptiveField:
    """The receptive field of a unit behind a chain of windows, by the recurrence

        size  <- size + (K - 1) * D * jump
        start <- start - P * jump
        jump  <- jump * S            (each with the old jump; at first size = 1, jump = 1, start = 0)

    `model_or_specs` is a list of (kernel, stride[, dilation[, padding]]), each a number or one for each axis, or a
    model, whose forward is followed symbolically. `layer` names the module whose output is meant, as in
    `named_modules()`; by default the last one in the model that has such a field (behind it, units see everything).
    Where branches meet, as in a residual block, it is the box around what all of them see.

    It is the *largest possible* view: weights that are zero shrink it. Raises ValueError for a layer that has no such
    field or a forward that cannot be followed, TypeError for numbers that are not whole.
    Source: Araujo, Norris & Sim 2019, doi:10.23915/distill.00021.

    >>> receptive_field([(3, 1), (3, 1), (2, 2)])
    ReceptiveField(size=6, jump=2, start=0)
    """
    if isinstance(model_or_specs, nn.Module):
        return _field_in(model_or_specs, layer).shown()
    if layer is not None:
        raise TypeError("receptive_field: layer= names a module of a model; with a list of specs, cut the list instead")
    if not isinstance(model_or_specs, Sequence) or isinstance(model_or_specs, str):
        raise TypeError(
            f"receptive_field: got a {type(model_or_specs).__name__}; expected a model or a list of (kernel, stride)"
        )
    if 2 <= len(model_or_specs) <= 4 and all(isinstance(spec, int) for spec in model_or_specs):
        raise ValueError(
            f"receptive_field: a layer is {model_or_specs[0]}; expected (kernel, stride[, dilation[, padding]]). "
            f"One layer? Pass [{tuple(model_or_specs)}]."
        )
    axes = max((len(v) for spec in model_or_specs for v in _numbers(spec) if isinstance(v, Sequence)), default=1)
    field = first_field(axes)
    for number, spec in enumerate(model_or_specs):
        field = field.through(f"layer {number}", spec)
    return field.shown()


class Field(NamedTuple):
    """Size, jump and start, one number for each axis."""

    size: tuple[int, ...]
    jump: tuple[int, ...]
    start: tuple[int, ...]

    def through(self, name: str, spec: Spec) -> Field:
        """The field of a unit one window further on: the recurrence."""
        K, S, D, P = _per_axis(name, spec, len(self.size))
        return Field(
            tuple(size + (k - 1) * d * j for size, k, d, j in zip(self.size, K, D, self.jump, strict=True)),
            tuple(j * s for j, s in zip(self.jump, S, strict=True)),
            tuple(start - p * j for start, p, j in zip(self.start, P, self.jump, strict=True)),
        )

    def with_(self, other: Field) -> Field:
        """The box around two fields with the same jump."""
        start = tuple(map(min, self.start, other.start))
        end = [max(a + n, b + m) for a, n, b, m in zip(self.start, self.size, other.start, other.size, strict=True)]
        return Field(tuple(e - s for e, s in zip(end, start, strict=True)), self.jump, start)

    def shown(self) -> ReceptiveField:
        return ReceptiveField(*map(_short, self))


def first_field(axes: int) -> Field:
    """The field of an input pixel: itself."""
    return Field((1,) * axes, (1,) * axes, (0,) * axes)


def _numbers(spec: Any) -> Sequence[Any]:
    if not isinstance(spec, Sequence) or isinstance(spec, str) or not 2 <= len(spec) <= 4:
        raise ValueError(f"receptive_field: a layer is {spec!r}; expected (kernel, stride[, dilation[, padding]])")
    return spec


def _per_axis(where: str, spec: Spec, axes: int) -> list[tuple[int, ...]]:
    names = ("kernel", "stride", "dilation", "padding")
    values = [*_numbers(spec), *(1, 0)[len(spec) - 2 :]]
    return [
        per_axis(f"receptive_field: {where}: {name}", value, axes, least)
        for name, value, least in zip(names, values, (1, 1, 1, 0), strict=True)
    ]


def _short(values: Sequence[int]) -> Numbers:
    return values[0] if len(set(values)) == 1 else tuple(values)


# What acts on each position by itself, so that it sees what its input sees: modules, and functions by name.
_POINTWISE = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Sigmoid, nn.Tanh,
    nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d,
    nn.LocalResponseNorm, nn.Softmax2d,
    layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU, layers.SELU, layers.GELU, layers.SiLU, layers.Softplus,
    layers.Sigmoid, layers.Tanh, layers.Dropout, layers.BatchNorm1d, layers.BatchNorm2d, layers.BatchNorm3d,
    layers.LocalResponseNorm, layers.ChannelMaxPool,
)  # fmt: skip
_POINTWISE_CALLS = {
    "relu", "relu_", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "sigmoid", "tanh", "clamp",
    "dropout", "dropout2d", "local_response_norm", "channel_max_pool", "add", "iadd", "add_", "sub", "mul",
    "imul", "truediv", "neg", "abs", "contiguous", "clone", "detach", "float", "double", "to",
}  # fmt: skip
_POOL_CALLS: dict[Callable[..., Tensor], tuple[str, ...]] = {
    **dict.fromkeys(
        (F.max_pool1d, F.max_pool2d, F.max_pool3d, layers.max_pool2d), ("kernel_size", "stride", "padding", "dilation")
    ),
    **dict.fromkeys(
        (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d, layers.avg_pool2d), ("kernel_size", "stride", "padding")
    ),
}
_CONV_CALLS: tuple[Callable[..., Tensor], ...] = (
    F.conv1d, F.conv2d, F.conv3d, layers.conv1d, layers.conv2d, layers.conv3d,
)  # fmt: skip
_CONV_ARGUMENTS = ("weight", "bias", "stride", "padding", "dilation")


def window_spec(options: dict[str, Any]) -> Spec:
    """(kernel, stride, dilation, padding) of a layer from the arguments that torch gives such layers."""
    kernel, stride = options["kernel_size"], options.get("stride", 1 if "weight" in options else None)
    dilation, padding = options.get("dilation", 1), options.get("padding", 0)
    if padding == "same":  # the zeros before; an odd one stands behind
        kernels = kernel if isinstance(kernel, Sequence) else (kernel,)
        dilations = per_axis("receptive_field: dilation", dilation, len(kernels), 1)
        padding = tuple(d * (k - 1) // 2 for d, k in zip(dilations, kernels, strict=True))
    return kernel, kernel if stride is None else stride, dilation, 0 if padding == "valid" else padding


def is_window(module: nn.Module) -> bool:
    """Whether a module slides one window over its input (and is no block of several layers)."""
    others = re.search("Transpose|Unpool|[Ff]old|Fractional", type(module).__name__)
    parts = [name for name, _ in module.named_children() if name != "parametrizations"]
    return hasattr(module, "kernel_size") and not others and not parts


class _Tracer(fx.Tracer):
    """Records which module works on which one's output; windows and pointwise layers are not looked into."""

    def __init__(self) -> None:
        # Our functions too are recorded, not run on a symbol. (The annotation in torch allows one module only.)
        super().__init__(autowrap_modules=(math, layers))  # type: ignore[arg-type]

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        ours = type(m).__module__.startswith("cnncourse.layers.")
        return ours or is_window(m) or super().is_leaf_module(m, module_qualified_name)


def _field_in(model: nn.Module, layer: str | None) -> Field:
    """The field of the output of `layer`, or of the last value in the model that has one."""
    if layer is not None and (not layer or layer not in dict(model.named_modules())):
        names = ", ".join(name for name, _ in model.named_modules() if name)
        raise ValueError(f"receptive_field: no layer {layer!r} in this model; it has {names or 'none'}")
    root = nn.Sequential(model) if _Tracer().is_leaf_module(model, "") else model
    try:
        graph = _Tracer().trace(root)
    except Exception as error:  # whatever a forward may do with a symbol that it takes for a tensor
        raise ValueError(
            f"receptive_field: cannot follow the forward of {type(model).__name__}, whose path depends on its input "
            f"({type(error).__name__}: {error}). Give a list of (kernel, stride), or use measured_receptive_field."
        ) from error
    seen = _fields(graph, root)
    if layer is not None:
        inside = [node for node in seen if layer in node.meta.get("nn_module_stack", {})]
        if not inside:
            raise ValueError(f"receptive_field: layer {layer!r} has no part in the forward of {type(model).__name__}")
        found = seen[inside[-1]]
        if isinstance(found, str):
            raise ValueError(
                f"receptive_field: layer {layer!r} has no field of a fixed size: {found}. Name one before."
            )
        return found
    known = [field for field in seen.values() if not isinstance(field, str)]
    reasons = [reason for reason in seen.values() if isinstance(reason, str)]
    if reasons and len(known) == 1:  # only the input itself
        raise ValueError(
            f"receptive_field: nothing in {type(model).__name__} has a field of a fixed size: {reasons[0]}. "
            "Expected a model that begins with convolutions or pooling."
        )
    return known[-1]


def _fields(graph: fx.Graph, root: nn.Module) -> dict[fx.Node, Field | str]:
    """What each value computed from the input sees, in order of computation; a reason where that has no fixed size."""
    dims = {len(m.kernel_size) if isinstance(m.kernel_size, tuple) else int(_digit(m)) for m in root.modules()
            if is_window(m)}  # fmt: skip
    dims |= {
        int(_digit(node.target)) for node in graph.nodes if node.target in _POOL_CALLS or node.target in _CONV_CALLS
    }
    if len(dims) > 1:
        raise ValueError(
            f"receptive_field: the model has windows over {sorted(dims)} axes; expected one number of axes"
        )
    seen: dict[fx.Node, Field | str] = {}
    for node in graph.nodes:
        if node.op == "placeholder" and not seen:
            seen[node] = first_field(dims.pop() if dims else 1)
        elif node.op != "output" and (given := [seen[n] for n in node.all_input_nodes if n in seen]):
            met = meet(node.name, given)
            layer = root.get_submodule(str(node.target)) if node.op == "call_module" else node.target
            name = str(node.target) if node.op == "call_module" else node.name
            args = [_parameter(root, arg) for arg in node.args]
            seen[node] = met if isinstance(met, str) else behind(name, layer, args, node.kwargs, met)
    return seen


def _parameter(root: nn.Module, arg: Any) -> Any:
    """The weights that a node stands for, if it does."""
    if not isinstance(arg, fx.Node) or arg.op != "get_attr":
        return arg
    module, _, name = str(arg.target).rpartition(".")
    return getattr(root.get_submodule(module), name)


def _digit(window: Any) -> str:
    """The number of axes in a name such as AvgPool2d; 2 if there is none."""
    name = window.__name__ if hasattr(window, "__name__") else type(window).__name__
    return found[1] if (found := re.search(r"(\d)d", name)) else "2"


def meet(name: str, given: list[Field | str]) -> Field | str:
    """The field of a value made from several; a reason where it has none."""
    met = given[0]
    for field in given[1:]:
        if isinstance(met, str) or isinstance(field, str):
            return met if isinstance(met, str) else field
        if met.jump != field.jump:
            return f"branches with steps of {met.jump} and {field.jump} pixels meet in {name}"
        met = met.with_(field)
    return met


def behind(name: str, layer: Any, args: Sequence[Any], kwargs: dict[str, Any], field: Field) -> Field | str:
    """The field behind one step of a model, given the field before it; a reason where it has no fixed size.

    `layer` is a module, a function, or the name of a method; args[0] is its input.
    """
    if isinstance(layer, nn.Module):
        if is_window(layer):
            return field.through(name, window_spec(vars(layer)))
        return field if isinstance(layer, _POINTWISE) else f"{name} ({type(layer).__name__}) sees all of its input"
    if spec := function_spec(layer, args, kwargs):
        return field.through(name, spec)
    called = layer if isinstance(layer, str) else getattr(layer, "__name__", "?")
    called = called.strip("_") if called.startswith("__") else called
    stacks_channels = called == "cat" and 1 in (kwargs.get("dim"), *args[1:])
    return field if called in _POINTWISE_CALLS or stacks_channels else f"{called} may see all of its input"


def function_spec(layer: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Spec | None:
    """(kernel, stride, dilation, padding) of a call such as `F.conv2d(x, w)`; None for what is no window."""
    if layer in _POOL_CALLS:
        return window_spec({**dict(zip(_POOL_CALLS[layer], args[1:], strict=False)), **kwargs})
    if layer in _CONV_CALLS:
        options = {**dict(zip(_CONV_ARGUMENTS, args[1:], strict=False)), **kwargs}
        if isinstance(options["weight"], Tensor):
            return window_spec({**options, "kernel_size": tuple(options["weight"].shape[2:])})
    return None


def measured_receptive_field(
    model: nn.Module, layer: str, x: Tensor, unit: Sequence[int] | None = None
) -> ReceptiveField:
    """What one unit of `layer` really looks at: the bounding box of the input pixels with a gradient that is not zero.

    x (N, C, *lengths) is run through `model`; `unit` is the position in the layer's map (default: the middle one), and
    all its channels count. jump is measured between that unit and the next (0 if there is none). The field is smaller
    than that of `receptive_field` where the image's border, zero weights or dead ReLUs cut it, and a maximum passes
    gradient to its winner only: give a large x of noise, and a batch of several. The model runs in eval mode (a batch
    norm in training looks at everything) and only as far as `layer`; its modes, hooks and gradients stay as they were.
    Raises TypeError for what is no model or tensor, ValueError for an unknown layer, a map without axes, or a unit that
    no pixel reaches.
    """
    if not isinstance(model, nn.Module) or not isinstance(x, Tensor):
        raise TypeError(
            f"measured_receptive_field: got a {type(model).__name__} and a {type(x).__name__}; "
            "expected a torch.nn.Module and an input tensor for it"
        )
    modules = dict(model.named_modules())
    if layer not in modules:
        raise ValueError(f"measured_receptive_field: no layer {layer!r}; it has {', '.join(n for n in modules if n)}")
    x = x.detach().clone().requires_grad_(True)
    y = output_of(model, modules[layer], x)
    if y.dim() != x.dim():
        raise ValueError(
            f"measured_receptive_field: {layer!r} gives shape {tuple(y.shape)}; expected a map with {x.dim() - 2} axes"
        )
    shape = y.shape[2:]
    at = tuple(n // 2 for n in shape) if unit is None else tuple(unit)
    if len(at) != len(shape) or not all(0 <= whole("unit", a, 0) < n for a, n in zip(at, shape, strict=True)):
        raise ValueError(f"measured_receptive_field: unit is {at}; expected a position inside {tuple(shape)}")
    first, last = _box(y, x, at)
    jump = [_step(y, x, at, axis, first, last) for axis in range(len(shape))]
    size = [b - a + 1 for a, b in zip(first, last, strict=True)]
    start = [a - i * j for a, i, j in zip(first, at, jump, strict=True)]
    return ReceptiveField(_short(size), _short(jump), _short(start))


def _step(y: Tensor, x: Tensor, at: tuple[int, ...], axis: int, first: list[int], last: list[int]) -> int:
    """How much further along an axis the next unit's field ends (or the one before it begins); 0 if it is alone."""
    if y.shape[2 + axis] == 1:
        return 0
    step = 1 if at[axis] + 1 < y.shape[2 + axis] else -1
    beside = _box(y, x, (*at[:axis], at[axis] + step, *at[axis + 1 :]))
    return beside[1][axis] - last[axis] if step == 1 else first[axis] - beside[0][axis]


class _Enough(Exception):
    """Ends a forward pass behind the layer that was asked for."""


def output_of(model: nn.Module, module: nn.Module, x: Tensor) -> Tensor:
    """What `module` gives when `model` runs on x in eval mode, with gradients; modes and hooks stay as they were."""
    seen: list[Any] = []

    def stop(_module: nn.Module, _inputs: Any, output: Any) -> None:
        seen.append(output)
        raise _Enough

    modes = [(m, m.training) for m in model.modules()]
    handle = module.register_forward_hook(stop)
    try:
        model.eval()
        with torch.enable_grad():
            model(x)
    except _Enough:
        pass
    finally:
        handle.remove()
        for m, mode in modes:
            m.training = mode
    if not seen or not isinstance(seen[0], Tensor):
        raise ValueError("receptive field: the layer did not run, or its output is no tensor")
    return seen[0]


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
