"""One forward pass, written down step by step: what ran, on what, in which module, at what cost.

A step is a call of a module without parts (a layer), or of a torch function outside of such a module (`F.relu`, `+`,
`torch.cat`). Modules are seen by hooks, functions by a `TorchFunctionMode`, and what they cost by the `Ledger` below.
Which step feeds which is known from the tensors themselves: each remembers the step that returned it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from cnncourse.analysis.ops import NO_STEP, Ledger, tensors
from cnncourse.receptive import Field, behind, first_field, function_spec, is_window, meet, window_spec


class Around(NamedTuple):
    """A module that a step ran in; `call` tells its calls apart."""

    name: str
    kind: str
    call: int


@dataclass
class Step:
    """One step of a forward pass; `sources` are the ids of the steps that made its inputs, negative for the model's."""

    id: int
    name: str
    kind: str
    detail: str
    within: tuple[Around, ...]  # the modules around it, outermost first
    sources: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...] = ()
    parameters: int = 0
    output_bytes: int = 0
    field: Field | str = ""


@dataclass
class _Call:
    """A module that is running; `step` if it is a layer."""

    name: str
    number: int
    module: nn.Module
    step: Step | None = None
    given: list[tuple[Tensor, int]] = field(default_factory=list)


class Recorder:
    """Records the forward of `model` inside `with recorder.running():`; read `steps` and `ledger` afterwards."""

    def __init__(self, model: nn.Module) -> None:
        self.steps: list[Step] = []
        self.ledger = Ledger()
        self.stack: list[_Call] = []
        self.failed: tuple[str, list[tuple[Tensor, int]]] | None = None  # what raised last, and what it was given
        self._names = {module: name for name, module in model.named_modules()}
        self._root = model
        self.kept: Counter[int] = Counter()  # bytes alive at the end, by step
        self._made_by = WeakTensorKeyDictionary()
        self._fields: dict[int, Field | str] = {}
        self._claimed: set[int] = set()  # parameters that a step has been charged for
        self._used: Counter[str] = Counter()
        self._next = 0

    @contextmanager
    def running(self, inputs: list[Tensor]) -> Iterator[None]:
        """Watch the model, which is run on these inputs inside the block."""
        handles = [
            handle
            for module in self._names
            for handle in (
                module.register_forward_pre_hook(self._enter, prepend=True, with_kwargs=True),
                module.register_forward_hook(self._leave, always_call=True),  # also after an error within
            )
        ]
        for number, x in enumerate(inputs):
            self._made_by[x] = -1 - number
            self.ledger.count(x)
        if inputs and inputs[0].dim() > 2:
            self._fields[-1] = first_field(inputs[0].dim() - 2)
        try:
            with _Functions(self), self.ledger:
                yield
        finally:
            for handle in handles:
                handle.remove()

    def in_layer(self) -> bool:
        """Whether a layer is running, whose inner calls are its own affair."""
        return any(call.step for call in self.stack)

    def finish(self) -> None:
        """Take stock of what is held, while the model's output still lives."""
        self.kept = self.ledger.kept()

    def place(self) -> str:
        """Where a forward that raised had come to, in words."""
        if self.failed is None or not self.failed[0]:
            return ""
        name, given = self.failed
        return f", in {name}, given {' and '.join(str(tuple(t.shape)) for t, _ in given) or 'nothing'}"

    def name_of(self, id: int) -> str:
        """The name of a step, '' if there is none."""
        return next((step.name for step in self.steps if step.id == id), "")

    def all_parameters(self) -> tuple[int, int]:
        """How many parameters the model has, and how many of them are trainable."""
        counted = [(p.numel(), p.requires_grad) for p in self._root.parameters()]
        return sum(n for n, _ in counted), sum(n for n, trainable in counted if trainable)

    def idle(self) -> Iterator[tuple[str, str, int]]:
        """(name, kind, parameters) of modules with parameters that no step used."""
        for module, name in self._names.items():
            mine = [p for p in module.parameters(recurse=False) if id(p) not in self._claimed]
            self._claimed |= {id(p) for p in mine}
            if mine:
                yield name or type(module).__name__, type(module).__name__, sum(p.numel() for p in mine)

    def _enter(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        call = _Call(self._names.get(module, "?"), self._number(), module)
        given = list(tensors((args, kwargs)))
        self.failed = None
        if not self.in_layer():
            call.given = [(t, t._version) for t in given]
            if self._is_layer(module):
                kind, name = type(module).__name__, call.name or type(module).__name__
                call.step = self._begin(call.number, name, kind, given)
        self.stack.append(call)

    def _leave(self, module: nn.Module, args: Any, output: Any) -> Any:
        call = self.stack[-1]
        if output is None and self.failed is None:
            self.failed = (f"{call.name} ({type(module).__name__})" if call.name else "", call.given)
        if call.step is None or output is None:
            self.stack.pop()
            if call.step is not None:
                self.ledger.step = NO_STEP
            return None
        if any(output is t and t._version == version for t, version in call.given):
            # Given back as it came, as by dropout in eval mode: from here another tensor, so that both are told apart.
            output = output.view_as(output)
        spec = window_spec(vars(module)) if is_window(module) else None
        call.step.detail = _window(spec, getattr(module, "groups", 1), output)
        self._end(call.step, list(module.parameters()), output, module, args, {})
        self.stack.pop()
        return output

    def function(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Run a torch function outside of any layer, as a step if it computes a new tensor."""
        given = list(tensors((args, kwargs)))
        before = [(t, t._version) for t in given]
        name = _name(func)
        path = self.stack[-1].name if self.stack else ""
        self.failed = None
        number = self._number()
        step = self._begin(number, f"{path}.{name}()" if path else f"{name}()", name, given)
        try:
            out = func(*args, **kwargs)
        except Exception:
            self.failed = (step.name, before)
            raise
        finally:
            self.ledger.step = NO_STEP
        if isinstance(out, Iterator):  # `for row in x`
            items = list(out)
            self._keep(step, func, args, kwargs, items, given)
            return iter(items)
        result = args[0] if name == "setitem" else out
        made = list(tensors(result))
        untouched = {id(t) for t, version in before if t._version == version}
        if made and not all(id(t) in untouched for t in made):
            self._keep(step, func, args, kwargs, result, given)
        return out

    def _keep(self, step: Step, func: Any, args: Any, kwargs: Any, result: Any, given: list[Tensor]) -> None:
        owned = [t for t in given if isinstance(t, nn.Parameter)]
        if not (step.sources or owned or self.ledger.macs[step.id]):
            return  # a constant, such as torch.zeros(3)
        spec = function_spec(func, args, kwargs)
        groups = kwargs.get("groups", args[6] if len(args) > 6 and "conv" in step.kind else 1)
        step.detail = _window(spec, groups, result)
        self._end(step, owned, result, func, args, kwargs)

    def _begin(self, number: int, name: str, kind: str, given: list[Tensor]) -> Step:
        sources = dict.fromkeys(self._made_by[t] for t in given if t in self._made_by)
        within = tuple(Around(call.name, type(call.module).__name__, call.number) for call in self.stack)
        self.ledger.step = number
        return Step(number, name, kind, "", within, tuple(sources))

    def _end(self, step: Step, owned: list[nn.Parameter], out: Any, layer: Any, args: Any, kwargs: Any) -> None:
        self._used[step.name] += 1
        if self._used[step.name] > 1:
            step.name = f"{step.name}#{self._used[step.name]}"
        for parameter in owned:
            if id(parameter) not in self._claimed:
                self._claimed.add(id(parameter))
                step.parameters += parameter.numel()
        made = list(tensors(out))
        step.shapes = tuple(tuple(t.shape) for t in made)
        step.output_bytes = sum(dict(self.ledger.made_in(step.id, t) for t in made).values())
        step.field = self._fields[step.id] = self._field(step, layer, args, kwargs)
        for t in made:
            self._made_by[t] = step.id
        self.ledger.step = NO_STEP
        self.steps.append(step)

    def _field(self, step: Step, layer: Any, args: Any, kwargs: Any) -> Field | str:
        given = [self._fields[source] for source in step.sources if source in self._fields]
        if not given:
            return "not computed from the first input, or that has no axes"
        met = meet(step.name, given)
        try:
            return met if isinstance(met, str) else behind(step.name, layer, args, kwargs, met)
        except (TypeError, ValueError) as error:  # a window over another number of axes
            return str(error)

    def _is_layer(self, module: nn.Module) -> bool:
        parts = any(name != "parametrizations" for name, _ in module.named_children())
        known = type(module).__module__.startswith(("torch.nn.", "cnncourse.layers"))
        empty = isinstance(
            module, (nn.Sequential, nn.ModuleList, nn.ModuleDict)
        )  # such as a shortcut that does nothing
        return not parts and not empty and (known or module is not self._root)

    def _number(self) -> int:
        self._next += 1
        return self._next


class _Functions(TorchFunctionMode):
    """Shows the recorder each torch function that the model calls outside of its layers."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self._recorder.in_layer():
            return func(*args, **kwargs)
        return self._recorder.function(func, args, kwargs)


def _name(func: Any) -> str:
    """`relu` for F.relu, `add` for +, `T` for the attribute x.T."""
    name = str(getattr(func, "__name__", "function"))
    if name == "__get__":
        return str(getattr(func.__self__, "__name__", "attribute"))
    if name.startswith("__"):
        name = name.strip("_")
        return name[1:] if name in ("radd", "iadd", "rmul", "imul", "isub", "rsub") else name
    return name.strip("_")


def _window(spec: Any, groups: Any, output: Any) -> str:
    """A window in short: '3×3 /2' (stride 2), 'd2' dilated by 2, 'g32' in 32 groups."""
    if spec is None:
        return ""
    axes = next((t.dim() - 2 for t in tensors(output)), 1)
    kernel, stride, dilation, _ = spec
    text = "×".join(map(str, kernel if isinstance(kernel, (tuple, list)) else [kernel] * axes))
    for mark, value in (("/", stride), ("d", dilation), ("g", groups)):
        values = list(dict.fromkeys(value)) if isinstance(value, (tuple, list)) else [value]
        if values != [1]:
            text += f" {mark}" + "×".join(map(str, values))
    return text
