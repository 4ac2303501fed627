"""`analyze`: run a copy of a model once for inference and once for training, and write down what each layer costs."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from cnncourse.analysis.ops import tensors
from cnncourse.analysis.record import Recorder
from cnncourse.analysis.result import Analysis, build
from cnncourse.errors import whole

Size: TypeAlias = Sequence[int]


def analyze(
    model: nn.Module,
    input_size: Size | Sequence[Size],
    *,
    batch_size: int | None = None,
    dtype: torch.dtype | Sequence[torch.dtype] | None = None,
    device: str | torch.device = "meta",
) -> Analysis:
    """What each layer of any model gives and costs: shapes, parameters, multiply-adds, memory, receptive field.

    `input_size` is one example, (C, H, W), or a batch, (N, C, H, W); a list of such for a model with several inputs.
    A size of up to three numbers is one example and gets a batch of 1; one of four or more is a batch. `batch_size`
    decides where that guess is wrong: with it every size is one example. `dtype` is that of the inputs (one, or one for
    each; default: that of the model's first floating-point weight); give torch.long for tokens.

    A row is a layer (a module without parts) in the order of execution, or a torch function called between layers
    (`F.relu`, `+`, `torch.cat`), named `module.function()`. A second call of the same is `name#2`. Per row, and in all:

    - parameters: each weight counted once, in the first row that uses it. Rows without a shape did not run.
    - multiply-adds: one for each use of a weight, for the whole batch; convolutions and matrix products only. Biases,
      activations, pooling, normalisation count 0. (`costs.py`; twice this number is what is called FLOPs.)
    - output: bytes of the values that the row made; 0 for a view or a layer that works in place. Their sum is what
      lectures call the memory of the activations.
    - training: bytes of what the row made and what is still held after a forward in training mode, that is, what
      autograd keeps for backward: outputs, max pooling's indices, batch norm's statistics, dropout's masks (as on a
      CPU: 4 bytes a value; CUDA keeps 1). The total includes the input and the output, not weights or their gradients.
    - receptive field: as `receptive_field` gives it, of the first input; None where a unit may see everything.
    - peak (total only): the most bytes that are held at one moment of inference, input included, weights and an
      operation's own workspace excluded.

    The forward runs on a copy of the model without data (device "meta"): at once, whatever the size. A forward that
    needs values, as in `if x.sum() > 0`, runs on noise on the model's own device instead, and `notes` says so; with
    device="cpu" or "cuda" it always does. The model itself, its mode, statistics, gradients and hooks, and the state of
    random numbers stay as they were; hooks of its own are called on the copy.

    Raises TypeError for what is no module, ValueError for a size that does not pass the model, naming the layer.

    >>> from torch import nn
    >>> analyze(nn.Sequential(nn.Conv2d(3, 96, 11, stride=4)), (3, 227, 227)).totals.macs
    105415200
    """
    _check_model(model)
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    sizes = _sizes(input_size, batch_size)
    dtypes = _dtypes(model, dtype, len(sizes))
    where, notes = torch.device(device), []
    try:
        seen = _observe(model, sizes, dtypes, where, training=False)
    except _Stopped as stop:
        if where.type != "meta":
            raise _explained(model, sizes, stop) from stop.error
        where = next((p.device for p in model.parameters()), torch.device("cpu"))
        notes.append(f"run on noise on {where}: its forward needs values ({_first_line(stop.error)})")
        try:
            seen = _observe(model, sizes, dtypes, where, training=False)
        except _Stopped as again:
            raise _explained(model, sizes, again) from again.error
    if not seen.steps:
        raise ValueError(f"analyze: {type(model).__name__} ran no layer and no torch function on its input")
    trained = None
    try:
        trained = _observe(model, sizes, dtypes, where, training=True)
    except _Stopped as stop:
        notes.append(f"no training memory: in training mode the model said: {_first_line(stop.error)}")
    return build(model, seen, trained, sizes, notes)


def _check_model(model: Any) -> None:
    if not isinstance(model, nn.Module):
        hint = "; did you forget ()?" if isinstance(model, type) else ""
        raise TypeError(f"analyze: model is a {type(model).__name__} ({model!r:.60}); expected a torch.nn.Module{hint}")


class _Stopped(Exception):
    """The model's forward raised `error`."""

    def __init__(self, error: Exception, where: Recorder | None) -> None:
        super().__init__(str(error))
        self.error, self.where = error, where


def _observe(
    model: nn.Module, sizes: list[tuple[int, ...]], dtypes: list[torch.dtype], device: torch.device, training: bool
) -> Recorder:
    """Run a copy of the model, watched. Raises _Stopped with what the forward raised."""
    indices = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(indices), torch.inference_mode(False), torch.set_grad_enabled(training):
        twin = _copy(model, device).train(training)
        inputs = [_input(size, dtype, device) for size, dtype in zip(sizes, dtypes, strict=True)]
        recorder = Recorder(twin)
        try:
            if any(isinstance(p, UninitializedParameter) for p in twin.parameters()):
                twin(*inputs)  # lazy layers make their weights
            with recorder.running(inputs):
                output = twin(*inputs)
            recorder.finish()
            del output
        except Exception as error:  # whatever a forward may raise
            raise _Stopped(error, recorder) from error
    return recorder


def _copy(model: nn.Module, device: torch.device) -> nn.Module:
    """The model with weights that hold no data ("meta"), or that share the model's; buffers never shared."""
    memo: dict[int, Any] = {}
    for module in model.modules():
        memo |= {id(t): _twin(t, device) for t in tensors(list(vars(module).values()))}
    try:
        twin: nn.Module = copy.deepcopy(model, memo)
    except Exception as error:
        raise ValueError(
            f"analyze: {type(model).__name__} cannot be copied ({type(error).__name__}: {_first_line(error)}), and "
            "it is never run itself. Expected attributes that copy.deepcopy takes: take out those that it does not."
        ) from error
    return twin


def _twin(t: Tensor, device: torch.device) -> Tensor:
    if isinstance(t, (UninitializedParameter, UninitializedBuffer)):  # a lazy layer's: its copy learns the shape
        lazy: Any = type(t)
        return cast(Tensor, lazy(requires_grad=t.requires_grad, device=device, dtype=t.dtype))
    moved = t.detach().to(device)
    if isinstance(t, nn.Parameter):
        return nn.Parameter(moved, t.requires_grad)
    return moved.clone()


def _input(size: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(size, dtype=dtype, device=device)
    return torch.zeros(size, dtype=dtype, device=device)


def _sizes(input_size: Any, batch_size: int | None) -> list[tuple[int, ...]]:
    """Every input's size with its batch."""
    if not isinstance(input_size, Sequence) or isinstance(input_size, str) or not input_size:
        raise TypeError(f"analyze: input_size is {input_size!r}; expected numbers such as (3, 224, 224)")
    several = all(isinstance(size, Sequence) and not isinstance(size, str) for size in input_size)
    found = []
    for size in input_size if several else [input_size]:
        numbers = tuple(whole(f"analyze: input_size {tuple(size)}: a side", n, 0) for n in size)
        if batch_size is not None:
            numbers = (whole("analyze: batch_size", batch_size, 1), *numbers)
        elif len(numbers) < 4:
            numbers = (1, *numbers)
        found.append(numbers)
    return found


def _dtypes(model: nn.Module, dtype: Any, count: int) -> list[torch.dtype]:
    given = list(dtype) if isinstance(dtype, (list, tuple)) else [dtype] * count
    if len(given) != count or not all(d is None or isinstance(d, torch.dtype) for d in given):
        raise TypeError(
            f"analyze: dtype is {dtype!r}; expected a torch.dtype, or a list of {count}: one for each input"
        )
    weights = (p.dtype for p in model.parameters() if p.is_floating_point())
    default = next(weights, torch.get_default_dtype())
    return [default if d is None else d for d in given]


def _explained(model: nn.Module, sizes: list[tuple[int, ...]], stop: _Stopped) -> Exception:
    """What the model said, and where, as an error of `analyze`."""
    shown = ", ".join(map(str, sizes))
    where = stop.where.place() if stop.where is not None else ""
    said = f"{type(stop.error).__name__}: {_first_line(stop.error)}"
    if isinstance(stop.error, NotImplementedError) and "forward" in said:
        return ValueError(
            f"analyze: {type(model).__name__} has no forward of its own ({said}); expected a model to run"
        )
    return ValueError(
        f"analyze: an input of size {shown} does not pass {type(model).__name__}{where}: {said}. Expected the size "
        "that the model was made for: input_size=(C, H, W), or (N, C, H, W) with the batch; for other numbers of axes "
        "give one example's size and batch_size=N."
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
