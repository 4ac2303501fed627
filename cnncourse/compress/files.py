"""Networks in small files: nothing is lost, and what is simple about the weights is found and used.

A tensor with few different values is written as a code book and a code of ⌈log₂ k⌉ bits for each entry; one with many
zeros as a bit for each entry and the rest alone; one whose values float16 holds exactly as float16; and whichever is
smallest is taken. So pruning, rounding and sharing pay without saying what was done.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from cnncourse.compress.weights import plain_state

LAYOUTS = ("bits", "bytes")
_MOST_VALUES = 256
Parts = dict[str, Tensor]


def save(model: nn.Module, path: str | os.PathLike[str], layout: str = "bits") -> int:
    """Write the weights of a model, of float32 as a rule, to a file; returns its size in bytes.

    `layout` "bits" packs masks and codes as tightly as they go, "bytes" spends a byte on a code and writes no mask:
    larger, but what repeats stays visible to a program that compresses the file afterwards.
    Masks and code books of this package are written into the weights first. Raises ValueError for another layout.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"save: layout is {layout!r}; expected one of {', '.join(map(repr, LAYOUTS))}")
    parts: Parts = {}
    notes: dict[str, Any] = {}
    for name, value in plain_state(model).items():
        found, note = _smallest(value.cpu(), layout)
        parts |= {f"{name}{end}": part for end, part in found.items()}
        notes[name] = [list(value.shape), str(value.dtype).removeprefix("torch."), *note]
    save_file(parts, path, {"packed": json.dumps(notes, separators=(",", ":"))})
    return Path(path).stat().st_size


def load(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The state dict that `save` wrote, value by value the same. Raises ValueError for a file of another kind."""
    try:
        with safe_open(path, "pt") as file:
            parts = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            notes = json.loads((file.metadata() or {})["packed"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"load: {path} is no file of cnncourse.compress.save ({error})") from None
    return {name: _unpack(name, note, parts) for name, note in notes.items()}


def deflated(path: str | os.PathLike[str]) -> int:
    """How many bytes a file has after deflate (what zip and gzip do), at its best level."""
    return len(zlib.compress(Path(path).read_bytes(), 9))


def _smallest(value: Tensor, layout: str) -> tuple[Parts, list[Any]]:
    """The parts of one tensor, and the bits of a code (0: none) and whether there is a mask."""
    ways: list[tuple[Parts, list[Any]]] = [({"": _short(value)}, [0, False])]
    if value.dim() and value.is_floating_point():
        ways.append(_coded(value.flatten(), layout, masked=False))
        if layout == "bits":
            some = value.flatten() != 0
            mask = _bits(some.numpy().astype(np.uint8), 1)
            ways.append(({"#m": mask, "": _short(value.flatten()[some])}, [0, True]))
            parts, note = _coded(value.flatten()[some], layout, masked=True)
            ways.append(({"#m": mask, **parts} if parts else {}, note))
    return min((way for way in ways if way[0]), key=lambda way: _bytes(way[0]))


def _bytes(parts: Parts) -> int:
    return sum(part.numel() * part.element_size() for part in parts.values())


def _coded(flat: Tensor, layout: str, masked: bool) -> tuple[Parts, list[Any]]:
    values, codes = torch.unique(flat, return_inverse=True)
    if not 0 < len(values) <= _MOST_VALUES:
        return {}, []
    bits = 8 if layout == "bytes" else max(1, math.ceil(math.log2(len(values))))
    return {"#c": _bits(codes.numpy(), bits), "#v": _short(values)}, [bits, masked]


def _unpack(name: str, note: list[Any], parts: Parts) -> Tensor:
    shape, dtype, bits, masked = note
    kind: torch.dtype = getattr(torch, dtype)
    total = math.prod(shape)
    some = torch.ones(total, dtype=torch.bool)
    if masked:
        some = torch.from_numpy(_numbers(parts[f"{name}#m"], 1, total).astype(bool))
    if bits:
        numbers = _numbers(parts[f"{name}#c"], bits, int(some.sum()))
        rest = parts[f"{name}#v"].to(kind)[torch.from_numpy(numbers.astype(np.int64))]
    else:
        rest = parts[name].to(kind).flatten()
    value = torch.zeros(total, dtype=kind)
    value[some] = rest
    return value.view(shape)


def _short(value: Tensor) -> Tensor:
    """In float16 if that changes nothing."""
    half = value.half() if value.dtype == torch.float32 else value
    return (half if torch.equal(half.to(value.dtype), value) else value).contiguous()


def _bits(numbers: NDArray[Any], bits: int) -> Tensor:
    """Whole numbers below 2^bits, `bits` bits each, the highest first."""
    if bits == 8:
        return torch.from_numpy(numbers.astype(np.uint8))
    rows = (numbers[:, None] >> np.arange(bits - 1, -1, -1)) & 1
    return torch.from_numpy(np.packbits(rows.astype(np.uint8).reshape(-1)))


def _numbers(packed: Tensor, bits: int, count: int) -> NDArray[Any]:
    rows = np.unpackbits(packed.numpy(), count=count * bits).reshape(count, bits)
    return rows.astype(np.int64) @ (1 << np.arange(bits - 1, -1, -1, dtype=np.int64))
