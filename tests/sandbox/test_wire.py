"""The wire: what is carried comes out as it went in, and no frame makes the receiver do anything but refuse."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from autograder.sandbox.jail import wire

BOUNDS = wire.Bounds(tree_bytes=1 << 16, nodes=2000, depth=12, buffer_bytes=1 << 20)


class Source:
    """Bytes as a receiver sees them; remembers how much it was asked for."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.asked = data, 0, 0

    def __call__(self, count: int) -> bytearray:
        self.asked += count
        if self.at + count > len(self.data):
            raise EOFError
        self.at += count
        return bytearray(self.data[self.at - count : self.at])


def through(value: Any, bounds: wire.Bounds = BOUNDS) -> Any:
    source = Source(b"".join(wire.encode(value, bounds)))
    result = wire.read(source, bounds)
    assert source.at == len(source.data), "a frame is read to its end and not beyond"
    return result


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and torch.equal(bits(a), bits(b))
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


def bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().reshape(-1).view(torch.uint8) if tensor.numel() else torch.zeros(0, dtype=torch.uint8)


SHAPES = st.lists(st.integers(0, 4), max_size=4)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=400)


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    dtype = draw(st.sampled_from(list(wire.TORCH_DTYPES.values())))
    shape = draw(SHAPES)
    raw = torch.randint(0, 2, (*shape, dtype.itemsize), dtype=torch.uint8)
    made = raw.view(dtype)[..., 0] if math.prod(shape) else torch.empty(shape, dtype=dtype)
    made = raw[..., 0].bool() if dtype == torch.bool else made
    order = draw(st.permutations(range(made.dim())))
    return made.permute(order)


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    dtype = draw(st.sampled_from(list(wire.NUMPY_DTYPES.values())))
    array = np.ones(draw(SHAPES), dtype=dtype)
    return array.T if draw(st.booleans()) else array


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(1 << 900), 1 << 900), st.floats(), TEXT, tensors(), arrays(),
    st.sampled_from([np.float32(1.5), np.int64(-3), np.bool_(True), np.complex128(1j)]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(st.characters(exclude_categories=("Cs",)), max_size=9), inner, max_size=4),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_what_is_carried_comes_out_as_it_went_in(value: Any) -> None:
    assert same(through(value), value)


def test_memory_layout_of_a_transposed_tensor_is_kept() -> None:
    """Hidden cases with inputs that do not lie in order must reach the student as such."""
    x = torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1)
    y = through(x)
    assert torch.equal(x, y)
    assert not y.is_contiguous()
    assert y.stride() == x.stride()


def test_parameters_arrive_as_their_values_and_sizes_as_tuples() -> None:
    assert same(through(torch.nn.Parameter(torch.ones(2))), torch.ones(2))
    assert same(through(torch.ones(2, requires_grad=True) * 2), torch.full((2,), 2.0))
    assert same(through(torch.ones(2, 3).shape), (2, 3))


class Lying(torch.Tensor):
    pass


class Yes(float):
    pass


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ({1, 2}, "set"),
        (object(), "object"),
        (Yes(1), "Yes"),
        (torch.ones(1).as_subclass(Lying), "subclass"),
        (torch.ones(2).to_sparse(), "dense"),
        (torch.empty(1, device="meta"), "CPU"),
        (np.array(["a"]), "dtype"),
        (np.array([None]), "dtype"),
        (np.ma.array([1]), "MaskedArray"),
        ({1: 2}, "keys"),
        (LOOP, "nests deeper"),
        ([[0] * 60] * 60, "parts"),
        (torch.zeros(1).expand(1 << 20, 1 << 20), "larger"),
        (1 << 2000, "too large"),
        ("\ud800", "surrogate"),
        (b"bytes", "bytes"),
        (lambda: 1, "function"),
        (torch.max(torch.ones(2, 2), 0), "torch.return_types.max".rpartition(".")[2]),
    ],
    ids=lambda part: part if isinstance(part, str) and part.isprintable() else type(part).__name__,  # no addresses
)
def test_what_is_not_data_is_refused_with_the_reason(value: Any, word: str) -> None:
    with pytest.raises(wire.NotData, match=word):
        wire.encode(value, BOUNDS)


def frame(tree: Any, buffers: bytes = b"") -> bytes:
    text = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    return wire.HEAD.pack(wire.MAGIC, len(text)) + text + buffers


@pytest.mark.parametrize(
    "data",
    [
        b"PICKLE\x80\x04.." + bytes(16),
        wire.HEAD.pack(wire.MAGIC, 0xFFFFFFFF),
        frame(b"{"),
        frame(b"\xff\xfe"),
        frame(b"[" * 60000),
        frame(b"9" * 60000),
        frame({"a": 1}),
        frame([]),
        frame(["x"]),
        frame([["l"], 1]),
        frame(["T", "float32"]),
        frame(["T", "object", [1]], bytes(8)),
        frame(["T", ["float32"], [1]], bytes(8)),
        frame(["T", "float32", [-1]]),
        frame(["T", "float32", [True]], bytes(4)),
        frame(["T", "float32", [1.0]], bytes(4)),
        frame(["T", "float32", [1 << 41, 0]]),
        frame(["T", "float32", [1 << 39, 1 << 39, 0]]),
        frame(["T", "float32", [1 << 30]]),
        frame(["T", "float32", [1] * 17], bytes(4)),
        frame(["T", "float32", "11"], bytes(4)),
        frame(["T", "float32", [2, 1], [0, 0]], bytes(8)),
        frame(["T", "float32", [2, 1], [0, 2]], bytes(8)),
        frame(["T", "float32", [2, 1], [False, True]], bytes(8)),
        frame(["T", "bool", [2]], b"\1\2"),
        frame(["A", "bool", [2]], b"\1\xff"),
        frame(["n", "bool"], b"\7"),
        frame(["n", "O"], bytes(8)),
        frame(["A", "float32", [1], [0]], bytes(4)),
        frame(["s", -1]),
        frame(["s", 1 << 30]),
        frame(["s", 2], b"\xff\xff"),
        frame(["d", "a"]),
        frame(["d", "a", 1, "a", 2]),
        frame(["d", 1, 2]),
        frame(["d", "\ud800", 2]),
        frame("\ud800"),
        frame("x" * 300),
        frame(1 << 1100),
        frame(["l", *([0] * 3000)]),
        frame(["l"] + [["s", 1 << 19]] * 3),
    ],
)
def test_a_frame_that_is_not_ours_is_refused_before_anything_is_allocated(data: bytes) -> None:
    source = Source(data)
    with pytest.raises(wire.WireError):
        wire.read(source, BOUNDS)
    assert source.asked <= wire.HEAD.size + len(data)


def refuses_or_reads(data: bytes) -> None:
    """The property: a value of whitelisted types, WireError, or the end; never more asked for than agreed."""
    source = Source(data)
    try:
        value = wire.read(source, BOUNDS)
    except (wire.WireError, EOFError):
        value = None
    assert source.asked <= wire.HEAD.size + BOUNDS.tree_bytes + BOUNDS.buffer_bytes
    check_types(value)


def check_types(value: Any) -> None:
    kind = type(value)
    if kind in (list, tuple):
        for item in value:
            check_types(item)
    elif kind is dict:
        for key, item in value.items():
            assert type(key) is str
            check_types(item)
    elif kind not in (torch.Tensor, np.ndarray):
        assert value is None or kind in (bool, int, float, str) or isinstance(value, np.generic)


NODES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 1 << 70), st.floats(),
        st.sampled_from(["l", "t", "d", "s", "T", "A", "n", "float32", "bool", "int64", "complex64", "", "id"]),
        st.text(max_size=3),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(st.text(max_size=1), inner, max_size=1)),
    max_leaves=14,
)  # fmt: skip


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Random bytes, random trees behind a right head, and real frames with bytes changed, cut or doubled."""
    kind = draw(st.integers(0, 2))
    if kind == 0:
        return draw(st.binary(max_size=64))
    if kind == 1:
        return frame(draw(NODES), draw(st.binary(max_size=64)))
    data = bytearray(b"".join(wire.encode(draw(VALUES), BOUNDS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data) - 1))
        data[place] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, 2 * len(data)))])


SUPPRESSED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@settings(max_examples=400, deadline=None, suppress_health_check=SUPPRESSED)
@example(b"")
@given(frames())
def test_any_frame_is_read_or_refused(data: bytes) -> None:
    refuses_or_reads(data)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(max_examples=100_000, deadline=None, suppress_health_check=SUPPRESSED)
@given(frames())
def test_a_hundred_thousand_frames(data: bytes) -> None:
    refuses_or_reads(data)


def test_the_wire_never_imports_pickle() -> None:
    text = Path(wire.__file__).read_text()
    assert "import pickle" not in text
    assert "torch.load" not in text
