"""The wire: plain data and tensors in frames, without pickle.

A frame is `magic (4 bytes) · length of the tree (uint32, little endian) · tree (JSON) · buffers`. The tree says what
every buffer holds, in order, and a buffer's length follows from its dtype and shape: no length or reference can
contradict another, and no two values can share memory. The receiver checks the whole tree before it allocates a byte
for a buffer.

Nodes: null, true, false, numbers and short strings stand for themselves; anything else is a list that starts with a
letter:
`["l", node…]` list, `["t", node…]` tuple, `["d", key, node, …]` dict with string keys,
`["s", bytes]` long string (UTF-8),
`["T", dtype, [shape], [order]]` tensor (order: how its dimensions lie in memory, left out when contiguous),
`["A", dtype, [shape]]` NumPy array, `["n", dtype]` NumPy scalar.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

MAGIC = b"CNW1"
HEAD = struct.Struct("<4sI")
SHORT = 256  # characters that a string may have inside the tree
INT_BITS = 1024
JOINED = 1 << 16  # bytes of buffers below which a frame is one piece
PIECE, MOST = 1 << 16, 1 << 20  # bytes that are read at once, for small frames and at most

TORCH_DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        *("bool", "uint8", "int8", "int16", "int32", "int64"),
        *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    )
}
NUMPY_DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(name)
    for name in (
        *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
}
_TORCH_NAMES = {dtype: name for name, dtype in TORCH_DTYPES.items()}
_NUMPY_NAMES = {dtype: name for name, dtype in NUMPY_DTYPES.items()}
_SCALARS = {dtype.type for dtype in NUMPY_DTYPES.values()}


class WireError(Exception):
    """A frame that is not one of ours, or larger than agreed."""


class NotData(TypeError):
    """A value that the wire does not carry; the message says why, for the person who returned it."""


@dataclass(frozen=True)
class Bounds:
    """What one frame may hold. Exceeding any of them is a WireError (receiving) or NotData (sending)."""

    tree_bytes: int = 4 << 20
    nodes: int = 200_000
    depth: int = 32
    dims: int = 16
    buffer_bytes: int = 64 << 20


DEFAULT = Bounds()


# ---------------------------------------------------------------- sending


class _Writer:
    def __init__(self, bounds: Bounds) -> None:
        self.bounds, self.nodes, self.size = bounds, 0, 0
        self.buffers: list[bytes] = []

    def node(self, value: Any, depth: int = 0) -> Any:
        self.nodes += 1
        if self.nodes > self.bounds.nodes:
            raise NotData(f"the value has more than {self.bounds.nodes} parts; use a tensor for many numbers")
        if depth > self.bounds.depth:
            raise NotData(f"the value nests deeper than {self.bounds.depth} levels, or contains itself")
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is int:
            if value.bit_length() > INT_BITS:
                raise NotData(f"an integer of {value.bit_length()} bits is too large")
            return value
        if kind is str:
            return self._string(value)
        if kind is list:
            return ["l", *[self.node(item, depth + 1) for item in value]]
        if kind is tuple or kind is torch.Size:
            return ["t", *[self.node(item, depth + 1) for item in value]]
        if kind is dict:
            return ["d", *[part for pair in value.items() for part in self._pair(pair, depth)]]
        return self._buffer(value, kind)

    def _string(self, value: str) -> Any:
        try:
            raw = value.encode()
        except UnicodeEncodeError:
            raise NotData("a string holds a lone surrogate") from None
        if len(value) <= SHORT:
            return value
        self._add(raw)
        return ["s", len(raw)]

    def _pair(self, pair: tuple[Any, Any], depth: int) -> tuple[Any, Any]:
        key, value = pair
        if type(key) is not str or len(key) > SHORT:
            raise NotData(f"a dict may have short strings as keys only; got a {type(key).__name__}")
        return self._string(key), self.node(value, depth + 1)

    def _buffer(self, value: Any, kind: type) -> Any:
        if kind is torch.Tensor or kind is torch.nn.Parameter:
            return self._tensor(value.detach())
        if kind is np.ndarray:
            name = self._name(_NUMPY_NAMES, value.dtype)
            self._claim(value.nbytes)
            self.buffers.append(value.tobytes())
            return ["A", name, list(value.shape)]
        if kind in _SCALARS:
            name = self._name(_NUMPY_NAMES, value.dtype)
            self._add(value.tobytes())
            return ["n", name]
        if isinstance(value, torch.Tensor):
            raise NotData(f"a subclass of torch.Tensor ({kind.__name__}) cannot be checked; return a plain tensor")
        raise NotData(
            f"a value of type {kind.__name__} cannot be checked; return a tensor, an array, a number, a string, "
            "or lists, tuples and dicts of these"
        )

    def _tensor(self, tensor: torch.Tensor) -> Any:
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
            raise NotData(f"a tensor must be dense and on the CPU; got layout {tensor.layout}, device {tensor.device}")
        name = self._name(_TORCH_NAMES, tensor.dtype)
        shape = list(tensor.shape)
        node = ["T", name, shape]
        self._claim(tensor.numel() * tensor.element_size())
        if not tensor.is_contiguous():
            order = sorted(range(tensor.dim()), key=tensor.stride, reverse=True)
            if order != list(range(tensor.dim())):
                node.append(order)
                tensor = tensor.permute(order)
        flat = tensor.resolve_conj().resolve_neg().contiguous().reshape(-1)
        self.buffers.append(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
        return node

    @staticmethod
    def _name(names: dict[Any, str], dtype: Any) -> str:
        if dtype not in names:
            raise NotData(f"dtype {dtype} cannot be checked; use one of {', '.join(names.values())}")
        return names[dtype]

    def _claim(self, size: int) -> None:
        self.size += size
        if self.size > self.bounds.buffer_bytes:
            raise NotData(f"the value is larger than {self.bounds.buffer_bytes} bytes")

    def _add(self, raw: bytes) -> None:
        self._claim(len(raw))
        self.buffers.append(raw)


def encode(value: Any, bounds: Bounds = DEFAULT) -> list[bytes]:
    """The frame of `value` as a list of byte strings. NotData when `value` holds anything outside the whitelist."""
    writer = _Writer(bounds)
    tree = json.dumps(writer.node(value), separators=(",", ":")).encode()
    if len(tree) > bounds.tree_bytes:
        raise NotData(f"the value's structure is larger than {bounds.tree_bytes} bytes; use a tensor for many numbers")
    chunks = [HEAD.pack(MAGIC, len(tree)), tree, *writer.buffers]
    return [b"".join(chunks)] if writer.size < JOINED else chunks  # one message wakes the receiver once


# ---------------------------------------------------------------- receiving


class Ahead:
    """Exactly n bytes at a time out of a stream that is read in larger pieces, since a frame has many small parts.

    `more(most)` gives up to `most` bytes, b"" at the end of the stream; then `take` raises EOFError.
    """

    def __init__(self, more: Callable[[int], bytes]) -> None:
        self._more = more
        self.kept = bytearray()

    def take(self, count: int) -> bytearray:
        while len(self.kept) < count:
            part = self._more(min(max(PIECE, count - len(self.kept)), MOST))
            if not part:
                raise EOFError
            self.kept += part
        if len(self.kept) == count:
            taken, self.kept = self.kept, bytearray()
            return taken
        taken = self.kept[:count]
        del self.kept[:count]
        return taken


class _Planner:
    """Walks a parsed tree, checks everything, and notes how long each buffer must be."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds, self.nodes, self.total = bounds, 0, 0
        self.sizes: list[int] = []

    def check(self, node: Any, depth: int = 0) -> None:
        self.nodes += 1
        if self.nodes > self.bounds.nodes or depth > self.bounds.depth:
            raise WireError("the tree has too many nodes or levels")
        if type(node) is list:
            self._list(node, depth)
        elif type(node) is str:
            _clean(node)
        elif type(node) is int and node.bit_length() > INT_BITS:
            raise WireError("an integer is too large")
        elif type(node) is dict:
            raise WireError("a JSON object has no place in a tree")

    def _list(self, node: list[Any], depth: int) -> None:
        tag = node[0] if node else None
        if tag in ("l", "t"):
            for item in node[1:]:
                self.check(item, depth + 1)
        elif tag == "d":
            self._dict(node, depth)
        elif tag == "s" and len(node) == 2 and type(node[1]) is int and node[1] >= 0:
            self._claim(node[1])
        elif tag == "T" and len(node) in (3, 4):
            self._array(node, _itemsize(TORCH_DTYPES, node[1]))
            if len(node) == 4:
                _order(node[3], len(node[2]))
        elif tag == "A" and len(node) == 3:
            self._array(node, _itemsize(NUMPY_DTYPES, node[1]))
        elif tag == "n" and len(node) == 2:
            self._claim(_itemsize(NUMPY_DTYPES, node[1]))
        else:
            raise WireError("a node of unknown kind")

    def _dict(self, node: list[Any], depth: int) -> None:
        keys = node[1::2]
        if len(node) % 2 == 0 or not all(type(key) is str and len(key) <= SHORT for key in keys):
            raise WireError("a dict with keys that are no short strings")
        if len(set(keys)) != len(keys):
            raise WireError("a dict with a key twice")
        for key, item in zip(keys, node[2::2], strict=True):
            _clean(key)
            self.check(item, depth + 1)

    def _array(self, node: list[Any], itemsize: int) -> None:
        shape = node[2]
        if type(shape) is not list or len(shape) > self.bounds.dims:
            raise WireError("a shape that is no short list")
        count = span = 1
        for size in shape:
            if type(size) is not int or not 0 <= size <= 1 << 40:
                raise WireError("a shape with an impossible size")
            count, span = count * size, span * max(size, 1)
        if span > 1 << 40:
            raise WireError("a shape with too many elements")
        self._claim(count * itemsize)

    def _claim(self, size: int) -> None:
        self.total += size
        if self.total > self.bounds.buffer_bytes:
            raise WireError("the buffers are larger than agreed")
        self.sizes.append(size)


def _itemsize(dtypes: dict[str, Any], name: Any) -> int:
    if type(name) is not str or name not in dtypes:
        raise WireError("an unknown dtype")
    return int(dtypes[name].itemsize)


def _order(order: Any, dims: int) -> None:
    if type(order) is not list or not all(type(d) is int for d in order) or sorted(order) != list(range(dims)):
        raise WireError("an order of dimensions that is no permutation")


def _clean(text: str) -> None:
    if len(text) > SHORT:
        raise WireError("a long string inside the tree")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise WireError("a string with a lone surrogate") from None


def _build(node: Any, take: Callable[[int], bytearray]) -> Any:
    if type(node) is not list:
        return node
    tag = node[0]
    if tag == "l":
        return [_build(item, take) for item in node[1:]]
    if tag == "t":
        return tuple([_build(item, take) for item in node[1:]])
    if tag == "d":
        return {key: _build(item, take) for key, item in zip(node[1::2], node[2::2], strict=True)}
    if tag == "s":
        return take(node[1]).decode()
    itemsize = (TORCH_DTYPES if tag == "T" else NUMPY_DTYPES)[node[1]].itemsize
    raw = take(itemsize if tag == "n" else math.prod(node[2]) * itemsize)
    if node[1] == "bool" and raw.translate(None, b"\0\1"):
        raise WireError("a boolean that is neither 0 nor 1")
    if tag == "T":
        return _build_tensor(node, raw)
    array = np.frombuffer(raw, dtype=NUMPY_DTYPES[node[1]])
    return array.reshape(node[2]) if tag == "A" else array[0]


def _build_tensor(node: list[Any], raw: bytearray) -> torch.Tensor:
    dtype, shape = TORCH_DTYPES[node[1]], node[2]
    order = node[3] if len(node) == 4 else range(len(shape))
    laid_out = [shape[d] for d in order]
    flat = torch.frombuffer(raw, dtype=dtype) if raw else torch.empty(0, dtype=dtype)
    back = sorted(range(len(shape)), key=lambda d: order[d])
    return flat.reshape(laid_out).permute(back)


def read(receive: Callable[[int], bytearray], bounds: Bounds | None = DEFAULT) -> Any:
    """Read one frame through `receive(n)`, which returns exactly n bytes or raises.

    Raises WireError for anything malformed or larger than `bounds`; nothing is allocated before it is checked.
    `bounds` None: the sender is trusted, and nothing is checked.
    """
    magic, length = HEAD.unpack(bytes(receive(HEAD.size)))
    if bounds is None:
        return _build(json.loads(receive(length)), receive)
    if magic != MAGIC or length > bounds.tree_bytes:
        raise WireError("not a frame, or a tree larger than agreed")
    try:
        tree = json.loads(receive(length).decode())
        planner = _Planner(bounds)
        planner.check(tree)
    except (ValueError, RecursionError) as error:
        raise WireError(f"a tree that is no JSON ({type(error).__name__})") from None
    buffers = iter([receive(size) for size in planner.sizes])
    try:
        return _build(tree, lambda size: next(buffers))
    except (ValueError, RuntimeError, OverflowError) as error:
        raise WireError(f"a buffer that does not fit its description ({type(error).__name__})") from None
