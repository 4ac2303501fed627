"""The same network on other layers: `swap` puts other implementations under the same weights."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from cnncourse import layers as reference

Kind: TypeAlias = type[nn.Module]
Replacement: TypeAlias = Kind | Callable[..., Tensor]
_CONVS: tuple[Kind, ...] = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_REFERENCE: dict[Kind, Replacement] = {
    nn.Conv1d: reference.Conv1d,
    nn.Conv2d: reference.Conv2d,
    nn.Conv3d: reference.Conv3d,
    nn.ConvTranspose1d: reference.ConvTranspose1d,
    nn.ConvTranspose2d: reference.ConvTranspose2d,
    nn.MaxPool2d: reference.MaxPool2d,
    nn.AvgPool2d: reference.AvgPool2d,
    nn.AdaptiveAvgPool2d: reference.AdaptiveAvgPool2d,
    nn.MaxUnpool2d: reference.MaxUnpool2d,
    nn.ReLU: reference.ReLU,
    nn.LeakyReLU: reference.LeakyReLU,
    nn.PReLU: reference.PReLU,
    nn.ELU: reference.ELU,
    nn.SELU: reference.SELU,
    nn.GELU: reference.GELU,
    nn.SiLU: reference.SiLU,
    nn.Softplus: reference.Softplus,
    nn.Sigmoid: reference.Sigmoid,
    nn.Tanh: reference.Tanh,
    nn.Softmax: reference.Softmax,
    nn.LogSoftmax: reference.LogSoftmax,
    nn.CrossEntropyLoss: reference.CrossEntropyLoss,
    nn.MSELoss: reference.MSELoss,
    nn.Linear: reference.Linear,
    nn.BatchNorm1d: reference.BatchNorm1d,
    nn.BatchNorm2d: reference.BatchNorm2d,
    nn.BatchNorm3d: reference.BatchNorm3d,
    nn.Dropout: reference.Dropout,
    nn.LocalResponseNorm: reference.LocalResponseNorm,
}
_OPTIONS = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}  # of F.conv2d and kin, with their defaults
_CALL_HOOKS = (
    "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_forward_hooks", "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called", "_backward_pre_hooks", "_backward_hooks", "_is_full_backward_hook",
)  # fmt: skip


class FunctionLayer(nn.Module):
    """A convolution of torch's, computed by a function with the signature of `torch.nn.functional.conv2d` and kin.

    The function gets input, weight and bias by position, and of stride, padding, dilation, groups those that it takes,
    as tuples with one number an axis (groups: a number). What it does not take must be at its default in the layer.
    """

    def __init__(self, layer: nn.Module, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.name = getattr(function, "__name__", type(function).__name__)
        where = f"swap: {self.name} in place of {layer}"
        if not isinstance(layer, _CONVS) or "weight" not in layer._parameters:
            raise TypeError(
                f"{where}: a function can take the place of a plain nn.Conv1d, Conv2d or Conv3d; "
                "expected a module class for any other"
            )
        if layer.padding_mode != "zeros":
            raise ValueError(f"{where}: padding_mode is {layer.padding_mode!r}; a function can only pad with 'zeros'")
        self.weight, self.bias = layer.weight, layer.bias
        options = {**{key: getattr(layer, key) for key in _OPTIONS}, "padding": _padding_in_numbers(where, layer)}
        self.options = _supported(where, function, options, _OPTIONS)
        self.function = function
        if _takes(function, positions=3) is False:
            if layer._parameters["bias"] is not None or _takes(function, positions=2) is False:
                raise TypeError(f"{where}: expected a function of (input, weight, bias, ...), as torch's conv2d")
            self.function = lambda input, weight, _bias, **options: function(input, weight, **options)

    def forward(self, input: Tensor) -> Tensor:
        """Call the function with this layer's weights and options."""
        return self.function(input, self.weight, self.bias, **self.options)

    def extra_repr(self) -> str:
        """The function's name and the options."""
        return ", ".join([self.name, *(f"{key}={value}" for key, value in self.options.items())])


def swap(model: nn.Module, layers: Mapping[Kind, Replacement]) -> nn.Module:
    """The same network on other layers, sharing its weights. `model` is left as it is.

    `layers` maps a class of the model's modules to what takes its place: a class with the same constructor arguments
    and parameter names (`{nn.Conv2d: cnncourse.layers.Conv2d}`), or a function with the signature of
    `torch.nn.functional.conv2d` (`{nn.Conv2d: my_conv2d}`); arguments that it does not have, such as `groups`, must be
    at their defaults in the model.

    Parameters and buffers are the very same objects in both networks: training one trains the other. Training flags,
    hooks, dtype and device are kept; no random number is used up.

    Raises TypeError for what is neither class nor function and for a class with other parameters, ValueError where no
    layer is of a named class, or a layer does more than its replacement (an option it lacks, a subclass with a forward
    of its own).
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"swap: model is a {type(model).__name__}; expected a torch.nn.Module")
    if not isinstance(layers, Mapping):
        raise TypeError(f"swap: layers is a {type(layers).__name__}; expected e.g. {{nn.Conv2d: my_conv2d}}")
    for old, new in layers.items():
        if not (isinstance(old, type) and issubclass(old, nn.Module)):
            raise TypeError(f"swap: the key {old!r} is no module class; expected e.g. torch.nn.Conv2d")
        if (
            isinstance(new, nn.Module)
            or not callable(new)
            or (isinstance(new, type) and not issubclass(new, nn.Module))
        ):
            raise TypeError(f"swap: {old.__name__} maps to {new!r}; expected a module class or a function")
    if missing := [old.__name__ for old in layers if not any(isinstance(m, old) for m in model.modules())]:
        kinds = ", ".join(sorted({type(m).__name__ for m in model.modules()}))
        raise ValueError(f"swap: the model has no {', '.join(missing)}; its modules are {kinds}")
    copied: nn.Module = _Copy(layers).of(model)
    return copied


def to_reference(model: nn.Module) -> nn.Module:
    """The same network on the course's own layers (`cnncourse.layers`), wherever there is one; else as `swap`."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"to_reference: model is a {type(model).__name__}; expected a torch.nn.Module")
    return swap(
        model, {old: new for old, new in _REFERENCE.items() if any(isinstance(m, old) for m in model.modules())}
    )


class _Copy:
    """Copies the tree of modules, not the tensors in it; a module that occurs twice stays one."""

    def __init__(self, layers: Mapping[Kind, Replacement]) -> None:
        self.layers = layers
        self.done: dict[int, nn.Module] = {}

    def of(self, value: Any) -> Any:
        """A module copied or replaced; what holds modules (a list, a bound method) with those in it copied."""
        if isinstance(value, nn.Module):
            return self.done[id(value)] if id(value) in self.done else self._module(value)
        if isinstance(value, MethodType) and isinstance(value.__self__, nn.Module):
            return MethodType(value.__func__, self.of(value.__self__))
        if type(value) in (list, tuple, set):
            return type(value)(self.of(item) for item in value)
        if type(value) in (dict, OrderedDict):
            return type(value)((key, self.of(item)) for key, item in value.items())
        return value

    def _module(self, module: nn.Module) -> nn.Module:
        kind = _kind(module, self.layers)
        if kind is not None:
            self.done[id(module)] = _replaced(module, kind, self.layers[kind])
            return self.done[id(module)]
        new = type(module).__new__(type(module))
        self.done[id(module)] = new
        new.__dict__.update((name, self.of(value)) for name, value in vars(module).items())
        return new


def _kind(module: nn.Module, layers: Mapping[Kind, Replacement]) -> Kind | None:
    """Which key of `layers` this module is, None if none: exactly that class, or a subclass that computes the same."""
    kind = type(module)
    if kind in layers:
        return kind
    for base in layers:
        if not isinstance(module, base):
            continue
        if all(getattr(kind, name, None) is getattr(base, name, None) for name in ("forward", "_conv_forward")):
            return base
        raise ValueError(
            f"swap: the model has a {kind.__name__}, a {base.__name__} with a forward of its own, which "
            f"would be lost; expected {kind.__name__} as a key of its own, or a model without it"
        )
    return None


def _replaced(module: nn.Module, kind: Kind, new: Replacement) -> nn.Module:
    made = _made(module, kind, new) if isinstance(new, type) else FunctionLayer(module, new)
    for name, value in vars(module).items():
        if name in _CALL_HOOKS:
            made.__dict__[name] = value.copy() if isinstance(value, dict) else value
        elif name not in made.__dict__:
            made.__dict__[name] = value  # a model may ask its layers for in_channels, or for a mark that it put there
    return made.train(module.training)


def _made(module: nn.Module, kind: Kind, new: Kind) -> nn.Module:
    """A `new` with the constructor arguments, the parameters and the buffers of `module`."""
    where = f"swap: {new.__name__} in place of {module}"
    arguments, defaults = _arguments(module, kind)
    with torch.random.fork_rng(devices=[]):  # initial values are drawn only to be replaced
        made = new(**_supported(where, new, arguments, defaults))
    got = {name: tuple(p.shape) for name, p in made.named_parameters()}
    expected = {name: tuple(p.shape) for name, p in module.named_parameters()}
    lost = [name for name in module._buffers if name not in made._buffers]
    if got != expected or lost:
        raise TypeError(
            f"{where}: it has parameters {got}{f' and no buffer {lost}' if lost else ''}; expected {expected}, with "
            "torch's names, so that the weights can be shared"
        )
    for parameter in module.parameters(recurse=False):
        made.to(parameter.device, parameter.dtype)  # for what it has beside parameters
    made._parameters.update(module._parameters)  # the very same, not copies
    made._buffers.update(module._buffers)
    return made


def _arguments(module: nn.Module, kind: Kind) -> tuple[dict[str, Any], dict[str, Any]]:
    """The constructor arguments, read back from the attributes where torch keeps them by the same names; defaults."""
    arguments, defaults = {}, {}
    for name, parameter in inspect.signature(kind).parameters.items():
        if name not in ("device", "dtype") and hasattr(module, name):
            value = getattr(module, name)
            arguments[name] = value is not None if name == "bias" else value
            defaults[name] = parameter.default
    return arguments, defaults


def _supported(where: str, target: Any, arguments: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that `target` takes; ValueError if it lacks one that is not at its default."""
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):  # a function written in C does not tell: torch's own take everything
        return arguments
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return arguments
    names = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    lacks = {key: value for key, value in arguments.items() if key not in names and not _same(value, defaults[key])}
    if lacks:
        needs = ", ".join(f"{key}={value!r}" for key, value in lacks.items())
        raise ValueError(
            f"{where}: it has no argument {', '.join(lacks)}, but the layer needs {needs}. "
            "Add the argument, or swap only networks that do without."
        )
    return {key: value for key, value in arguments.items() if key in names}


def _takes(function: Callable[..., Any], positions: int) -> bool | None:
    """Whether a function takes so many arguments by position; None where it does not tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return True
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return sum(p.name not in _OPTIONS for p in places[:positions]) == positions


def _same(value: Any, default: Any) -> bool:
    """Whether a value is the default, also where torch has stored it once for each axis."""
    return bool(value == default or (isinstance(value, tuple) and value == (default,) * len(value)))


def _padding_in_numbers(where: str, layer: Any) -> tuple[int, ...]:
    """The padding as one number an axis, also for 'valid' and 'same'."""
    if not isinstance(layer.padding, str):
        return tuple(layer.padding)
    if layer.padding == "valid":
        return (0,) * len(layer.kernel_size)
    total = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    if any(t % 2 for t in total):
        raise ValueError(
            f"{where}: padding='same' needs {total} zeros in all, an odd number, which no padding in numbers gives; "
            "expected an odd kernel. Swap in a class instead."
        )
    return tuple(t // 2 for t in total)
