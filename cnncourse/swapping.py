"""The same network on other layers: `swap` puts other implementations under the same weights."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from torch import Tensor, nn

from cnncourse import layers

Replacement: TypeAlias = type[nn.Module] | Callable[..., Tensor]
_CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_REFERENCE: dict[type[nn.Module], Replacement] = {
    nn.Conv1d: layers.Conv1d,
    nn.Conv2d: layers.Conv2d,
    nn.Conv3d: layers.Conv3d,
}


class FunctionLayer(nn.Module):
    """A layer of torch's, computed by a plain function with the signature of `torch.nn.functional.conv2d` and kin.

    Arguments that are at their defaults are not passed, so a function without `dilation` or `groups` will do for a
    layer that uses none.
    """

    def __init__(self, layer: nn.Module, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias
        name = getattr(function, "__name__", repr(function))
        options = {key: getattr(layer, key) for key in ("stride", "padding", "dilation", "groups")}
        taken = _accepted(function)
        self.options = {key: value for key, value in options.items() if taken is None or key in taken}
        unused = {key: value for key, value in options.items() if key not in self.options and not _default(key, value)}
        if unused:
            raise ValueError(
                f"swap: {name} takes no {', '.join(unused)}, but {layer} needs {unused}. "
                "Add the argument to the function, or swap only networks that do without."
            )
        self.function, self.name = function, name

    def forward(self, input: Tensor) -> Tensor:
        """Call the function with this layer's weights and options."""
        return self.function(input, self.weight, self.bias, **self.options)

    def extra_repr(self) -> str:
        """The function's name and the options."""
        return ", ".join([self.name, *(f"{key}={value}" for key, value in self.options.items())])


def swap(model: nn.Module, layers: Mapping[type[nn.Module], Replacement]) -> nn.Module:
    """The same network on other layers, sharing its weights: training one trains the other. `model` is left as it is.

    `layers` maps a class of the model's modules (exactly that class, not its subclasses) to what takes its place: a
    class with the same arguments and parameter names (`{nn.Conv2d: cnncourse.layers.Conv2d}`), or a function with the
    signature of `torch.nn.functional.conv2d` (`{nn.Conv2d: my_conv2d}`). A training flag and hooks are kept.

    Raises TypeError for what is neither, ValueError where no layer of the model is of a named class or a layer uses an
    option that its replacement does not take.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"swap: model is a {type(model).__name__}; expected a torch.nn.Module")
    for old, new in layers.items():
        if not (isinstance(old, type) and issubclass(old, nn.Module)):
            raise TypeError(f"swap: the key {old!r} is no module class; expected e.g. torch.nn.Conv2d")
        if not callable(new) or (isinstance(new, type) and not issubclass(new, nn.Module)):
            raise TypeError(f"swap: {old.__name__} maps to {new!r}; expected a module class or a function")
    present = {type(module) for module in model.modules()}
    if missing := [old.__name__ for old in layers if old not in present]:
        kinds = ", ".join(sorted(kind.__name__ for kind in present))
        raise ValueError(f"swap: the model has no {', '.join(missing)}; its modules are {kinds}")
    return _copied(model, layers, {})


def to_reference(model: nn.Module) -> nn.Module:
    """The same network on the course's own layers (`cnncourse.layers`), wherever there is one. Weights are shared."""
    present = {type(module) for module in model.modules()}
    return swap(model, {old: new for old, new in _REFERENCE.items() if old in present})


def _copied(module: nn.Module, layers: Mapping[type[nn.Module], Replacement], done: dict[int, nn.Module]) -> nn.Module:
    """A copy of the tree of modules with the same parameters and buffers; a module that occurs twice stays one."""
    if id(module) in done:
        return done[id(module)]
    if type(module) in layers:
        new = _replaced(module, layers[type(module)])
    else:
        new = copy.copy(module)
        for slot in ("_parameters", "_buffers", "_non_persistent_buffers_set"):
            new.__dict__[slot] = copy.copy(module.__dict__[slot])
        new.__dict__["_modules"] = {
            name: None if child is None else _copied(child, layers, done) for name, child in module._modules.items()
        }
    for slot in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_forward_hooks_with_kwargs"):
        new.__dict__[slot] = copy.copy(module.__dict__[slot])
    new.training = module.training
    done[id(module)] = new
    return new


def _replaced(module: nn.Module, new: Replacement) -> nn.Module:
    if isinstance(new, type):
        made: nn.Module = new(**_arguments(module))
        for name, parameter in module._parameters.items():
            made.register_parameter(name, parameter)  # the very same, not a copy
        for name, buffer in module._buffers.items():
            made.register_buffer(name, buffer)
        return made
    if not isinstance(module, _CONVS):
        raise TypeError(
            f"swap: a function can take the place of Conv1d, Conv2d or Conv3d, not of {type(module).__name__}; "
            "expected a module class for it"
        )
    return FunctionLayer(module, new)


def _arguments(module: nn.Module) -> dict[str, Any]:
    """The constructor arguments of a module, read back from the attributes that torch keeps under the same names."""
    arguments = {}
    for name in inspect.signature(type(module).__init__).parameters:
        if name == "bias":
            arguments[name] = module.bias is not None
        elif name not in ("self", "device", "dtype") and hasattr(module, name):
            arguments[name] = getattr(module, name)
    return arguments


def _accepted(function: Callable[..., Any]) -> set[str] | None:
    """Names of the arguments that a function takes; None where it takes any, or does not tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return {p.name for p in parameters}


def _default(key: str, value: Any) -> bool:
    ordinary = 0 if key == "padding" else 1
    return value == "valid" or value == ordinary or (isinstance(value, tuple) and set(value) == {ordinary})
