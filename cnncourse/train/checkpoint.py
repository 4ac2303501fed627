"""A training on disk: written whole or not at all, checked before it is used, and only for the run that wrote it.

The file is one line with a magic word and the sha256 of what follows, then what `torch.save` writes. It is read with
`weights_only=True`: tensors, numbers, strings and containers of them, no code.
"""

from __future__ import annotations

import hashlib
import io
import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

_MAGIC = b"cnncourse-checkpoint-1"
_SHOWN = 4


class BadCheckpoint(RuntimeError):
    """A checkpoint is damaged, or belongs to another run."""


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` so that `path` holds the old checkpoint or the new one, whenever the process is killed."""
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    _write(beside, buffer.getbuffer())
    beside.replace(path)
    _keep_name(path.parent)


def load(path: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What `save` wrote for a run with these settings (its content has them under "settings").

    Raises BadCheckpoint for a damaged file and for one of another run, naming what differs. The file is not touched.
    """
    try:
        head, _, packed = path.read_bytes().partition(b"\n")
        magic, _, digest = head.partition(b" ")
        if magic != _MAGIC:
            raise ValueError("it does not begin as a checkpoint does")
        if hashlib.sha256(packed).hexdigest().encode() != digest:
            raise ValueError("its sha256 is not the one it was written with")
        content: dict[str, Any] = torch.load(io.BytesIO(packed), map_location="cpu", weights_only=True)
    except OSError as error:
        raise BadCheckpoint(f"fit: the checkpoint {path} cannot be read: {error}") from None
    except Exception as error:
        raise BadCheckpoint(
            f"fit: the checkpoint {path} is damaged: {error}. Nothing was changed. "
            "Delete or rename it to start afresh, or put a copy in its place"
        ) from None
    if found := differences(content["settings"], settings):
        more = f" (and {len(found) - _SHOWN} more)" if len(found) > _SHOWN else ""
        raise BadCheckpoint(
            f"fit: the checkpoint {path} belongs to another run: {'; '.join(found[:_SHOWN])}{more}. "
            "Resume with the same model, data and settings, or give this run a checkpoint of its own"
        )
    return content


def _write(path: Path, packed: memoryview) -> None:
    """The head and the content, all of it on the disk before this returns."""
    with path.open("wb") as file:
        file.write(_MAGIC + b" " + hashlib.sha256(packed).hexdigest().encode() + b"\n")
        file.write(packed)
        file.flush()
        os.fsync(file.fileno())


def differences(stored: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs, one text each."""
    old, new = _flat(stored), _flat(now)
    missing = "nothing"
    return [
        f"{key} was {old.get(key, missing)!r}, is {new.get(key, missing)!r}"
        for key in [*old, *(key for key in new if key not in old)]
        if old.get(key, missing) != new.get(key, missing)
    ]


def randomness(device: torch.device) -> dict[str, Any]:
    """The state of Python's, NumPy's and torch's generators, and of the device's, as plain data."""
    numpy_state: Any = np.random.get_state(legacy=False)  # noqa: NPY002 (libraries draw from the global one)
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": {**numpy_state, "state": {**numpy_state["state"], "key": numpy_state["state"]["key"].tolist()}},
        "torch": torch.get_rng_state(),
    }
    if device.type == "cuda":
        state["device"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["device"] = torch.mps.get_rng_state()
    return state


def set_randomness(state: Mapping[str, Any], device: torch.device) -> None:
    """Continue the generators where `randomness` found them."""
    random.setstate(state["python"])
    inner = state["numpy"]["state"]
    key = np.array(inner["key"], dtype=np.uint32)
    np.random.set_state({**state["numpy"], "state": {**inner, "key": key}})  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["device"], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(state["device"])


def describe_model(model: nn.Module) -> dict[str, Any]:
    """The class, and each entry of the state dict by shape and dtype."""
    shapes = {key: f"{tuple(value.shape)} {value.dtype}" for key, value in model.state_dict().items()}
    return {"class": type(model).__qualname__, **shapes}


def describe_optimizer(optimizer: Optimizer, model: nn.Module) -> dict[str, Any]:
    """The class, and each group's settings and parameters (by name)."""
    names = {id(w): name for name, w in model.named_parameters()}
    groups = {
        str(number): {
            **{key: plain(value) for key, value in group.items() if key != "params"},
            "params": " ".join(names.get(id(w), "?") for w in group["params"]),
        }
        for number, group in enumerate(optimizer.param_groups)
    }
    return {"class": type(optimizer).__qualname__, "groups": groups}


def describe_call(call: Any) -> Any:
    """A function by its name, or a callable object or partial by what it says of itself where that is stable."""
    if call is None:
        return None
    name = getattr(call, "__qualname__", None)
    if name is not None:
        return f"{getattr(call, '__module__', '')}.{name}"
    inner = getattr(call, "func", None)  # functools.partial
    if inner is not None:
        return {"partial": describe_call(inner), "args": plain(call.args), "keywords": plain(call.keywords)}
    text = repr(call)
    return type(call).__qualname__ if " at 0x" in text else text


def plain(value: Any) -> Any:
    """Numbers, texts and containers of them; tensors as lists; functions by name, anything else by its type's."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if callable(value):
        return describe_call(value)
    return type(value).__qualname__


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _keep_name(folder: Path) -> None:
    """Let the new name in a folder outlast a power cut, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
